"""Sends many reports, and then compares what was acknowledged with what was stored.

Each report is an error of its own, so that each can be looked up by itself.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import psycopg

from local import Stack
from tests.support.http_client import TIMEOUT
from tests.support.service_process import INGEST_TOKEN, is_drained
from tests.support.waiting import DEADLINE_SECONDS, wait_until

ROUTE = "/api/autonomous/error"
HEADERS = {"Authorization": f"Bearer {INGEST_TOKEN}"}

STORED = "select context ->> 'fingerprint', occurrence_count from public.incidents where source = %s"

Step = tuple[Callable[["ReportLoad"], bool], Callable[[], None]]
"""What has to be true, and what is done then."""


def lift_limit_of_new_incidents(stack: Stack) -> None:
    """Lets one sender open more than the 5,000 new incidents a minute of the default."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "update public.system_config set value = value || '{\"new_incidents_per_minute\": 1000000}'"
            " where key = 'rate_limits'"
        )


@dataclass
class ReportLoad:
    """Reports from several senders to one or more services, until all are sent or `is_over` is set."""

    urls: list[str]
    name: str = field(default_factory=lambda: f"load-{secrets.token_hex(5)}")
    senders: int = 16
    seed: int = 6
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    spooled: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    is_over: bool = False
    _steps: deque[Step] = field(default_factory=deque)

    async def run(self, reports: int, *steps: Step) -> None:
        """Sends so many reports. A sender whose connection broke goes on with its next report.

        Each step is taken once its condition holds, in order, while the other senders go on. The senders
        check the condition themselves, so a step cannot come too late, however slow the machine is.
        """
        self._steps = deque(steps)
        numbers = iter(range(reports))
        async with httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT, limits=httpx.Limits()) as client:
            await asyncio.gather(*(self._send(client, numbers, index) for index in range(self.senders)))
        assert not self._steps, "all reports were sent before the last step"

    async def _send(self, client: httpx.AsyncClient, numbers: Iterator[int], index: int) -> None:
        chance = random.Random(self.seed * 1000 + index)  # noqa: S311 - which service, no secret
        clock = asyncio.get_running_loop().time
        for number in numbers:
            if self.is_over:
                return
            fingerprint = f"{self.name} {number}"
            self.sent.add(fingerprint)
            body = {
                "error": {"message": f"load {'x' * (number % 200)}"},
                "fingerprint": fingerprint,
                "source": self.name,
                "idempotency_key": fingerprint,
            }
            started = clock()
            try:
                answer = await client.post(chance.choice(self.urls) + ROUTE, json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
            else:
                self.seconds.append(clock() - started)
                self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
                if answer.is_success:
                    self.acknowledged.add(fingerprint)
                    self.spooled += answer.status_code == 202
            await self._take_step()

    async def _take_step(self) -> None:
        if self._steps and self._steps[0][0](self):
            _, action = self._steps.popleft()
            await asyncio.to_thread(action)

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    def assert_stored_once(self, database_url: str, service_urls: list[str]) -> None:
        """Waits for empty spools; then everything acknowledged must be stored, and nothing counted twice."""
        wait_until(lambda: all(is_drained(url) for url in service_urls), DEADLINE_SECONDS * 3, "the end of the spool")
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(STORED, [self.name]).fetchall()
        stored: dict[str, int] = dict(rows)
        lost = self.acknowledged - stored.keys()
        duplicated = [fingerprint for fingerprint, count in stored.items() if count != 1]
        print(
            f"\nsent {len(self.sent):,}, acknowledged {len(self.acknowledged):,} ({self.spooled:,} spooled),"
            f" stored {len(stored):,}, lost {len(lost)}, duplicated {len(duplicated)};"
            f" answers {self.statuses}"
        )
        assert self.acknowledged
        assert stored.keys() <= self.sent
        assert (sorted(lost)[:5], duplicated[:5]) == ([], [])


def has_sent(number: int) -> Callable[[ReportLoad], bool]:
    return lambda load: len(load.sent) >= number


def has_acknowledged(number: int) -> Callable[[ReportLoad], bool]:
    return lambda load: len(load.acknowledged) >= number


def has_spooled(number: int) -> Callable[[ReportLoad], bool]:
    return lambda load: load.spooled >= number
