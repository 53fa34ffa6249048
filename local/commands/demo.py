"""`make demo`: sends signed sample webhooks, as Sentry does, to the service that `make dev` runs."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.web.auth import sign
from local.stack import dev_file
from local.stack.state_directory import environment_file
from local.system.errors import StackError

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Delivery:
    """One webhook and what it reports."""

    description: str
    resource: str
    body: JsonObject


def run(state: Path) -> None:
    """Prints one line per delivery, and the resulting incident."""
    values = dev_file.read(environment_file(state))
    try:
        with httpx.Client(base_url=values["APP_URL"], timeout=10, trust_env=False) as client:
            _send_deliveries(client, values)
    except httpx.TransportError as error:
        raise StackError(
            f"{values['APP_URL']} does not respond ({type(error).__name__}). Is `make dev` still running?"
        ) from error


def _send_deliveries(client: httpx.Client, values: dict[str, str]) -> None:
    incident_id = ""
    for delivery in _deliveries(str(10**9 + secrets.randbelow(10**9))):
        raw = json.dumps(delivery.body, separators=(",", ":")).encode()
        response = client.post(
            "/webhooks/sentry",
            content=raw,
            headers={
                "Content-Type": "application/json",
                "Request-ID": secrets.token_hex(16),
                "Sentry-Hook-Resource": delivery.resource,
                "Sentry-Hook-Timestamp": str(int(time.time())),
                "Sentry-Hook-Signature": sign(raw, values["SENTRY_CLIENT_SECRET"]),
            },
        )
        result = response.json()
        incident_id = result.get("incident_id") or incident_id
        effect = result.get("effect") or result.get("detail") or result.get("status")
        print(f"  {delivery.description:44} {response.status_code} {effect}")
        if response.is_error:
            raise StackError("The service rejected the webhook. Its log is in .local/dev/logs.")
    _print_incident(client, values, incident_id)


def _print_incident(client: httpx.Client, values: dict[str, str], incident_id: str) -> None:
    headers = {"Authorization": f"Bearer {values['AUTHENTICATED_JWT']}"}
    response = client.get(f"/api/autonomous/incidents/{incident_id}", headers=headers)
    if response.status_code != httpx.codes.OK:
        raise StackError(f"Cannot read the incident: {response.status_code} {response.text[:300]}")
    incident = response.json()
    print(f"\n{incident['id']}: {incident['title']}")
    for name in ("status", "severity", "category", "rule", "occurrence_count", "environment", "release"):
        print(f"  {name:18}{incident[name]}")
    print(f"  {'resolved_by':18}{incident['resolved_by']}, after {incident['time_to_resolution']}")
    actions = httpx.get(
        f"{values['SUPABASE_URL']}/rest/v1/agent_actions",
        params={"select": "action,agent,created_at", "incident_id": f"eq.{incident_id}", "order": "id"},
        headers={**headers, "apikey": values["SUPABASE_PUBLISHABLE_KEY"]},
        trust_env=False,
    ).json()
    print("  audit trail       " + ", ".join(action["action"] for action in actions))


def _deliveries(issue_id: str) -> list[Delivery]:
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
