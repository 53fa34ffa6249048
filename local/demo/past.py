"""The incidents of the last days, which are over, with what people, agents and channels did about them.

They are written with SQL, because the front door believes no report that is older than a day. The audit trail appends
their actions as it does all others, so it stays intact.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg

from local.demo.errors import (
    MAIL_FIX,
    MAIL_MESSAGE,
    MAIL_STACK,
    MAIL_TYPE,
    POOL_FIX,
    POOL_MESSAGE,
    POOL_STACK,
    POOL_TYPE,
)
from local.demo.targets import TARGETS, Outage, Target

JsonObject = dict[str, object]

EMILY, BEN = "emily.carter@example.com", "ben.okafor@example.com"
AGENT = "demo-agent"
CHAT, ON_CALL = "team-chat", "on-call"


@dataclass(frozen=True)
class Step:
    """What somebody did, so many minutes after the incident opened."""

    minutes: int
    who: str
    action: str
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """What a channel was told."""

    minutes: int
    channel: str
    event: str
    status: str = "delivered"
    attempts: int = 1
    problem: str | None = None


@dataclass(frozen=True)
class PastIncident:
    """An incident that is over."""

    key: str
    """Identifies it, so that a second demo does not write it again."""
    source: str
    message: str
    error_type: str
    severity: str
    category: str
    opened: timedelta
    """How long ago it opened, before the start of the present hour."""
    open_minutes: int
    resolution: str
    resolved_by: str
    steps: tuple[Step, ...] = ()
    messages: tuple[Message, ...] = ()
    stack: str | None = None
    release: str | None = None
    fix: str | None = None
    """The solution of the known fix that was used, and worked."""
    per_hour: int = 5
    fingerprint: str = ""
    sender: str = "server:default"
    title: str = ""
    """Empty for the type and the message, as the title of a report."""


_STORED = (
    PastIncident(
        "pool",
        "checkout",
        POOL_MESSAGE,
        POOL_TYPE,
        "HIGH",
        "database",
        timedelta(days=5, hours=3),
        96,
        "Restarted checkout with the session closed before the call of the price service.",
        EMILY,
        (
            Step(4, EMILY, "incident_acknowledged", {"from": "open", "to": "acknowledged", "acknowledged_by": EMILY}),
            Step(21, AGENT, "incident_noted", {"note": "All 15 connections wait for the price service (p95 4.8 s)."}),
            Step(63, EMILY, "incident_noted", {"note": "The fix is on staging and holds under twice the load."}),
        ),
        (Message(0, CHAT, "opened"), Message(96, CHAT, "resolved")),
        POOL_STACK,
        "checkout@2.13.2",
        POOL_FIX.solution,
        38,
    ),
    PastIncident(
        "pool again",
        "checkout",
        POOL_MESSAGE,
        POOL_TYPE,
        "HIGH",
        "database",
        timedelta(days=2, hours=6),
        22,
        "Restarted checkout; the release with the fix follows tonight.",
        AGENT,
        (
            Step(
                2,
                AGENT,
                "incident_claimed",
                {"from": "open", "to": "acknowledged", "acknowledged_by": AGENT, "claimed_by": AGENT},
            ),
        ),
        (Message(0, CHAT, "opened"), Message(22, CHAT, "resolved")),
        POOL_STACK,
        "checkout@2.13.2",
        POOL_FIX.solution,
        24,
    ),
    PastIncident(
        "mail",
        "mailer",
        MAIL_MESSAGE,
        MAIL_TYPE,
        "MEDIUM",
        "infrastructure",
        timedelta(days=3, hours=11),
        54,
        "MAILER_CONNECTIONS is 10 now. The queue was empty after twelve minutes.",
        BEN,
        (Step(9, BEN, "incident_acknowledged", {"from": "open", "to": "acknowledged", "acknowledged_by": BEN}),),
        (),
        MAIL_STACK,
        "mailer@5.0.2",
        MAIL_FIX.solution,
        61,
    ),
    PastIncident(
        "disk",
        "database",
        'could not extend file "base/16401/24586": No space left on device',
        "DiskFull",
        "CRITICAL",
        "database",
        timedelta(days=4, hours=1),
        37,
        "Deleted the old WAL archive and doubled the disk. An alert at 80 % is in place.",
        EMILY,
        (
            Step(1, "sender", "incident_escalated", {"from": "HIGH", "to": "CRITICAL", "rule": "given"}),
            Step(3, EMILY, "incident_acknowledged", {"from": "open", "to": "acknowledged", "acknowledged_by": EMILY}),
            Step(12, BEN, "incident_noted", {"note": "Orders are read-only until the disk is larger."}),
        ),
        (
            Message(0, CHAT, "opened"),
            Message(1, CHAT, "escalated", attempts=3),
            Message(1, ON_CALL, "escalated", "dead", 5, "answered 404: this routing key does not exist"),
            Message(37, CHAT, "resolved"),
        ),
        None,
        None,
        None,
        140,
    ),
    PastIncident(
        "prices",
        "prices",
        "Deadline of 2000 ms exceeded while reading prices of 48 items",
        "DeadlineExceeded",
        "MEDIUM",
        "backend",
        timedelta(days=1, hours=7),
        140,
        "The index that the query needs was missing after the migration; created it.",
        BEN,
        (
            Step(15, AGENT, "incident_noted", {"note": "The query reads the whole table since the migration."}),
            Step(31, BEN, "incident_acknowledged", {"from": "open", "to": "acknowledged", "acknowledged_by": BEN}),
        ),
        (),
        None,
        "prices@0.22.0",
        None,
        33,
    ),
    PastIncident(
        "certificate pinning",
        "app",
        "Certificate pinning failure: the pin of pay.shop.example does not match",
        "SSLPeerUnverifiedException",
        "HIGH",
        "security",
        timedelta(days=6, hours=2),
        205,
        "The app of version 8.1 pins the former certificate. Published 8.2, and renewed with the former key.",
        EMILY,
        (Step(26, EMILY, "incident_acknowledged", {"from": "open", "to": "acknowledged", "acknowledged_by": EMILY}),),
        (Message(0, CHAT, "opened"), Message(205, CHAT, "resolved")),
        None,
        "app@8.1.0",
        None,
        17,
    ),
    PastIncident(
        "banner",
        "shop",
        "Failed to load resource: the banner of the summer sale is missing",
        "ResourceError",
        "LOW",
        "frontend",
        timedelta(days=1, hours=20),
        330,
        "not repeated for 14 days",
        "life-cycle",
        (),
        (),
        None,
        "shop@1.41.7",
        None,
        4,
    ),
)


def outage_incident(target: Target, outage: Outage, now: datetime) -> PastIncident:
    """The incident that the health checks would have opened for an outage."""
    is_down = outage.status == "down"
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    severity = "MEDIUM" if not is_down else "CRITICAL" if target.entry["type"] in ("backend", "database") else "HIGH"
    title = f"{target.name} is {outage.status}"
    return PastIncident(
        f"{target.name} {outage.days_ago} days before",
        "health-check",
        f"{title}: {outage.problem}",
        "TargetDown" if is_down else "TargetDegraded",
        str(target.entry.get("severity", severity)) if is_down else severity,
        "infrastructure",
        this_hour - outage.hour_started(now),
        outage.minutes,
        f"{target.name} is up again",
        "health-check",
        (),
        (Message(0, CHAT, "opened"), Message(outage.minutes, CHAT, "resolved")) if is_down else (),
        per_hour=min(60, outage.minutes),
        fingerprint=f"health-check:target:{target.name}",
        sender="health-check",
        title=title,
    )


def incidents(now: datetime) -> list[PastIncident]:
    """All of them, the oldest first. Incidents of outages that ended long ago are kept for the list of a target."""
    outages = [outage_incident(target, outage, now) for target in TARGETS for outage in target.outages]
    return sorted([*_STORED, *outages], key=lambda incident: incident.opened, reverse=True)


# Without triggers: those would record that the incident opened now, and notify of it.
_INSERT = """
insert into public.incidents (
  fingerprint, title, message, error_type, stack, severity, category, rule, status, source, sender, environment,
  release, context, occurrence_count, first_seen, last_seen, acknowledged_at, acknowledged_by, resolved_at, resolved_by,
  resolution, knowledge_id
)
select
  %(fingerprint)s, %(title)s, %(message)s, %(error_type)s, %(stack)s, %(severity)s::public.incident_severity,
  %(category)s::public.incident_category, 'given', 'resolved', %(source)s, %(sender)s, %(environment)s, %(release)s,
  jsonb_build_object('demo', %(key)s::text), %(occurrences)s, %(opened)s, %(last_seen)s, %(acknowledged)s,
  %(acknowledged_by)s, %(resolved)s, %(resolved_by)s, %(resolution)s,
  (select min(id) from public.error_knowledge where solution = %(fix)s)
