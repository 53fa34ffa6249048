"""Sentry waits a second and does not ask twice: what it sends is kept, whatever the database does."""

from __future__ import annotations

import concurrent.futures
import math
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.sentry.conftest import Sentry, sentry_variables
from tests.support import sentry_bodies as bodies
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.service_process import running_service
from tests.support.waiting import wait_until


@pytest.fixture
def proxy(stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(stack.supabase_url) as running:
        running.target = b"/rpc/"
        yield running


@pytest.fixture
def flaky_upstream_sentry(stack: Stack, proxy: FaultProxy, log_path: Path) -> Iterator[Sentry]:
    environ = {**sentry_variables(stack), "SUPABASE_URL": proxy.url}
    with (
        running_service(environ, log_path) as process,
        httpx.Client(base_url=process.url, timeout=15) as http,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as connection,
    ):
        yield Sentry(http, connection)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.RESET, Fault.DROP_ANSWER])
def test_an_outage_is_bridged_in_time_and_nothing_counts_twice(
    flaky_upstream_sentry: Sentry, proxy: FaultProxy, issue_id: str, fault: Fault
) -> None:
    proxy.always = fault
    for number in range(5):
        raw = bodies.encode(bodies.error(issue_id, f"e{number}"))
        started = time.monotonic()
        answer = flaky_upstream_sentry.post("error", raw)
        assert time.monotonic() - started < 1
        assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
        assert answer.headers["Sentry-Hook-Error"] == f"e{number}"
    proxy.always = Fault.NONE
    wait_until(
        lambda: flaky_upstream_sentry.http.get("/health").json()["spool"]["depth"] == 0, what="the replay"
    )
    assert flaky_upstream_sentry.incident(f"sentry:issue:{issue_id}").occurrence_count == 5


def test_many_at_once_are_answered_in_time(sentry: Sentry, issue_id: str) -> None:
    """The bar is 300 ms at p99 on a quiet machine; here it is Sentry's own second."""

    def deliver(number: int) -> float:
        started = time.monotonic()
        answer = sentry.post("error", bodies.encode(bodies.error(issue_id, f"e{number}")))
        assert answer.status_code == 200
        return time.monotonic() - started

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        seconds = sorted(pool.map(deliver, range(640)))
    p99 = seconds[math.ceil(0.99 * len(seconds)) - 1]
    print(f"p50 {seconds[len(seconds) // 2] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    assert p99 < 1
    assert sentry.incident(f"sentry:issue:{issue_id}").occurrence_count == 640
