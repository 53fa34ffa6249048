"""Many connections at once: memory stays bounded, and every request is answered."""

from __future__ import annotations

import asyncio
import resource
import secrets
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local import Stack
from tests.faults.conftest import without_postgrest
from tests.support import http_client
from tests.support.floods import MEGABYTE, memory_of
from tests.support.report_load import ROUTE, ReportLoad
from tests.support.service_budgets import UNHURRIED_CALLS
from tests.support.service_process import INGEST_TOKEN, ServiceProcess, running_service
from tests.support.waiting import DEADLINE_SECONDS

CONNECTIONS = 2_000


@pytest.fixture(autouse=True)
def many_files() -> None:
    """2,000 connections are 2,000 open files on either side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def post(body: bytes, length: int | None = None) -> bytes:
    head = (
        f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {INGEST_TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send_at_once(
    service: ServiceProcess, requests: list[bytes], enough: int | None = None
) -> tuple[list[int], float]:
    """Opens a connection for each request, sends all of them, and reads the statuses.

    Returns the statuses of the answers, and by how many MB the service's memory grew at most. With `enough`, it waits
    only for so many answers.
    """
    before = memory_of(service)
    parts = urlsplit(service.url)
    opened = [await asyncio.open_connection(parts.hostname, parts.port) for _ in requests]

    async def exchange(index: int) -> int:
        reader, writer = opened[index]
        writer.write(requests[index])
        try:
            await writer.drain()
            line = await reader.readline()
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0

    peak = 0.0
    exchanges = [asyncio.create_task(exchange(index)) for index in range(len(requests))]
    answered: set[asyncio.Task[int]] = set()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len(answered) < (enough or len(requests)):
            peak = max(peak, memory_of(service))
            answered, _ = await asyncio.wait(exchanges, timeout=0.05)
    for task in exchanges:
        task.cancel()
    await asyncio.gather(*exchanges, return_exceptions=True)
    for _, writer in opened:
        writer.transport.abort()  # close() would wait for what the service has not read
    return [task.result() for task in answered], peak - before


@pytest.mark.parametrize("is_away", [False, True], ids=["with the database", "without the database"])
def test_two_thousand_connections(
    disposable_stack: Stack, environ: dict[str, str], log_path: Path, is_away: bool
) -> None:
    name = secrets.token_hex(6)
    requests = [
        post(
            b'{"error": {"message": "%b"}, "fingerprint": "%b %d", "source": "%b"}'
            % (b"x" * 4_000, name.encode(), number % 50, name.encode())
        )
        for number in range(CONNECTIONS)
    ]
    with running_service(environ, log_path) as service:
        if is_away:
            with without_postgrest(disposable_stack):
                statuses, growth = asyncio.run(send_at_once(service, requests))
        else:
            statuses, growth = asyncio.run(send_at_once(service, requests))
        print(f"\n{CONNECTIONS:,} connections: at most {growth:.0f} MB more; {Counter(statuses)}")
        assert growth < 100
        assert set(statuses) <= {201, 202, 503}
        # The service goes on.
        load = ReportLoad([service.url])
        asyncio.run(load.run(50))
        load.assert_stored_once(disposable_stack.database_url, [service.url])


def test_bodies_that_never_end_are_bounded(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    """Half of a mebibyte from each of 500 clients who then send nothing: 250 MB if it were not limited."""
    requests = [post(b" " * MEGABYTE, MEGABYTE)[: MEGABYTE // 2] for _ in range(500)]
    with running_service(environ, log_path, budgets=UNHURRIED_CALLS) as service:
        # The limit is 24 MiB: about 50 clients are waited for, and the others are refused meanwhile.
        statuses, growth = asyncio.run(send_at_once(service, requests, enough=400))
        print(f"\n500 half bodies: at most {growth:.0f} MB more; {Counter(statuses)}")
        assert growth < 100
        assert statuses.count(503) > 300
        assert set(statuses) <= {503, 0}  # 0: refused and closed before the client had sent all
        assert http_client.get(f"{service.url}/health").status_code == 200
