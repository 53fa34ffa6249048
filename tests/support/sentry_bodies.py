"""Sample webhook bodies in Sentry's formats, with invented ids and names."""

from __future__ import annotations

import copy
import json
from typing import Any

Body = dict[str, Any]

ACTOR = {"type": "user", "id": 7, "name": "Emily Carter"}


def issue(action: str, issue_id: str, **fields: object) -> Body:
    found = {
        "id": issue_id,
        "shortId": "SHOP-1A",
        "title": "KeyError: 'cart'",
        "culprit": "shop.views in checkout",
        "permalink": f"https://acme.sentry.io/organizations/acme/issues/{issue_id}/",
        "level": "error",
        "status": "unresolved",
        "statusDetails": {},
        "platform": "python",
        "project": {"id": "42", "name": "Shop", "slug": "shop", "platform": "python"},
        "metadata": {"type": "KeyError", "value": "'cart'"},
        "assignedTo": None,
        "count": "1",
        "firstSeen": "2026-08-20T10:00:00Z",
        **fields,
    }
    return {"action": action, "installation": {"uuid": "u"}, "data": {"issue": found}, "actor": ACTOR}


def event(issue_id: str, event_id: str, **fields: object) -> Body:
    return {
        "event_id": event_id,
        "project": 42,
        "release": "shop@1.4.2",
        "environment": "production",
        "platform": "javascript",
        "message": "",
        "title": "TypeError: Cannot read properties of undefined (reading 'id')",
        "datetime": None,
        "timestamp": None,
        "tags": [["level", "error"], ["browser", "Firefox 140"], {"key": "user", "value": "id:7"}, None],
        "contexts": {"browser": {"name": "Firefox", "version": "140", "type": "browser"}},
        "request": {"url": "https://shop.example/cart?step=2", "method": "GET"},
        "exception": {
            "values": [
                {
                    "type": "TypeError",
                    "value": "Cannot read properties of undefined (reading 'id')",
                    "stacktrace": {
                        "frames": [
                            {"function": "dispatch", "filename": "vendor.js", "lineno": 1, "in_app": False},
                            {
                                "function": "render",
                                "filename": "app.js",
                                "lineno": 20,
                                "colno": 4,
                                "in_app": True,
                            },
                            {
                                "function": "item",
                                "filename": "app.js",
                                "lineno": 44,
                                "colno": 9,
                                "in_app": True,
                            },
                        ]
                    },
                }
            ]
        },
        "url": f"https://acme.sentry.io/api/0/projects/acme/shop/events/{event_id}/",
        "web_url": f"https://acme.sentry.io/organizations/acme/issues/{issue_id}/events/{event_id}/",
        "issue_url": f"https://acme.sentry.io/api/0/organizations/acme/issues/{issue_id}/",
        "issue_id": issue_id,
        **fields,
    }


def event_alert(issue_id: str, event_id: str, rule: str = "High priority", **fields: object) -> Body:
    data = {"event": event(issue_id, event_id, **fields), "triggered_rule": rule}
    return {"action": "triggered", "data": data, "actor": {"type": "application", "name": "Sentry"}}


def error(issue_id: str, event_id: str, **fields: object) -> Body:
    return {"action": "created", "data": {"error": event(issue_id, event_id, **fields)}}


def monitor_failure(issue_id: str, event_id: str) -> Body:
    return event_alert(
        issue_id,
        event_id,
        exception=None,
        platform="other",
        title="Monitor failure: nightly",
        occurrence={
            "issueTitle": "Monitor failure: nightly",
            "subtitle": "Your monitor has reached its failure threshold.",
            "evidenceDisplay": [{"name": "Failure reason", "value": "A missed check-in was detected"}],
            "type": 4001,
        },
    )


def metric_alert(action: str, rule_id: str) -> Body:
    alert = {
        "id": "910",
        "projects": ["shop"],
        "alert_rule": {"id": rule_id, "name": "High error rate", "query": "", "aggregate": "count()"},
        "date_detected": "2026-08-20T10:00:00Z",
        "date_closed": None,
    }
    data = {
        "metric_alert": alert,
        "description_text": "9 events in the last minute",
        "web_url": f"https://acme.sentry.io/alerts/rules/details/{rule_id}/",
    }
    return {"action": action, "data": data}


def activity(issue_id: str, kind: str) -> Body:
    body = issue("triggered", issue_id)
    body["data"]["activity"] = {"type": kind, "details": {"user": {"name": "Ann"}}}
    return body


def comment(action: str, issue_id: str) -> Body:
    data = {"comment_id": 5, "issue_id": issue_id, "project_slug": "shop", "comment": "seen that before"}
    return {"action": action, "data": data, "actor": ACTOR}


def legacy(issue_id: str, **fields: object) -> Body:
    return {
        "id": issue_id,
        "project": "shop",
        "project_slug": "shop",
        "level": "error",
        "culprit": "main in main",
        "message": "",
        "url": f"https://acme.sentry.io/issues/{issue_id}/",
        "triggering_rules": ["Send a notification"],
        "event": {"title": "Boom: it broke", "metadata": {"type": "Boom", "value": "it broke"}},
        **fields,
    }


def of_every_kind(issue_id: str) -> list[tuple[str, Body]]:
    """Resource and body of each kind that Sentry sends."""
    return [
        *[("issue", issue(action, issue_id)) for action in ("created", "resolved", "unresolved", "ignored")],
        ("issue", issue("assigned", issue_id, assignedTo={"type": "team", "id": "1", "name": "core"})),
        ("event_alert", event_alert(issue_id, f"{issue_id}a")),
        ("event_alert", monitor_failure(issue_id, f"{issue_id}b")),
        ("error", error(issue_id, f"{issue_id}c")),
        *[("metric_alert", metric_alert(action, issue_id)) for action in ("critical", "warning", "resolved")],
        ("activity_alert", activity(issue_id, "set_resolved")),
        ("comment", comment("created", issue_id)),
        ("installation", {"action": "created", "data": {"installation": {"uuid": "u"}}}),
        ("seer", {"action": "pr_created", "data": {"run_id": 1, "group_id": 2}}),
        ("legacy_plugin", legacy(issue_id)),
    ]


def encode(body: Body) -> bytes:
    """As Sentry serialises: compact, ASCII-escaped."""
    return json.dumps(copy.copy(body), separators=(",", ":")).encode()
