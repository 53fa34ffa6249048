"""A webhook delivery as the payload of ingest_deliveries(). An authenticated body is accepted, whatever its shape."""

import hashlib
import re
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import cast

from app.ingest.payload import (
    DEPTH_LIMIT,
    VALUE_LIMIT,
    JsonObject,
    Report,
    clean_scalar,
    clean_text,
    encode,
    read_object,
)
from app.problems import Problem

LEGACY_RESOURCE = "legacy_plugin"
# Members of a body of Sentry from which an incident is built.
_SENTRY_PRIORITY_KEYS = frozenset(
    {"data", "issue", "event", "error", "metric_alert", "exception", "values", "stacktrace", "frames", "tags"}
    | {"metadata", "occurrence", "evidenceDisplay", "alert_rule", "activity", "actor", "project"}
)
_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_TRIMMED = "[trimmed]"
_MEMBER_LIMIT = 1000

# Source, copy, level, and whether the source has priority.
_Task = tuple[object, JsonObject | list[object], int, bool]


@dataclass(frozen=True)
class Origin:
    """Who sent a delivery: the program, for a generic one the name of its key, and what the delivery is about."""

    kind: str
    resource: str
    name: str | None = None


def read_delivery(
    raw: bytes,
    origin: Origin,
    timestamp: str | None,
    arrived_at: datetime,
    priority_keys: AbstractSet[str] = frozenset(),
) -> tuple[Report, JsonObject]:
    """The delivery in a request, and its body as it is passed on. Raises the Problem of a body that is not JSON.

    timestamp is when the sender sent it, if it says so. priority_keys are the members from which an incident is built.
    """
    body, reason = _read_body(raw, priority_keys)
    envelope: JsonObject = {
        "kind": origin.kind,
        "resource": clean_text(origin.resource),
        "body_hash": hashlib.sha256(raw).hexdigest(),
        "sent_at": clean_text(timestamp) if timestamp else None,
        "arrived_at": arrived_at.isoformat(),
        "body": body,
        "problem": reason,
    }
    if origin.name is not None:
        envelope["name"] = origin.name
    return Report(encode(envelope)), body


def read_sentry_delivery(
    raw: bytes, resource: str | None, timestamp: str | None, arrived_at: datetime
) -> tuple[Report, str | None]:
    """The delivery in a request and its event id, if any. Raises the Problem of a body that is not JSON."""
    origin = Origin("sentry", resource or "unknown")
    report, body = read_delivery(raw, origin, timestamp, arrived_at, _SENTRY_PRIORITY_KEYS)
    return report, _event_id(body)


def _event_id(body: JsonObject) -> str | None:
    data = body.get("data")
    for holder in (data.get("event"), data.get("error")) if isinstance(data, dict) else (body.get("event"),):
        event_id = holder.get("event_id") if isinstance(holder, dict) else None
        if isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id):
            return event_id
    return None


def trim(body: JsonObject, priority_keys: AbstractSet[str] = frozenset()) -> JsonObject:
    """A body of at most VALUE_LIMIT values, DEPTH_LIMIT levels and 1,000 members each, cleaned for jsonb.

    The members with priority come first, so that a limit cuts the others, which follow level by level.
    """
    # Almost every body: it is returned as it is, in a third of the time.
    if _count_if_clean(body, 1) <= VALUE_LIMIT:
        return body
    trimmed: JsonObject = {}
    remaining = VALUE_LIMIT
    priority: deque[_Task] = deque([(body, trimmed, 1, True)])
    queue: deque[_Task] = deque()
    while priority or queue:
        source, target, depth, source_has_priority = (priority or queue).popleft()
        members = source.items() if isinstance(source, dict) else ((None, item) for item in cast(list[object], source))
        for key, value in islice(members, _MEMBER_LIMIT):
            if remaining == 0:
                break
            remaining -= 1
            kept: object = clean_scalar(value)
            if isinstance(value, dict | list):
                kept = _TRIMMED if depth == DEPTH_LIMIT else type(value)()
                if not isinstance(kept, str):
                    has_priority = source_has_priority and (key is None or key in priority_keys)
                    task = (value, cast(JsonObject | list[object], kept), depth + 1, has_priority)
                    (priority if has_priority else queue).append(task)
            if isinstance(target, dict):
                target[clean_text(cast(str, key))] = kept
            else:
                target.append(kept)
    return trimmed


def _count_if_clean(holder: JsonObject | list[object], depth: int) -> int:
    """How many values an object or list has, or more than the limit if anything in it has to be changed."""
    if len(holder) > _MEMBER_LIMIT or depth > DEPTH_LIMIT:
        return VALUE_LIMIT + 1
    values: Iterable[object] = holder
    if isinstance(holder, dict):
        values = holder.values()
        if _has_to_be_cleaned("".join(holder)):
            return VALUE_LIMIT + 1
    count = len(holder)
    for value in values:
        if isinstance(value, str):
            if _has_to_be_cleaned(value):
                return VALUE_LIMIT + 1
        elif isinstance(value, dict | list):
            count += _count_if_clean(value, depth + 1)
            if count > VALUE_LIMIT:
                break
    return count


def _has_to_be_cleaned(text: str) -> bool:
    return "\0" in text or (not text.isascii() and clean_text(text) != text)


def _read_body(raw: bytes, priority_keys: AbstractSet[str]) -> tuple[JsonObject, str | None]:
    """The body, or an empty one and why: what is too deep, or JSON but no object, is authenticated all the same."""
    try:
        return trim(read_object(raw), priority_keys), None
    except Problem as refused:
        if refused.code not in ("body-depth", "body-shape"):
            raise
        return {}, refused.detail
