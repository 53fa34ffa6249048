"""The service, PostgREST and Postgres die in mid-flood. What was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from local import Stack
from tests.faults.conftest import OWN_POSTGRES, without_postgrest
from tests.support.flood import Flood
from tests.support.service_process import free_port, running_service
from tests.support.waiting import wait_until

REPORTS = 3_000


async def flood_while(flood: Flood, reports: int, *steps: tuple[int, Callable[[], None]]) -> None:
    """Send, and do each step when so many reports were acknowledged."""
    sending = asyncio.create_task(flood.run(reports))
    for threshold, step in steps:
        reached = partial(_has_sent, flood, sending, threshold)
        await asyncio.to_thread(wait_until, reached, what="so many reports")
        assert not sending.done(), "the flood was over before the fault"
        await asyncio.to_thread(step)
    await sending


def _has_sent(flood: Flood, sending: asyncio.Task[None], number: int) -> bool:
    return len(flood.sent) >= number or sending.done()


def test_the_service_is_killed_and_comes_back(fragile: Stack, environ: dict[str, str], log_path: Path) -> None:
    port = free_port()
    flood = Flood([f"http://127.0.0.1:{port}"])
    with running_service(environ, log_path, port) as first:

        def restart() -> None:
            first.process.kill()
            first.process.wait()

        asyncio.run(flood_while(flood, REPORTS // 2, (400, restart)))
    with running_service(environ, log_path, port):
        asyncio.run(flood_while(Flood(flood.urls, flood.name), 0))
        again = Flood(flood.urls, f"{flood.name}-again")
        asyncio.run(again.run(300))
        flood.account(fragile.database_url, flood.urls)
        again.account(fragile.database_url, flood.urls)


def test_the_service_is_killed_with_a_full_spool(fragile: Stack, environ: dict[str, str], log_path: Path) -> None:
    port = free_port()
    flood = Flood([f"http://127.0.0.1:{port}"])
    with without_postgrest(fragile), running_service(environ, log_path, port) as first:

        def kill() -> None:
            first.process.kill()
            first.process.wait()

        asyncio.run(flood_while(flood, REPORTS, (REPORTS // 2, kill)))
    assert flood.spooled > 500
    with running_service(environ, log_path, port):
        flood.account(fragile.database_url, flood.urls)


def test_the_service_is_asked_to_end(fragile: Stack, environ: dict[str, str], log_path: Path) -> None:
    port = free_port()
    flood = Flood([f"http://127.0.0.1:{port}"])
    with running_service(environ, log_path, port) as first:

        def end() -> None:
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(timeout=12) == 0

        asyncio.run(flood_while(flood, REPORTS, (600, end)))
    with running_service(environ, log_path, port):
        flood.account(fragile.database_url, flood.urls)


def test_postgrest_is_killed_and_comes_back(fragile: Stack, environ: dict[str, str], log_path: Path) -> None:
    with running_service(environ, log_path) as service:
        flood = Flood([service.url])
        asyncio.run(
            flood_while(
                flood,
                REPORTS * 2,
                (500, fragile.kill_postgrest),
                (REPORTS, fragile.start_postgrest),
            )
        )
        assert flood.spooled > 100
        flood.account(fragile.database_url, flood.urls)


@OWN_POSTGRES
def test_postgres_crashes_and_recovers(fragile: Stack, environ: dict[str, str], log_path: Path) -> None:
    with running_service(environ, log_path) as service:
        flood = Flood([service.url])
        asyncio.run(flood_while(flood, REPORTS * 2, (500, fragile.kill_postgres), (REPORTS, fragile.start_postgres)))
        assert flood.spooled > 100
        flood.account(fragile.database_url, flood.urls)
