"""Floods of misbehaving clients without credentials, and a witness who sends good reports meanwhile."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psutil

from tests.support.http_client import TIMEOUT
from tests.support.report_load import HEADERS, ROUTE
from tests.support.service_process import ServiceProcess

MEGABYTE = 2**20
REPORTS = 5


class Connection:
    """A socket that reads only what it is told to read: asyncio's streams read ahead."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """What has arrived, or b"" if the service closed the connection."""
        return await self._loop.sock_recv(self._socket, 65536)


Behavior = Callable[[Connection], Awaitable[None]]


@dataclass
class Flood:
    """So many clients that behave like this. A client that ends or is disconnected begins again."""

    behavior: Behavior
    clients: int
    began: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    async def run(self, url: str) -> None:
        """Until cancelled."""
        await asyncio.gather(*(self._run_client(url) for _ in range(self.clients)))

    async def _run_client(self, url: str) -> None:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        while True:
            with socket.socket() as opened:
                opened.setblocking(False)
                # What the service sends and the client does not read is kept by the service, not by the kernel.
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                try:
                    await loop.sock_connect(opened, (parts.hostname, parts.port))
                    self.began += 1
                    await self.behavior(Connection(opened))
                    self.ended["by itself"] += 1
                except OSError as error:
                    self.ended[type(error).__name__] += 1
            await asyncio.sleep(0.01)


@dataclass
class Observation:
    """The answers to good reports during a flood, and the most memory that the service took, in MB."""

    statuses: list[int] = field(default_factory=list)
    peak: float = 0.0


async def _send_reports(service: ServiceProcess, observation: Observation) -> None:
    for number in range(REPORTS):
        body = {"error": {"message": f"a good report during a flood, {number}"}, "source": "flood-witness"}
        # A new connection each: an established one would not show whether new ones are accepted.
        async with httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT) as client:
            try:
                observation.statuses.append((await client.post(service.url + ROUTE, json=body)).status_code)
            except httpx.TransportError:
                observation.statuses.append(0)
        await asyncio.sleep(0.5)


async def _watch_memory(service: ServiceProcess, observation: Observation) -> None:
    process = psutil.Process(service.process.pid)
    while True:
        observation.peak = max(observation.peak, process.memory_info().rss / MEGABYTE)
        await asyncio.sleep(0.05)


def observe(service: ServiceProcess, *floods: Flood) -> Observation:
    """Sends good reports, one after another, while the floods go on."""

    async def run() -> Observation:
        observation = Observation()
        tasks = [asyncio.create_task(flood.run(service.url)) for flood in floods]
        tasks.append(asyncio.create_task(_watch_memory(service, observation)))
        try:
            await asyncio.sleep(1)
            await _send_reports(service, observation)
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
        return observation

    observation = asyncio.run(run())
    for flood in floods:
        print(f"\n{flood.behavior.__name__}: {flood.began:,} connections, ended {dict(flood.ended)}", end="")
    print(f"\n  good reports {observation.statuses}, at most {observation.peak:.0f} MB")
    return observation
