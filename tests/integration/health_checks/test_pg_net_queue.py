"""Our requests in the queue of pg_net, when its worker is stopped, killed, or ended by a response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target, http_target
from tests.support.tcp_server import port_of, tcp_server
from tests.support.waiting import wait_until

END_WORKER = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'emulated pg_net batch'"
OURS = "select count(*) from net.http_request_queue where url like %s"


@contextmanager
def killer_target(superuser_database_url: str) -> Iterator[str]:
    """A server whose response ends the worker of pg_net, as a body of more than 1 GB does. Yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        async with await psycopg.AsyncConnection.connect(superuser_database_url, autocommit=True) as connection:
            await connection.execute(END_WORKER)
        writer.close()

    with tcp_server(serve, 0) as server:
        yield f"http://127.0.0.1:{port_of(server)}/killer"


@pytest.fixture
def busy_worker(health_checks: HealthChecks) -> Iterator[Target]:
    """The worker waits for a slow response to somebody else, so that nothing else is sent until release()."""
    with http_target() as slow:
        health_checks.value("select net.http_get(%s, timeout_milliseconds => 300000)", slow.url("/hold"))
        wait_until(lambda: slow.paths != [], what="the request of somebody else")
        try:
            yield slow
        finally:
            slow.release()
            wait_until(
                lambda: health_checks.value("select count(*) from net.http_request_queue") == 0, what="an empty queue"
            )


def make_answers_due(health_checks: HealthChecks) -> None:
    health_checks.connection.execute("update monitoring.probes set answer_due_at = now() where request_id is not null")


def states(health_checks: HealthChecks) -> dict[str, Any]:
    rows = health_checks.rows(
        "select * from monitoring.target_states where target like %s", f"%-{health_checks.suffix}"
    )
    return {row.target.removesuffix(f"-{health_checks.suffix}"): row for row in rows}


def test_a_stopped_worker_leaves_nothing_queued(health_checks: HealthChecks, web: Target, busy_worker: Target) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(*(health_checks.target(name, web.url(f"/delay/0?{name}")) for name in ("a", "b", "c")))
    for _ in range(3):
        health_checks.start_round()
        assert health_checks.value(OURS, web.url("%")) == 3
        make_answers_due(health_checks)
        assert health_checks.judge() == 0
        assert health_checks.value(OURS, web.url("%")) == 0
    assert health_checks.value("select count(*) from monitoring.suspected_targets") == 0

    busy_worker.release()
    assert health_checks.run_round()["a"].status == "up"
    assert sorted(web.paths) == ["/delay/0?a", "/delay/0?b", "/delay/0?c"], "only the last round was sent"


@pytest.mark.usefixtures("emulated_pg_net")
def test_a_request_that_is_being_sent_is_withdrawn_when_the_worker_ends(
    health_checks: HealthChecks, web: Target, superuser: psycopg.Connection[Any]
) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(health_checks.target("api", web.url("/silent")))
    # In one batch with a slow request of somebody else, which lasts longer than the timeout of ours.
    with health_checks.connection.transaction():
        health_checks.value("select net.http_get(%s, timeout_milliseconds => 300000)", web.url("/hold"))
        health_checks.start_round()
    wait_until(lambda: "/silent" in web.paths, what="the request")
    make_answers_due(health_checks)
    health_checks.connection.execute("set statement_timeout = '10s'")
    assert health_checks.judge() == 0, "the worker's locks are not waited for"
    assert health_checks.value(OURS, web.url("/silent")) == 1

    superuser.execute(END_WORKER)

    def is_withdrawn() -> bool:
        health_checks.judge()
        return bool(health_checks.value(OURS, web.url("/silent")) == 0)

    wait_until(is_withdrawn, what="the withdrawal")
    web.release()
    assert health_checks.value("select count(*) from monitoring.withdrawn_requests") == 0


@pytest.mark.usefixtures("emulated_pg_net")
def test_without_the_privilege_nothing_is_withdrawn_and_the_checks_say_so(
    health_checks: HealthChecks, web: Target, busy_worker: Target, superuser: psycopg.Connection[Any]
) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(health_checks.target("api", web.url("/delay/0")))
    moment = health_checks.start_round()
    make_answers_due(health_checks)
    superuser.execute("revoke delete on net.http_request_queue from public, postgres")
    try:
        assert health_checks.judge() == 0
    finally:
        superuser.execute("grant all on net.http_request_queue to public, postgres")
    check = health_checks.checks(moment)["api"]
    assert check.status == "unknown"
    assert check.error.startswith("no response from pg_net, and the request stays in its queue: permission denied")
    assert health_checks.value(OURS, web.url("%")) == 1


