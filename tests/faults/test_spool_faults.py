"""The volume of the spool is full: with the database back, reports are stored at once and the spool is emptied."""

from __future__ import annotations

import asyncio
import resource
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.faults.conftest import without_postgrest
from tests.support import http_client
from tests.support.report_load import HEADERS, ROUTE, ReportLoad
from tests.support.service_process import ServiceProcess, is_drained, running_service
from tests.support.small_volume import small_volume
from tests.support.waiting import wait_until


@pytest.fixture
def volume() -> Iterator[Path]:
    """A file system of 12 MB."""
    with small_volume(12 * 1024) as mounted:
        if mounted is None:
            pytest.skip("only root may mount a file system; the test with a limit on file sizes runs everywhere")
        yield mounted


def fill_to_the_last_byte(folder: Path) -> None:
    with suppress(OSError), (folder / "other").open("ab", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


def send(service: ServiceProcess, name: str) -> httpx.Response:
    body = {"error": {"message": "full"}, "fingerprint": name, "source": name}
    return http_client.post(service.url + ROUTE, json=body, headers=HEADERS)


def assert_a_full_spool_stops_nothing(stack: Stack, service: ServiceProcess, make_full: Callable[[], None]) -> None:
    load = ReportLoad([service.url])
    with without_postgrest(stack):
        asyncio.run(load.run(6_000))
        assert load.statuses.get(503)
        assert load.spooled > 10
        make_full()
    # The disk is still full.
    name = secrets.token_hex(6)
    wait_until(lambda: send(service, name).status_code == 201, what="a report that is stored at once")
    load.assert_stored_once(stack.database_url, [service.url])
    assert http_client.get(f"{service.url}/health").json()["spool"]["dead_letters"] == 0
    wait_until(lambda: send(service, name).status_code == 201, what="another one")


def test_a_full_volume_stops_nothing(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path, volume: Path
) -> None:
    variables = {**environ, "SPOOL_PATH": str(volume / "spool")}
    (volume / "other").write_bytes(b"x" * 8_000_000)
    with running_service(variables, log_path) as service:
        assert_a_full_spool_stops_nothing(disposable_stack, service, lambda: fill_to_the_last_byte(volume))
    # What was replayed was deleted from the file: the next start sends nothing again.
    (volume / "other").unlink()
    with running_service(variables, log_path) as service:
        assert http_client.get(f"{service.url}/health").json()["spool"]["depth"] == 0


def test_a_limit_on_file_sizes_stops_nothing(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    """A limit that no reserve lifts: what cannot be deleted is remembered and not sent again."""
    with running_service(environ, log_path) as service:
        limit = (300_000, resource.RLIM_INFINITY)

        def make_full() -> None:
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, limit)

        make_full()
        assert_a_full_spool_stops_nothing(disposable_stack, service, make_full)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_until(lambda: is_drained(service.url), what="the end of the spool")
    with running_service(environ, log_path) as service:
        assert http_client.get(f"{service.url}/health").json()["spool"]["depth"] == 0


def test_a_damaged_spool_file_is_an_incident_and_the_service_starts(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    path = Path(environ["SPOOL_PATH"])
    path.write_bytes(b"this is no database" * 100)
    with running_service(environ, log_path) as service:
        (aside,) = path.parent.glob(f"{path.name}.damaged-*")
        assert aside.read_bytes() == b"this is no database" * 100
        assert any("The spool file was lost" in line["msg"] for line in service.logs())
        wait_until(lambda: is_drained(service.url), what="the report about the spool")
        name = secrets.token_hex(6)
        wait_until(lambda: send(service, name).status_code == 201, what="a report that is stored at once")


def test_a_spool_file_that_is_deleted_under_the_service_loses_nothing(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path
) -> None:
    path = Path(environ["SPOOL_PATH"])
    load = ReportLoad(["the service's, below"])
    with without_postgrest(disposable_stack), running_service(environ, log_path) as service:
        load.urls = [service.url]
        asyncio.run(load.run(500))
        path.unlink()
        asyncio.run(load.run(500))
        assert any("500 reports were known to wait" in line["msg"] for line in service.logs())
        service.process.kill()
    with running_service(environ, log_path) as service:
        load.assert_stored_once(disposable_stack.database_url, [service.url])
        # The second half has the names of the first.
        with psycopg.connect(disposable_stack.database_url) as database:
            row = database.execute("select count(*) from public.incidents where source = %s", [load.name]).fetchone()
        assert row == (500,)