where not exists (select from public.incidents where context @> jsonb_build_object('demo', %(key)s::text))
returning id, knowledge_id
"""
_COUNT_HOURS = """
insert into monitoring.incident_hours (incident_id, hour, environment, release, occurrences, first_seen, last_seen)
values (%(id)s, %(hour)s, coalesce(%(environment)s, ''), coalesce(%(release)s, ''), %(count)s, %(first)s, %(last)s)
"""
_ACT = """
insert into public.agent_actions (agent, action, incident_id, success, details, created_at)
values (%(who)s, %(action)s, %(id)s, true, %(details)s, %(at)s)
"""
_NOTIFY = """
insert into monitoring.notifications (
  channel, incident_id, event, severity, status, attempts, first_attempt_at, sent_at, answered_at, answer_status, error,
  created_at, finished_at
)
values (
  %(channel)s, %(id)s, %(event)s, %(severity)s::public.incident_severity, %(status)s::monitoring.notification_status,
  %(attempts)s, %(at)s, %(at)s, %(at)s, %(answer)s, %(problem)s, %(at)s, %(finished)s
)
"""
_RECORD_OUTCOME = """
insert into monitoring.fix_outcomes (knowledge_id, incident_id, caller, has_worked, recorded_at)
values (%(knowledge)s, %(id)s, %(caller)s, true, %(at)s)
"""

# A job counts an hour of the last week now and then only.
_COUNT_REPORTS = """
select monitoring.count_report_hour(hours.hour)
from generate_series(
  date_trunc('hour', now(), 'UTC') - interval '167 hours', date_trunc('hour', now(), 'UTC'), interval '1 hour'
) as hours (hour)
"""


def add(database: psycopg.Connection, now: datetime) -> int:
    """Writes the incidents that are missing, and returns their number. Needs a superuser."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    with database.transaction():
        written = [_write(database, each, this_hour) for each in incidents(now)]
        for knowledge in sorted({found for found in written if found}):
            database.execute("select monitoring.count_fix_outcomes(%s)", [knowledge])
    database.execute(_COUNT_REPORTS)
    return sum(found is not None for found in written)


