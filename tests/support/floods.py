"""Floods of misbehaving clients without credentials, and a witness who sends good reports meanwhile."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psutil

from tests.support.http_client import TIMEOUT
from tests.support.report_load import HEADERS, ROUTE
from tests.support.service_process import ServiceProcess

MEGABYTE = 2**20
REQUESTS = 5


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
    reads: bool = True
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
                if not self.reads:
                    # The service, not the kernel, keeps what it sends.
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
    """The answers that the witness got during a flood, and the memory of the service before it and at most, in MB."""

    before: float
    statuses: list[int] = field(default_factory=list)
    peak: float = 0.0

    @property
    def growth(self) -> float:
        return self.peak - self.before


Witness = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
"""Sends a request that the service has to answer during a flood."""


async def report(client: httpx.AsyncClient) -> httpx.Response:
    """A witness with the ingest token."""
    body = {"error": {"message": "a good report during a flood"}, "source": "flood-witness"}
    return await client.post(ROUTE, json=body, headers=HEADERS)


async def _send_requests(service: ServiceProcess, witness: Witness, observation: Observation) -> None:
    for _ in range(REQUESTS):
        # A new connection each: an established one would not show whether new ones are accepted.
        async with httpx.AsyncClient(base_url=service.url, timeout=TIMEOUT) as client:
            try:
                observation.statuses.append((await witness(client)).status_code)
            except httpx.TransportError as error:
                print(f"\nthe witness got no answer: {error!r}")
                observation.statuses.append(0)
        await asyncio.sleep(0.4)


def memory_of(service: ServiceProcess) -> float:
    """In MB."""
    return float(psutil.Process(service.process.pid).memory_info().rss / MEGABYTE)


async def _watch_memory(service: ServiceProcess, observation: Observation) -> None:
    while True:
        observation.peak = max(observation.peak, memory_of(service))
        await asyncio.sleep(0.05)


def observe(service: ServiceProcess, flood: Flood, *witnesses: Witness) -> list[Observation]:
    """Lets each witness send its requests, one after another, while the flood goes on. The default witness reports."""

    async def run() -> list[Observation]:
        observations = [Observation(memory_of(service)) for _ in witnesses or (report,)]
        tasks = [asyncio.create_task(flood.run(service.url))]
        tasks += [asyncio.create_task(_watch_memory(service, each)) for each in observations]
        try:
            await asyncio.sleep(1)
            for observation, witness in zip(observations, witnesses or (report,), strict=True):
                await _send_requests(service, witness, observation)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return observations

    observations = asyncio.run(run())
    print(f"\n{flood.behavior.__name__}: {flood.began:,} connections, ended {dict(flood.ended)}")
    for each in observations:
        print(f"  good requests {each.statuses}, {each.before:.0f} MB before and at most {each.peak:.0f} MB")
    return observations
