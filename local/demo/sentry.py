"""The life of one issue as Sentry's webhooks tell it, from its first one to its end."""

from __future__ import annotations

from dataclasses import dataclass

JsonObject = dict[str, object]

ISSUE_ID = "1600000042"


@dataclass(frozen=True)
class Delivery:
    """One webhook and what it reports."""

    description: str
    resource: str
    body: JsonObject


def deliveries(issue_id: str) -> list[Delivery]:
    person: JsonObject = {"type": "user", "id": 7, "name": "Emily Carter"}
    issue: JsonObject = {
        "id": issue_id,
        "shortId": "SHOP-7C",
        "title": "TypeError: Cannot read properties of undefined (reading 'total')",
        "culprit": "renderCart(app/cart)",
        "permalink": f"https://acme.sentry.io/organizations/acme/issues/{issue_id}/",
        "level": "error",
        "status": "unresolved",
        "platform": "javascript",
        "project": {"id": "42", "slug": "shop"},
        "metadata": {"type": "TypeError", "value": "Cannot read properties of undefined (reading 'total')"},
    }
    comment: JsonObject = {"issue_id": issue_id, "comment": "The new cart API omits total.", "comment_id": 1}
    resolved: JsonObject = {**issue, "status": "resolved", "statusDetails": {"inNextRelease": True}}
    return [
        Delivery("a new issue", "issue", _event("created", issue=issue)),
        Delivery("an alert rule is triggered", "event_alert", _alert(issue_id, 1)),
        Delivery("the error occurs again", "event_alert", _alert(issue_id, 2)),
        Delivery("Sentry delivers the same alert again", "event_alert", _alert(issue_id, 2)),
        Delivery("the error occurs once more", "event_alert", _alert(issue_id, 3)),
        Delivery(
            "the issue is assigned",
            "issue",
            _event("assigned", person, issue={**issue, "assignedTo": person}),
        ),
        Delivery("a comment is added", "comment", {"action": "created", "data": comment, "actor": person}),
        Delivery("the issue is resolved", "issue", _event("resolved", person, issue=resolved)),
        Delivery("Seer opens a pull request", "seer", {"action": "pr_created", "data": {"run_id": 1}}),
    ]


def _event(action: str, actor: JsonObject | None = None, **data: object) -> JsonObject:
    return {"action": action, "data": data, "actor": actor or {"type": "application", "name": "Sentry"}}


def _alert(issue_id: str, number: int) -> JsonObject:
    event: JsonObject = {
        "event_id": f"{int(issue_id):08x}{number:024x}",
        "issue_id": issue_id,
        "level": "error",
        "platform": "javascript",
        "environment": "production",
        "release": "shop@1.42.0",
        "tags": [["browser", "Firefox 140"], ["environment", "production"]],
        "contexts": {"browser": {"name": "Firefox", "version": "140"}},
        "request": {"url": "https://shop.example/cart"},
        "exception": {
            "values": [
                {
                    "type": "TypeError",
                    "value": "Cannot read properties of undefined (reading 'total')",
                    "stacktrace": {
                        "frames": [
                            {
                                "function": "renderCart",
                                "filename": "app/cart.js",
                                "lineno": 31,
                                "in_app": True,
                            },
                            {"function": "sum", "filename": "app/money.js", "lineno": 8, "in_app": True},
                        ]
                    },
                }
            ]
        },
        "url": f"https://acme.sentry.io/api/0/projects/acme/shop/events/{number}/",
        "web_url": f"https://acme.sentry.io/organizations/acme/issues/{issue_id}/events/{number}/",
    }
    return _event("triggered", event=event, triggered_rule="Send a notification for high priority issues")
