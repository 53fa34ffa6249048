"""Accepts reports of one kind: once accepted, a report is stored by the database or fsynced in the spool."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence

from app.ingest.batcher import Batcher
from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import JsonObject, Report
from app.ingest.sender import Answer, NoResult
from app.logs import log_fields
from app.problems import Problem, problem
from app.spool.file import SpoolFullError
from app.spool.spool import Spool

# What became of a report, by the code of its Problem: `rejected` unless it is one of these.
_OUTCOMES = {"rate-limited": "rate_limited", "spool-full": "dropped"}

# The reports of one request go to the database in parts of so many bytes: those of others get their turn in between.
_PART_BYTES = 2 * 1024 * 1024

_NO_RESPONSE = NoResult("no response within the timeout")

_logger = logging.getLogger(__name__)


class Patience:
    """Gives up answers that take too long, with one timer for all of them: each waits for the same time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # By the time at which they are given up, because all wait equally long.
        self._waiting: deque[tuple[float, asyncio.Future[Answer]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, answer: "asyncio.Future[Answer]") -> None:
        """The answer is NoResult after this time, unless it is known by then."""
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + self._seconds, answer))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._give_up_overdue)

    def _give_up_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and (self._waiting[0][0] <= loop.time() or self._waiting[0][1].done()):
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(_NO_RESPONSE)
        self._timer = loop.call_at(self._waiting[0][0], self._give_up_overdue) if self._waiting else None


class IngestService:
    """timeout_seconds is how long a client waits for the database before the report is spooled."""

    def __init__(
        self, kind: str, batcher: Batcher, spool: Spool, breaker: CircuitBreaker, timeout_seconds: float
    ) -> None:
        self._kind = kind
        self._batcher = batcher
        self._spool = spool
        self._breaker = breaker
        self._timeout_seconds = timeout_seconds
        self._patience = Patience(timeout_seconds)

    async def accept(self, report: Report, *, may_spool: bool = True) -> JsonObject | None:
        """The database's result, or None for a report in the spool.

        Raises the Problem of a report that the database rejects, `spool-full`, or `unavailable` for one that may not be
        spooled. The outcome is logged and counted with the request.
        """
        fields = log_fields()
        try:
            result = await self._store(report, may_spool)
        except Problem as refused:
            fields["outcome"] = outcome_of(refused)
            raise
        fields["outcome"] = outcome_of(result)
        return result

    async def accept_all(self, reports: Sequence[Report]) -> list[JsonObject | Problem | None]:
        """What accept() returns or raises for each of the reports of one request, in their order. Raises nothing."""
        results: list[JsonObject | Problem | None] = []
        is_answered = True
        for part in _split(reports):
            answers: Sequence[Answer]
            if is_answered and self._may_send():
                answers = await self._send_all(part)
            else:
                answers = [NoResult("reports of the same request got no response")] * len(part)
            is_answered = not any(isinstance(answer, NoResult) for answer in answers)
            results += await asyncio.gather(
                *(self._keep(report, answer) for report, answer in zip(part, answers, strict=True))
            )
        return results

    async def _keep(self, report: Report, answer: Answer) -> JsonObject | Problem | None:
        if not isinstance(answer, NoResult):
            return answer
        try:
            await self._put_into_spool(report)
        except Problem as refused:
            return refused
        return None

    async def _store(self, report: Report, may_spool: bool) -> JsonObject | None:
        if self._may_send():
            answer = await self._send(report)
            if isinstance(answer, Problem):
                raise answer
            if not isinstance(answer, NoResult):
                return answer
        if not may_spool:
            raise problem("unavailable", "The database is unavailable. Send it again.")
        await self._put_into_spool(report)
        return None

    async def _put_into_spool(self, report: Report) -> None:
        try:
            await self._spool.put(self._kind, report.payload, report.sender)
        except SpoolFullError as error:
            _logger.error("a report was rejected, the spool is full: %s", error)
            raise problem("spool-full") from error

    def _may_send(self) -> bool:
        if self._breaker.is_closed:
            return True
        # While reports wait in the spool, the replay makes the trial calls, so that no client waits for one.
        return not self._spool.is_replaying(self._kind) and self._breaker.begin_trial()

    async def _send(self, report: Report) -> Answer:
        answer = self._submit(report)
        if isinstance(answer, NoResult):
            return answer
        # After the timeout the report may still be stored. Its idempotency key makes the replay harmless.
        self._patience.limit(answer)
        return await answer

    async def _send_all(self, reports: Sequence[Report]) -> list[Answer]:
        """As _send(), with one timeout for all."""
        answers = [self._submit(report) for report in reports]
        waiting = [answer for answer in answers if isinstance(answer, asyncio.Future)]
        if waiting:
            # It cancels none of them.
            await asyncio.wait(waiting, timeout=self._timeout_seconds)
        return [_read_answer(answer) for answer in answers]

    def _submit(self, report: Report) -> "asyncio.Future[Answer] | NoResult":
        try:
            return self._batcher.submit(report)
        except Problem as refused:
            return NoResult(refused.detail)


def outcome_of(result: JsonObject | Problem | None) -> str:
    """What became of a report, by what accept() returned or raised for it."""
    if isinstance(result, Problem):
        return _OUTCOMES.get(result.code, "rejected")
    if result is None:
        return "spooled"
    return "duplicate" if result.get("duplicate") is True else "stored"


def _read_answer(answer: "asyncio.Future[Answer] | NoResult") -> Answer:
    if isinstance(answer, NoResult):
        return answer
    return answer.result() if answer.done() else _NO_RESPONSE


def _split(reports: Sequence[Report]) -> Iterator[list[Report]]:
    """The reports in parts of at most _PART_BYTES, or of one report."""
    part: list[Report] = []
    size = 0
    for report in reports:
        size += len(report.payload)
        if part and size > _PART_BYTES:
            yield part
            part, size = [], len(report.payload)
        part.append(report)
    if part:
        yield part
