"""`make demo`: fills the running `make dev` with a believable day of a shop, and says where to look.

What has a front door goes through it: reports and the webhooks of Sentry and GitHub over HTTP, heartbeats by their
URLs, and what people and agents do by RPCs with their own access tokens. An operator adds targets, maintenance and a
channel with SQL, and the last days are written with SQL too. It can be repeated: what is there already stays, and only
hours without reports are filled.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.web.auth import sign
from local.demo import errors, past, sentry, targets
from local.demo.deployments import DEPLOYMENTS
from local.demo.errors import TodaysError
from local.stack import dev_file
from local.stack.state_directory import environment_file
from local.system.errors import StackError

JsonObject = dict[str, object]

# The channel posts to the service's own webhook for other monitors, which its mapping tells to ignore all of it.
_ADD_SECRETS = """
insert into monitoring.secrets (name, value)
values ('demo_chat_url', %(url)s), ('demo_chat_signing', 'whsec_ZGVtbyBkZW1vIGRlbW8gZGVtbyBkZW1vIGRlbW8gZGVtbw==')
on conflict (name) do update
set value = excluded.value
"""
_ADD_MAPPING = """
update public.system_config
set value = jsonb_set(
  value, '{webhook_mappings}',
  jsonb_build_object(
    'dev', jsonb_build_object('fingerprint', 'id', 'message', 'type', 'only_when', '{"type": ["none"]}'::jsonb)
  ) || coalesce(value -> 'webhook_mappings', '{}')
)
where key = 'incident_policy'
"""
_ADD_CHANNEL = """
update public.system_config
set value = value || jsonb_build_array(
  jsonb_build_object(
    'name', %(name)s::text, 'kind', 'webhook', 'url_secret', 'demo_chat_url', 'signing_secret', 'demo_chat_signing',
    'events', '["opened", "escalated", "reopened", "acknowledged", "resolved"]'::jsonb
  )
)
where key = 'notification_recipients'
  and not value @> jsonb_build_array(jsonb_build_object('name', %(name)s::text))
"""
_APPROVE_FIX = """
select public.approve_fix(id, revision)
from public.error_knowledge
where solution = %s
  and not is_approved
"""
_FIRST_ROUND_SECONDS = 10


@dataclass(frozen=True)
class Incident:
    """A live incident of today's errors, or the last one that was resolved."""

    id: str
    status: str
    was_reopened: bool


@dataclass(frozen=True)
class Callers:
    """Who calls: a program that reports, a person and an agent with their tokens, and the service with its key."""

    service: httpx.Client
    person: httpx.Client
    agent: httpx.Client
    key: httpx.Client
    values: Mapping[str, str]


def run(state: Path) -> None:
    """Prints what it does, and where to see what it has left."""
    values = dev_file.read(environment_file(state))
    print(_where_to_look(values, tell_day(values)))


def tell_day(values: Mapping[str, str]) -> dict[str, str]:
    """Fills the running stack whose variables these are. Returns the ids of today's incidents by source."""
    try:
        with (
            httpx.Client(base_url=values["APP_URL"], timeout=20, trust_env=False) as service,
            _database_api(values, _person_token(values)) as person,
            _database_api(values, values["AUTHENTICATED_JWT"]) as agent,
            _database_api(values, values["SUPABASE_SECRET_KEY"]) as key,
            psycopg.connect(values["SUPERUSER_DATABASE_URL"], autocommit=True) as database,
        ):
            return _tell_day(Callers(service, person, agent, key, values), database)
    except httpx.TransportError as error:
        raise StackError(
            f"{error.request.url} does not respond ({type(error).__name__}). Is `make dev` still running?"
        ) from error


