"""A webhook delivery of Sentry as the payload of ingest_deliveries(). A signed body is accepted, whatever its shape."""

import hashlib
import re
from collections import deque
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
_TRIMMED = "[trimmed]"
_MEMBER_LIMIT = 1000
# Members from which an incident is built: they are copied first, so that a limit cuts the others.
_PRIORITY_KEYS = frozenset(
    {"data", "issue", "event", "error", "metric_alert", "exception", "values", "stacktrace", "frames", "tags"}
    | {"metadata", "occurrence", "evidenceDisplay", "alert_rule", "activity", "actor", "project"}
)
_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

# Source, copy, level, and whether the source has priority.
_Task = tuple[object, JsonObject | list[object], int, bool]


def read_delivery(
    raw: bytes, resource: str | None, timestamp: str | None, arrived_at: datetime
) -> tuple[Report, str | None]:
    """The delivery in a request and its event id, if any. Raises the Problem of a body that is not a JSON object."""
    reason: str | None = None
    try:
        body = trim(read_object(raw))
    except Problem as refused:
        if refused.code != "body-depth":
            raise
        body, reason = {}, refused.detail
    envelope = {
        "resource": clean_text(resource or "unknown"),
        "body_hash": hashlib.sha256(raw).hexdigest(),
        "sent_at": clean_text(timestamp) if timestamp else None,
        "arrived_at": arrived_at.isoformat(),
        "body": body,
        "problem": reason,
    }
    return Report(encode(envelope)), _event_id(body)


def trim(body: JsonObject) -> JsonObject:
    """A body of at most VALUE_LIMIT values, DEPTH_LIMIT levels and 1,000 members each, cleaned for jsonb.

    The members from which an incident is built come first, then the others level by level.
    """
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
                    has_priority = source_has_priority and (key is None or key in _PRIORITY_KEYS)
                    task = (value, cast(JsonObject | list[object], kept), depth + 1, has_priority)
                    (priority if has_priority else queue).append(task)
            if isinstance(target, dict):
                target[clean_text(cast(str, key))] = kept
            else:
                target.append(kept)
    return trimmed


def _event_id(body: JsonObject) -> str | None:
    data = body.get("data")
    for holder in (data.get("event"), data.get("error")) if isinstance(data, dict) else (body.get("event"),):
        event_id = holder.get("event_id") if isinstance(holder, dict) else None
        if isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id):
            return event_id
    return None
