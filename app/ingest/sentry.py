"""A webhook delivery of Sentry as the payload of ingest_deliveries()."""

import re
from datetime import datetime

from app.ingest.delivery import Origin, read_delivery
from app.ingest.payload import JsonObject, Report

LEGACY_RESOURCE = "legacy_plugin"
# Members from which an incident is built.
PRIORITY_KEYS = frozenset(
    {"data", "issue", "event", "error", "metric_alert", "exception", "values", "stacktrace", "frames", "tags"}
    | {"metadata", "occurrence", "evidenceDisplay", "alert_rule", "activity", "actor", "project"}
)
_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def read_sentry_delivery(
    raw: bytes, resource: str | None, timestamp: str | None, arrived_at: datetime
) -> tuple[Report, str | None]:
    """The delivery in a request and its event id, if any. Raises the Problem of a body that is not JSON."""
    origin = Origin("sentry", resource or "unknown")
    report, body = read_delivery(raw, origin, timestamp, arrived_at, PRIORITY_KEYS)
    return report, _event_id(body)


def _event_id(body: JsonObject) -> str | None:
    data = body.get("data")
    for holder in (data.get("event"), data.get("error")) if isinstance(data, dict) else (body.get("event"),):
        event_id = holder.get("event_id") if isinstance(holder, dict) else None
        if isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id):
            return event_id
    return None
