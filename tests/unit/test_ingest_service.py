"""Accepting a report while the circuit breaker is open: the spool takes it, except for a trial when nothing waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.ingest.batcher import Batcher
from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import Report
from app.ingest.sender import Answer, NoResult, Sender
from app.ingest.service import IngestService, Patience
from app.spool.spool import Spool

MEGABYTE = 2**20
PATIENCE = 60


async def test_while_nothing_is_spooled_a_live_report_is_the_trial(tmp_path: Path) -> None:
    now = 0.0
    spool = Spool(tmp_path / "spool", MEGABYTE)
    breaker = CircuitBreaker("events", lambda: now)

    async def store(_body: bytes) -> object:
        return [{"success": True}]

    batcher = Batcher(Sender(store, "events", breaker))
    service = IngestService("events", batcher, spool, breaker, PATIENCE)
    for _ in range(3):
        breaker.record_failure("ConnectError")
    now += 1
    assert await service.accept(Report(b"1")) == {"success": True}
    assert breaker.state == "closed"
    await spool.close()


async def test_while_reports_wait_the_replay_makes_the_trial_and_no_client_waits(tmp_path: Path) -> None:
    now = 0.0
    spool = Spool(tmp_path / "spool", MEGABYTE)
    breaker = CircuitBreaker("events", lambda: now)

    async def store(_body: bytes) -> object:
        raise AssertionError

    batcher = Batcher(Sender(store, "events", breaker))
    service = IngestService("events", batcher, spool, breaker, PATIENCE)
    for _ in range(3):
        breaker.record_failure("ConnectError")
    assert spool.acquire_replay_lock()
    for _ in range(3):
        assert await service.accept(Report(b"1")) is None
        now += 60
    assert (spool.counts.depth, breaker.state) == (3, "open")
    await spool.close()


async def test_answers_that_take_too_long_are_given_up_in_their_order() -> None:
    patience, loop = Patience(0.2), asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()
    patience.limit(first)
    patience.limit(second)
    second.set_result({"success": True})
    later: asyncio.Future[Answer] = loop.create_future()
    assert isinstance(await first, NoResult)
    assert await second == {"success": True}
    patience.limit(later)
    assert isinstance(await later, NoResult)


async def test_a_caller_that_went_away_is_no_failure() -> None:
    patience, loop = Patience(0.05), asyncio.get_running_loop()
    gone: asyncio.Future[Answer] = loop.create_future()
    patience.limit(gone)
    gone.cancel()
    other: asyncio.Future[Answer] = loop.create_future()
    patience.limit(other)
    assert isinstance(await other, NoResult)