def _tell_day(callers: Callers, database: psycopg.Connection) -> dict[str, str]:
    now = datetime.now(UTC)
    print("An operator adds targets, planned maintenance and a channel:")
    targets.configure(database, callers.values["APP_URL"], now)
    _add_channel(database, callers.values)
    _call(callers.key, "start_health_check_round", {})
    print(f"  {len(targets.TARGETS)} targets in the groups {', '.join(targets.GROUPS)}; channel {past.CHAT}")
    print("\nJobs send heartbeats:")
    _send_heartbeats(callers.service, database)
    print("\nDeployments, by webhooks of GitHub:")
    _send_deployments(callers, now)
    print("\nAn issue of Sentry, from its first webhook to its end:")
    _send_sentry_issue(callers)
    print("\nErrors of today:")
    _remember_fixes(callers.agent, database)
    incidents = _report_errors(callers, now)
    print("\nPeople and agents:")
    _act(callers, incidents)
    written = past.add(database, now)
    targets.add_history(database, callers.values["APP_URL"], now)
    print(f"\nThe past: {written} incidents that are over, 90 days of each target")
    _await_first_round(database)
    targets.count_figures(database)
    return {source: incident.id for source, incident in incidents.items()}


def _database_api(values: Mapping[str, str], token: str) -> httpx.Client:
    """PostgREST, as the owner of a token or of a secret key."""
    is_key = token == values["SUPABASE_SECRET_KEY"]
    headers = {"apikey": token if is_key else values["SUPABASE_PUBLISHABLE_KEY"]}
    if not is_key:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(base_url=f"{values['SUPABASE_URL']}/rest/v1", headers=headers, timeout=10, trust_env=False)


def _person_token(values: Mapping[str, str]) -> str:
    """The access token of the local stack's user, who signs in as people do."""
    if "USER_PASSWORD" not in values:
        return values["AUTHENTICATED_JWT"]
    response = httpx.post(
        f"{values['SUPABASE_URL']}/auth/v1/token",
        params={"grant_type": "password"},
        json={"email": values["USER_EMAIL"], "password": values["USER_PASSWORD"]},
        headers={"apikey": values["SUPABASE_PUBLISHABLE_KEY"]},
        timeout=10,
        trust_env=False,
    )
    if response.is_error:
        raise StackError(f"{values['USER_EMAIL']} cannot sign in: {response.status_code} {response.text[:300]}")
    return str(response.json()["access_token"])


def _call(client: httpx.Client, function: str, arguments: JsonObject) -> Any:
    """The result of an RPC, or its refusal with status 409."""
    response = client.post(f"/rpc/{function}", json=arguments)
    if response.is_error and response.status_code != httpx.codes.CONFLICT:
        raise StackError(f"{function} failed: {response.status_code} {response.text[:300]}")
    return response.json() if response.content else None


def _read(client: httpx.Client, path: str, **filters: str) -> list[dict[str, Any]]:
    """Rows of a table or view."""
    response = client.get(f"/{path}", params=filters)
    if response.is_error:
        raise StackError(f"{path} cannot be read: {response.status_code} {response.text[:300]}")
    rows: list[dict[str, Any]] = response.json()
    return rows


def _add_channel(database: psycopg.Connection, values: Mapping[str, str]) -> None:
    url = f"{values['APP_URL']}/webhooks/generic?key={values['GENERIC_KEY']}"
    database.execute(_ADD_SECRETS, {"url": url})
    database.execute(_ADD_MAPPING)
    database.execute(_ADD_CHANNEL, {"name": past.CHAT})


def _send_heartbeats(service: httpx.Client, database: psycopg.Connection) -> None:
    paths = targets.heartbeat_paths(database)
    signals = [(name, ending) for name in targets.FINISHED_JOBS for ending in ("/start", "")]
    for name, ending in [*signals, (targets.FAILED_JOB, "/start"), (targets.FAILED_JOB, "/2")]:
        response = service.get(f"{paths[name]}{ending}")
        if response.is_error:
            raise StackError(f"The heartbeat of {name} was refused: {response.status_code} {response.text[:300]}")
    print(f"  {', '.join(targets.FINISHED_JOBS)} ended well, {targets.FAILED_JOB} with exit code 2")


