"""The service, PostgREST and Postgres die in mid-flood. What was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from local import Stack
from tests.faults.conftest import OWN_POSTGRES, without_postgrest
from tests.support.report_load import ReportLoad
from tests.support.service_process import free_port, running_service
from tests.support.waiting import wait_until

REPORTS = 3_000


async def flood_while(flood: ReportLoad, reports: int, *steps: tuple[int, Callable[[], None]]) -> None:
    """Send, and do each step when so many reports were acknowledged."""
    sending = asyncio.create_task(flood.run(reports))
    for threshold, step in steps:
        reached = partial(_has_sent, flood, sending, threshold)
        await asyncio.to_thread(wait_until, reached, what="so many reports")
        assert not sending.done(), "the flood was over before the fault"
        await asyncio.to_thread(step)
    await sending


def _has_sent(flood: ReportLoad, sending: asyncio.Task[None], number: int) -> bool:
    return len(flood.sent) >= number or sending.done()


def test_the_service_is_killed_and_comes_back(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    port = free_port()
    flood = ReportLoad([f"http://127.0.0.1:{port}"])
    with running_service(environ, log_path, port) as first:

        def restart() -> None:
            first.process.kill()
            first.process.wait()

        asyncio.run(flood_while(flood, REPORTS // 2, (400, restart)))
    with running_service(environ, log_path, port):
        asyncio.run(flood_while(ReportLoad(flood.urls, flood.name), 0))
        again = ReportLoad(flood.urls, f"{flood.name}-again")
        asyncio.run(again.run(300))
        flood.account(disposable_stack.database_url, flood.urls)
        again.account(disposable_stack.database_url, flood.urls)


def test_the_service_is_killed_with_a_full_spool(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    port = free_port()
    flood = ReportLoad([f"http://127.0.0.1:{port}"])
    with without_postgrest(disposable_stack), running_service(environ, log_path, port) as first:

        def kill() -> None:
            first.process.kill()
            first.process.wait()

        asyncio.run(flood_while(flood, REPORTS, (REPORTS // 2, kill)))
    assert flood.spooled > 500
    with running_service(environ, log_path, port):
        flood.account(disposable_stack.database_url, flood.urls)


def test_the_service_is_asked_to_end(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    port = free_port()
    flood = ReportLoad([f"http://127.0.0.1:{port}"])
    with running_service(environ, log_path, port) as first:

        def end() -> None:
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(timeout=12) == 0

        asyncio.run(flood_while(flood, REPORTS, (600, end)))
    with running_service(environ, log_path, port):
        flood.account(disposable_stack.database_url, flood.urls)


def test_postgrest_is_killed_and_comes_back(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    with running_service(environ, log_path) as service:
        flood = ReportLoad([service.url])
        asyncio.run(
            flood_while(
                flood,
                REPORTS * 2,
                (500, disposable_stack.kill_postgrest),
                (REPORTS, disposable_stack.start_postgrest),
            )
        )
        assert flood.spooled > 100
        flood.account(disposable_stack.database_url, flood.urls)


@OWN_POSTGRES
def test_postgres_crashes_and_recovers(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    with running_service(environ, log_path) as service:
        flood = ReportLoad([service.url])
        asyncio.run(
            flood_while(flood, REPORTS * 2, (500, disposable_stack.kill_postgres), (REPORTS, disposable_stack.start_postgres))
        )
        assert flood.spooled > 100
        flood.account(disposable_stack.database_url, flood.urls)