def user_claims(who: str) -> JsonObject:
    """The claims of an invented user's access token; the id follows from the address."""
    return {"sub": str(uuid.uuid5(uuid.NAMESPACE_DNS, who)), "role": "authenticated", "email": who}


def _write(database: psycopg.Connection, incident: PastIncident, this_hour: datetime) -> int | None:
    """The known fix of the incident that was written, 0 without one; None if the incident is there already."""
    opened = this_hour - incident.opened
    resolved = opened + timedelta(minutes=incident.open_minutes)
    last_seen = resolved - timedelta(minutes=1)
    hours = _hours(incident, opened, last_seen)
    acknowledgement = next((step for step in incident.steps if "acknowledged_by" in step.details), None)
    environment = None if incident.sender == "health-check" else "production"
    values = {
        "key": incident.key,
        "fingerprint": incident.fingerprint or f"demo past {incident.key}",
        "title": incident.title or f"{incident.error_type}: {incident.message}",
        "message": incident.message,
        "error_type": incident.error_type,
        "stack": incident.stack,
        "severity": incident.severity,
        "category": incident.category,
        "source": incident.source,
        "sender": incident.sender,
        "environment": environment,
        "release": incident.release,
        "occurrences": sum(count for _, count, _, _ in hours),
        "opened": opened,
        "last_seen": last_seen,
        "acknowledged": opened + timedelta(minutes=acknowledgement.minutes) if acknowledgement else None,
        "acknowledged_by": acknowledgement.who if acknowledgement else None,
        "resolved": resolved,
        "resolved_by": incident.resolved_by,
        "resolution": incident.resolution,
        "fix": incident.fix,
    }
    database.execute("set local session_replication_role = replica")
    row = database.execute(_INSERT, values).fetchone()
    database.execute("set local session_replication_role = origin")
    if row is None:
        return None
    identifier, knowledge = row
    for hour, count, first, last in hours:
        database.execute(
            _COUNT_HOURS,
            {**values, "id": identifier, "hour": hour, "count": count, "first": first, "last": last},
        )
    for step in _all_steps(incident, acknowledgement is not None):
        who = incident.sender if step.who == "sender" else step.who
        _act_as(database, who)
        details = json.dumps({**step.details})
        at = opened + timedelta(minutes=step.minutes)
        database.execute(_ACT, {"who": who, "action": step.action, "id": identifier, "details": details, "at": at})
    _act_as(database, None)
    for message in incident.messages:
        at = opened + timedelta(minutes=message.minutes, seconds=3)
        is_dead = message.status == "dead"
        database.execute(
            _NOTIFY,
            {
                "channel": message.channel,
                "id": identifier,
                "event": message.event,
                "severity": incident.severity,
                "status": message.status,
                "attempts": message.attempts,
                "at": at,
                "answer": 404 if is_dead else 200,
                "problem": message.problem,
                "finished": at + timedelta(seconds=5 * (message.attempts - 1) + 1),
            },
        )
    if knowledge is not None:
        caller = f"user:{user_claims(incident.resolved_by)['sub']}"
        database.execute(_RECORD_OUTCOME, {"knowledge": knowledge, "id": identifier, "caller": caller, "at": resolved})
    return knowledge or 0


