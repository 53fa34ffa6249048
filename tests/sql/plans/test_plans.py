"""What each function of the API, each view and each job reads on a large database: no whole table that grows.

A new function, view or job fails until it has a call in tests/sql/plans/calls.py; a new table counts as one that grows
until it is listed here. What is counted are rows and blocks, so the result is the same on every machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from local import Stack
from tests.sql.plans import large_database
from tests.sql.plans.calls import CALLS, JOBS, UNBOUNDED, VIEWS, Call
from tests.sql.plans.expected import EXPECTED
from tests.sql.plans.reads import Reads, count_reads, subtract
from tests.sql.plans.session import become, prepare
from tests.support.projects import new_project

pytestmark = pytest.mark.skipif(
    "STACK_ENGINE" in os.environ, reason="the real pg_cron works in only one database of a server"
)
# Tables whose size the operator decides (the configuration, its targets and channels), or that have few rows for ever:
# incident_daily_stats and incident_days get at most 20 a day, audit_anchors one, report_hours keeps 8 days of 96,
# remembered_events has at most 8,192, and heartbeat_runs 30 of a target.
BOUNDED = {
    "classification_rules",
    "cron.job",
    "monitoring.action_kinds",
    "monitoring.audit_anchors",
    "monitoring.certificate_thresholds",
    "monitoring.compiled_secret_formats",
    "monitoring.config_field",
    "monitoring.event_keys",
    "monitoring.heartbeat_keys",
    "monitoring.heartbeat_runs",
    "monitoring.heartbeats",
    "monitoring.incident_daily_stats",
    "monitoring.incident_days",
    "monitoring.job_runs",
    "monitoring.notification_channels",
    "monitoring.probe_targets",
    "monitoring.probes",
    "monitoring.remembered_events",
    "monitoring.report_hours",
    "monitoring.secret_formats",
    "monitoring.secrets",
    "monitoring.service_settings",
    "monitoring.service_targets",
    "monitoring.suspected_targets",
    "monitoring.target_certificates",
    "monitoring.target_figures",
    "monitoring.target_labels",
    "monitoring.target_rounds",
    "monitoring.target_states",
    "monitoring.watched_jobs",
    "system_config",
}
REPETITIONS = 7
"""PostgreSQL may use a plan for any arguments from the sixth execution of a nested statement on."""
STATEMENT_TIMEOUT = "30s"

_FUNCTIONS: LiteralString = """
select distinct proname
from pg_catalog.pg_proc
where pronamespace = 'public'::regnamespace
  and prorettype <> 'trigger'::regtype
  and (
    has_function_privilege('anon', oid, 'execute') or has_function_privilege('authenticated', oid, 'execute')
    or has_function_privilege('service_role', oid, 'execute')
  )
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
"""
_VIEWS: LiteralString = """
select relname
from pg_catalog.pg_class
where relnamespace = 'public'::regnamespace
  and relkind in ('v', 'm')
  and not exists (select from pg_catalog.pg_depend where objid = pg_class.oid and deptype = 'e')
"""
_STATEMENTS = {
    **{f"function {name}": (call,) for name, call in CALLS.items()},
    **{f"view {name}": (call,) for name, call in VIEWS.items()},
    **{f"job {name}": calls for name, calls in JOBS.items()},
}

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def connection(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A session of a superuser in a large database of its own, in which no job runs."""
    with new_project(stack, tmp_path_factory.mktemp("plans")) as project:
        project.push()
        with psycopg.connect(project.superuser_url, autocommit=True) as session:
            large_database.fill(session)
        with psycopg.connect(project.superuser_url) as session:
            # Workers count what they read for themselves.
            session.execute("set max_parallel_workers_per_gather = 0")
            session.execute(sql.SQL("set statement_timeout = {}").format(STATEMENT_TIMEOUT))
            session.commit()
            yield session


@pytest.mark.parametrize("name", _STATEMENTS)
def test_no_growing_table_is_read_as_a_whole(connection: Connection, name: str) -> None:
    excess = [line for call in _STATEMENTS[name] for line in _find_excess(connection, call)]
    if name in EXPECTED:
        assert excess, f"{name} is within its budget now: remove it from EXPECTED"
        pytest.xfail(f"{EXPECTED[name]}: {'; '.join(excess)}")
    assert excess == []


def test_every_function_has_a_call(connection: Connection) -> None:
    functions = {name for (name,) in connection.execute(_FUNCTIONS)}
    called = {name.partition(" ")[0] for name in CALLS}
    assert sorted(functions ^ (called | set(UNBOUNDED))) == []


def test_every_view_has_a_call(connection: Connection) -> None:
    assert {name for (name,) in connection.execute(_VIEWS)} == set(VIEWS)


def test_every_job_has_calls_of_its_functions(connection: Connection) -> None:
    jobs = dict(connection.execute("select name, command from monitoring.list_jobs()").fetchall())
    connection.rollback()
    assert set(jobs) == set(JOBS)
    for name, command in jobs.items():
        called = {function for call in JOBS[name] for function in _find_functions(call.statement)}
        assert (name, _find_functions(command) - called) == (name, set())


def test_what_is_expected_exists() -> None:
    assert set(EXPECTED) <= set(_STATEMENTS)


def test_a_whole_table_is_noticed(connection: Connection) -> None:
    """The test of this test: a scan in a nested statement, a long walk of an index, many reads of one row."""
    scan = Call("select count(*) from public.incidents where title = 'none'", "postgres")
    walk = Call("select count(*) from (select id from public.incidents order by id limit 6000) as walked", "postgres")
    loop = Call(
        "select count(*) from generate_series(1, 6000) as numbers (number)"
        " cross join lateral (select from public.incidents where id = 'INC-' || 1000 + number offset 0) as found",
        "postgres",
    )
    assert "incidents: 100,000 rows read by a sequential scan" in "\n".join(_find_excess(connection, scan))
    for call in (walk, loop):
        assert "incidents: 6," in "\n".join(_find_excess(connection, call))


def _find_functions(text: str) -> set[str]:
    return set(re.findall(r"(?:monitoring|public)\.\w+(?=\()", text))


def _find_excess(connection: Connection, call: Call) -> list[str]:
    """What the call reads more of than its budget allows, at the first execution or at a later one."""
    try:
        parameters = prepare(connection, call)
        for _ in range(REPETITIONS):
            excess = _exceeded(call, _count(connection, call, parameters))
            if excess:
                return excess
        return []
    except psycopg.errors.QueryCanceled:
        return [f"no answer within {STATEMENT_TIMEOUT}"]
    finally:
        connection.rollback()


def _exceeded(call: Call, reads: Mapping[str, Reads]) -> list[str]:
    return [
        line
        for table, found in sorted(reads.items())
        if table not in BOUNDED
        for line in call.budget.exceeded(table, found)
    ]


def _count(connection: Connection, call: Call, parameters: Mapping[str, object]) -> dict[str, Reads]:
    """Executes the statement, takes its changes back and returns what it read."""
    connection.execute("reset role")
    before = count_reads(connection)
    connection.execute("savepoint call")
    become(connection, call.role)
    connection.execute(call.statement.encode(), parameters or None)
    connection.execute("set constraints all immediate")
    connection.execute("reset role")
    after = count_reads(connection)
    connection.execute("rollback to savepoint call")
    return subtract(after, before)
