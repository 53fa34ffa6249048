"""What a new error costs with a thousand and with ten million stored incidents."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from benchmarks.load import make_distinct
from local import Stack
from tests.support.projects import new_project

FEW, MANY = 1_000, 10_000_000
ROUNDS = 25
CALLS = 20
BATCH = 200
_AT_ONCE = 500_000
_INCIDENTS: LiteralString = """
insert into public.incidents (
  id, fingerprint, title, message, error_type, severity, category, rule, status, source, sender, environment,
  first_seen, last_seen, resolved_at, resolved_by, resolution, occurrence_count
)
select
  'INC-' || 1000000000 + number, md5(number::text), 'SeededError: number ' || number,
  'something number ' || number || ' went wrong in the seeded product', 'SeededError' || number %% 50,
  (enum_range(null::public.incident_severity))[1 + number %% 4],
  (enum_range(null::public.incident_category))[1 + number %% 5], 'seed', status::public.incident_status,
  'seed ' || number %% 20, 'server:default', 'production', moment, moment + interval '10 minutes',
  case when status = 'resolved' then moment + interval '20 minutes' end,
  case when status = 'resolved' then 'ann' end, case when status = 'resolved' then 'restarted' end, 1 + number %% 30
from generate_series(%(first)s::bigint, %(last)s::bigint) as numbers (number)
cross join lateral (
  select
    now() - interval '365 days' * (1 - number::double precision / %(total)s) as moment,
    case when number %% 10 = 0 then 'open' else 'resolved' end as status
) as computed
"""
_HOURS: LiteralString = """
insert into monitoring.incident_hours (incident_id, hour, environment, release, occurrences, first_seen, last_seen)
select id, date_trunc('hour', first_seen, 'UTC'), environment, '', occurrence_count, first_seen, last_seen
from public.incidents
where sender = 'server:default' and rule = 'seed'
"""
_INDEXES = """
select format('%I.%I', schemaname, indexname), indexdef
from pg_catalog.pg_indexes
where schemaname = 'public' and tablename = 'incidents' and indexname <> 'incidents_pkey'
"""

Connection = psycopg.Connection[Any]
MakeEvent = Callable[[int], dict[str, Any]]


def measure_growth(
    stack: Stack, directory: Path, make_event: MakeEvent, few: int = FEW, many: int = MANY, rounds: int = ROUNDS
) -> None:
    """Prints the time of a new error in a call of its own and in batches, with few and with many incidents.

    The rounds of two databases alternate, so that other load affects both.
    """
    with new_project(stack, directory) as small, new_project(stack, directory) as large:
        costs: dict[tuple[str, int], list[float]] = {}
        started = time.monotonic()
        for project, number in ((small, few), (large, many)):
            project.push()
            with psycopg.connect(project.superuser_url, autocommit=True) as connection:
                _fill(connection, number)
        print(f"\n{many:,} incidents stored in {time.monotonic() - started:.0f} s", flush=True)
        with (
            psycopg.connect(small.superuser_url, autocommit=True) as with_few,
            psycopg.connect(large.superuser_url, autocommit=True) as with_many,
        ):
            for round_number in range(rounds + 3):
                pair = [(few, with_few), (many, with_many)]
                for number, connection in pair if round_number % 2 else reversed(pair):
                    for name, size in (("alone", 1), (f"of {BATCH}", BATCH)):
                        cost = _cost(connection, make_event, size)
                        if round_number >= 3:  # the first rounds fill caches
                            costs.setdefault((name, number), []).append(cost)
    print(f"a new error, median of {rounds} rounds, milliseconds:")
    for name in ("alone", f"of {BATCH}"):
        base = costs[name, few]
        ratio = statistics.median(cost / former for cost, former in zip(costs[name, many], base, strict=True))
        print(
            f"  {name:<8} {few:,} incidents {statistics.median(base):7.3f}"
            f"   {many:,} incidents {statistics.median(costs[name, many]):7.3f}   {ratio:5.2f}x"
        )


def _cost(connection: Connection, make_event: MakeEvent, size: int) -> float:
    """Milliseconds of a new error. As many are stored in small calls as in one batch."""
    calls = CALLS if size == 1 else 1
    payloads = [json.dumps([make_distinct(make_event(number)) for number in range(size)]) for _ in range(calls)]
    started = time.perf_counter()
    for payload in payloads:
        connection.execute("select public.ingest_events(%s)", [payload])
    return (time.perf_counter() - started) * 1000 / (calls * size)


def _fill(connection: Connection, number: int) -> None:
    """Writes without indexes and triggers, and builds the indexes at once: a tenth of the time."""
    connection.execute(
        "update public.system_config set value = value || '{\"new_incidents_per_minute\": 1000000}'"
        " where key = 'rate_limits'"
    )
    indexes = connection.execute(_INDEXES).fetchall()
    connection.execute("set session_replication_role = replica")
    connection.execute("set maintenance_work_mem = '512MB'")
    for name, _ in indexes:
        connection.execute(sql.SQL("drop index {}").format(sql.SQL(name)))
    for first in range(1, number + 1, _AT_ONCE):
        last = min(first + _AT_ONCE - 1, number)
        connection.execute(_INCIDENTS, {"first": first, "last": last, "total": number})
    for _, definition in indexes:
        connection.execute(sql.SQL(definition))
    connection.execute(_HOURS)
    connection.execute("reset session_replication_role")
    connection.execute("vacuum (analyze) public.incidents, monitoring.incident_hours")
    connection.execute("checkpoint")
