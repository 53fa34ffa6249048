"""SIGTERM: requests under way are answered, and the process exits with 0."""

import concurrent.futures
import signal
import socket
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED, UNHURRIED_CALLS
from tests.support.service_process import INGEST_TOKEN, is_drained, running_service
from tests.support.waiting import DEADLINE_SECONDS, wait_until

ROUTE = "/api/autonomous/error"
HEADERS = {"Authorization": f"Bearer {INGEST_TOKEN}"}


def test_an_idle_service_exits_with_0_and_logs_no_warning(service_environ: dict[str, str], log_path: Path) -> None:
    # Without a console there is no target to be refused, which would be a warning.
    environ = {**service_environ, "ADMIN_CONSOLE_URL": ""}
    with running_service(environ, log_path, budgets=UNHURRIED) as service:
        assert service.stop() == 0
        assert all(line["level"] == "INFO" for line in service.logs())


def test_reports_under_way_are_stored_or_spooled(
    service_environ: dict[str, str], log_path: Path, database: psycopg.Connection, source: str
) -> None:
    with (
        running_service(service_environ, log_path) as service,
        httpx.Client(base_url=service.url, headers=HEADERS, timeout=http_client.TIMEOUT) as client,
        concurrent.futures.ThreadPoolExecutor(32) as pool,
    ):

        def send(number: int) -> int | None:
            body = {"error": {"message": "x"}, "source": source}
            try:
                return client.post(ROUTE, json=body).status_code
            except httpx.TransportError:
                return None  # the service accepts no connections any more

        answers = [pool.submit(send, number) for number in range(300)]
        concurrent.futures.wait(answers, return_when=concurrent.futures.FIRST_COMPLETED)
        assert service.stop() == 0
        statuses = Counter(answer.result() for answer in answers)
    with running_service(service_environ, log_path) as service:
        wait_until(lambda: is_drained(service.url), what="the end of the spool")
    row = database.execute(
        "select coalesce(sum(occurrence_count), 0)::integer from public.incidents where source = %s", [source]
    ).fetchone()
    assert row is not None
    acknowledged = statuses[201] + statuses[202]
    # A report without an answer may have been stored or not.
    assert acknowledged <= row[0] <= acknowledged + statuses[None]
    assert statuses[201] > 0
    assert set(statuses) <= {201, 202, None}


def test_the_service_exits_although_a_call_and_a_client_hang(
    service_environ: dict[str, str], log_path: Path, own_proxy: FaultProxy
) -> None:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url}
    with (
        running_service(environ, log_path, budgets=UNHURRIED_CALLS) as service,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        own_proxy.always = Fault.HANG
        body = {"error": {"message": "x"}}
        hanging = pool.submit(http_client.post, service.url + ROUTE, json=body, headers=HEADERS)
        wait_until(lambda: own_proxy.hanging > 0, what="the call to the database")
        # A client that never finishes its request does not keep the process running either.
        parts = urlsplit(service.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as half_open:
            half_open.sendall(b"POST /api/autonomous/error HTTP/1.1\r\nHost: x\r\n")
            service.process.send_signal(signal.SIGTERM)
            # Nothing but the service itself ends the call, the client's request or the process.
            assert service.process.wait(timeout=DEADLINE_SECONDS) == 0
        error = hanging.exception()
        assert isinstance(error, httpx.TransportError) or hanging.result().status_code == 202