def _all_steps(incident: PastIncident, is_acknowledged: bool) -> list[Step]:
    opened: JsonObject = {"to": "open", "severity": incident.severity, "category": incident.category, "rule": "given"}
    resolved: JsonObject = {
        "from": "acknowledged" if is_acknowledged else "open",
        "to": "resolved",
        "resolved_by": incident.resolved_by,
        "resolution": incident.resolution,
        **({"has_worked": True} if incident.fix else {}),
    }
    return [
        Step(0, "sender", "incident_created", opened),
        *incident.steps,
        Step(incident.open_minutes, incident.resolved_by, "incident_resolved", resolved),
    ]


def _act_as(database: psycopg.Connection, who: str | None) -> None:
    """Sets whose access token the next actions come with; None and jobs have none."""
    claims = json.dumps(user_claims(who)) if who is not None and ("@" in who or who == AGENT) else ""
    database.execute("select set_config('request.jwt.claims', %s, true)", [claims])


def _hours(
    incident: PastIncident, opened: datetime, last_seen: datetime
) -> list[tuple[datetime, int, datetime, datetime]]:
    """For each hour in which it occurred: its start, how often, and when first and last."""
    hours, first = [], opened
    while first <= last_seen:
        hour = first.replace(minute=0, second=0, microsecond=0)
        last = min(last_seen, hour + timedelta(minutes=59))
        share = max(1, round(incident.per_hour * ((last - first).total_seconds() + 60) / 3600))
        hours.append((hour, share, first, max(first, last)))
        first = hour + timedelta(hours=1)
    return hours
