"""A database of some years' size, written by set-based inserts: 100,000 incidents, a million checks and audit rows.

The rows satisfy every constraint, but triggers and foreign keys are off while they are written, and the hashes of the
audit trail are not computed: what is read is counted, not what it says.
"""

# ruff: noqa: S608  # every part of the statements is ours

from __future__ import annotations

import json
from typing import Any, LiteralString

import psycopg

TARGETS = 100
"""Each has 10,000 checks, ten minutes apart: 69 days."""

# The start of an incident: spread evenly over 450 days, so that some are older than what is kept of anything.
_MOMENT: LiteralString = "now() - interval '450 days' * (1 - number::double precision / 100000)"

# Severity HIGH and category infrastructure have live incidents only, all other open ones are LOW. CRITICAL and security
# have resolved ones only: a plan for the average severity walks through all of them to find none.
_INCIDENTS: LiteralString = f"""
insert into public.incidents (
  id, fingerprint, title, message, error_type, severity, category, rule, status, source, sender, environment, release,
  first_seen, last_seen, acknowledged_at, resolved_at, resolved_by, resolution, occurrence_count
)
select
  'INC-' || 1000 + number,
  md5(number::text),
  'SeededError: number ' || number,
  'something number ' || number || ' went wrong in the seeded product',
  'SeededError' || number % 50,
  severity::public.incident_severity,
  category::public.incident_category,
  'seed',
  status::public.incident_status,
  'seed ' || number % 10,
  case number % 3 when 0 then 'server:default' when 1 then 'public:shop' else 'agent:user:seed' end,
  'production',
  '1.' || number % 30,
  moment,
  moment + interval '10 minutes',
  case when status = 'acknowledged' then moment + interval '2 minutes' end,
  case when status = 'resolved' then moment + interval '20 minutes' end,
  case when status = 'resolved' then 'ann' end,
  case when status = 'resolved' then 'restarted' end,
  1 + number % 30
from generate_series(1, 100000) as numbers (number)
cross join lateral (
  select
    {_MOMENT} as moment,
    case when number % 10 = 0 then 'open' when number % 50 = 1 then 'acknowledged' else 'resolved' end as status,
    case
      when number % 20 = 0 then 'HIGH'
      when number % 10 = 0 then 'LOW'
      when number % 50 = 1 then 'MEDIUM'
      else (array['LOW', 'MEDIUM', 'CRITICAL'])[1 + number % 3]
    end as severity,
    case
      when number % 10 = 0 then 'infrastructure'
      when number % 50 = 1 then 'frontend'
      else (array['backend', 'frontend', 'database', 'security'])[1 + number % 4]
    end as category
) as computed
"""
_INCIDENT_HOURS: LiteralString = f"""
insert into monitoring.incident_hours (
  incident_id, hour, environment, release, occurrences, first_seen, last_seen
)
select 'INC-' || 1000 + number, hour, 'production', '1.' || number % 30, 3, hour, hour + interval '10 minutes'
from generate_series(1, 100000) as numbers (number)
cross join generate_series(0, 1) as hours (later)
cross join lateral (
  select date_trunc('hour', {_MOMENT}, 'UTC') + make_interval(hours => later) as hour
) as computed
"""
_INCIDENT_ACTIONS: LiteralString = f"""
insert into public.agent_actions (
  agent, caller, action, incident_id, success, created_at, chain_position, previous_hash, content_salt, content_hash,
  hash
)
select
  'ingest', 'service_role', case place when 1 then 'incident_opened' else 'note_added' end, 'INC-' || 1000 + number,
  true, {_MOMENT} + make_interval(mins => place), place, case when place > 1 then 'hash' end, gen_random_uuid(),
  'hash', 'hash'
from generate_series(1, 100000) as numbers (number)
cross join generate_series(1, 8) as places (place)
"""
# Pairs of a beginning and its end, of four callers; every tenth was allowed by the checks.
_AGENT_ACTIONS: LiteralString = """
insert into public.agent_actions (
  agent, caller, action, success, created_at, chain_position, previous_hash, content_salt, content_hash, hash,
  safety_verdict, finishes_id
)
select
  'seed-agent', 'user:seed-' || number % 4,
  case when number / 4 % 2 = 0 then 'investigate_begun' else 'investigate' end,
  true, now() - interval '450 days' * (1 - number::double precision / 200000), 1 + number / 4,
  case when number / 4 > 0 then 'hash' end, gen_random_uuid(), 'hash', 'hash',
  case when number % 10 = 0 then 'allowed' else 'not_required' end, null
from generate_series(0, 199999) as numbers (number)
"""
# Every chain is anchored: the daily job reads those that changed since.
_AUDIT_HEADS: LiteralString = f"""
insert into monitoring.audit_heads (chain, chain_position, hash, is_anchored, oldest_at)
select 'INC-' || 1000 + number, 8, 'hash', true, {_MOMENT} + interval '1 minute'
from generate_series(1, 100000) as numbers (number)
union all
select 'user:seed-' || number, 50000, 'hash', true, now() - interval '450 days'
from generate_series(0, 3) as numbers (number)
"""
_ANCHORS: LiteralString = """
insert into monitoring.audit_anchors (anchored_on, anchored_at, hash, chains)
select current_date - 366 + number, now() - make_interval(days => 366 - number), 'hash', 270
from generate_series(1, 365) as numbers (number)
"""
_ANCHOR_HEADS: LiteralString = """
insert into monitoring.audit_anchor_heads (anchored_on, chain, from_position, chain_position, hash)
select current_date - 366 + day, 'INC-' || 1000 + day * 270 + place, 1, 8, 'hash'
from generate_series(1, 365) as days (day)
cross join generate_series(1, 270) as places (place)
"""
_ONE_CHECK_A_WEEK: LiteralString = """
insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, scheduled_at, sent_at, completed_at, answered_at
)
select
  'first of a week', 'backend', 'https://seed.example/', 'up', 200, 20, moment, moment, moment + interval '1 second',
  moment + interval '1 second'
from generate_series(0, 70, 7) as days (day)
cross join lateral (
  select date_trunc('minute', now()) - make_interval(days => day) as moment
) as moments
"""
_CHECKS: LiteralString = """
insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, scheduled_at, sent_at, completed_at, answered_at,
  interval_minutes
)
select
  'seed-' || target, 'backend', 'https://seed.example/',
  case when round % 500 = 0 then 'down' else 'up' end::public.check_status,
  200, 20 + (round * 7 + target) % 300, moment, moment, moment + interval '1 second', moment + interval '1 second', 10
from generate_series(10000, 1, -1) as rounds (round)
cross join generate_series(1, 100) as targets (target)
cross join lateral (
  select date_trunc('minute', now()) - make_interval(mins => round * 10) as moment
) as moments
"""
_TARGET_HOURS: LiteralString = """
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, up_seconds
)
select
  'seed-' || target, date_trunc('hour', now(), 'UTC') - make_interval(hours => hour), 6, 6, 0, 0, 0, 0, 20, 30, 40, 3600
from generate_series(2400, 2, -1) as hours (hour)
cross join generate_series(1, 100) as targets (target)
"""
_TARGET_DAYS: LiteralString = """
insert into monitoring.target_daily_stats (target, day, up, degraded, down, unknown, maintenance, up_seconds)
select 'seed-' || target, current_date - day, 144, 0, 0, 0, 0, 86400
from generate_series(450, 1, -1) as days (day)
cross join generate_series(1, 100) as targets (target)
"""
_STATES: LiteralString = """
insert into monitoring.target_states (target, status, since, last_status, good_rounds, last_check_at)
select 'seed-' || target, 'up', now() - interval '400 days', 'up', 100, now() - interval '10 minutes'
from generate_series(1, 100) as targets (target)
on conflict (target) do nothing
"""
_EMAILS: LiteralString = f"""
insert into public.email_tracking (
  incident_id, recipient, subject, provider_id, status, sent_at, delivered_at, created_at
)
select
  'INC-' || 1000 + number, 'ops@example.com', 'seeded', 'provider-' || number, 'delivered', {_MOMENT}, {_MOMENT},
  {_MOMENT}
from generate_series(1, 100000) as numbers (number)
"""
_NOTIFICATIONS: LiteralString = f"""
insert into monitoring.notifications (
  channel, incident_id, event, severity, status, attempts, first_attempt_at, next_attempt_at, sent_at, answered_at,
  answer_status, request_id, created_at, finished_at
)
select
  'seed-channel', 'INC-' || 1000 + number, event::monitoring.notification_event, 'HIGH', 'delivered', 1, {_MOMENT},
  {_MOMENT}, {_MOMENT}, {_MOMENT}, 200, number, {_MOMENT}, {_MOMENT}
from generate_series(1, 100000) as numbers (number)
cross join unnest(array['opened', 'resolved']) as events (event)
"""
_SECURITY_EVENTS: LiteralString = f"""
insert into public.security_events (event_type, severity, confidence, ip_address, caller, incident_id, created_at)
select
  'probe ' || number % 10, 'LOW', 0.2, '192.0.2.1'::inet + number % 200, 'service_role', 'INC-' || 1000 + number,
  {_MOMENT}
from generate_series(1, 100000) as numbers (number)
"""
_DELIVERIES: LiteralString = f"""
insert into monitoring.deliveries (
  kind, resource, action, body_hash, occurrence_key, fingerprint, verb, sent_at, occurred_at, received_at, applied_at,
  effect, incident_id
)
select
  'sentry', 'issue', 'created', md5('body ' || number), 'key ' || number, 'sentry:' || number, 'open', {_MOMENT},
  {_MOMENT}, {_MOMENT}, {_MOMENT}, 'counted', 'INC-' || 1000 + number
from generate_series(1, 100000) as numbers (number)
"""
_RECEIPTS: LiteralString = """
insert into monitoring.event_receipts (idempotency_key, body_hash, answer, created_at)
select md5(number::text), md5(number::text), '{}', now() - interval '30 hours' * (1 - number / 100000.0)
from generate_series(1, 100000) as numbers (number)
"""
_QUOTAS: LiteralString = """
insert into monitoring.sender_quotas (sender, window_started_at, created_count)
select 'agent:user:' || number, now() - interval '3 days' * (1 - number / 20000.0), 1
from generate_series(1, 20000) as numbers (number)
"""
_EARLY_RESOLUTIONS: LiteralString = """
insert into monitoring.early_resolutions (fingerprint, sender, resolved_at, created_at)
select md5('early ' || number), 'server:default', moment, moment
from generate_series(1, 20000) as numbers (number)
cross join lateral (select now() - interval '40 days' * (1 - number / 20000.0) as moment) as moments
"""
_DEPLOYMENTS: LiteralString = """
insert into public.deployment_history (service, version, status, deployed_by, caller, started_at, finished_at)
select 'seed ' || number % 20, '1.' || number, 'succeeded', 'ann', 'user:ann', moment, moment + interval '5 minutes'
from generate_series(1, 20000) as numbers (number)
cross join lateral (select now() - interval '450 days' * (1 - number / 20000.0) as moment) as moments
"""
_KNOWLEDGE: LiteralString = """
insert into public.error_knowledge (pattern, signature, category, severity, solution, created_at, updated_at)
select
  'SeededError' || number || ': ' || word, md5(number::text), 'backend', 'LOW',
  concat('restart ', word, ' of module', number % 50, ' in step', number % 200, ' with option', number % 1000), moment,
  moment
from generate_series(1, 10000) as numbers (number)
cross join lateral (
  select
    now() - interval '450 days' * (1 - number / 10000.0) as moment,
    case when number % 500 = 0 then 'pool' else 'part' || number end as word
) as computed
"""
_OUTCOMES: LiteralString = """
insert into monitoring.fix_outcomes (knowledge_id, incident_id, caller, has_worked)
select 1 + number % 10000, 'INC-' || 1000 + number, 'user:ann', true
from generate_series(1, 20000) as numbers (number)
"""
_LOOKS: LiteralString = """
insert into monitoring.target_looks (target, purpose, requested_at, due_at, recorded_at, status)
select 'seed-' || number % 100, 'certificate', moment, moment + interval '1 minute', moment + interval '1 second', 'up'
from generate_series(1, 50000) as numbers (number)
cross join lateral (select now() - interval '100 days' * (1 - number / 50000.0) as moment) as moments
"""
_JOB_RUNS: LiteralString = """
insert into cron.job_run_details (jobid, job_pid, database, username, command, status, start_time, end_time)
select
  1 + number % 10, 1, current_database(), 'postgres', 'select 1', 'succeeded',
  now() - interval '10 days' * (1 - number / 100000.0), now() - interval '10 days' * (1 - number / 100000.0)
from generate_series(1, 100000) as numbers (number)
"""
_MULTIPLIED = (_INCIDENTS, _INCIDENT_HOURS, _NOTIFICATIONS, _DELIVERIES, _RECEIPTS)
"""What a larger database has more of, besides checks."""
_INSERTS: tuple[LiteralString, ...] = (
    _KNOWLEDGE,
    _DEPLOYMENTS,
    _INCIDENTS,
    _INCIDENT_HOURS,
    _INCIDENT_ACTIONS,
    _AGENT_ACTIONS,
    _AUDIT_HEADS,
    _ANCHORS,
    _ANCHOR_HEADS,
    _STATES,
    _TARGET_HOURS,
    _TARGET_DAYS,
    _EMAILS,
    _NOTIFICATIONS,
    _SECURITY_EVENTS,
    _DELIVERIES,
    _RECEIPTS,
    _QUOTAS,
    _EARLY_RESOLUTIONS,
    _OUTCOMES,
    _LOOKS,
    _JOB_RUNS,
)


