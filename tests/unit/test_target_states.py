"""The states of targets in the metrics: read in the background, only while somebody reads the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from app.status import targets as targets_module
from app.status.targets import TargetStates
from app.supabase.errors import ResponseError, SupabaseError

PATIENCE = 60
ROWS = [
    {"target": "api", "status": "up", "is_paused": False, "certificate_expires_at": "2026-12-02T13:00:00+00:00"},
    {"target": "shop", "status": "disputed", "is_paused": False, "certificate_expires_at": None},
    {"target": "search", "status": "degraded", "is_paused": False},
    {"target": "blog", "status": "down", "is_paused": True},
    {"target": "new", "status": "unknown", "is_paused": None},
]


class Database:
    """Answers with the rows, or fails."""

    def __init__(self, rows: object = ROWS) -> None:
        self.rows = rows
        self.error: SupabaseError | None = None
        self.calls = 0

    async def read(self, most: int) -> object:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.rows


def samples(states: TargetStates) -> dict[str, dict[str, float]]:
    return {
        metric.name: {sample.labels["target"]: sample.value for sample in metric.samples} for metric in states.collect()
    }


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[TargetStates]:
    states = TargetStates(database.read)
    task = asyncio.create_task(states.run())
    try:
        yield states
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - any condition of another task
            await asyncio.sleep(0)


async def test_the_first_request_reads_the_states_for_the_next() -> None:
    database = Database()
    async with running(database) as states:
        for _ in range(5):
            await asyncio.sleep(0)
        assert database.calls == 0
        assert not any(samples(states).values())
        await until(lambda: bool(samples(states)["monitoring_target_up"]))
        assert samples(states) == {
            "monitoring_target_up": {"api": 1, "search": 1, "blog": 0},
            "monitoring_target_disputed": {"api": 0, "shop": 1, "search": 0, "blog": 0, "new": 0},
            "monitoring_target_paused": {"api": 0, "shop": 0, "search": 0, "blog": 1, "new": 0},
            "monitoring_target_certificate_expiry_timestamp_seconds": {"api": 1796216400.0},
        }
        assert database.calls == 1  # the next one follows in a minute


@pytest.mark.parametrize("rows", [None, {}, [1, None], "text"])
async def test_something_else_than_rows_is_no_state(rows: object) -> None:
    database = Database(rows)
    async with running(database) as states:
        samples(states)
        await until(lambda: database.calls == 1)
        assert not any(samples(states).values())


async def test_a_failure_and_age_empty_the_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets_module, "_INTERVAL_SECONDS", 0.0)
    database = Database()
    async with running(database) as states:
        await until(lambda: bool(samples(states)["monitoring_target_up"]))
        database.error = ResponseError(400, "42703")  # an older schema
        await until(lambda: not samples(states)["monitoring_target_up"])
        database.error = None
        await until(lambda: bool(samples(states)["monitoring_target_up"]))
        monkeypatch.setattr(targets_module, "_LONGEST_AGE_SECONDS", -1.0)
        assert not any(samples(states).values())
