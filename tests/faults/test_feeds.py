"""Error reports and Sentry deliveries are two feeds: what stops one does not stop the other, nor does the monitor."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.metrics import FEEDS
from app.web.auth import sign
from local import Stack
from tests.support import http_client
from tests.support import sentry_bodies as bodies
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.report_load import HEADERS, ROUTE
from tests.support.service_process import ServiceProcess, is_drained, running_service
from tests.support.waiting import wait_until

SECRET = "client-secret-of-sentry"  # noqa: S105 - of a service that lives as long as a test


@pytest.fixture
def proxy(disposable_stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(disposable_stack.supabase_url) as running:
        yield running


@pytest.fixture
def service(environ: dict[str, str], log_path: Path, proxy: FaultProxy) -> Iterator[ServiceProcess]:
    variables = {**environ, "SUPABASE_URL": proxy.url, "SENTRY_CLIENT_SECRET": SECRET}
    with running_service(variables, log_path) as running:
        yield running


def report(service: ServiceProcess, name: str) -> httpx.Response:
    body = {"error": {"message": "feed"}, "fingerprint": name, "source": name}
    return http_client.post(service.url + ROUTE, json=body, headers=HEADERS)


def deliver(service: ServiceProcess, issue_id: str) -> httpx.Response:
    raw = bodies.encode(bodies.error(issue_id, secrets.token_hex(4)))
    headers = {"Sentry-Hook-Resource": "error", "Sentry-Hook-Signature": sign(raw, SECRET)}
    return http_client.post(f"{service.url}/webhooks/sentry", content=raw, headers=headers)


def health(service: ServiceProcess) -> Any:
    return http_client.get(f"{service.url}/health").json()


def test_the_breaker_of_one_feed_leaves_the_other_closed(service: ServiceProcess, proxy: FaultProxy) -> None:
    name, issue_id = secrets.token_hex(6), str(10**9 + secrets.randbelow(10**9))
    wait_until(lambda: deliver(service, issue_id).status_code == 200, what="a delivery")
    proxy.always = Fault.RESET

    def is_open() -> bool:
        assert report(service, name).status_code == 202
        return bool(health(service)["breakers"]["events"] != "closed")

    wait_until(is_open, what="the open breaker")
    assert health(service)["breakers"]["deliveries"] == "closed"
    wait_until(lambda: deliver(service, issue_id).status_code == 200, what="a delivery beside the open breaker")
    proxy.reset()
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    wait_until(lambda: report(service, name).status_code == 201, what="a report that is stored at once")


def test_one_failed_call_opens_no_breaker(service: ServiceProcess, proxy: FaultProxy) -> None:
    proxy.always = Fault.RESET
    assert report(service, secrets.token_hex(6)).status_code == 202
    proxy.reset()
    assert health(service)["breakers"] == dict.fromkeys(FEEDS, "closed")


def test_a_hanging_replay_of_one_feed_does_not_hold_up_the_other(
    service: ServiceProcess, proxy: FaultProxy, disposable_stack: Stack
) -> None:
    name, issue_id = secrets.token_hex(6), str(10**9 + secrets.randbelow(10**9))
    proxy.target = b"/rpc/ingest_"
    proxy.always = Fault.RESET
    for _ in range(4):
        assert report(service, name).status_code == 202
        assert deliver(service, issue_id).status_code == 202
    # From now on only the calls of one feed fail, by getting no answer.
    proxy.target = b"/rpc/ingest_events"
    proxy.always = Fault.HANG
    with psycopg.connect(disposable_stack.database_url, autocommit=True) as database:
        query = "select occurrence_count from public.incidents where fingerprint = %s"

        def count() -> int:
            row = database.execute(query, [f"sentry:issue:{issue_id}"]).fetchone()
            return int(row[0]) if row else 0

        wait_until(lambda: count() == 4, what="the replay of the deliveries")
    # What is stored leaves the spool a moment later. The events hang, so that they stay.
    wait_until(lambda: health(service)["spool"]["depth"] == 4, what="the end of that replay")
    proxy.reset()
    wait_until(lambda: is_drained(service.url), what="the end of the spool")


def test_the_replay_needs_nothing_but_its_own_call(service: ServiceProcess, proxy: FaultProxy) -> None:
    proxy.target = b"/rpc/"
    proxy.always = Fault.BAD_GATEWAY
    for _ in range(5):
        assert report(service, secrets.token_hex(6)).status_code == 202
    proxy.target = b"/rpc/service_health"
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    assert http_client.get(f"{service.url}/health/db").status_code == 503


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.LIST, Fault.NOT_UTF8, Fault.DEEP, Fault.BAD_CHARSET])
def test_an_answer_that_is_not_of_service_health_is_down_and_passes(
    service: ServiceProcess, proxy: FaultProxy, fault: Fault
) -> None:
    url = f"{service.url}/health/db"
    wait_until(lambda: http_client.get(url).status_code == 200, what="the database")
    proxy.target = b"/rpc/service_health"
    proxy.always = fault
    answer = http_client.get(url)
    assert (answer.status_code, answer.json()["database"]["state"]) == (503, "down")
    proxy.reset()
    wait_until(lambda: http_client.get(url).status_code == 200, what="the database")
    tasks = health(service)["tasks"]
    assert {name: (task["state"], task["restarts"]) for name, task in tasks.items() if name != "bootstrap"} == {
        "monitor": ("running", 0),
        "looks": ("running", 0),
        "target states": ("running", 0),
        "audit": ("running", 0),
        **{f"replay of {feed}": ("running", 0) for feed in FEEDS},
    }


def test_without_pg_cron_the_scheduler_is_stopped_and_reports_are_stored(
    service: ServiceProcess, proxy: FaultProxy, disposable_stack: Stack
) -> None:
    url = f"{service.url}/health/db"
    with psycopg.connect(disposable_stack.superuser_database_url, autocommit=True) as database:
        database.execute("alter schema cron rename to cron_is_gone")
        try:
            assert http_client.get(url).status_code == 200
            assert health(service)["scheduler"] in ("stopped", "unknown")
            proxy.always = Fault.RESET
            assert report(service, secrets.token_hex(6)).status_code == 202
            proxy.reset()
            wait_until(lambda: is_drained(service.url), what="the end of the spool")
        finally:
            database.execute("alter schema cron_is_gone rename to cron")
