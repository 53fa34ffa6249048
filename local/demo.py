"""`make demo`: a day in Sentry's life, signed as Sentry signs, sent to the service that `make dev` runs."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.web.auth import sign
from local import dev_file
from local.errors import StackError

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Chapter:
    """One delivery, and what it stands for."""

    told: str
    resource: str
    body: JsonObject


def run(state: Path) -> None:
    """Prints a line a delivery, and the incident in the end."""
    values = dev_file.read(dev_file.environment_file(state))
    try:
        with httpx.Client(base_url=values["APP_URL"], timeout=10, trust_env=False) as client:
            _tell(client, values)
    except httpx.TransportError as error:
        raise StackError(
            f"{values['APP_URL']} does not answer ({type(error).__name__}). Is `make dev` still running?"
        ) from error


def _tell(client: httpx.Client, values: dict[str, str]) -> None:
    incident_id = ""
    for chapter in _story(str(10**9 + secrets.randbelow(10**9))):
        raw = json.dumps(chapter.body, separators=(",", ":")).encode()
        answer = client.post(
            "/webhooks/sentry",
            content=raw,
            headers={
                "Content-Type": "application/json",
                "Request-ID": secrets.token_hex(16),
                "Sentry-Hook-Resource": chapter.resource,
                "Sentry-Hook-Timestamp": str(int(time.time())),
                "Sentry-Hook-Signature": sign(raw, values["SENTRY_CLIENT_SECRET"]),
            },
        )
        told = answer.json()
        incident_id = told.get("incident_id") or incident_id
        effect = told.get("effect") or told.get("detail") or told.get("status")
        print(f"  {chapter.told:44} {answer.status_code} {effect}")
        if answer.is_error:
            raise StackError(
                "The service did not take it, so the story ends here. Its log is in .local/dev/logs."
            )
    _show(client, values, incident_id)


def _show(client: httpx.Client, values: dict[str, str], incident_id: str) -> None:
    headers = {"Authorization": f"Bearer {values['AUTHENTICATED_JWT']}"}
    answer = client.get(f"/api/autonomous/incidents/{incident_id}", headers=headers)
    if answer.status_code != httpx.codes.OK:
        raise StackError(f"The incident cannot be read: {answer.status_code} {answer.text[:300]}")
    incident = answer.json()
    print(f"\n{incident['id']}: {incident['title']}")
    for name in ("status", "severity", "category", "rule", "occurrence_count", "environment", "release"):
        print(f"  {name:18}{incident[name]}")
    print(f"  {'resolved_by':18}{incident['resolved_by']}, after {incident['time_to_resolution']}")
    actions = httpx.get(
        f"{values['SUPABASE_URL']}/rest/v1/agent_actions",
        params={"select": "action,agent,created_at", "incident_id": f"eq.{incident_id}", "order": "id"},
        headers={**headers, "apikey": values["SUPABASE_ANON_KEY"]},
        trust_env=False,
    ).json()
    print("  audit trail       " + ", ".join(action["action"] for action in actions))


def _story(issue_id: str) -> list[Chapter]:
    person: JsonObject = {"type": "user", "id": 7, "name": "Emily Carter"}
    issue: JsonObject = {
        "id": issue_id,
        "shortId": "SHOP-7C",
        "title": "TypeError: Cannot read properties of undefined (reading 'total')",
        "culprit": "renderCart(app/cart)",
        "permalink": f"https://sentry.example/organizations/acme/issues/{issue_id}/",
        "level": "error",
        "status": "unresolved",
        "platform": "javascript",
        "project": {"id": "42", "slug": "shop"},
        "metadata": {"type": "TypeError", "value": "Cannot read properties of undefined (reading 'total')"},
    }
    comment: JsonObject = {"issue_id": issue_id, "comment": "The new cart API omits total.", "comment_id": 1}
    resolved: JsonObject = {**issue, "status": "resolved", "statusDetails": {"inNextRelease": True}}
    return [
        Chapter("Sentry sees a new issue", "issue", _about("created", issue=issue)),
        Chapter("an alert rule fires", "event_alert", _alert(issue_id, 1)),
        Chapter("it happens again", "event_alert", _alert(issue_id, 2)),
        Chapter("Sentry delivers that one twice", "event_alert", _alert(issue_id, 2)),
        Chapter("it happens once more", "event_alert", _alert(issue_id, 3)),
        Chapter(
            "somebody takes it", "issue", _about("assigned", person, issue={**issue, "assignedTo": person})
        ),
        Chapter("and comments", "comment", {"action": "created", "data": comment, "actor": person}),
        Chapter("it is fixed", "issue", _about("resolved", person, issue=resolved)),
        Chapter("Seer has something to say", "seer", {"action": "pr_created", "data": {"run_id": 1}}),
    ]


def _about(action: str, actor: JsonObject | None = None, **data: object) -> JsonObject:
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
        "url": f"https://sentry.example/api/0/projects/acme/shop/events/{number}/",
        "web_url": f"https://sentry.example/organizations/acme/issues/{issue_id}/events/{number}/",
    }
    return _about("triggered", event=event, triggered_rule="Send a notification for high priority issues")
