"""A flood of reports, and the account of it: what was sent, acknowledged, stored, lost, doubled.

Each report is an error of its own, so that each can be looked for by itself.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from tests.support.service_process import INGEST_TOKEN, is_drained
from tests.support.waiting import wait_until

ROUTE = "/api/autonomous/error"
HEADERS = {"Authorization": f"Bearer {INGEST_TOKEN}"}
# A source may open 5,000 new incidents a minute.
REPORTS_A_SOURCE = 4_000

STORED = "select fingerprint, occurrence_count from public.incidents where fingerprint like %s"


@dataclass
class ReportLoad:
    """Reports from several senders to one or more services, until told to stop or all are sent."""

    urls: list[str]
    name: str = field(default_factory=lambda: f"flood-{secrets.token_hex(5)}")
    senders: int = 16
    seed: int = 6
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    spooled: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    is_over: bool = False

    async def run(self, reports: int) -> None:
        """Send so many reports. A sender whose connection broke goes on with its next report."""
        numbers = iter(range(reports))
        async with httpx.AsyncClient(headers=HEADERS, timeout=15, limits=httpx.Limits()) as client:
            await asyncio.gather(*(self._send(client, numbers, index) for index in range(self.senders)))

    async def _send(self, client: httpx.AsyncClient, numbers: Any, index: int) -> None:
        chance = random.Random(self.seed * 1000 + index)  # noqa: S311 - which service, no secret
        clock = asyncio.get_running_loop().time
        for number in numbers:
            if self.is_over:
                return
            fingerprint = f"{self.name} {number}"
            self.sent.add(fingerprint)
            body = {
                "error": {"message": f"flood {'x' * (number % 200)}"},
                "fingerprint": fingerprint,
                "source": f"{self.name} {number // REPORTS_A_SOURCE}",
                "idempotency_key": fingerprint,
            }
            started = clock()
            try:
                answer = await client.post(chance.choice(self.urls) + ROUTE, json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
                continue
            self.seconds.append(clock() - started)
            self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
            if answer.is_success:
                self.acknowledged.add(fingerprint)
                self.spooled += answer.status_code == 202

    async def until(self, condition: Callable[[], bool]) -> None:
        """Come back when it holds. The sending goes on."""
        await asyncio.to_thread(wait_until, condition, 60)

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    def account(self, database_url: str, service_urls: list[str], patience: float = 60) -> None:
        """Wait until nothing is spooled any more, print the account, and fail if it does not add up."""
        wait_until(lambda: all(is_drained(url) for url in service_urls), patience, "the end of the spool")
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(STORED, [f"{self.name} %"]).fetchall()
        stored: dict[str, int] = dict(rows)
        lost = self.acknowledged - stored.keys()
        doubled = [fingerprint for fingerprint, count in stored.items() if count != 1]
        print(
            f"\nsent {len(self.sent):,}, acknowledged {len(self.acknowledged):,} ({self.spooled:,} spooled),"
            f" stored {len(stored):,}, lost {len(lost)}, doubled {len(doubled)}; answers {self.statuses}"
        )
        assert self.acknowledged
        assert stored.keys() <= self.sent
        assert (sorted(lost)[:5], doubled[:5]) == ([], [])