def _send_deployments(callers: Callers, now: datetime) -> None:
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    since = (now - timedelta(hours=20)).isoformat()
    rows = _read(callers.agent, "deployment_history", select="service,version", started_at=f"gt.{since}")
    known = {(row["service"], row["version"]) for row in rows}
    for deployment in DEPLOYMENTS:
        state = "failed" if deployment.state == "failure" else "succeeded"
        if (deployment.service, deployment.version) in known:
            print(f"  {deployment.service:9} {deployment.version:9} was told before")
            continue
        _post_webhook(
            callers,
            "github",
            deployment.webhook(f"{now:%Y-%m-%d}", this_hour),
            {"X-GitHub-Event": "deployment_status", "X-GitHub-Delivery": secrets.token_hex(16)},
        )
        print(f"  {deployment.service:9} {deployment.version:9} {state}, by {deployment.by}")


def _send_sentry_issue(callers: Callers) -> None:
    """Sends the webhooks once: a second time they would be about the resolved issue."""
    rows = _read(callers.agent, "incidents", select="id", external_id=f"eq.{sentry.ISSUE_ID}", limit="1")
    if rows:
        print(f"  {rows[0]['id']} was told before")
        return
    incident_id = ""
    for delivery in sentry.deliveries(sentry.ISSUE_ID):
        result = _post_webhook(callers, "sentry", delivery.body, {"Sentry-Hook-Resource": delivery.resource})
        incident_id = result.get("incident_id") or incident_id
        effect = result.get("effect") or result.get("detail") or result.get("status")
        print(f"  {delivery.description:44} {effect}")
    incident = _read(callers.agent, "incidents", id=f"eq.{incident_id}")[0]
    print(
        f"  {incident_id}: {incident['title']}, {incident['occurrence_count']} times, {incident['status']}"
        f" by {incident['resolved_by']}"
    )


def _post_webhook(callers: Callers, kind: str, body: JsonObject, headers: dict[str, str]) -> dict[str, Any]:
    """The answer to a webhook that is signed as Sentry or GitHub sign theirs."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    if kind == "sentry":
        signed = {
            "Request-ID": secrets.token_hex(16),
            "Sentry-Hook-Timestamp": str(int(time.time())),
            "Sentry-Hook-Signature": sign(raw, callers.values["SENTRY_CLIENT_SECRET"]),
        }
    else:
        signed = {"X-Hub-Signature-256": f"sha256={sign(raw, callers.values['GITHUB_KEY'])}"}
    response = callers.service.post(
        f"/webhooks/{kind}", content=raw, headers={"Content-Type": "application/json", **signed, **headers}
    )
    if response.is_error:
        raise StackError(f"The service rejected a webhook: {response.status_code} {response.text[:300]}")
    answer: dict[str, Any] = response.json()
    return answer


def _remember_fixes(agent: httpx.Client, database: psycopg.Connection) -> None:
    """Stores what is known before the day begins, so that its errors are linked to it."""
    for fix in errors.FIXES:
        if not _read(agent, "error_knowledge", select="id", solution=f"eq.{fix.solution}"):
            arguments: JsonObject = {
                "solution": fix.solution,
                "pattern": fix.pattern,
                "error_type": fix.error_type,
                "root_cause": fix.root_cause,
            }
            _call(agent, "remember_fix", arguments)
    database.execute(_APPROVE_FIX, [errors.POOL_FIX.solution])


def _report_errors(callers: Callers, now: datetime) -> dict[str, Incident]:
    """Prints one line per incident. Returns the incidents by source."""
    headers = {"Authorization": f"Bearer {callers.values['INGEST_TOKEN']}"}
    known = _find_incidents(callers.agent)
    hours = _known_hours(callers.agent, [incident.id for incident in known.values()])
    for error in errors.TODAY:
        incident = known.get(error.source)
        if incident is not None and incident.status == "resolved" and error.is_over:
            continue
        reports = error.occurrences(now, hours.get(incident.id, set()) if incident else ())
        if incident is not None and incident.status == "resolved":
            reports = [*reports, error.repeat()]
        if not reports:
            continue
        response = callers.service.post("/api/autonomous/error", json=reports, headers=headers)
        result = response.json()
        if response.status_code != httpx.codes.CREATED:
            raise StackError(f"The reports were not stored: {response.status_code} {result.get('detail') or result}")
    incidents = _find_incidents(callers.agent)
    for row in _read(callers.agent, "incidents", id=f"in.({','.join(each.id for each in incidents.values())})"):
        print(f"  {row['id']:9} {row['severity']:9} {row['source']:9} {row['occurrence_count']} times, {row['status']}")
    return incidents


def _find_incidents(agent: httpx.Client) -> dict[str, Incident]:
    """The latest incident of each of today's errors, by source."""
    rows = _read(
        agent,
        "incidents",
        select="id,source,status,reopened_at,fingerprint:context->>fingerprint",
        **{"context->>fingerprint": f"like.{errors.FINGERPRINT_PREFIX}*"},
        order="opened_at",
    )
    return {row["source"]: Incident(row["id"], row["status"], row["reopened_at"] is not None) for row in rows}


