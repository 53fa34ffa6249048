"""`make demo`: fills the running `make dev` with something to look at, and says where to look.

First the life of one issue as Sentry's webhooks tell it, up to its end; then incidents that stay open, what an agent
does with them, a deployment, and a target with a history. Everything goes through the front door but the target, which
an operator adds with SQL. It can be repeated: the same errors are counted on the same incidents.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

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


@dataclass(frozen=True)
class Report:
    """An error that a program reports, and how often."""

    body: JsonObject
    times: int = 1


TARGET = "demo"

# Each has a fingerprint of its own, so that a second demo is counted on the same incidents.
_REPORTS = (
    Report(
        {
            "error": {"message": "Captured the payment of order 1042 twice", "type": "DoubleChargeError"},
            "severity": "CRITICAL",
            "category": "backend",
            "source": "payments",
            "environment": "production",
            "release": "payments@7.3.0",
            "fingerprint": "demo payments",
        }
    ),
    Report(
        {
            "error": {"message": "connect ECONNREFUSED 10.0.0.7:8080", "type": "Error"},
            "source": "orders",
            "environment": "production",
            "fingerprint": "demo orders",
        },
        times=3,
    ),
    Report(
        {
            "error": {"message": "Cannot read properties of undefined (reading 'price')", "type": "TypeError"},
            "severity": "MEDIUM",
            "category": "frontend",
            "source": "shop",
            "url": "https://shop.example/cart",
            "fingerprint": "demo shop",
        },
        times=2,
    ),
    Report(
        {
            "error": {"message": "The deprecated endpoint /v1/cart was called"},
            "level": "warning",
            "severity": "LOW",
            "category": "backend",
            "source": "cart",
            "fingerprint": "demo cart",
        }
    ),
)

# The target is the service itself, on this machine. The hours of today are left to the real checks.
_SET_TARGET = """
update public.system_config
set value = (
    select coalesce(jsonb_agg(targets.item order by targets.position), '[]')
    from jsonb_array_elements(value) with ordinality as targets (item, position)
    where targets.item ->> 'name' <> %(name)s
  ) || jsonb_build_array(
    jsonb_build_object('name', %(name)s::text, 'type', 'backend', 'url', %(url)s::text, 'public', true)
  )
where key = 'health_check_targets'
  and not value @> jsonb_build_array(jsonb_build_object('name', %(name)s::text, 'url', %(url)s::text))
"""
_ALLOW_PRIVATE = """
update public.system_config
set value = value || '{"allow_private": true}'
where key = 'health_check_policy' and value ->> 'allow_private' is distinct from 'true'
"""
_ADD_HISTORY = """
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, up_seconds, down_seconds
)
select
  %(name)s, date_trunc('day', now(), 'UTC') - make_interval(hours => ago.number), 60,
  60 - down.number, 0, down.number, 0, 0, 40 + ago.number %% 7, 70 + ago.number %% 11, 120,
  60 * (60 - down.number), 60 * down.number
from generate_series(1, 24 * 89) as ago (number)
cross join lateral (
  select case when ago.number between 700 and 703 then 45 when ago.number %% 500 = 50 then 4 else 0 end as number
) as down
on conflict (target, hour) do nothing
"""
# Of days that are summed up already, only the sums are shown.
_ADD_DAYS = """
insert into monitoring.target_daily_stats (
  target, day, up, degraded, down, unknown, maintenance, up_seconds, down_seconds
)
select
  hours.target, hours.day, sum(hours.up), sum(hours.degraded), sum(hours.down), 0, 0, sum(hours.up_seconds),
  sum(hours.down_seconds)
