"""Feeds share nothing: what one kind of sender sends or breaks leaves the answers to the others as they are."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from app.metrics import FEEDS
from app.web.auth import sign
from local import Stack
from tests.support import http_client, monitor_bodies
from tests.support import sentry_bodies as bodies
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.report_load import HEADERS, ROUTE
from tests.support.service_process import ALERTMANAGER_KEY, PUBLIC_KEY, ServiceProcess, is_drained, running_service
from tests.support.waiting import wait_until

SECRET = "client-secret-of-sentry"  # noqa: S105 - of a service that lives as long as a test
APP_KEY = "test_public_key_of_the_app"
OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
# Reports of 10 kB that fill a quarter of 1 MB, with room for more.
MANY = 60


@pytest.fixture
def proxy(disposable_stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(disposable_stack.supabase_url) as running:
        yield running


@pytest.fixture
def service(environ: dict[str, str], log_path: Path, proxy: FaultProxy) -> Iterator[ServiceProcess]:
    variables = {
        **environ,
        "SUPABASE_URL": proxy.url,
        "SENTRY_CLIENT_SECRET": SECRET,
        "PUBLIC_KEYS": f"shop:{PUBLIC_KEY},app:{APP_KEY}",
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
        "SPOOL_MAX_MB": "1",
    }
    with running_service(variables, log_path) as running:
        yield running


@pytest.fixture
def heartbeat_key(disposable_stack: Stack) -> Iterator[str]:
    """The key of a heartbeat that is due once a day."""
    name = f"isolation-{secrets.token_hex(6)}"
    target = f'[{{"name": "{name}", "type": "heartbeat", "period_minutes": 1440}}]'
    with psycopg.connect(disposable_stack.superuser_database_url, autocommit=True) as database:
        before = database.execute(
            "select value from public.system_config where key = 'health_check_targets'"
        ).fetchone()
        query = "update public.system_config set value = value || %s::jsonb where key = 'health_check_targets'"
        database.execute(query, [target])
        row = database.execute("select key from monitoring.heartbeat_keys where target = %s", [name]).fetchone()
        assert row is not None
        yield str(row[0])
        query = "update public.system_config set value = %s::jsonb where key = 'health_check_targets'"
        database.execute(query, [Jsonb(before[0] if before else [])])


@pytest.fixture
def senders(service: ServiceProcess, heartbeat_key: str) -> dict[str, Callable[[], httpx.Response]]:
    """One sender for each feed."""
    numbers = itertools.count(10**9 + secrets.randbelow(10**9))

    def deliver() -> httpx.Response:
        raw = bodies.encode(bodies.error(str(next(numbers)), secrets.token_hex(4)))
        headers = {"Sentry-Hook-Resource": "error", "Sentry-Hook-Signature": sign(raw, SECRET)}
        return http_client.post(f"{service.url}/webhooks/sentry", content=raw, headers=headers)

    def alert() -> httpx.Response:
        body = monitor_bodies.alertmanager(monitor_bodies.alert(secrets.token_hex(6), datetime.now(UTC)))
        return http_client.post(f"{service.url}/webhooks/alertmanager", json=body, params={"key": ALERTMANAGER_KEY})

    return {
        "events": lambda: http_client.post(service.url + ROUTE, json=report(), headers=HEADERS),
        "public": lambda: report_of_a_page(service, PUBLIC_KEY),
        "deliveries": deliver,
        "monitors": alert,
        "heartbeats": lambda: http_client.get(f"{service.url}/heartbeat/{heartbeat_key}"),
    }


def report(size: int = 0) -> dict[str, object]:
    return {
        "error": {"message": "isolation"},
        "fingerprint": secrets.token_hex(6),
        "context": {"text": "x " * (size // 2)},
    }


def report_of_a_page(service: ServiceProcess, key: str, size: int = 0) -> httpx.Response:
    return http_client.post(service.url + ROUTE, json=report(size), params={"key": key})


def health(service: ServiceProcess) -> Any:
    return http_client.get(f"{service.url}/health").json()


# What the call of a feed contains, and no other's.
CALLS = {
    "events": (b"/rpc/ingest_events", b'"sender":"server:'),
    "public": (b"/rpc/ingest_events", b'"sender":"public:'),
    "deliveries": (b"/rpc/ingest_deliveries", b'"resource":"error"'),
    "monitors": (b"/rpc/ingest_deliveries", b'"kind":"alertmanager"'),
    "heartbeats": (b"/rpc/ingest_heartbeats", b""),
}
STORED = {200, 201}


def test_every_feed_is_broken_below() -> None:
    assert set(CALLS) == set(FEEDS)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HANG], ids=lambda fault: fault.name)
@pytest.mark.parametrize("broken", FEEDS)
def test_a_feed_whose_calls_fail_leaves_the_others_as_they_are(
    service: ServiceProcess,
    proxy: FaultProxy,
    senders: dict[str, Callable[[], httpx.Response]],
    broken: str,
    fault: Fault,
) -> None:
    for feed, send in senders.items():
        wait_until(lambda send=send: send().status_code in STORED, what=f"an answer to {feed}")  # type: ignore[misc]
    proxy.target, proxy.body_part = CALLS[broken]
    proxy.always = fault
    # Heartbeats of one second share an answer.
    wait_until(lambda: senders[broken]().status_code == 202, what="a report in the spool")
    for feed, send in senders.items():
        if feed != broken:
            wait_until(lambda send=send: send().status_code in STORED, what=f"an answer to {feed}")  # type: ignore[misc]
            assert health(service)["breakers"][feed] == "closed"
            # A report that was answered with 202 on a busy machine is replayed first.
            wait_until(lambda feed=feed: health(service)["spool"]["feeds"][feed] == 0, what=f"the spool of {feed}")  # type: ignore[misc]
    assert health(service)["spool"]["feeds"][broken] > 0
    proxy.reset()
    wait_until(lambda: is_drained(service.url), what="the end of the spool")


def test_a_flood_of_pages_during_an_outage_leaves_room_for_the_others(
    service: ServiceProcess, proxy: FaultProxy, senders: dict[str, Callable[[], httpx.Response]]
) -> None:
    proxy.target = b"/rpc/"
    proxy.always = Fault.RESET
    flood = [report_of_a_page(service, PUBLIC_KEY, 10_000) for _ in range(MANY)]
    statuses = [answer.status_code for answer in flood]
    assert set(statuses) == {202, 503}
    refused = flood[-1]
    assert (refused.json()["code"], int(refused.headers["Retry-After"])) == ("spool-full", 30)
    # A flood with one key leaves half of the room to the others.
    assert report_of_a_page(service, APP_KEY, 10_000).status_code == 202
    while report_of_a_page(service, APP_KEY, 10_000).status_code == 202:
        pass
    for feed, send in senders.items():
        if feed != "public":
            assert send().status_code == 202, feed
    for _ in range(20):
        assert http_client.post(service.url + ROUTE, json=report(10_000), headers=HEADERS).status_code == 202
    spool = health(service)["spool"]
    assert spool["feeds"]["public"] >= 2
    assert spool["dropped"] >= statuses.count(503) + 1
    metrics = http_client.get(f"{service.url}/metrics", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"}).text
    assert 'monitoring_spool_dropped_reports_total{feed="events"} 0.0' in metrics
    assert f'monitoring_spool_feed_limit_bytes{{feed="public"}} {float(2**18)}' in metrics
    # What was accepted arrives, and the room is free again.
    proxy.reset()
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    wait_until(lambda: report_of_a_page(service, PUBLIC_KEY).status_code == 201, what="a report of a page")
