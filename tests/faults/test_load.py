"""Many at once: memory stays bounded, and everybody gets an answer."""

from __future__ import annotations

import asyncio
import resource
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from local import Stack
from tests.faults.conftest import without_postgrest
from tests.support.report_load import ROUTE, ReportLoad
from tests.support.service_process import INGEST_TOKEN, running_service

CONNECTIONS = 2_000
MEGABYTE = 2**20


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


async def talk(url: str, requests: list[bytes]) -> tuple[list[int], float]:
    """Open a connection for each request, send all of them, and read the status of each answer."""
    parts = urlsplit(url)
    opened = [await asyncio.open_connection(parts.hostname, parts.port) for _ in requests]

    async def exchange(index: int) -> int:
        reader, writer = opened[index]
        writer.write(requests[index])
        try:
            await writer.drain()
            line = await asyncio.wait_for(reader.readline(), 30)
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0

    peak = 0.0
    exchanges = [asyncio.create_task(exchange(index)) for index in range(len(requests))]
    process = psutil.Process(_listener(parts.port or 0))
    while not all(task.done() for task in exchanges):
        peak = max(peak, process.memory_info().rss / MEGABYTE)
        await asyncio.wait(exchanges, timeout=0.05)
    for _, writer in opened:
        writer.close()
    return [task.result() for task in exchanges], peak


def _listener(port: int) -> int:
    """The process that listens there."""
    (process,) = {
        each.pid
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    }
    assert process is not None
    return process


@pytest.mark.parametrize("is_away", [False, True], ids=["database there", "database away"])
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
                statuses, peak = asyncio.run(talk(service.url, requests))
        else:
            statuses, peak = asyncio.run(talk(service.url, requests))
        print(f"\n{CONNECTIONS:,} connections: at most {peak:.0f} MB; {count(statuses)}")
        assert peak < 150
        assert set(statuses) <= {201, 202, 503}
        # And it goes on.
        flood = ReportLoad([service.url])
        asyncio.run(flood.run(50))
        flood.account(disposable_stack.database_url, [service.url])


def test_bodies_that_never_end_are_bounded(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    """Half of a mebibyte each, of 500 senders who then fall silent: 250 MB if nobody counted."""
    requests = [post(b" " * MEGABYTE, MEGABYTE)[: MEGABYTE // 2] for _ in range(500)]
    with running_service(environ, log_path) as service:
        statuses, peak = asyncio.run(talk(service.url, requests))
        print(f"\n500 half bodies: at most {peak:.0f} MB; {count(statuses)}")
        assert peak < 150
        assert statuses.count(503) > 300
        assert httpx.get(f"{service.url}/health").status_code == 200


def count(statuses: list[int]) -> dict[int, int]:
    return {status: statuses.count(status) for status in sorted(set(statuses))}
