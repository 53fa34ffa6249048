"""What pages cost with 2,000 targets, 90 days of hours, 500,000 open incidents and 500,000 resolved ones."""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg

from local import Stack
from tests.support.service_process import running_service, service_variables

TARGETS = 2_000
# Of these half are resolved.
INCIDENTS = 1_000_000
ROUNDS = 15

# Set-based and without triggers: a year of use in a minute. Checks of 13 hours are as many as any query reads.
_SEED: dict[str, LiteralString] = {
    "targets": """
insert into monitoring.probe_targets (
  name, place, type, url, is_enabled, is_public, method, headers, expected_status, timeout_ms, interval_minutes,
  grace_minutes, timezone, check_ins_from, send_offset_ms, tags, is_paused, secret_headers, header_contains
)
select
  'page ' || number, number, 'backend', 'https://page.example/', true, number %% 5 = 0, 'GET', '{}', '{[200,300)}',
  10000, 1, 1, 'UTC', '{}', 0, '{}', false, '{}', '{}'
from generate_series(1, %(targets)s) as numbers (number)
""",
    "states": """
insert into monitoring.target_states (target, status, since, last_check_at)
select
  name, case when place %% 50 = 0 then 'down' else 'up' end::public.check_status, now(), date_trunc('minute', now())
from monitoring.probe_targets where name like 'page %%'
""",
    "hours": """
insert into monitoring.target_hourly_stats (
  target, hour, checks, up, degraded, down, unknown, maintenance, p50_ms, p95_ms, max_ms, up_seconds, down_seconds
)
select name, hour, 60, 59, 0, 1, 0, 0, 50, 90, 200, 3540, 60
from generate_series(
  date_trunc('day', now(), 'UTC') - interval '90 days', date_trunc('hour', now(), 'UTC') - interval '1 hour', '1 hour'
) as hours (hour)
cross join monitoring.probe_targets where name like 'page %%'
""",
    "days": """
insert into monitoring.target_daily_stats (
  target, day, up, degraded, down, unknown, maintenance, up_seconds, down_seconds, p50_ms, p95_ms
)
select target, (hour at time zone 'UTC')::date, sum(up), 0, sum(down), 0, 0, sum(up_seconds), sum(down_seconds), 50, 90
from monitoring.target_hourly_stats
where target like 'page %%' and hour < date_trunc('day', now(), 'UTC')
group by 1, 2
""",
    "checks": """
insert into public.monitoring_checks (
  target, target_type, url, status, http_status, response_time_ms, scheduled_at, sent_at, completed_at, answered_at
)
select
  name, 'backend', url, case when place %% 50 = 0 then 'down' else 'up' end::public.check_status, 200,
  20 + place %% 200, minute, minute, minute + interval '1 second', minute + interval '1 second'
from generate_series(
  date_trunc('minute', now()) - interval '13 hours', date_trunc('minute', now()), '1 minute'
) as minutes (minute)
cross join monitoring.probe_targets where name like 'page %%'
""",
    "incidents": """
insert into public.incidents (
  fingerprint, title, message, error_type, severity, category, rule, status, resolved_at, source, environment,
  first_seen, last_seen
)
select
  'page ' || number, 'SeededError: number ' || number, 'number ' || number || ' went wrong', 'SeededError',
  (enum_range(null::public.incident_severity))[1 + number %% 4],
  (enum_range(null::public.incident_category))[1 + number %% 5], 'seed',
  case when number %% 2 = 0 then 'open' else 'resolved' end::public.incident_status,
  case when number %% 2 = 1 then now() end,
  'seed ' || number %% 500, case when number %% 1000 = 0 then 'staging' else 'production' end,
  now() - interval '20 seconds' * number, now() - interval '1 second' * number
from generate_series(1, %(incidents)s) as numbers (number)
""",
    "hours of incidents": """
insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)
select id, date_trunc('hour', last_seen, 'UTC'), 3, last_seen, last_seen
from public.incidents where last_seen > now() - interval '7 days'
""",
}
_PAGES: dict[str, LiteralString] = {
    "status_page()": "select public.status_page()",
    "public_status()": "select public.public_status()",
    "target_page()": "select public.target_page('page 7')",
    "status_summary()": "select public.status_summary()",
    "system_status()": "select public.system_status()",
    "service_health()": "select public.service_health()",
    "target_status, all": "select * from public.target_status",
    "target_status for metrics": (
        "select target, status, is_paused, certificate_expires_at from public.target_status order by target limit 1000"
    ),
    "target_status, one": "select * from public.target_status where target = 'page 7'",
    "search_incidents()": "select public.search_incidents('{}')",
    "search_incidents(), text": 'select public.search_incidents(\'{"text": "no such words", "status": "all"}\')',
    "search_incidents(), rare": (
        'select public.search_incidents(\'{"environment": "staging", "severity": "low", "period": "7d"}\')'
    ),
    "incident_page()": "select public.incident_page(id) from public.incidents where source = 'shop'",
    "target_panels, one": "select * from public.target_panels where target = 'page 7'",
    "target_history": "select * from public.target_history order by hour desc limit 100",
    "target_history, one": "select * from public.target_history where target = 'page 7' order by hour desc limit 100",
}
# What the pages read is kept by jobs: the hourly one, and each judgement.
_KEEPING: dict[str, LiteralString] = {
    "hourly job": "select monitoring.store_target_figures()",
    "all rounds of a minute": (
        "select monitoring.store_rounds(array(select target from monitoring.target_states where target like 'page %'))"
    ),
}


