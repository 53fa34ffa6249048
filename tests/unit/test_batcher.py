"""The forwarder: coalescing, bounds, order, cancellation, draining."""

import asyncio

import pytest

from app.ingest.batcher import Batcher, BatcherLimits
from app.ingest.payload import Report
from app.ingest.sender import Answer, NoResult
from app.problems import Problem

PATIENCE = 60


class Gate:
    """A delivery that ends when `open` is set, and records its batches."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.now = 0
        self.most = 0
        self.open = asyncio.Event()
        self._called = asyncio.Condition()

    async def __call__(self, reports: list[Report]) -> list[Answer]:
        self.batches.append([report.payload for report in reports])
        self.now += 1
        self.most = max(self.most, self.now)
        async with self._called:
            self._called.notify_all()
        try:
            await self.open.wait()
        finally:
            self.now -= 1
        return [{"echo": report.payload.decode()} for report in reports]

    async def until_called(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE), self._called:
            await self._called.wait_for(lambda: len(self.batches) >= times)


def reports(*names: str) -> list[Report]:
    return [Report(name.encode()) for name in names]


def refusal_of(forwarder: Batcher, report: Report) -> Problem:
    with pytest.raises(Problem) as caught:
        forwarder.submit(report)
    return caught.value


async def test_reports_of_one_loop_iteration_are_sent_together() -> None:
    gate = Gate()
    gate.open.set()
    forwarder = Batcher(gate)
    answers = await asyncio.gather(*[forwarder.submit(report) for report in reports("a", "b", "c")])
    assert gate.batches == [[b"a", b"b", b"c"]]
    assert answers == [{"echo": "a"}, {"echo": "b"}, {"echo": "c"}]


async def test_reports_that_arrive_during_calls_are_sent_in_the_next_one() -> None:
    gate = Gate()
    forwarder = Batcher(gate)
    futures = []
    for times, name in enumerate(["a", "b"], start=1):
        futures.append(forwarder.submit(Report(name.encode())))
        await gate.until_called(times)
    for name in ["c", "d", "e"]:
        futures.append(forwarder.submit(Report(name.encode())))
        await asyncio.sleep(0)
    assert gate.batches == [[b"a"], [b"b"]]
    gate.open.set()
    await asyncio.gather(*futures)
    assert gate.batches == [[b"a"], [b"b"], [b"c", b"d", b"e"]]
    assert gate.most == 2


async def test_a_batch_is_bounded_in_number_and_in_bytes() -> None:
    gate = Gate()
    gate.open.set()
    limits = BatcherLimits(batch_reports=3, batch_bytes=10, calls_in_flight=1)
    forwarder = Batcher(gate, limits)
    payloads = ["1", "2", "3", "4", "x" * 9, "y" * 30, "z"]
    await asyncio.gather(*[forwarder.submit(report) for report in reports(*payloads)])
    assert [len(batch) for batch in gate.batches] == [3, 2, 1, 1]


async def test_the_queue_is_bounded_in_number() -> None:
    gate = Gate()
    forwarder = Batcher(gate, BatcherLimits(queued_reports=2, calls_in_flight=1))
    futures = [forwarder.submit(Report(b"in flight"))]
    await gate.until_called(1)
    futures += [forwarder.submit(report) for report in reports("a", "b")]
    refusal = refusal_of(forwarder, Report(b"c"))
    assert (refusal.status, refusal.code, refusal.headers["Retry-After"]) == (503, "overloaded", "1")
    gate.open.set()
    await asyncio.gather(*futures)
    assert await forwarder.submit(Report(b"c")) == {"echo": "c"}


async def test_the_queue_is_bounded_in_bytes() -> None:
    gate = Gate()
    forwarder = Batcher(gate, BatcherLimits(queued_bytes=10, calls_in_flight=1))
    futures = [forwarder.submit(Report(b"123456789"))]
    await gate.until_called(1)
    futures.append(forwarder.submit(Report(b"1234567")))
    assert refusal_of(forwarder, Report(b"1234")).code == "overloaded"
    futures.append(forwarder.submit(Report(b"123")))
    gate.open.set()
    await asyncio.gather(*futures)


async def test_one_sender_does_not_fill_the_queue() -> None:
    gate = Gate()
    forwarder = Batcher(gate, BatcherLimits(queued_reports=4, queued_bytes=20, sender_share=0.5, calls_in_flight=1))
    futures = [forwarder.submit(Report(b"in flight", sender="public:shop"))]
    await gate.until_called(1)
    futures += [forwarder.submit(Report(name, sender="public:shop")) for name in (b"a", b"b")]
    assert refusal_of(forwarder, Report(b"c", sender="public:shop")).code == "overloaded"
    futures.append(forwarder.submit(Report(b"123456789", sender="public:app")))
    assert refusal_of(forwarder, Report(b"12", sender="public:app")).code == "overloaded"
    gate.open.set()
    await asyncio.gather(*futures)
    for _ in range(2):
        assert await forwarder.submit(Report(b"1234567890", sender="public:shop")) == {"echo": "1234567890"}


async def test_a_cancelled_caller_does_not_cancel_the_report() -> None:
    gate = Gate()
    forwarder = Batcher(gate)
    first, second = (forwarder.submit(report) for report in reports("a", "b"))
    await gate.until_called(1)
    waiting = forwarder.submit(Report(b"c"))
    first.cancel()
    waiting.cancel()
    gate.open.set()
    assert await second == {"echo": "b"}
    await forwarder.drain(PATIENCE)
    assert gate.batches == [[b"a", b"b"], [b"c"]]


async def test_an_exception_answers_every_report_and_delivery_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = 0

    async def deliver(batch: list[Report]) -> list[Answer]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise LookupError("a bug")
        return [{} for _ in batch]

    forwarder = Batcher(deliver)
    failed = await asyncio.gather(*[forwarder.submit(report) for report in reports("a", "b")])
    assert failed == [NoResult("internal error")] * 2
    assert await forwarder.submit(Report(b"c")) == {}
    assert "a batch failed" in caplog.text


async def test_draining_delivers_waiting_reports_and_refuses_new_ones() -> None:
    gate = Gate()
    forwarder = Batcher(gate, BatcherLimits(batch_reports=1, calls_in_flight=1))
    futures = [forwarder.submit(report) for report in reports("a", "b", "c")]
    draining = asyncio.create_task(forwarder.drain(PATIENCE))
    await gate.until_called(1)
    refusal = refusal_of(forwarder, Report(b"d"))
    assert (refusal.status, refusal.code) == (503, "draining")
    gate.open.set()
    await draining
    assert [future.result() for future in futures] == [{"echo": "a"}, {"echo": "b"}, {"echo": "c"}]


async def test_draining_ends_after_its_time_without_a_result_for_what_is_left() -> None:
    gate = Gate()
    forwarder = Batcher(gate, BatcherLimits(batch_reports=1, calls_in_flight=1))
    futures = [forwarder.submit(report) for report in reports("a", "b")]
    await forwarder.drain(0.05)
    assert [future.result() for future in futures] == [NoResult("the service is shutting down")] * 2


async def test_an_idle_forwarder_drains_at_once() -> None:
    await Batcher(Gate()).drain(PATIENCE)
