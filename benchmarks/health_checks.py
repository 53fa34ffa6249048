"""Figures of the health checks: a round of 1,000 targets, and the status of 100 targets after 90 days."""

from __future__ import annotations

import statistics
import time
from typing import Any, LiteralString

import psycopg

from local import Stack
from tests.support.health_checks import JOBS, HealthChecks
from tests.support.http_target import http_target

TARGETS = 1000
SILENT = 50
HASTE_SECONDS = 8.0

FILL = """
insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, scheduled_at, sent_at, completed_at,
  answered_at, answer_headers
)
select
  'target ' || number, 'other', 'https://example.com/' || number,
  case when random() < 0.01 then 'down' when random() < 0.01 then 'unknown' else 'up' end
    ::public.check_status,
  200, (random() * 200)::integer, minute, minute, minute + interval '1 second', minute + interval '1 second',
  '{"content-type": "application/json"}'
from generate_series(
  date_trunc('minute', now()) - make_interval(days => %(from)s),
  date_trunc('minute', now()) - make_interval(days => %(from)s - 10) - interval '1 minute',
  interval '1 minute'
) as minutes (minute)
cross join generate_series(1, 100) as numbers (number)
"""

EMPTY = """
truncate public.monitoring_checks, monitoring.probes, monitoring.target_hourly_stats, monitoring.target_daily_stats,
  monitoring.target_states cascade
"""
ARE_HOURS_MISSING = """
select max(hour) < date_trunc('hour', now(), 'UTC') - interval '1 hour' from monitoring.target_hourly_stats
"""
VIEW = "select * from public.target_status"
# What the view would cost without the hours rolled up: the uptime of 30 days, from the checks themselves.
FROM_CHECKS = """
select target, avg((status = 'up')::integer) filter (where status <> 'unknown')
from public.monitoring_checks
where scheduled_at >= now() - interval '30 days'
group by target
"""


def measure_rounds(stack: Stack) -> None:
    """Two rounds: before the first, no response time is known. Judges as often as pg_cron would."""
    with (
        psycopg.connect(stack.database_url, autocommit=True) as connection,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
        http_target() as web,
    ):
        health_checks = HealthChecks(connection, superuser, "bench")
        health_checks.switch_jobs(JOBS, active=False)
        health_checks.set_policy(allow_private=True)
        step = TARGETS // SILENT
        health_checks.set_targets(
            *(
                health_checks.target(f"t{number}", web.url("/silent" if number % step == 7 else "/delay/5"))
                for number in range(TARGETS)
            )
        )
        print(f"\n{TARGETS:,} targets, {SILENT} of them silent for 5 s, three tries:")
        for name in ("first round", "second round"):
            started = time.perf_counter()
            health_checks.start_round()
            enqueued = time.perf_counter() - started
            longest = _judge_to_the_end(health_checks, started)
            took = time.perf_counter() - started
            print(
                f"  {name:<28} enqueued in {enqueued:5.2f} s   settled in {took:5.1f} s"
                f"   longest judgement {longest * 1000:5.0f} ms"
            )
        health_checks.set_targets()
        health_checks.judge()
        connection.execute("delete from monitoring.probes")
        connection.execute("delete from public.monitoring_checks")
        health_checks.switch_jobs(JOBS, active=True)


def _judge_to_the_end(health_checks: HealthChecks, started: float) -> float:
    """As monitoring-confirm-failures does. The longest of the judgements, in seconds."""
    longest = 0.0
    while True:
        before = time.perf_counter()
        pending = health_checks.judge()
        now = time.perf_counter()
        longest = max(longest, now - before)
        if pending == 0:
            return longest
        time.sleep(0.5 if now - started < HASTE_SECONDS else 2)


def measure_target_status(stack: Stack) -> None:
    """As a signed-in reader, against the same question put to the checks."""
    with (
        psycopg.connect(stack.database_url, autocommit=True) as connection,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
    ):
        health_checks = HealthChecks(connection, superuser, "bench")
        health_checks.switch_jobs(JOBS, active=False)
        superuser.execute(EMPTY)
        superuser.execute("set search_path = ''")  # as in our functions: no direct edit
        for begin in range(90, 0, -10):
            superuser.execute(FILL, {"from": begin})
        superuser.execute("reset search_path")
        roll_up(superuser)
        superuser.execute(
            "insert into monitoring.target_states (target, status, since)"
            " select 'target ' || number, 'up', now() from generate_series(1, 100) as numbers (number)"
        )
        superuser.execute("select monitoring.store_target_figures()")
        superuser.execute("vacuum analyze public.monitoring_checks")
        superuser.execute("vacuum analyze monitoring.target_hourly_stats")
        superuser.execute("vacuum analyze monitoring.target_daily_stats")
        connection.execute("set role authenticated")
        assert len(connection.execute(VIEW).fetchall()) == 100
        view, checks = _median(connection, VIEW), _median(connection, FROM_CHECKS)
        superuser.execute(EMPTY)
        health_checks.switch_jobs(JOBS, active=True)
    print("\n100 targets x 90 days of checks, median of 5:")
    print(f"  target_status                {view:8.0f} ms")
    print(f"  uptime from the checks       {checks:8.0f} ms   {checks / view:.0f}x")


def roll_up(connection: psycopg.Connection[Any]) -> None:
    """Sums up all hours and days, in as many runs as it takes: each one ends after half a minute."""
    while True:
        connection.execute("select monitoring.roll_up_checks()")
        row = connection.execute(ARE_HOURS_MISSING).fetchone()
        if row is None or not row[0]:
            break
    connection.execute("select monitoring.roll_up_days()")


def _median(connection: psycopg.Connection[Any], query: LiteralString) -> float:
    times = []
    for _ in range(6):
        started = time.perf_counter()
        connection.execute(query).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[1:])
