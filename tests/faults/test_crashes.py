"""The service, PostgREST and Postgres end while reports arrive. What was acknowledged is stored, once."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from local import Stack
from tests.faults.conftest import OWN_POSTGRES, without_postgrest
from tests.support.report_load import ReportLoad, has_sent
from tests.support.service_process import ServiceProcess, free_port, running_service
from tests.support.waiting import DEADLINE_SECONDS

REPORTS = 3_000


def kill(service: ServiceProcess) -> None:
    service.process.kill()
    service.process.wait()


def test_a_killed_service_that_is_started_again_loses_nothing(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    port = free_port()
    load = ReportLoad([f"http://127.0.0.1:{port}"])
    with running_service(environ, log_path, port) as first:
        asyncio.run(load.run(REPORTS // 2, (has_sent(400), lambda: kill(first))))
    with running_service(environ, log_path, port):
        again = ReportLoad(load.urls, f"{load.name}-again")
        asyncio.run(again.run(300))
        load.assert_stored_once(disposable_stack.database_url, load.urls)
        again.assert_stored_once(disposable_stack.database_url, load.urls)


def test_a_service_that_is_killed_with_a_full_spool_loses_nothing(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    port = free_port()
    load = ReportLoad([f"http://127.0.0.1:{port}"])
    with without_postgrest(disposable_stack), running_service(environ, log_path, port) as first:
        asyncio.run(load.run(REPORTS, (has_sent(REPORTS // 2), lambda: kill(first))))
    assert load.spooled > 500
    with running_service(environ, log_path, port):
        load.assert_stored_once(disposable_stack.database_url, load.urls)


def test_a_terminated_service_exits_with_0_and_loses_nothing(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    port = free_port()
    load = ReportLoad([f"http://127.0.0.1:{port}"])
    with running_service(environ, log_path, port) as first:

        def terminate() -> None:
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(timeout=DEADLINE_SECONDS) == 0

        asyncio.run(load.run(REPORTS, (has_sent(600), terminate)))
    with running_service(environ, log_path, port):
        load.assert_stored_once(disposable_stack.database_url, load.urls)


def test_reports_are_spooled_while_postgrest_is_down(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    with running_service(environ, log_path) as service:
        load = ReportLoad([service.url])
        asyncio.run(
            load.run(
                REPORTS * 2,
                (has_sent(500), disposable_stack.kill_postgrest),
                (has_sent(REPORTS), disposable_stack.start_postgrest),
            )
        )
        assert load.spooled > 100
        load.assert_stored_once(disposable_stack.database_url, load.urls)


@OWN_POSTGRES
def test_reports_are_spooled_while_postgres_recovers_from_a_crash(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    with running_service(environ, log_path) as service:
        load = ReportLoad([service.url])
        asyncio.run(
            load.run(
                REPORTS * 2,
                (has_sent(500), disposable_stack.kill_postgres),
                (has_sent(REPORTS), disposable_stack.start_postgres),
            )
        )
        assert load.spooled > 100
        load.assert_stored_once(disposable_stack.database_url, load.urls)