def _known_hours(agent: httpx.Client, incidents: list[str]) -> dict[str, set[datetime]]:
    """The hours in which each incident occurred."""
    hours: dict[str, set[datetime]] = {}
    if incidents:
        listed = f"in.({','.join(incidents)})"
        for row in _read(agent, "incident_occurrences", select="incident_id,hour", incident_id=listed):
            hours.setdefault(row["incident_id"], set()).add(datetime.fromisoformat(row["hour"]))
    return hours


def _act(callers: Callers, incidents: dict[str, Incident]) -> None:
    """What people and agents do with today's incidents, unless they did it before."""
    _claim(callers.agent, incidents["payments"])
    _acknowledge(callers.person, incidents["orders"])
    _suppress(callers.person, incidents["cart"])
    _come_back(callers, errors.SEARCH, incidents["search"])
    _resolve_with_fix(callers.person, incidents["mailer"])
    _raise_severity(callers.person, incidents["sign-in"])
    shop = incidents["shop"].id
    if not _read(callers.agent, "error_knowledge", select="id", solution=f"eq.{errors.PRICE_SOLUTION}"):
        fix: JsonObject = {"solution": errors.PRICE_SOLUTION, "root_cause": errors.PRICE_CAUSE, "incident_id": shop}
        _call(callers.agent, "remember_fix", fix)
    print(f"  {shop:9} an agent suggests: {errors.PRICE_SOLUTION}")


def _claim(agent: httpx.Client, incident: Incident) -> None:
    """An agent claims the incident for four hours and investigates it."""
    if incident.status != "open":
        print(f"  {incident.id:9} is {incident.status} already")
        return
    claim: JsonObject = {"agent": past.AGENT, "lease_seconds": 4 * 3600, "severity": "critical", "source": "payments"}
    _call(agent, "claim_next_incident", claim)
    begun = _call(
        agent,
        "begin_agent_action",
        {
            "agent": past.AGENT,
            "action_type": "investigate",
            "incident_id": incident.id,
            "plan": {"read": "the log of the payment provider"},
        },
    )
    if not begun.get("allowed"):
        print(f"  {incident.id:9} claimed by an agent, not investigated: {'; '.join(begun.get('reasons', []))}")
        return
    result = {"found": "a webhook that was retried after its timeout"}
    _call(agent, "finish_agent_action", {"action_id": begun["action_id"], "success": True, "result": result})
    print(f"  {incident.id:9} claimed by an agent, which found {result['found']}")


def _acknowledge(person: httpx.Client, incident: Incident) -> None:
    if incident.status != "open":
        print(f"  {incident.id:9} was {incident.status} before")
        return
    _call(person, "acknowledge_incident", {"incident_id": incident.id})
    note = "The stock service has been restarting since its last deployment. Orders wait in the queue; none is lost."
    _call(person, "add_incident_note", {"incident_id": incident.id, "note": note})
    print(f"  {incident.id:9} acknowledged by a person, with a note")


def _suppress(person: httpx.Client, incident: Incident) -> None:
    if incident.status != "open":
        print(f"  {incident.id:9} was {incident.status} before")
        return
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    reason = "Version 8.3 of the app, which calls /v2/cart, is in review."
    _call(person, "suppress_incident", {"incident_id": incident.id, "until": until, "reason": reason})
    print(f"  {incident.id:9} suppressed for three days")


