"""SIGTERM: what was taken is answered, and the process ends in time and well."""

import concurrent.futures
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_process import INGEST_TOKEN, running_service
from tests.support.waiting import wait_until

ROUTE = "/api/autonomous/error"
HEADERS = {"Authorization": f"Bearer {INGEST_TOKEN}"}


def test_it_ends_well(service_environ: dict[str, str], log_path: Path) -> None:
    # Without a console there is no target to be refused, which would be a warning.
    environ = {**service_environ, "ADMIN_CONSOLE_URL": ""}
    with running_service(environ, log_path) as service:
        assert service.stop() == 0
        assert all(line["level"] == "INFO" for line in service.logs())


def test_reports_under_way_are_answered(
    service_environ: dict[str, str], log_path: Path, database: psycopg.Connection, source: str
) -> None:
    with (
        running_service(service_environ, log_path) as service,
        httpx.Client(base_url=service.url, headers=HEADERS, timeout=15) as client,
        concurrent.futures.ThreadPoolExecutor(32) as pool,
    ):

        def send(number: int) -> int | None:
            body = {"error": {"message": "x"}, "source": source}
            try:
                return client.post(ROUTE, json=body).status_code
            except httpx.TransportError:
                return None  # it came after the door was shut

        answers = [pool.submit(send, number) for number in range(300)]
        concurrent.futures.wait(answers, return_when=concurrent.futures.FIRST_COMPLETED)
        service.process.send_signal(signal.SIGTERM)
        taken = sum(answer.result() == 201 for answer in answers)
        assert service.process.wait(timeout=15) == 0
    row = database.execute(
        "select coalesce(sum(occurrence_count), 0)::integer from public.incidents where source = %s", [source]
    ).fetchone()
    assert row == (taken,)
    assert taken > 0


def test_it_ends_within_10_s_though_everything_hangs(
    service_environ: dict[str, str], log_path: Path, proxy: FaultProxy
) -> None:
    environ = {**service_environ, "SUPABASE_URL": proxy.url}
    with running_service(environ, log_path) as service, concurrent.futures.ThreadPoolExecutor(1) as pool:
        proxy.always = Fault.HANG
        body = {"error": {"message": "x"}}
        hanging = pool.submit(httpx.post, service.url + ROUTE, json=body, headers=HEADERS, timeout=20)
        wait_until(lambda: bool(proxy.bodies), what="the call to the database")
        started = time.monotonic()
        # A client that never finishes its request must not hold the process up either.
        parts = urlsplit(service.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as half_open:
            half_open.sendall(b"POST /api/autonomous/error HTTP/1.1\r\nHost: x\r\n")
            assert service.stop() == 0
        assert time.monotonic() - started < 10
        error = hanging.exception()
        assert isinstance(error, httpx.TransportError) or hanging.result().status_code == 202