def fill(connection: psycopg.Connection[Any], times: int = 1) -> None:
    """Writes the rows as a superuser, in a session that is in autocommit mode, and analyzes every table.

    With 10 times, the database has a million incidents, and ten million checks, one minute apart. 1, 2, 5 or 10.
    """
    _configure(connection)
    connection.execute("set synchronous_commit = off")
    connection.execute("set session_replication_role = replica")
    # The partition of each week is made before the checks are written, so that none has to be moved.
    connection.execute(_ONE_CHECK_A_WEEK)
    connection.execute("select monitoring.make_partitions()")
    for statement in _INSERTS:
        connection.execute((_multiply(statement, times) if statement in _MULTIPLIED else statement).encode())
    connection.execute(_multiply_checks(times).encode())
    connection.execute("select setval('public.incident_number', 2000000)")
    connection.execute("reset session_replication_role")
    connection.execute("select monitoring.roll_up_incidents(), monitoring.store_target_figures()")
    connection.execute("vacuum (analyze)")


def _multiply(statement: str, times: int) -> str:
    return statement.replace("100000", str(100_000 * times))


def _multiply_checks(times: int) -> str:
    """More checks in the same 69 days."""
    rounds = _CHECKS.replace("generate_series(10000,", f"generate_series({10_000 * times},")
    minutes = rounds.replace("round * 10", f"round * {10 // times}")
    return minutes.replace("interval '1 second', 10", f"interval '1 second', {10 // times}")


def _configure(connection: psycopg.Connection[Any]) -> None:
    targets = [
        {"name": f"seed-{number}", "type": "backend", "url": f"https://seed-{number}.example/", "interval_minutes": 10}
        for number in range(1, TARGETS + 1)
    ]
    targets.append({"name": "seed-beat", "type": "heartbeat", "period_minutes": 60})
    update: LiteralString = "update public.system_config set value = %s where key = %s"
    connection.execute(update, [json.dumps(targets), "health_check_targets"])
    row = connection.execute("select value from public.system_config where key = 'feature_flags'").fetchone()
    assert row is not None
    switches = {name: True for name, value in row[0].items() if isinstance(value, bool)}
    connection.execute(update, [json.dumps({**row[0], **switches}), "feature_flags"])
    connection.execute("insert into monitoring.secrets (name, value) values ('seed_url', 'https://hooks.example/seed')")
    channels = [
        {"name": "seed-channel", "kind": "slack", "url_secret": "seed_url"},
        {"name": "seed-mail", "email": "ops@example.com"},
    ]
    connection.execute(update, [json.dumps(channels), "notification_recipients"])
