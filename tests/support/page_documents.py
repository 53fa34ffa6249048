"""Documents as the RPCs of the incident pages return them, for tests of the pages alone."""

from __future__ import annotations

from typing import Any

NOON = "2026-11-27T12:00:00+00:00"


def incident(**changes: Any) -> dict[str, Any]:
    """The member incident of incident_page()."""
    return {
        "id": "INC-1001",
        "title": "PoolTimeout: the pool is exhausted",
        "message": "the pool is exhausted after 30 s",
        "error_type": "PoolTimeout",
        "error_code": "08006",
        "severity": "CRITICAL",
        "category": "database",
        "status": "open",
        "rule": "database_pool_exhausted",
        "source": "shop-api",
        "sender": "server:default",
        "environment": "production",
        "release": "2.14.0",
        "url": "https://shop.example/checkout",
        "external_url": "https://acme.sentry.io/issues/4711/",
        "occurrence_count": 1342,
        "first_seen": NOON,
        "last_seen": NOON,
        "opened_at": NOON,
        "reopened_at": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "suppressed_until": None,
        "resolved_at": None,
        "resolved_by": None,
        "resolution": None,
        "claimed_by": None,
        "claim_expires_at": None,
        "has_manual_severity": False,
        "fingerprint": "5f1c0b6a9d1e4c7f",
        "context": {"job": "checkout", "tags": {"region": "eu"}},
        **changes,
    }


def incident_page(**changes: Any) -> dict[str, Any]:
    """incident_page(), with an entry in each list."""
    frame, library = {"is_frame": True, "is_in_app": True}, {"is_frame": True, "is_in_app": False}
    other = {"is_frame": False, "is_in_app": False}
    entry = {
        "at": NOON,
        "from": None,
        "to": None,
        "why": None,
        "channel": None,
        "status": None,
        "attempts": None,
        "delivered_at": None,
    }
    return {
        "incident": incident(),
        "stack": [
            {"text": "Traceback (most recent call last):", **other},
            {"text": '  File "/usr/lib/python3/starlette/routing.py", line 288, in handle', **library},
            {"text": "    await self.app(scope, receive, send)", **library},
            {"text": '  File "/app/shop/checkout.py", line 42, in pay', **frame},
            {"text": "PoolTimeout: the pool is exhausted", **other},
        ],
        "stack_is_cut": False,
        "reason": {
            "rule": "database_pool_exhausted",
            "origin": "built-in",
            "description": "The built-in rule database_pool_exhausted matches.",
            "words": ["pool", "exhausted"],
            "fields": ["error_type"],
            "note": "The rules decide otherwise today.",
            "change": "It was HIGH before.",
        },
        "activity": {
            "pace": "8 a minute",
            "since": NOON,
            "until": NOON,
            "is_over": False,
            "from": NOON,
            "hours": [0] * 167 + [421],
        },
        "releases": [
            {
                "release": "2.14.0",
                "environment": "production",
                "occurrences": 1342,
                "first_seen": NOON,
                "last_seen": NOON,
            }
        ],
        "timeline": [
            {**entry, "kind": "person", "who": "ann@example.com", "what": "noted", "why": "The pool is 5."},
            {
                **entry,
                "kind": "notification",
                "who": "ops-chat",
                "what": "message that it opened",
                "channel": "ops-chat",
                "status": "given up",
                "attempts": 7,
                "delivered_at": NOON,
            },
            {**entry, "kind": "agent", "who": "fe-agent", "what": "claimed", "from": "open", "to": "acknowledged"},
            {**entry, "kind": "sender", "who": "server:default", "what": "opened", "to": "open"},
        ],
        "timeline_is_cut": True,
        "deployments": [
            {
                "id": 91,
                "service": "shop-api",
                "version": "2.14.0",
                "environment": "production",
                "status": "rolled_back",
                "started_at": NOON,
                "finished_at": None,
                "deployed_by": "github-actions",
                "is_linked": True,
                "is_before": True,
            }
        ],
        "similar": [
            {
                "id": "INC-988",
                "title": "PoolTimeout before",
                "status": "resolved",
                "severity": "HIGH",
                "last_seen": NOON,
                "likeness": "same type",
                "resolution": "Raised the pool to 20.",
            }
        ],
        "fixes": [
            {
                "id": 12,
                "pattern": "pool exhausted",
                "root_cause": "The pool is small.",
                "solution": "Raise pool_size to 20.",
                "success_count": 4,
                "failure_count": 1,
                "success_rate": 0.8,
                "is_approved": True,
                "is_linked": True,
            }
        ],
        "fix_choices": [{"id": 12, "text": "Raise pool_size to 20."}],
        "regression": {
            "how": "a new incident of the same error",
            "incident_id": "INC-988",
            "came_back_at": NOON,
            "resolved_at": NOON,
            "knowledge_id": 12,
            "was_said_to_work": True,
            "data": {"resolved_by": "ben@example.com", "resolution": "Raised the pool to 20."},
        },
        "actions": ["acknowledge", "resolve", "suppress", "note", "set_severity"],
        "severities": ["LOW", "MEDIUM", "HIGH", "CRITICAL"],
        "suppress_choices": [{"minutes": 60, "label": "1 hour"}, {"minutes": 1440, "label": "1 day"}],
        **changes,
    }