# What a browser asks for, signed in or not.
_REQUESTS = {
    "/status": True,
    "/status, public": False,
    "/incidents": True,
    "/incidents?period=7d": True,
    "/incidents?text=no+such+words&status=all": True,
    "/incidents?environment=staging&severity=low": True,
    "/incidents/{incident}": True,
    "/targets/page%207": True,
}
_TOKEN = "operator-token-of-a-benchmark"  # noqa: S105 - of a service that lives as long as the benchmark
_STACK = """Traceback (most recent call last):
  File "/app/shop/checkout.py", line 42, in pay
    charge(order)
""" + "".join(
    f"""  File "/usr/lib/python3.11/site-packages/library/module_{number}.py", line {number}, in call
    return self.next(request)
"""
    for number in range(60)
)


def measure_pages(stack: Stack, directory: Path, targets: int = TARGETS, incidents: int = INCIDENTS) -> None:
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser:
        superuser.execute("update cron.job set active = false")
        superuser.execute("set session_replication_role = replica")
        for query in _SEED.values():
            superuser.execute(query, {"targets": targets, "incidents": incidents})
        superuser.execute("set session_replication_role = origin")
        superuser.execute("select monitoring.store_target_figures()")
        superuser.execute("select monitoring.count_reports()")
        incident = _report_incident(superuser)
        superuser.execute("vacuum analyze")
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        print(f"\n{targets:,} targets x 90 days, {incidents:,} incidents, CPU of Postgres and median wall clock:")
        for name, query in _PAGES.items():
            _print(name, *_cost(connection, query, ROUNDS))
        for name, query in _KEEPING.items():
            _print(name, *_cost(connection, query, 3))
    _measure_requests(stack, directory, incident)


def _report_incident(connection: psycopg.Connection[Any]) -> str:
    """The id of an incident with a long stack, a hundred notes and a deployment before it."""
    report = {"error": {"message": "charge failed", "type": "PaymentError", "stack": _STACK}, "source": "shop"}
    row = connection.execute("select public.report_error(%s) ->> 'incident_id'", [json.dumps(report)]).fetchone()
    assert row is not None
    connection.execute("select public.record_deployment_started('shop', 'v1.0.0')")
    for number in range(100):
        connection.execute("select public.add_incident_note(%s, %s)", [row[0], f"Looked at log {number}."])
    return str(row[0])


def _measure_requests(stack: Stack, directory: Path, incident: str) -> None:
    """Wall clock from the request to the last byte: service, PostgREST and PostgreSQL together."""
    environ = {**service_variables(stack), "OPERATOR_TOKEN": _TOKEN}
    with running_service(environ, directory / "pages.log") as service:
        page = {"Accept": "text/html", "Accept-Encoding": "gzip"}
        signed_in = {**page, "Authorization": f"Bearer {_TOKEN}"}
        with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
            print("\npages over HTTP, CPU of the service, median and slowest wall clock:")
            for path, is_signed_in in _REQUESTS.items():
                address = path.partition(",")[0].format(incident=incident)
                headers = signed_in if is_signed_in else page
                assert client.get(address, headers=headers).status_code == 200, address
                used, times = _cpu_ms(service.process.pid), []
                for _ in range(ROUNDS):
                    started = time.perf_counter()
                    client.get(address, headers=headers)
                    times.append((time.perf_counter() - started) * 1000)
                cpu = (_cpu_ms(service.process.pid) - used) / ROUNDS
                print(f"  {path:<46} {cpu:8.1f} ms CPU {statistics.median(times):8.1f} ms {max(times):8.1f} ms")


def _cost(connection: psycopg.Connection[Any], query: LiteralString, rounds: int) -> tuple[float, float]:
    """CPU and wall clock of a call in milliseconds, after a first one."""
    connection.execute(query).fetchall()
    used, times = _cpu_ms(connection.info.backend_pid), []
    for _ in range(rounds):
        started = time.perf_counter()
        connection.execute(query).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    return (_cpu_ms(connection.info.backend_pid) - used) / rounds, statistics.median(times)


def _cpu_ms(process: int) -> float:
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


def _print(name: str, cpu: float, wall: float) -> None:
    print(f"  {name:<28} {cpu:8.1f} ms CPU {wall:8.1f} ms")
