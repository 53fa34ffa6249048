"""Locks that sessions hold on several rows at once: agents, ingest and the kill switch must not deadlock."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from local import Stack
from tests.integration.agents.conftest import Call
from tests.support.waiting import wait_until

BEGIN = "select public.begin_agent_action('lock-order', 'investigate', %s)"


@pytest.fixture
def known_fix(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "select public.remember_fix('restart it', pattern => %s)", [f"lock order {secrets.token_hex(4)}"]
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def two_running(connection: psycopg.Connection[Any], make_incident: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """Two incidents with a running action, in the order of their fingerprints, which is not that of their ids."""
    made: list[tuple[str, str]] = []
    while sorted(made) != sorted(made, key=lambda pair: pair[1], reverse=True) or len(made) < 2:
        incident_id = make_incident()
        row = connection.execute("select fingerprint from public.incidents where id = %s", [incident_id]).fetchone()
        assert row is not None
        made = [*made[-1:], (row[0], incident_id)]
    (_, first), (_, second) = sorted(made)
    for incident_id in (first, second):
        connection.execute(BEGIN, [incident_id])
    yield first, second
    connection.execute("select monitoring.fail_running_actions('the test is over', false)")


def lock(session: psycopg.Connection[Any], incident_id: str, how: str = "") -> None:
    query = sql.SQL("select from public.incidents where id = %s for update {}").format(sql.SQL(how))
    session.execute(query, [incident_id])


def is_waiting(connection: psycopg.Connection[Any], session: psycopg.Connection[Any]) -> bool:
    row = connection.execute("select cardinality(pg_blocking_pids(%s)) > 0", [session.info.backend_pid]).fetchone()
    return row is not None and bool(row[0])


def test_an_outcome_does_not_wait_for_those_who_link_incidents_to_the_fix(
    stack: Stack, call: Call, make_incident: Callable[[], str], known_fix: int
) -> None:
    """If it did, two agents that resolve incidents with the same fix would wait for each other."""
    first, second = make_incident(), make_incident()
    with psycopg.connect(stack.database_url) as other, psycopg.connect(stack.database_url) as own:
        other.execute("select public.resolve_incident(%s, 'restarted', %s)", [first, known_fix])  # uncommitted
        own.execute("set lock_timeout = '5s'")
        own.execute("select public.resolve_incident(%s, 'restarted', %s, true)", [second, known_fix])
        own.execute("select public.remember_fix('restart it', incident_id => %s)", [second])
        own.execute("select public.approve_fix(%s, 1)", [known_fix])
        own.rollback()


def test_the_kill_switch_locks_incidents_in_the_order_of_ingest(
    stack: Stack, connection: psycopg.Connection[Any], two_running: tuple[str, str]
) -> None:
    first, second = two_running
    with psycopg.connect(stack.database_url) as holder, psycopg.connect(stack.database_url) as killer:
        lock(holder, first)
        with ThreadPoolExecutor(1) as pool:
            ending = pool.submit(killer.execute, "select monitoring.fail_running_actions('stopped', false)")
            wait_until(lambda: is_waiting(connection, killer), what="the kill switch at the first incident")
            lock(connection, second, "nowait")
            holder.rollback()
            ending.result()


def test_the_kill_switch_survives_a_deadlock(
    stack: Stack, connection: psycopg.Connection[Any], two_running: tuple[str, str]
) -> None:
    first, second = two_running
    with psycopg.connect(stack.superuser_database_url) as holder, psycopg.connect(stack.database_url) as killer:
        holder.execute("set deadlock_timeout = '1h'; set lock_timeout = '60s'")  # PostgreSQL ends the other session
        lock(holder, second)
        with ThreadPoolExecutor(2) as pool:
            setting = pool.submit(
                killer.execute,
                "update public.system_config set value = %s where key = 'kill_switch'",
                [json.dumps({"enabled": True, "reason": "lock order"})],
            )
            wait_until(lambda: is_waiting(connection, killer), what="the kill switch at the second incident")
            locking = pool.submit(lock, holder, first)
            locking.result()
            holder.rollback()
            setting.result()
        row = killer.execute("select count(*) from monitoring.running_actions").fetchone()
        assert row == (0,)
        killer.rollback()


def test_neither_the_kill_switch_nor_the_watch_waits_for_a_judgement_that_waits_for_an_incident(
    stack: Stack, connection: psycopg.Connection[Any]
) -> None:
    """Of a target that was removed: the judgement resolves it, but a session holds it."""
    name = f"held {secrets.token_hex(4)}"
    connection.execute(
        "insert into public.incidents (fingerprint, title, message, severity, category, rule, sender)"
        " values ('health-check:target:' || %s, 't', 'm', 'LOW', 'backend', 'r', 'health-check')",
        [name],
    )
    with (
        psycopg.connect(stack.database_url) as holder,
        psycopg.connect(stack.database_url, autocommit=True) as judge,
        psycopg.connect(stack.database_url) as killer,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute(
            "select from public.incidents where fingerprint = 'health-check:target:' || %s for update", [name]
        )
        connection.execute(
            "insert into monitoring.target_states (target, status, since) values (%s, 'down', now())", [name]
        )
        judged = pool.submit(judge.execute, "select monitoring.judge_health_checks()")
        try:
            wait_until(lambda: is_waiting(connection, judge), what="a judgement at the incident")
            killer.execute("set statement_timeout = '20s'")
            killer.execute("select public.set_kill_switch(true, 'the test')")
            killer.rollback()
            killer.execute("set statement_timeout = '20s'")
            killer.execute("select monitoring.watch_jobs()")
            killer.rollback()
        finally:
            holder.rollback()
        judged.result()


def test_who_changes_an_incident_and_then_the_configuration_does_not_deadlock_with_a_judgement(
    stack: Stack, connection: psycopg.Connection[Any]
) -> None:
    name = f"edited {secrets.token_hex(4)}"
    connection.execute(
        "insert into public.incidents (fingerprint, title, message, severity, category, rule, sender)"
        " values ('health-check:target:' || %s, 't', 'm', 'LOW', 'backend', 'r', 'health-check')",
        [name],
    )
    with (
        psycopg.connect(stack.superuser_database_url, autocommit=True) as judge,
        psycopg.connect(stack.database_url) as editor,
        ThreadPoolExecutor(1) as pool,
    ):
        judge.execute("set deadlock_timeout = '1h'")  # PostgreSQL ends the other session
        editor.execute("update public.incidents set url = 'u' where fingerprint = 'health-check:target:' || %s", [name])
        connection.execute(
            "insert into monitoring.target_states (target, status, since) values (%s, 'down', now())", [name]
        )
        judged = pool.submit(judge.execute, "select monitoring.judge_health_checks()")
        try:
            wait_until(lambda: is_waiting(connection, judge), what="a judgement at the incident")
            editor.execute("update public.system_config set description = description where key = 'retention'")
        finally:
            editor.rollback()
        judged.result()


def test_a_new_partition_of_checks_deadlocks_with_nobody_who_changes_incidents_and_their_checks(
    stack: Stack, connection: psycopg.Connection[Any], make_incident: Callable[[], str]
) -> None:
    incident_id = make_incident()
    latest = "select name from monitoring.list_check_partitions() order by since desc limit 1"
    row = connection.execute(latest).fetchone()
    assert row is not None
    connection.execute(sql.SQL("drop table monitoring.{}").format(sql.Identifier(row[0])))
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(stack.database_url) as editor,
        psycopg.connect(stack.database_url, autocommit=True) as maker,
    ):
        editor.execute("update public.incidents set url = 'u' where id = %s", [incident_id])
        made = pool.submit(maker.execute, "select monitoring.make_partitions()")
        wait_until(lambda: is_waiting(connection, maker))
        editor.execute("update public.monitoring_checks set error = 'e' where target = 'none'")
        editor.commit()
        made.result()
    connection.execute("select monitoring.make_partitions()")  # if it has waited for two seconds
    assert connection.execute(latest).fetchone() == row