from (
  select target, (hour at time zone 'UTC')::date as day, up, degraded, down, up_seconds, down_seconds
  from monitoring.target_hourly_stats
  where target = %(name)s
) as hours
where hours.day <= (select max(day) from monitoring.target_daily_stats)
group by hours.target, hours.day
on conflict do nothing
"""


def run(state: Path) -> None:
    """Prints what it does, and where to see what it has left."""
    values = dev_file.read(environment_file(state))
    try:
        with httpx.Client(base_url=values["APP_URL"], timeout=10, trust_env=False) as client:
            print("An issue of Sentry, from its first webhook to its end:")
            _send_deliveries(client, values)
            print("\nErrors that stay open:")
            incidents = _report_errors(client, values)
        with _database_api(values, values["AUTHENTICATED_JWT"]) as agent:
            print("\nAn agent, with its own access token:")
            _act_as_agent(agent, incidents)
        with psycopg.connect(values["DATABASE_URL"], autocommit=True) as database:
            print("\nAn operator, with SQL:")
            _add_target(database, values["APP_URL"])
        with _database_api(values, values["SUPABASE_SECRET_KEY"]) as service:
            _call(service, "start_health_check_round", {})
    except httpx.TransportError as error:
        raise StackError(
            f"{error.request.url} does not respond ({type(error).__name__}). Is `make dev` still running?"
        ) from error
    print(_where_to_look(values, incidents))


def _database_api(values: dict[str, str], token: str) -> httpx.Client:
    """PostgREST, as the owner of a token or of a secret key."""
    is_key = token == values["SUPABASE_SECRET_KEY"]
    headers = {"apikey": token if is_key else values["SUPABASE_PUBLISHABLE_KEY"]}
    if not is_key:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(base_url=f"{values['SUPABASE_URL']}/rest/v1", headers=headers, timeout=10, trust_env=False)


def _call(client: httpx.Client, function: str, arguments: JsonObject) -> Any:
    """The result of an RPC, or its refusal with status 409."""
    response = client.post(f"/rpc/{function}", json=arguments)
    if response.is_error and response.status_code != httpx.codes.CONFLICT:
        raise StackError(f"{function} failed: {response.status_code} {response.text[:300]}")
    return response.json() if response.content else None


def _report_errors(client: httpx.Client, values: dict[str, str]) -> dict[str, str]:
    """Prints one line per incident. Returns the ids by source."""
    headers = {"Authorization": f"Bearer {values['INGEST_TOKEN']}"}
    incidents = {}
    for report in _REPORTS:
        for _ in range(report.times):
            response = client.post("/api/autonomous/error", json=report.body, headers=headers)
            result = response.json()
            if response.status_code != httpx.codes.CREATED:
                raise StackError(f"The report was not stored: {response.status_code} {result.get('detail') or result}")
        source, count = str(report.body["source"]), result["occurrence_count"]
        incidents[source] = result["incident_id"]
        times = f"{count} time{'' if count == 1 else 's'}"
        print(f"  {result['incident_id']:9} {result['severity']:9} {source:9} {times}, {result['status']}")
    return incidents


def _act_as_agent(agent: httpx.Client, incidents: dict[str, str]) -> None:
    """Acknowledges one incident, investigates another one, suggests a fix for a third, and deploys."""
    orders, payments, shop = (incidents[source] for source in ("orders", "payments", "shop"))
    acknowledged = _call(agent, "acknowledge_incident", {"incident_id": orders})
    was_open = acknowledged.get("status") == "acknowledged"
    print(f"  {orders:9} {'acknowledged' if was_open else 'was acknowledged before'}, and a note added")
    note = "The service has been restarting since its last deployment."
    _call(agent, "add_incident_note", {"incident_id": orders, "note": note})
    begun = _call(
        agent,
        "begin_agent_action",
        {
            "agent": "demo-agent",
            "action_type": "investigate",
            "incident_id": payments,
            "plan": {"read": "the log of the payment provider"},
        },
    )
    if begun["allowed"]:
        result = {"found": "a webhook that was retried after its timeout"}
        _call(agent, "finish_agent_action", {"action_id": begun["action_id"], "success": True, "result": result})
        print(f"  {payments:9} investigated: {result['found']}")
    else:
        print(f"  {payments:9} not investigated: {'; '.join(begun['reasons'])}")
    fix: JsonObject = {
        "solution": "Render the cart only after the prices have been loaded.",
        "root_cause": "The new cart API omits prices of sold-out items.",
        "incident_id": shop,
    }
    print(f"  {shop:9} fix {_call(agent, 'remember_fix', fix)} suggested: {fix['solution']}")
    started: JsonObject = {"service": "shop", "version": "v1.42.1", "deployed_by": "demo-agent"}
    deployment = _call(agent, "record_deployment_started", started)
    if isinstance(deployment, int):
        _call(agent, "record_deployment_finished", {"deployment_id": deployment, "success": True})
        print("  a deployment of shop recorded")


def _add_target(database: psycopg.Connection, url: str) -> None:
    values = {"name": TARGET, "url": f"{url}/health"}
    database.execute(_ALLOW_PRIVATE)
    for statement in (_SET_TARGET, _ADD_HISTORY, _ADD_DAYS):
        database.execute(statement, values)
    print(f"  target {TARGET!r}: {values['url']}, checked every minute, with an invented history of 89 days")
    print("  health_check_policy.allow_private is true, because that address is on this machine")


def _where_to_look(values: dict[str, str], incidents: dict[str, str]) -> str:
    orders = incidents["orders"]
    return f"""
Look at

  Status page       {values["APP_URL"]}/status
  Sign in there     {values["OPERATOR_TOKEN"]}

After `. .local/dev.env`, the history of {orders}, the audit trail of the agent, and the days of the target:

  api() {{ curl -sS "$SUPABASE_URL/rest/v1/$1" -H "apikey: $SUPABASE_PUBLISHABLE_KEY" \\
    -H "Authorization: Bearer $AUTHENTICATED_JWT"; }}
  api "incident_timeline?incident_id=eq.{orders}&order=happened_at"
  api "agent_actions?agent=eq.demo-agent&order=id.desc&limit=5"
  api "target_days?target=eq.{TARGET}&order=day.desc&limit=7"
"""


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
