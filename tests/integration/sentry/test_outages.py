"""Deliveries are kept whatever the database does: Sentry waits one second and does not repeat a delivery."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.sentry.conftest import Sentry, sentry_variables
from tests.support import http_client
from tests.support import sentry_bodies as bodies
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.service_budgets import UNHURRIED_CALLS
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
        running_service(environ, log_path, budgets=UNHURRIED_CALLS) as process,
        httpx.Client(base_url=process.url, timeout=http_client.TIMEOUT) as http,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as connection,
    ):
        yield Sentry(http, connection)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.RESET, Fault.DROP_ANSWER])
def test_deliveries_are_spooled_during_an_outage_and_count_once(
    flaky_upstream_sentry: Sentry, proxy: FaultProxy, issue_id: str, fault: Fault
) -> None:
    proxy.always = fault
    for number in range(5):
        raw = bodies.encode(bodies.error(issue_id, f"e{number}"))
        answer = flaky_upstream_sentry.post("error", raw)
        # The answer came before the call to the database ended.
        assert fault is not Fault.HANG or proxy.hanging > 0
        assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
        assert answer.headers["Sentry-Hook-Error"] == f"e{number}"
    proxy.reset()
    wait_until(lambda: flaky_upstream_sentry.http.get("/health").json()["spool"]["depth"] == 0, what="the replay")
    assert flaky_upstream_sentry.incident(f"sentry:issue:{issue_id}").occurrence_count == 5


def test_many_deliveries_at_once_are_all_counted(sentry: Sentry, issue_id: str) -> None:
    def deliver(number: int) -> int:
        return sentry.post("error", bodies.encode(bodies.error(issue_id, f"e{number}"))).status_code

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert set(pool.map(deliver, range(640))) == {200}
    assert sentry.incident(f"sentry:issue:{issue_id}").occurrence_count == 640