def _come_back(callers: Callers, error: TodaysError, incident: Incident) -> None:
    """The incident was resolved, and its error comes back."""
    if incident.was_reopened or incident.status != "open":
        print(f"  {incident.id:9} came back before")
        return
    resolution = "Deleted old indices and removed the read-only block."
    _call(callers.agent, "resolve_incident", {"incident_id": incident.id, "resolution": resolution})
    headers = {"Authorization": f"Bearer {callers.values['INGEST_TOKEN']}"}
    callers.service.post("/api/autonomous/error", json=error.repeat(), headers=headers).raise_for_status()
    print(f"  {incident.id:9} resolved by an agent, and reopened when the error came back")


def _resolve_with_fix(person: httpx.Client, incident: Incident) -> None:
    """A person resolves the incident with the fix that is known, and says that it worked."""
    if incident.status == "resolved":
        print(f"  {incident.id:9} was resolved before")
        return
    (fix,) = _read(person, "error_knowledge", select="id", solution=f"eq.{errors.MAIL_FIX.solution}")
    arguments: JsonObject = {
        "incident_id": incident.id,
        "resolution": "Set MAILER_CONNECTIONS to 10; the deployment of 5.0.3 had reset it.",
        "knowledge_id": fix["id"],
        "has_worked": True,
    }
    _call(person, "resolve_incident", arguments)
    print(f"  {incident.id:9} resolved by a person with a known fix, which worked")


def _raise_severity(person: httpx.Client, incident: Incident) -> None:
    row = _read(person, "incidents", select="has_manual_severity", id=f"eq.{incident.id}")[0]
    if row["has_manual_severity"] or incident.status == "resolved":
        print(f"  {incident.id:9} has its severity by hand")
        return
    arguments: JsonObject = {
        "incident_id": incident.id,
        "severity": "high",
        "reason": "The accounts are those of a list that was leaked this week.",
    }
    _call(person, "set_incident_severity", arguments)
    print(f"  {incident.id:9} a person sets its severity to HIGH")


def _await_first_round(database: psycopg.Connection) -> None:
    """Waits some seconds for the first results of the targets, if they are checked at all."""
    names = [target.name for target in targets.TARGETS if not target.is_paused]
    deadline = time.monotonic() + _FIRST_ROUND_SECONDS
    while time.monotonic() < deadline:
        row = database.execute(
            "select count(*) from monitoring.target_states where target = any(%s) and status <> 'pending'", [names]
        ).fetchone()
        if row is not None and row[0] >= len(names):
            return
        time.sleep(0.25)


def _where_to_look(values: Mapping[str, str], incidents: Mapping[str, str]) -> str:
    app, orders = values["APP_URL"], incidents["orders"]
    sign_in = [f"  Operator token    {values['OPERATOR_TOKEN']}"]
    if "USER_PASSWORD" in values:
        sign_in.insert(0, f"  E-mail, password  {values['USER_EMAIL']}  {values['USER_PASSWORD']}")
    return f"""
Look at

  Public page       {app}/status
  Sign in           {app}/sign-in
  Status            {app}/status
  Incidents         {app}/incidents
  claimed by agent  {app}/incidents/{incidents["payments"]}
  known fixes       {app}/incidents/{incidents["checkout"]}
  acknowledged      {app}/incidents/{orders}
  came back         {app}/incidents/{incidents["search"]}
  resolved          {app}/incidents/{incidents["mailer"]}
  suppressed        {app}/incidents/{incidents["cart"]}
  A target          {app}/targets/checkout
  down              {app}/targets/{targets.DOWN}

Sign in with

{chr(10).join(sign_in)}

After `. .local/dev.env`, the history of {orders}, the audit trail of the agent, and the days of a target:

  api() {{ curl -sS "$SUPABASE_URL/rest/v1/$1" -H "apikey: $SUPABASE_PUBLISHABLE_KEY" \\
    -H "Authorization: Bearer $AUTHENTICATED_JWT"; }}
  api "incident_timeline?incident_id=eq.{orders}&order=happened_at"
  api "agent_actions?agent=eq.{past.AGENT}&order=id.desc&limit=5"
  api "target_days?target=eq.checkout&order=day.desc&limit=7"
"""
