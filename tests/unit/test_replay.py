"""The replay of a feed: a report is given up only for a reason of its own, and one that must wait delays no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.ingest import sender as sender_module
from app.ingest.breaker import CircuitBreaker
from app.ingest.replay import Replay
from app.ingest.sender import Sender
from app.spool.file import FIRST
from app.spool.spool import Spool
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError

MEGABYTE = 2**20
DATABASE_WIDE = [
    "XX000",
    "58030",
    "42703",
    "2200H",
    "42P01",
    "42883",
    "53100",
    "25006",
    "57014",
    "PGRST202",
    "PGRST204",
]


class Database:
    """An RPC that takes lists of numbers. It fails as `fail` says, and answers each number as `answer` says."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.calls: list[list[int]] = []
        self.fail: Callable[[list[int]], SupabaseError | None] = lambda numbers: None
        self.answer: Callable[[int], dict[str, object]] = lambda number: {"success": True}

    async def __call__(self, body: bytes) -> object:
        numbers: list[int] = json.loads(body)["events"]
        self.calls.append(numbers)
        failure = self.fail(numbers)
        if failure is not None:
            raise failure
        answers = [self.answer(number) for number in numbers]
        self.stored += [number for number, answer in zip(numbers, answers, strict=True) if answer["success"]]
        return answers


class Bench:
    """A spool, a database, and the replay between them, on a clock that the test advances."""

    def __init__(self, spool: Spool) -> None:
        self.now = 0.0
        self.spool = spool
        self.database = Database()
        self.breaker = CircuitBreaker("events", lambda: self.now)
        self.sender = Sender(self.database, "events", self.breaker)
        self.replay = self.new_replay()

    def new_replay(self, batch_size: int = 400, *, is_ordered: bool = False) -> Replay:
        return Replay(
            "events",
            self.spool,
            self.sender,
            self.breaker,
            batch_size,
            is_ordered=is_ordered,
            clock=lambda: self.now,
        )

    async def fill(self, numbers: range) -> None:
        await asyncio.gather(*(self.spool.put("events", b"%d" % number) for number in numbers))

    async def passes(self, most: int) -> None:
        """So many passes, or fewer if the spool is empty before, with 20 s between them."""
        for _ in range(most):
            await self.replay.step()
            if not self.spool.depth("events"):
                return
            self.now += 20

    async def waiting(self) -> list[int]:
        return [int(each.payload) for each in await self.spool.oldest("events", FIRST, 10_000)]


def refusal(code: str) -> ResponseError:
    return ResponseError(500, code)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(sender_module, "deadline_after", lambda: 0.0)  # no retries within a call
    spool = Spool(tmp_path / "spool", 64 * MEGABYTE)
    yield Bench(spool)
    await spool.close()


@pytest.mark.parametrize("code", DATABASE_WIDE)
async def test_a_database_that_fails_on_everything_buries_nothing(bench: Bench, code: str) -> None:
    await bench.fill(range(300))
    bench.database.fail = lambda numbers: refusal(code)
    await bench.passes(25)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (300, 0)
    bench.database.fail = lambda numbers: None
    await bench.passes(30)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 0)
    assert sorted(bench.database.stored) == list(range(300))


async def test_a_database_that_fails_on_everything_is_called_a_few_times_a_pass(bench: Bench) -> None:
    await bench.fill(range(2_000))
    bench.database.fail = lambda numbers: refusal("XX000")
    await bench.replay.step()
    assert len(bench.database.calls) < 100


@pytest.mark.parametrize("code", ["XX000", "42703", "22P05", "23514"])
async def test_of_two_thousand_reports_exactly_the_poisoned_one_becomes_a_dead_letter(bench: Bench, code: str) -> None:
    await bench.fill(range(2_000))
    bench.database.fail = lambda numbers: refusal(code) if 777 in numbers else None
    await bench.replay.step()
    # It waits: that it failed once says nothing while it may be the database.
    assert await bench.waiting() == [777]
    for number in range(10):
        await bench.fill(range(3_000 + number, 3_001 + number))  # others get through
        await bench.passes(1)
    assert await bench.waiting() == []
    assert bench.spool.counts.dead_letters == 1
    assert len(bench.database.stored) == 1_999 + 10
    assert bench.sender.stored == len(bench.database.stored)


async def test_a_report_that_fails_alone_waits_until_another_gets_through(bench: Bench) -> None:
    await bench.fill(range(1))
    bench.database.fail = lambda numbers: refusal("XX000") if 0 in numbers else None
    await bench.passes(50)
    assert await bench.waiting() == [0]
    for _ in range(3):
        bench.sender.stored += 1  # a live report
        await bench.passes(1)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 1)


@pytest.mark.parametrize("failure", [refusal("57014"), UnreachableError("RemoteProtocolError")])
async def test_a_report_that_never_completes_delays_no_other_and_is_given_up_late(
    bench: Bench, failure: SupabaseError
) -> None:
    await bench.fill(range(100))
    bench.database.fail = lambda numbers: failure if 7 in numbers else None
    await bench.passes(30)
    assert await bench.waiting() == [7]
    for number in range(8):
        await bench.fill(range(200 + number, 201 + number))
        await bench.passes(2)
    assert await bench.waiting() == [7]
    for number in range(8):
        await bench.fill(range(300 + number, 301 + number))
        await bench.passes(2)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 1)


