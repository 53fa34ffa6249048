"""When the worker takes looks, how many, and what it does while the database is away."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.looks import worker as worker_module
from app.looks.vantage import Order, Sighting
from app.looks.worker import MOST_LOOKS, LookWorker
from app.metrics import Metrics
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError
from tests.support.pauses import replace_sleep

PATIENCE = 60


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_INTERVAL_SECONDS", "_SHORT_INTERVAL_SECONDS", "_LONGEST_INTERVAL_SECONDS"):
        monkeypatch.setattr(worker_module, name, 0.001)
    monkeypatch.setattr(worker_module, "_RECORD_SECONDS", 0.2)


def row(number: int, **fields: object) -> dict[str, object]:
    return {"id": number, "url": "http://shop.example/", "method": "GET", "timeout_ms": 1000, **fields}


@dataclass
class Database:
    """Orders and errors for the next calls; what was asked and recorded."""

    orders: list[object] = field(default_factory=list)
    errors: list[SupabaseError] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    record_errors: list[SupabaseError] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    recorded: list[list[int]] = field(default_factory=list)

    async def take_looks(self, max_looks: int) -> object:
        self.asked.append(max_looks)
        if self.errors:
            raise self.errors.pop(0)
        taken, self.orders = self.orders[:max_looks], self.orders[max_looks:]
        return taken

    async def record_looks(self, looks: Sequence[Mapping[str, Any]]) -> object:
        if self.record_errors:
            raise self.record_errors.pop(0)
        ids = [look["id"] for look in looks]
        if self.refused & set(ids):
            raise ResponseError(400, "22P05")
        self.recorded.append(ids)
        return [{"id": each, "result": "recorded"} for each in ids]

    def ids(self) -> set[int]:
        return {each for batch in self.recorded for each in batch}


async def see(order: Order, certificates: ssl.SSLContext) -> Sighting:
    return Sighting(order.id, http_status=200)


@asynccontextmanager
async def working(
    database: Database, look: Callable[..., Any] = see, metrics: Metrics | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(LookWorker(database, metrics or Metrics(), look).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - any condition of another task
            await asyncio.sleep(0.001)


async def test_looks_are_taken_and_recorded() -> None:
    database, metrics = Database([row(number) for number in range(50)]), Metrics()
    async with working(database, metrics=metrics):
        await until(lambda: len(database.ids()) == 50)
    assert max(database.asked) == MOST_LOOKS
    text = metrics.render().decode()
    assert 'monitoring_looks_total{result="response"} 50.0' in text
    assert 'monitoring_look_results_total{outcome="recorded"} 50.0' in text


async def test_no_more_than_20_looks_run_at_once() -> None:
    running, most, release = 0, 0, asyncio.Event()

    async def wait(order: Order, certificates: ssl.SSLContext) -> Sighting:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        return Sighting(order.id, error_kind="timeout")

    database = Database([row(number) for number in range(45)])
    async with working(database, wait):
        await until(lambda: running == MOST_LOOKS)
        await asyncio.sleep(0.05)
        assert (most, len(database.asked)) == (MOST_LOOKS, 1)
        release.set()
        await until(lambda: len(database.ids()) == 45)
    assert most == MOST_LOOKS


async def test_a_look_that_is_leased_again_is_not_taken_twice() -> None:
    taken: list[int] = []

    async def wait(order: Order, certificates: ssl.SSLContext) -> Sighting:
        taken.append(order.id)
        await asyncio.Event().wait()
        raise AssertionError

    database = Database([row(1), row(2)])
    async with working(database, wait):
        await until(lambda: len(taken) == 2)
        database.orders = [row(1), row(3)]
        await until(lambda: len(taken) == 3)
    assert taken == [1, 2, 3]


async def test_an_error_in_one_look_is_its_result(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Mapping[str, Any]] = []

    async def fail(order: Order, certificates: ssl.SSLContext) -> Sighting:
        if order.id == 1:
            raise LookupError("a secret")
        return Sighting(order.id, http_status=200)

    class Recorder(Database):
        async def record_looks(self, looks: Sequence[Mapping[str, Any]]) -> object:
            seen.extend(looks)
            return await super().record_looks(looks)

    database = Recorder([row(1), row(2)])
    async with working(database, fail):
        await until(lambda: database.ids() == {1, 2})
    failed = next(each for each in seen if each["id"] == 1)
    assert (failed["error_kind"], failed["problem"]) == ("protocol", "the look failed: LookupError")
    assert caplog.text.count("a look failed: LookupError") == 1
    assert "a secret" not in caplog.text


async def test_an_order_that_cannot_be_read_does_not_stop_the_others() -> None:
    database = Database([row(1), {"id": 2}, None, row(3)])
    async with working(database):
        await until(lambda: database.ids() == {1, 3})


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UnreachableError("ConnectError"), "the database is unavailable (ConnectError)"),
        (ResponseError(404, "PGRST202"), "the database has no take_looks()"),
        (ResponseError(401), "the database is unavailable (HTTP 401, code None)"),
    ],
)
async def test_an_outage_is_logged_once_and_survived(
    error: SupabaseError, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="app.looks")
    database = Database([row(1)], errors=[error] * 20)
    async with working(database):
        await until(lambda: database.ids() == {1})
    assert caplog.text.count(line) == 1
    assert caplog.text.count("looks at targets go on") == 1


async def test_the_pauses_of_an_outage_become_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_LONGEST_INTERVAL_SECONDS", 0.05)
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    worker = LookWorker(Database(errors=[UnreachableError("x")] * 100), Metrics(), see)
    replace_sleep(monkeypatch, note)
    task = asyncio.create_task(worker.run())
    while len(pauses) < 20:
        await sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert pauses[0] < pauses[3] < pauses[6]
    assert max(pauses) <= 0.05 * 1.2


async def test_a_response_that_is_none_is_an_outage() -> None:
    class Strange(Database):
        async def take_looks(self, max_looks: int) -> object:
            return {} if not self.asked and not self.asked.append(1) else await super().take_looks(max_looks)  # type: ignore[func-returns-value]

    database = Strange([row(1)])
    async with working(database):
        await until(lambda: database.ids() == {1})


async def test_a_failed_record_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_RECORD_SECONDS", PATIENCE)
    database = Database([row(1)], record_errors=[UnreachableError("x"), UnreachableError("x")])
    async with working(database):
        await until(lambda: database.ids() == {1})


async def test_a_result_that_cannot_be_stored_is_lost_alone() -> None:
    metrics, release = Metrics(), asyncio.Event()

    async def together(order: Order, certificates: ssl.SSLContext) -> Sighting:
        await release.wait()
        return Sighting(order.id, http_status=200)

    database = Database([row(1), row(2), row(3)], refused={2})
    async with working(database, together, metrics):
        await asyncio.sleep(0.05)
        release.set()
        await until(lambda: 'outcome="lost"} 1.0' in metrics.render().decode())
        await until(lambda: database.ids() == {1, 3})


async def test_the_results_of_an_outage_are_lost_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    database, metrics = Database([row(1)], record_errors=[UnreachableError("x")] * 1000), Metrics()
    async with working(database, metrics=metrics):
        await until(lambda: 'outcome="lost"} 1.0' in metrics.render().decode())
        database.orders = [row(2)]
        await until(lambda: 'outcome="lost"} 2.0' in metrics.render().decode())
        database.record_errors.clear()
        database.orders = [row(3)]
        await until(lambda: database.ids() == {3})
    assert caplog.text.count("results are lost") == 1


async def test_cancelling_ends_the_looks_in_progress() -> None:
    ended: list[int] = []

    async def wait(order: Order, certificates: ssl.SSLContext) -> Sighting:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(order.id)
        raise AssertionError

    database = Database([row(number) for number in range(5)])
    async with working(database, wait) as task:
        await until(lambda: len(database.asked) > 3)
    assert task.cancelled()
    assert sorted(ended) == [0, 1, 2, 3, 4]
