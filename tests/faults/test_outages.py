"""Supabase is away, slow or unreachable; replicas share a spool; the disk is full; reports come twice."""

from __future__ import annotations

import asyncio
import concurrent.futures
import resource
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local import Stack
from tests.faults.conftest import without_postgrest
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.report_load import HEADERS, ROUTE, ReportLoad, has_acknowledged, has_spooled
from tests.support.service_process import is_drained, running_service
from tests.support.waiting import wait_until

OUTAGE_REPORTS = 20_000
OUTAGE_SECONDS = 30


@pytest.fixture
def proxy(disposable_stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(disposable_stack.supabase_url) as running:
        running.target = b"/rpc/"
        yield running


def test_a_long_outage_loses_nothing(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    with (
        without_postgrest(disposable_stack) as bring_back,
        running_service(environ, log_path) as service,
    ):
        load = ReportLoad([service.url], senders=8)
        asyncio.run(load.run(OUTAGE_REPORTS))
        assert load.statuses == {202: OUTAGE_REPORTS}
        bring_back()
        load.assert_stored_once(disposable_stack.database_url, [service.url])


def test_half_a_minute_without_postgrest(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    with running_service(environ, log_path) as service:
        load = ReportLoad([service.url], senders=2)

        async def run() -> None:
            sending = asyncio.create_task(load.run(1_000_000))
            with without_postgrest(disposable_stack):
                # How long PostgREST is away is what is tested; nothing is waited for.
                await asyncio.sleep(OUTAGE_SECONDS)
            before = len(load.acknowledged)
            await asyncio.to_thread(wait_until, lambda: len(load.acknowledged) >= before + 200)
            load.is_over = True
            await sending

        asyncio.run(run())
        load.assert_stored_once(disposable_stack.database_url, [service.url])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_faults_lose_and_duplicate_nothing(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path, proxy: FaultProxy, seed: int
) -> None:
    proxy.shuffle(seed, [Fault.NONE, Fault.DELAY, Fault.RESET, Fault.CUT, Fault.DROP_ANSWER, Fault.BAD_GATEWAY])
    with running_service({**environ, "SUPABASE_URL": proxy.url}, log_path) as service:
        load = ReportLoad([service.url], seed=seed)
        asyncio.run(load.run(1_500))
        proxy.reset()
        load.assert_stored_once(disposable_stack.database_url, [service.url])


def test_two_replicas_share_a_spool(
    disposable_stack: Stack, environ: dict[str, str], tmp_path: Path, proxy: FaultProxy
) -> None:
    variables = {**environ, "SUPABASE_URL": proxy.url}
    with (
        running_service(variables, tmp_path / "log1") as first,
        running_service(variables, tmp_path / "log2") as second,
    ):
        urls = [first.url, second.url]
        load = ReportLoad(urls)

        def inject(fault: Fault) -> None:
            proxy.always = fault

        asyncio.run(
            load.run(
                3_000,
                (has_acknowledged(300), lambda: inject(Fault.RESET)),
                (has_spooled(500), lambda: inject(Fault.NONE)),
            )
        )
        load.assert_stored_once(disposable_stack.database_url, urls)


def test_many_duplicates_at_once_count_once(disposable_stack: Stack, environ: dict[str, str], tmp_path: Path) -> None:
    name = secrets.token_hex(6)
    body = {"error": {"message": "duplicate"}, "fingerprint": name, "source": name, "idempotency_key": name}
    with (
        running_service(environ, tmp_path / "log1") as first,
        running_service({**environ, "SPOOL_PATH": str(tmp_path / "other")}, tmp_path / "log2") as second,
    ):

        def send(number: int) -> int:
            url = (first, second)[number % 2].url
            return http_client.post(url + ROUTE, json=body, headers=HEADERS).status_code

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            assert set(pool.map(send, range(400))) <= {201, 202}
        wait_until(lambda: is_drained(first.url) and is_drained(second.url), what="the end of the spools")
    with psycopg.connect(disposable_stack.database_url) as connection:
        row = connection.execute(
            "select count(*), sum(occurrence_count) from public.incidents where context ->> 'fingerprint' = %s", [name]
        ).fetchone()
    assert row == (1, 1)


def test_a_full_disk_loses_nothing_that_was_acknowledged(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    """SQLite meets a limit on file sizes as it meets a full disk."""
    with without_postgrest(disposable_stack) as bring_back, running_service(environ, log_path) as service:
        limit = 300_000
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        load = ReportLoad([service.url])
        asyncio.run(load.run(3_000))
        assert load.statuses.get(503, 0) > 0
        assert load.spooled > 10
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, unlimited)
        bring_back()
        load.assert_stored_once(disposable_stack.database_url, [service.url])
