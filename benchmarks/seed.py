"""Fills a database as a year of use would, by plain SQL: the figures of the read API are measured on it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks.health_checks import roll_up

INCIDENTS = 1_000_000
CHECKS = 10_000_000
TARGETS = 100

_INCIDENTS = """
insert into public.incidents (
  fingerprint, title, message, error_type, severity, category, rule, status, source, environment, first_seen,
  last_seen, acknowledged_at, resolved_at, resolved_by, resolution, occurrence_count
)
select
  'seed ' || number,
  'SeededError: number ' || number,
  'something number ' || number || ' went wrong in the seeded product',
  'SeededError' || number %% 50,
  (enum_range(null::public.incident_severity))[1 + number %% 4],
  (enum_range(null::public.incident_category))[1 + number %% 5],
  'seed',
  case when number %% 200 = 0 then 'open' else 'resolved' end::public.incident_status,
  'seed ' || number %% 20,
  'production',
  moment,
  moment + interval '10 minutes',
  case when number %% 3 = 0 then moment + interval '2 minutes' end,
  case when number %% 200 <> 0 then moment + interval '20 minutes' end,
  case when number %% 200 <> 0 then 'ann' end,
  case when number %% 200 <> 0 then 'restarted' end,
  1 + number %% 30
from generate_series(%(first)s::bigint, %(last)s::bigint) as numbers (number)
cross join lateral (
  select now() - interval '365 days' * (1 - number::double precision / %(total)s) as moment
) as moments
"""
_CHECKS = """
insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, scheduled_at, sent_at, completed_at,
  answered_at
)
select
  'seed-' || target, 'backend', 'https://seed.example/', case when minute %% 500 = 0 then 'down' else 'up' end
    ::public.check_status,
  200, 20 + (minute * 7 + target) %% 300, moment, moment, moment + interval '1 second',
  moment + interval '1 second'
from generate_series(%(first)s::bigint, %(last)s::bigint) as minutes (minute)
cross join generate_series(1, %(targets)s) as targets (target)
cross join lateral (
  select date_trunc('minute', %(now)s::timestamptz) - make_interval(mins => minute::integer) as moment
) as moments
"""


def seed(connection: psycopg.Connection[Any], incidents: int = INCIDENTS, checks: int = CHECKS) -> None:
    """Incidents with their audit rows, checks; then what pg_cron's jobs would have done by now."""
    started = time.monotonic()
    # As our functions write: no direct edit, whose rows would be checked and recorded one by one.
    connection.execute("set search_path = ''")
    # The triggers run: a seeded incident has its audit row like any other.
    for first in range(1, incidents + 1, 50_000):
        last = min(first + 49_999, incidents)
        connection.execute(_INCIDENTS, {"first": first, "last": last, "total": incidents})
    print(f"  {incidents:,} incidents with their audit rows in {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    # Probing is off; the targets are configured, because states of other targets are deleted.
    connection.execute(
        "update public.system_config set value = value || '{\"monitoring\": false}' where key = 'feature_flags'"
    )
    targets = [
        {"name": f"seed-{number}", "type": "backend", "url": "https://seed.example/"}
        for number in range(1, TARGETS + 1)
    ]
    connection.execute(
        "update public.system_config set value = %s where key = 'health_check_targets'", [json.dumps(targets)]
    )
    connection.execute(
        "insert into monitoring.target_states (target, status, since) select 'seed-' || number, 'up', now()"
        " from generate_series(1, %s) as number on conflict (target) do nothing",
        [TARGETS],
    )
    minutes, now = checks // TARGETS, datetime.now(UTC)
    for first in range(1, minutes + 1, 2_000):
        last = min(first + 1_999, minutes)
        values = {"first": first, "last": last, "targets": TARGETS, "now": now}
        connection.execute(_CHECKS, values)
    print(f"  {checks:,} checks in {time.monotonic() - started:.0f} s")
    connection.execute("reset search_path")
    for deployment in range(50):
        connection.execute(
            "select public.record_deployment_started(%s, %s)", [f"seed {deployment % 20}", f"1.{deployment}"]
        )
    roll_up(connection)
    connection.execute("select monitoring.store_target_figures()")
    connection.execute("select monitoring.roll_up_incidents()")
    connection.execute("vacuum (analyze) public.incidents, public.monitoring_checks, public.agent_actions")
    connection.execute("analyze")
