"""Logical replication into another Postgres, by the statements that docs/scale.md prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import pytest

from local import Stack
from tests.conftest import fresh_state
from tests.sql.replicas.servers import empty_server
from tests.support.pages import blocks
from tests.support.waiting import wait_until

PRINTED_SOURCE = "host=db.YOUR-PROJECT.supabase.co dbname=postgres user=postgres password=YOUR-PASSWORD"
SOURCE = "replicated"

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def monitoring(stack: Stack) -> Iterator[Connection]:
    """A session of the owner, with one incident of before the replication, and the publication."""
    if stack.postgres is None:
        pytest.skip("an external server may not allow logical replication")
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        _report(connection, "known before")
        _run_printed(connection, "-- on the monitoring database")
        try:
            yield connection
        finally:
            connection.execute("drop publication monitoring_analytics")


@pytest.fixture(scope="module")
def analytics(stack: Stack, monitoring: Connection) -> Iterator[Connection]:
    """A session of a superuser on the other server, which subscribes."""
    with (
        fresh_state() as folder,
        empty_server(folder) as server,
        psycopg.connect(server.superuser_url, autocommit=True) as connection,
        _subscription(connection, stack),
    ):
        yield connection


def test_what_was_stored_before_is_copied(analytics: Connection) -> None:
    _wait_for(
        analytics, "select count(*) from public.incidents where source = 'replicated' and error_type = 'Before'", 1
    )


def test_reports_and_repeats_follow(monitoring: Connection, analytics: Connection) -> None:
    for _ in range(3):
        _report(monitoring, "seen later", "Later")
    _wait_for(analytics, "select occurrence_count from public.incidents where error_type = 'Later'", 3)
    _wait_for(
        analytics,
        "select sum(occurrences) from monitoring.incident_hours join public.incidents on id = incident_id"
        " where error_type = 'Later'",
        3,
    )


def test_changes_of_incidents_and_their_actions_follow(monitoring: Connection, analytics: Connection) -> None:
    incident = _report(monitoring, "resolved later", "Resolved")
    monitoring.execute("select public.resolve_incident(%s, 'restarted')", [incident])
    _wait_for(
        analytics, "select count(*) from public.incidents where error_type = 'Resolved' and status = 'resolved'", 1
    )
    actions = monitoring.execute(
        "select count(*) from public.agent_actions where incident_id = %s", [incident]
    ).fetchone()
    assert actions is not None
    _wait_for(
        analytics,
        "select count(*) from public.agent_actions join public.incidents on incidents.id = incident_id"
        " where error_type = 'Resolved'",
        actions[0],
    )


def test_hourly_figures_of_targets_follow(monitoring: Connection, analytics: Connection) -> None:
    monitoring.execute(
        "insert into monitoring.target_hourly_stats (target, hour, checks, up, degraded, down, unknown, maintenance)"
        " values ('replicated', date_trunc('hour', now()), 60, 60, 0, 0, 0, 0)"
    )
    _wait_for(analytics, "select up from monitoring.target_hourly_stats where target = 'replicated'", 60)
    monitoring.execute("update monitoring.target_hourly_stats set up = 59, down = 1 where target = 'replicated'")
    _wait_for(analytics, "select up from monitoring.target_hourly_stats where target = 'replicated'", 59)
    monitoring.execute("delete from monitoring.target_hourly_stats where target = 'replicated'")


def test_what_is_purged_stays(monitoring: Connection, analytics: Connection) -> None:
    monitoring.execute(
        "insert into monitoring.target_hourly_stats (target, hour, checks, up, degraded, down, unknown, maintenance)"
        " values ('purged', date_trunc('hour', now()), 60, 60, 0, 0, 0, 0)"
    )
    monitoring.execute("delete from monitoring.target_hourly_stats where target = 'purged'")
    _report(monitoring, "after the purge", "AfterPurge")
    _wait_for(analytics, "select count(*) from public.incidents where error_type = 'AfterPurge'", 1)
    _wait_for(analytics, "select count(*) from monitoring.target_hourly_stats where target = 'purged'", 1)


def _report(connection: Connection, message: str, error_type: str = "Before") -> str:
    event = [{"error": {"message": message, "type": error_type}, "source": SOURCE}]
    row = connection.execute("select public.ingest_events(%s)", [json.dumps(event)]).fetchone()
    assert row is not None
    return str(row[0][0]["incident_id"])


def _printed(opening: str) -> str:
    """The block of the page that begins with the comment."""
    (text,) = [block.text for block in blocks("sql") if block.page == "scale.md" and block.text.startswith(opening)]
    return text


def _run_printed(connection: Connection, opening: str, source: str = PRINTED_SOURCE) -> None:
    text = _printed(opening)
    # A subscription creates its slot, which no transaction may contain: statement by statement.
    for statement in text.replace(PRINTED_SOURCE, source).split(";\n"):
        if statement.strip():
            connection.execute(statement.encode())


@contextmanager
def _subscription(connection: Connection, stack: Stack) -> Iterator[None]:
    parts = psycopg.conninfo.conninfo_to_dict(stack.database_url)
    source = " ".join(f"{name}={parts[name]}" for name in ("host", "port", "dbname", "user", "password"))
    _run_printed(connection, "-- on the analytics database", source)
    try:
        yield
    finally:
        connection.execute("drop subscription monitoring_analytics")


def _wait_for(connection: Connection, query: LiteralString, value: object) -> None:
    def has_value() -> bool:
        return connection.execute(query).fetchone() == (value,)

    wait_until(has_value, what=f"{value} of {query}")
