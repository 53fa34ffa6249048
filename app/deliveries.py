"""One webhook of Sentry, made ready for ingest_sentry. What is signed is taken, however odd it is."""

import hashlib
import json
import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import cast

from app.bodies import DEPTH_LIMIT, VALUE_LIMIT, JsonObject, clean_scalar, clean_text, read_object
from app.problems import Problem
from app.reports import Report

LEGACY_RESOURCE = "legacy_plugin"
_TRIMMED = "[trimmed]"
_MEMBER_LIMIT = 1000
# What an incident is made of is kept, whatever else has to go.
_FIRST = frozenset(
    {"data", "issue", "event", "error", "metric_alert", "exception", "values", "stacktrace", "frames", "tags"}
    | {"metadata", "occurrence", "evidenceDisplay", "alert_rule", "activity", "actor", "project"}
)
_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


# What to copy, whereto, at which level, and whether it goes first.
_Task = tuple[object, JsonObject | list[object], int, bool]


@dataclass(frozen=True)
class SentryDelivery:
    """A delivery on its way to the database. The event id is None where the body has none."""

    report: Report
    event_id: str | None


def read_delivery(
    raw: bytes, resource: str | None, timestamp: str | None, arrived_at: datetime
) -> SentryDelivery:
    """The delivery in a request. Raises the Problem of a body that is no JSON object."""
    trouble: str | None = None
    try:
        body = trim(read_object(raw))
    except Problem as refused:
        if refused.code != "body-depth":
            raise
        body, trouble = {}, refused.detail
    envelope = {
        "resource": clean_text(resource or "unknown"),
        "body_hash": hashlib.sha256(raw).hexdigest(),
        "sent_at": clean_text(timestamp) if timestamp else None,
        "arrived_at": arrived_at.isoformat(),
        "body": body,
        "problem": trouble,
    }
    payload = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return SentryDelivery(Report(payload), _event_id(body))


def trim(body: JsonObject) -> JsonObject:
    """A body of at most VALUE_LIMIT values, DEPTH_LIMIT levels and 1,000 members each, cleaned for jsonb.

    First what an incident is made of, then the rest level by level.
    """
    trimmed: JsonObject = {}
    left = VALUE_LIMIT
    urgent: deque[_Task] = deque([(body, trimmed, 1, True)])
    queue: deque[_Task] = deque()
    while urgent or queue:
        source, target, depth, source_is_first = (urgent or queue).popleft()
        members = (
            source.items()
            if isinstance(source, dict)
            else ((None, item) for item in cast(list[object], source))
        )
        for key, value in islice(members, _MEMBER_LIMIT):
            if left == 0:
                break
            left -= 1
            kept: object = clean_scalar(value)
            if isinstance(value, dict | list):
                kept = _TRIMMED if depth == DEPTH_LIMIT else type(value)()
                if not isinstance(kept, str):
                    is_first = source_is_first and (key is None or key in _FIRST)
                    task = (value, cast(JsonObject | list[object], kept), depth + 1, is_first)
                    (urgent if is_first else queue).append(task)
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