@pytest.mark.usefixtures("emulated_pg_net")
def test_without_the_privilege_checks_that_the_worker_records_are_not_waited_for(
    health_checks: HealthChecks, web: Target, busy_worker: Target, superuser: psycopg.Connection[Any], database_url: str
) -> None:
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(*(health_checks.target(name, web.url("/delay/0")) for name in ("a", "b")))
    moment = health_checks.start_round()
    make_answers_due(health_checks)
    superuser.execute("revoke delete on net.http_request_queue from public, postgres")
    health_checks.connection.execute("set statement_timeout = '10s'")
    try:
        with psycopg.connect(database_url) as worker:
            recorded = health_checks.checks(moment)["a"].request_id
            for table in ("monitoring.awaited_checks", "monitoring.probes"):
                worker.execute(f"select from {table} where request_id = %s for update".encode(), (recorded,))
            assert health_checks.judge() == 1
    finally:
        superuser.execute("grant all on net.http_request_queue to public, postgres")
    assert {name: check.status for name, check in health_checks.checks(moment).items()} == {
        "a": "pending",
        "b": "unknown",
    }


@pytest.mark.usefixtures("emulated_pg_net")
def test_a_target_that_ends_the_worker_twice_is_paused(
    health_checks: HealthChecks, web: Target, superuser_database_url: str
) -> None:
    health_checks.set_policy(allow_private=True)
    with killer_target(superuser_database_url) as url:
        names = ["a", "b", "c"]
        targets = [health_checks.target(name, web.url("/delay/0"), timeout_ms=1000) for name in names]
        killer = health_checks.target("killer", url, "backend", timeout_ms=1000)
        health_checks.set_targets(killer, *targets)

        # A round starts every few seconds, whether or not the one before has ended, as it does every minute.
        started_at = time.monotonic()
        health_checks.start_round()

        def is_paused() -> bool:
            nonlocal started_at
            health_checks.judge()
            if time.monotonic() > started_at + 5:
                started_at = time.monotonic()
                health_checks.start_round()
            return bool(states(health_checks)["killer"].paused_at)

        wait_until(is_paused, 600, "the pause")
        (incident,) = health_checks.incidents("killer")
        assert (incident.status, incident.severity) == ("open", "HIGH")
        assert incident.title == f"{health_checks.name('killer')} is paused: its responses end the worker of pg_net"

        health_checks.finish_round()
        checks = health_checks.run_round()
        assert {name: check.status for name, check in checks.items()} == dict.fromkeys(names, "up")
        assert [states(health_checks)[name].worker_kills for name in names] == [0, 0, 0]
        assert health_checks.live("prober") == []

    health_checks.set_targets(killer | {"url": web.url("/delay/0")}, *targets)
    health_checks.run_round()
    assert health_checks.run_round()["killer"].status == "up"
    assert health_checks.incidents("killer")[0].status == "resolved"


@pytest.mark.usefixtures("emulated_pg_net")
def test_nobody_is_paused_because_the_worker_is_killed(
    health_checks: HealthChecks, web: Target, superuser: psycopg.Connection[Any]
) -> None:
    """Neither those that answer nor those that are silent."""
    health_checks.set_policy(allow_private=True, attempts=2)
    health_checks.set_targets(
        health_checks.target("quick", web.url("/delay/0"), timeout_ms=1000),
        health_checks.target("slow", web.url("/delay/900"), timeout_ms=2000),
        health_checks.target("silent", web.url("/silent"), timeout_ms=2000),
    )
    for _ in range(4):
        web.paths.clear()
        health_checks.start_round()
        # A target whose request was lost with the worker waits for its turn.
        wait_until(lambda: health_checks.judge() >= 0 and "/silent" in web.paths, what="the request")
        superuser.execute(END_WORKER)
        health_checks.finish_round()
    assert {name: (state.worker_kills, state.paused_at) for name, state in states(health_checks).items()} == {
        "quick": (0, None),
        "slow": (0, None),
        "silent": (0, None),
    }
    assert states(health_checks)["quick"].status == "up"
