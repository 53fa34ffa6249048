"""The coalescing forwarder (DESIGN fact 14).

There is no timer: what arrives while a call is in flight goes out together in the next one. Idle, a report
leaves at once; under load, batches grow by themselves to what the database can take.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from app.delivery import Deliver
from app.problems import problem
from app.reports import Answer, Report

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ForwarderLimits:
    """How much may wait, and how much goes out at once."""

    waiting_reports: int = 2000
    waiting_bytes: int = 8 * 1024 * 1024
    batch_reports: int = 500
    batch_bytes: int = 2 * 1024 * 1024
    calls_in_flight: int = 2


@dataclass(frozen=True, eq=False)
class _Waiting:
    report: Report
    answer: asyncio.Future[Answer]


class Forwarder:
    """Takes reports one by one, delivers them in batches, and answers each by its own future."""

    def __init__(self, deliver: Deliver, limits: ForwarderLimits | None = None) -> None:
        self._deliver = deliver
        self._limits = limits or ForwarderLimits()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._calls: set[asyncio.Task[None]] = set()
        self._pump_is_due = False
        self._is_draining = False

    def submit(self, report: Report) -> asyncio.Future[Answer]:
        """A future of the answer. Cancelling it does not take the report back: it is delivered anyway."""
        if self._is_draining:
            raise problem("draining")
        if (
            len(self._waiting) >= self._limits.waiting_reports
            or self._waiting_bytes + len(report.payload) > self._limits.waiting_bytes
        ):
            raise problem("overloaded")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(report, loop.create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += len(report.payload)
        if not self._pump_is_due:
            # After this turn of the loop: what other connections send in the same turn goes along.
            self._pump_is_due = True
            loop.call_soon(self._pump)
        return waiting.answer

    async def drain(self, seconds: float) -> None:
        """Refuse what is new, deliver what waits; whatever is left after so many seconds is told so."""
        self._is_draining = True
        try:
            async with asyncio.timeout(seconds):
                while self._waiting or self._calls:
                    self._pump()
                    await asyncio.wait(self._calls)
        except TimeoutError:
            # First what waits: a call that ends would pump it out again.
            left = list(self._waiting)
            self._waiting.clear()
            self._answer(left, [problem("draining") for _ in left])
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    def _pump(self) -> None:
        self._pump_is_due = False
        while self._waiting and len(self._calls) < self._limits.calls_in_flight:
            call = asyncio.create_task(self._run(self._next_batch()))
            self._calls.add(call)
            call.add_done_callback(self._finished)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < self._limits.batch_reports:
            size += len(self._waiting[0].report.payload)
            if batch and size > self._limits.batch_bytes:
                break
            batch.append(self._waiting.popleft())
            self._waiting_bytes -= len(batch[-1].report.payload)
        return batch

    async def _run(self, batch: list[_Waiting]) -> None:
        answers: list[Answer] = [problem("draining") for _ in batch]
        try:
            answers = await self._deliver([waiting.report for waiting in batch])
        except Exception:
            # A bug of ours: each caller still gets an answer, and the pump goes on.
            _logger.exception("a batch failed")
            answers = [problem("internal") for _ in batch]
        finally:
            self._answer(batch, answers)

    def _answer(self, batch: list[_Waiting], answers: list[Answer]) -> None:
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():  # done already: its caller went away
                waiting.answer.set_result(answer)

    def _finished(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._pump()
