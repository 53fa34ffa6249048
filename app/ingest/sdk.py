"""Events and check-ins of Sentry's SDKs as elements of ingest_events() and ingest_heartbeats()."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import uuid4

from app.ingest.delivery import trim
from app.ingest.payload import DEPTH_LIMIT, JsonObject, Report, clean_text, encode, read_object
from app.problems import problem

EVENT_LIMIT = 1024 * 1024
# It has fewer than VALUE_LIMIT values, whatever they are.
_SMALL = 32 * 1024
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
# What SQL reads of an event. The rest can be large, such as the list of installed packages, or private, such as the
# values of local variables.
_MEMBERS = (
    *("event_id", "timestamp", "level", "platform", "logger", "message", "logentry", "exception", "stacktrace"),
    *("threads", "fingerprint", "release", "environment", "dist", "tags", "breadcrumbs", "contexts", "extra"),
    *("transaction", "server_name", "culprit", "title", "type"),
)
# Of these members only what is named: cookies, posted data and addresses stay out of the spool, too.
_PARTS = {
    "request": ("url", "method", "headers"),
    "user": ("id", "username", "email"),
    "sdk": ("name", "version"),
}
# Of a very large event the other members are cut.
_PRIORITY_KEYS = frozenset({"exception", "values", "stacktrace", "frames", "logentry", "fingerprint", "tags", "user"})
_FRAME_MEMBERS = ("function", "filename", "abs_path", "module", "lineno", "colno", "in_app")
_HOLDERS = (dict, list)
# The last ones are the nearest to the error.
_BREADCRUMBS = 20
_FRAMES = 250
# What a check-in says, in the words of heartbeats.
_SIGNALS: Mapping[object, str] = {"in_progress": "start", "ok": "ok", "error": "fail"}
_CHECK_IN_MEMBERS = ("check_in_id", "duration", "environment")


def read_sdk_event(payload: bytes, default_id: object, sender: str, received_at: datetime) -> Report:
    """An event as an element of ingest_events(), its key being its id. Raises the Problem of what is no JSON object.

    SDKs give each event an id. One without has that of its envelope or gets one before the first try, so that a retry
    counts nothing.
    """
    if len(payload) > EVENT_LIMIT:
        raise problem("body-too-large", "The event is larger than 1 MiB.")
    event = read_object(payload)
    event_id = read_event_id(event.get("event_id")) or read_event_id(default_id) or uuid4().hex
    kept = {name: event[name] for name in _MEMBERS if name in event} | {"event_id": event_id}
    for name, members in _PARTS.items():
        kept[name] = _select(event.get(name), members)
    kept["exception"] = _with_values(kept.get("exception"), _trim_stacks)
    kept["threads"] = _with_values(kept.get("threads"), _trim_stacks)
    kept["stacktrace"] = _trim_frames(kept.get("stacktrace"))
    kept["breadcrumbs"] = _with_values(kept.get("breadcrumbs"), lambda crumbs: crumbs[-_BREADCRUMBS:])
    cleaned = {name: value for name, value in kept.items() if value is not None}
    # Without escapes JSON contains neither NUL nor half a surrogate pair: most events are passed on as they are.
    if len(payload) > _SMALL or b"\\u" in payload or not _is_shallow(payload, cleaned):
        cleaned = trim(cleaned, _PRIORITY_KEYS)
    element = {"sender": sender, "received_at": received_at.isoformat(), "sentry_event": cleaned}
    return Report(encode(element), event_id, sender)


def read_check_in(payload: bytes, sender: str, received_at: datetime) -> Report:
    """A check-in as an element of ingest_heartbeats(). Raises the Problem of what is none."""
    if len(payload) > EVENT_LIMIT:
        raise problem("body-too-large", "The check-in is larger than 1 MiB.")
    check_in = read_object(payload)
    slug, status = check_in.get("monitor_slug"), check_in.get("status")
    signal = _SIGNALS.get(status) if isinstance(status, str) else None
    if not isinstance(slug, str) or signal is None:
        raise problem("envelope", "A check-in needs a monitor_slug, and a status that is in_progress, ok or error.")
    details = {name: check_in[name] for name in _CHECK_IN_MEMBERS if isinstance(check_in.get(name), str | int | float)}
    element = {
        "sender": sender,
        "received_at": received_at.isoformat(),
        "slug": clean_text(slug),
        "signal": signal,
        "check_in": trim(details),
    }
    return Report(encode(element), sender=sender)


def _is_shallow(payload: bytes, event: JsonObject) -> bool:
    """Whether the event of a payload is nested less than DEPTH_LIMIT levels deep."""
    if payload.count(b"{") + payload.count(b"[") < DEPTH_LIMIT:
        return True
    holders: list[dict[str, object] | list[object]] = [event]
    for _ in range(DEPTH_LIMIT):
        members = itertools.chain.from_iterable(each.values() if isinstance(each, dict) else each for each in holders)
        holders = [each for each in members if isinstance(each, _HOLDERS)]
        if not holders:
            return True
    return False


def read_event_id(value: object) -> str | None:
    """The id of an event or envelope, or None for what is none: 32 hexadecimal digits, also written as a UUID."""
    text = value.replace("-", "").lower() if isinstance(value, str) else ""
    return text if _EVENT_ID.fullmatch(text) else None


def _select(value: object, members: Iterable[str]) -> object:
    """These members of an object; None for anything else."""
    return {name: value[name] for name in members if name in value} if isinstance(value, dict) else None


def _with_values(value: object, change: Callable[[list[object]], list[object]]) -> object:
    """A list, or the list in the member `values` of an object, changed; SDKs send either."""
    if isinstance(value, dict):
        return {**value, "values": _with_values(value["values"], change)} if "values" in value else change([value])[0]
    return change(value) if isinstance(value, list) else value


def _trim_stacks(holders: list[object]) -> list[object]:
    return [
        {**holder, "stacktrace": _trim_frames(holder["stacktrace"])}
        if isinstance(holder, dict) and "stacktrace" in holder
        else holder
        for holder in holders
    ]


def _trim_frames(stacktrace: object) -> object:
    """The newest frames, which come last, without source lines and local variables."""
    frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
    if not isinstance(frames, list):
        return None
    return {"frames": [_select(frame, _FRAME_MEMBERS) for frame in frames[-_FRAMES:] if isinstance(frame, dict)]}