async def test_a_batch_that_is_too_large_for_the_database_is_sent_in_smaller_ones(bench: Bench) -> None:
    await bench.fill(range(1_000))
    bench.database.fail = lambda numbers: refusal("57014") if len(numbers) > 20 else None
    await bench.passes(200)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 0)


async def test_a_failure_that_several_reports_share_is_not_their_own(bench: Bench) -> None:
    """A used-up sequence refuses new incidents and takes repeats."""
    await bench.fill(range(200))
    bench.database.fail = lambda numbers: refusal("2200H") if any(number % 2 for number in numbers) else None
    for number in range(40):
        await bench.fill(range(1_000 + 2 * number, 1_001 + 2 * number))
        await bench.passes(1)
    assert bench.spool.counts.dead_letters == 0
    assert await bench.waiting() == list(range(1, 200, 2))
    bench.database.fail = lambda numbers: None
    await bench.passes(30)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 0)


@pytest.mark.parametrize("code", ["2200H", "42883", "42501", "53100", "58030", "25006", "55P03", "PGRST202"])
async def test_a_report_waits_if_its_content_cannot_be_the_reason(bench: Bench, code: str) -> None:
    """One new incident among many repeats: it fails alone again and again while others are stored."""
    await bench.fill(range(3))
    bench.database.fail = lambda numbers: refusal(code) if 1 in numbers else None
    for _ in range(40):
        bench.sender.stored += 1
        await bench.passes(1)
    assert await bench.waiting() == [1]
    bench.database.fail = lambda numbers: None
    await bench.passes(30)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 0)


async def test_failures_of_the_database_do_not_count_against_a_report(bench: Bench) -> None:
    await bench.fill(range(1))
    codes = ["53100"] * 12 + ["57014"] + ["53100"] * 12 + ["XX000"]
    bench.database.fail = lambda numbers: refusal(codes.pop(0)) if codes else None
    for _ in range(40):
        bench.sender.stored += 1
        await bench.passes(1)
    assert (bench.spool.counts.depth, bench.spool.counts.dead_letters) == (0, 0)


async def test_the_reason_of_a_dead_letter_holds_the_words_of_postgresql(bench: Bench) -> None:
    await bench.fill(range(1))
    error = {"code": "PT422", "message": "the event cannot be stored", "hint": "invalid input syntax"}
    bench.database.answer = lambda number: {"success": False, "error": error}
    await bench.passes(1)
    assert bench.spool.counts.newest_reason == "the event cannot be stored (invalid input syntax)"


async def test_what_sql_names_becomes_a_dead_letter_at_once_and_a_deferred_report_waits(bench: Bench) -> None:
    await bench.fill(range(10))
    rejections = {5: "PT400", 0: "PT429", 1: "PT429"}

    def answer(number: int) -> dict[str, object]:
        code = rejections.get(number)
        return {"success": True} if code is None else {"success": False, "error": {"code": code, "message": "why"}}

    bench.database.answer = answer
    bench.replay = bench.new_replay(2)
    assert await bench.replay.step() is False
    assert await bench.waiting() == [0, 1]
    assert bench.spool.counts.dead_letters == 1
    rejections.clear()
    assert await bench.replay.step() is True
    assert await bench.waiting() == []


@pytest.mark.parametrize("result", [{"success": False}, {"success": False, "error": {"code": "XX000"}}, {"ok": True}])
async def test_an_answer_that_is_not_of_sql_buries_nothing(bench: Bench, result: dict[str, object]) -> None:
    await bench.fill(range(3))
    bench.database.answer = lambda number: {"success": False, **result}
    await bench.passes(20)
    assert await bench.waiting() == [0, 1, 2]


async def test_the_first_call_of_the_replay_is_the_trial_of_an_open_breaker(bench: Bench) -> None:
    await bench.fill(range(10))
    for _ in range(3):
        bench.breaker.record_failure("ConnectError")
    await bench.replay.step()
    assert bench.database.calls == []
    bench.now += 1
    bench.database.fail = lambda numbers: UnreachableError("ConnectError")
    await bench.replay.step()
    assert (len(bench.database.calls), bench.breaker.state) == (2, "open")  # both halves of a batch
    bench.database.fail = lambda numbers: None
    bench.now += 1
    await bench.passes(3)
    assert (await bench.waiting(), bench.breaker.state) == ([], "closed")


async def test_an_ordered_feed_is_sent_in_order(bench: Bench) -> None:
    await bench.fill(range(50))
    bench.replay = bench.new_replay(20, is_ordered=True)
    bench.database.fail = lambda numbers: refusal("XX000") if 3 in numbers and len(numbers) > 1 else None
    await bench.passes(3)
    assert bench.database.stored == list(range(50))
