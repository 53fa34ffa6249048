"""Purges of many due rows while reports are stored: no error, and what they cost the reports."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.load import LoadResult, run_load
from local import Stack
from tests.support.service_process import ServiceProcess, running_service, service_variables

ROWS = 10_000_000
ROUNDS = 5
SECONDS = 4.0
LONG_SECONDS = 30.0
CONNECTIONS = 16

# Share of the rows, table, and what fills it with rows that are due.
FILLS: tuple[tuple[float, str, str], ...] = (
    (
        0.6,
        "monitoring.incident_hours",
        "insert into monitoring.incident_hours (incident_id, hour, occurrences, first_seen, last_seen)"
        " select 'INC-DUE-' || number % 20000, moment, 1, moment, moment from generate_series(1, %(count)s) as number"
        " cross join lateral (select date_trunc('hour', now(), 'UTC') - make_interval(days => 100,"
        " hours => number / 20000) as moment) as moments",
    ),
    (
        0.29,
        "monitoring.event_receipts",
        "insert into monitoring.event_receipts (idempotency_key, answer, created_at)"
        " select 'due ' || number, '{\"success\": true}', now() - interval '30 days' + make_interval("
        "secs => number / 10)"
        " from generate_series(1, %(count)s) as number",
    ),
    (
        0.1,
        "public.security_events",
        "insert into public.security_events (event_type, severity, confidence, caller, created_at)"
        " select 'due', 'LOW', 1, 'bench', now() - interval '500 days' + make_interval(secs => number)"
        " from generate_series(1, %(count)s) as number",
    ),
    (
        0.01,
        "public.incidents",
        "insert into public.incidents (id, fingerprint, title, message, severity, category, rule, status, first_seen,"
        " last_seen, resolved_at)"
        " select 'INC-DUE-' || number, 'due ' || number, 't', 'm', 'LOW', 'backend', 'r', 'resolved', moment, moment,"
        " moment from generate_series(1, %(count)s) as number"
        " cross join lateral (select now() - interval '600 days' + make_interval(secs => number) as moment) as moments",
    ),
)
JOBS = (
    "monitoring-purge-incident-hours",
    "monitoring-purge-receipts",
    "monitoring-purge-security-events",
    "monitoring-purge-incidents",
)


def fill(stack: Stack, rows: int) -> None:
    """Stores due rows without the triggers, which would record each."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        for share, table, statement in FILLS:
            started = time.monotonic()
            count = int(rows * share)
            connection.execute(statement.replace("% 20000", "%% 20000").encode(), {"count": count})
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(*table.split("."))))
            print(f"  {count:,} rows in {table} in {time.monotonic() - started:.0f} s", flush=True)


class Purges:
    """Runs the jobs one after another in a thread, as pg_cron does at their minutes, while they are switched on."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._stopped = threading.Event()
        self.errors: list[str] = []
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Purges while the block runs. A job is cancelled at its end, and keeps what it committed."""
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            worker = threading.Thread(target=self._run, args=(connection,))
            self._stopped.clear()
            started = time.monotonic()
            worker.start()
            try:
                yield
            finally:
                self._stopped.set()
                connection.cancel_safe()
                worker.join()
                self.seconds += time.monotonic() - started

    def _run(self, connection: psycopg.Connection[Any]) -> None:
        commands = dict(connection.execute("select name, command from monitoring.list_retention_jobs()").fetchall())
        while not self._stopped.is_set():
            for job in JOBS:
                try:
                    connection.execute(commands[job].encode())
                except psycopg.errors.QueryCanceled:
                    return
                except psycopg.Error as error:
                    self.errors.append(f"{job}: {error}")
                    return


def are_due(stack: Stack) -> bool:
    query = """
    select
      exists (select from monitoring.incident_hours where hour < now() - interval '91 days')
      or exists (select from monitoring.event_receipts where created_at < now() - interval '2 days')
      or exists (select from public.security_events where created_at < now() - interval '401 days')
      or exists (select from public.incidents where status = 'resolved' and resolved_at < now() - interval '401 days')
    """
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return bool(row[0])


def measure_purges(
    stack: Stack,
    directory: Path,
    requests: Callable[[ServiceProcess], tuple[str, int, Callable[[int], bytes]]],
    rows: int = ROWS,
) -> None:
    """The p99 of reports in alternating rounds without and with the purges, until nothing is due."""
    print(f"\nPurge of {rows:,} due rows, {CONNECTIONS} connections report meanwhile:", flush=True)
    fill(stack, rows)
    purges = Purges(stack.database_url)
    with running_service({**service_variables(stack), "LOG_LEVEL": "WARNING"}, directory / "purges.log") as service:
        host, port, make_request = requests(service)

        def load(seconds: float) -> LoadResult:
            return asyncio.run(run_load(host, port, make_request, connections=CONNECTIONS, seconds=seconds))

        load(1)
        alone: list[LoadResult] = []
        beside: list[LoadResult] = []
        while are_due(stack):
            if len(alone) < 2 * ROUNDS:
                alone.append(load(SECONDS))
            with purges.running():
                beside.append(load(SECONDS if len(beside) < ROUNDS else LONG_SECONDS))
    for name, results in (("without a purge", alone), ("beside the purges", beside)):
        rate = statistics.median(result.rate for result in results)
        p50, p99 = (statistics.median(result.percentile(share) for result in results) for share in (0.5, 0.99))
        refused = sum(count for result in results for status, count in result.statuses.items() if status >= 300)
        print(f"  {name:<20} {rate:8,.0f} reports/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   refused {refused}")
    errors = "; ".join(purges.errors) or "none"
    print(f"  purged in {purges.seconds:,.0f} s, {rows / purges.seconds:,.0f} rows a second; errors: {errors}")