_LISTED = (
    "id",
    "title",
    "error_type",
    "severity",
    "category",
    "status",
    "source",
    "sender",
    "environment",
    "release",
    "occurrence_count",
    "first_seen",
    "last_seen",
    "opened_at",
    "reopened_at",
    "acknowledged_by",
    "claimed_by",
    "claim_expires_at",
    "suppressed_until",
    "resolved_at",
    "resolved_by",
)


def listed(**changes: Any) -> dict[str, Any]:
    """An incident of search_incidents()."""
    return {**{name: incident()[name] for name in _LISTED}, **changes}


def search(**changes: Any) -> dict[str, Any]:
    """search_incidents(), with an incident of each status."""
    hours = [
        {"hour": f"2026-11-27T{hour:02}:00:00+00:00", "CRITICAL": hour, "HIGH": 0, "MEDIUM": 2, "LOW": 1}
        for hour in range(24)
    ]
    return {
        "incidents": [
            listed(),
            listed(id="INC-1002", status="acknowledged", acknowledged_by="ann@example.com"),
            listed(id="INC-1003", status="acknowledged", claimed_by="fe-agent", claim_expires_at=NOON),
            listed(id="INC-1004", status="suppressed", suppressed_until=NOON),
            listed(id="INC-1005", status="resolved", resolved_at=NOON, resolved_by="ben@example.com"),
        ],
        "next": "cursor & more",
        "is_cut": False,
        "counts": {
            "CRITICAL": 2,
            "HIGH": 1_000,
            "MEDIUM": 0,
            "LOW": 0,
            "open": 1,
            "acknowledged": 2,
            "suppressed": 1,
        },
        "counts_limit": 1_000,
        "filters": {
            "status": "live",
            "severity": None,
            "category": None,
            "source": None,
            "environment": None,
            "text": None,
            "period": "24h",
        },
        "choices": {
            "status": ["live", "open", "acknowledged", "suppressed", "resolved", "all"],
            "severity": ["LOW", "MEDIUM", "HIGH", "CRITICAL"],
            "category": ["frontend", "database"],
            "period": ["24h", "7d"],
            "source": ["shop-api"],
            "environment": ["production"],
        },
        "reports": {"from": NOON, "until": NOON, "hours": hours, "counted_at": NOON},
        **changes,
    }


def status_page(**changes: Any) -> dict[str, Any]:
    """status_page(), with an entry in each list. public_status() has some of its members."""
    target = {
        "target": "shop",
        "group_name": "Checkout",
        "status": "down",
        "since": NOON,
        "last_check_at": NOON,
        "p50_ms": 20,
        "p95_ms": 40,
        "is_maintenance": False,
        "is_paused": False,
        "paused_until": None,
        "pause_reason": "a new disk",
        "uptime_90d_percent": 99.9,
        "days": [{"day": "2026-11-27", "status": "down", "uptime_percent": 91.2}],
        "response_times_ms": [20, None, 22],
        "is_heartbeat": False,
        "last_heartbeat_at": None,
        "next_heartbeat_at": None,
        "last_error": "timed out after 5000 ms",
        "service_problem": "connection refused",
        "seen_from": ["database", "service"],
        "certificate_expires_at": NOON,
        "certificate_issuer": "R11",
        "certificate_problem": "it is self-signed",
    }
    listed_incident = {
        "id": "INC-1001",
        "title": "shop is down",
        "severity": "CRITICAL",
        "category": "infrastructure",
        "status": "open",
        "source": "health-checks",
        "age_seconds": 90,
        "occurrence_count": 3,
        "last_seen": NOON,
    }
    email = {"recipient": "ann@example.com", "status": "bounced", "at": NOON, "incident_id": "INC-1001", "emails": 2}
    deployment = {
        "service": "shop-api",
        "version": "2.14.0",
        "status": "rolled_back",
        "environment": "production",
        "started_at": NOON,
    }
    window = {"starts_at": NOON, "ends_at": NOON, "targets": ["shop", "api"], "reason": "a new disk"}
    return {
        "title": "Hazel & Oak",
        "logo": None,
        "overall": "outage",
        "targets": [target, {**target, "status": "up", "is_paused": True, "paused_until": NOON}],
        "maintenance": [window],
        "incidents": [listed_incident],
        "open_incidents": {"CRITICAL": 1},
        "last_deployments": [deployment],
        "undelivered_emails": [{**email, "reason": "no such mailbox"}],
        **changes,
    }
