"""Coalesces reports into batches, without a timer.

Reports that arrive while a call is in flight share the next one. An idle service sends a report at once; under load,
batches grow to what the database can process.
"""

import asyncio
import logging
from collections import Counter, deque
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from app.ingest.payload import Report
from app.ingest.sender import Answer, NoResult, Send
from app.logs import LogFields, log_context, log_fields
from app.problems import problem

# The log line of a batch names at most so many of its requests; the line of each request names the batch.
_LOGGED_IDS = 10
_DRAINING = NoResult("the service is shutting down")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatcherLimits:
    """Limits on the queue and on one batch. One sender may fill the part sender_share of the queue."""

    queued_reports: int = 2000
    queued_bytes: int = 8 * 1024 * 1024
    sender_share: float = 1.0
    batch_reports: int = 500
    batch_bytes: int = 2 * 1024 * 1024
    calls_in_flight: int = 2


@dataclass(frozen=True, eq=False)
class _Entry:
    report: Report
    answer: asyncio.Future[Answer]
    request: LogFields


class Batcher:
    """Accepts reports one by one, sends them in batches, and resolves a future for each."""

    def __init__(self, send: Send, limits: BatcherLimits | None = None) -> None:
        self._send = send
        self._limits = limits or BatcherLimits()
        self._queue: deque[_Entry] = deque()
        self._queued_bytes = 0
        self._queued_by_sender: Counter[str] = Counter()
        self._bytes_by_sender: Counter[str] = Counter()
        self._calls: set[asyncio.Task[None]] = set()
        self._flush_is_scheduled = False
        self._is_draining = False

    def submit(self, report: Report) -> asyncio.Future[Answer]:
        """A future of the answer. Cancelling it does not withdraw the report: it is sent all the same.

        Raises the Problem `overloaded` or `draining`.
        """
        if self._is_draining:
            raise problem("draining")
        limits, share, sender = self._limits, self._limits.sender_share, report.sender
        queued_bytes = self._queued_bytes + len(report.payload)
        if len(self._queue) >= limits.queued_reports or queued_bytes > limits.queued_bytes:
            raise problem("overloaded")
        sender_bytes = self._bytes_by_sender[sender] + len(report.payload)
        if (
            self._queued_by_sender[sender] >= limits.queued_reports * share
            or sender_bytes > limits.queued_bytes * share
        ):
            raise problem("overloaded")
        loop = asyncio.get_running_loop()
        entry = _Entry(report, loop.create_future(), log_fields())
        self._queue.append(entry)
        self._queued_bytes = queued_bytes
        self._queued_by_sender[sender] += 1
        self._bytes_by_sender[sender] = sender_bytes
        if not self._flush_is_scheduled:
            # At the end of this iteration of the event loop: reports of other connections join the batch.
            self._flush_is_scheduled = True
            loop.call_soon(self._flush)
        return entry.answer

    async def drain(self, seconds: float) -> None:
        """Refuse new reports and send the queue. After so many seconds the rest has no result."""
        self._is_draining = True
        try:
            async with asyncio.timeout(seconds):
                while self._queue or self._calls:
                    self._flush()
                    await asyncio.wait(self._calls)
        except TimeoutError:
            # The queue first: a call that ends would send more of it.
            unsent = list(self._queue)
            self._queue.clear()
            self._answer(unsent, [_DRAINING] * len(unsent))
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    def _flush(self) -> None:
        self._flush_is_scheduled = False
        while self._queue and len(self._calls) < self._limits.calls_in_flight:
            call = asyncio.create_task(self._run(self._next_batch()))
            self._calls.add(call)
            call.add_done_callback(self._on_call_done)

    def _next_batch(self) -> list[_Entry]:
        batch: list[_Entry] = []
        size = 0
        while self._queue and len(batch) < self._limits.batch_reports:
            size += len(self._queue[0].report.payload)
            if batch and size > self._limits.batch_bytes:
                break
            batch.append(self._queue.popleft())
            self._forget(batch[-1].report)
        return batch

    def _forget(self, report: Report) -> None:
        """It leaves the queue."""
        self._queued_bytes -= len(report.payload)
        self._bytes_by_sender[report.sender] -= len(report.payload)
        self._queued_by_sender[report.sender] -= 1
        if not self._queued_by_sender[report.sender]:
            del self._queued_by_sender[report.sender], self._bytes_by_sender[report.sender]

    async def _run(self, batch: list[_Entry]) -> None:
        batch_id, started = uuid4().hex, perf_counter()
        for entry in batch:
            entry.request["batch_id"] = batch_id
        answers: list[Answer] = [_DRAINING] * len(batch)
        # The feed is the same for all reports of a batcher.
        with log_context(batch_id=batch_id, feed=batch[0].request.get("feed"), reports=len(batch)):
            try:
                answers = await self._send([entry.report for entry in batch])
            except Exception:
                # A bug: each caller still gets an answer, and the batcher continues.
                _logger.exception("a batch failed")
                answers = [NoResult("internal error")] * len(batch)
            finally:
                self._answer(batch, answers)
                fields = {
                    "stored": sum(isinstance(answer, dict) for answer in answers),
                    "duration_ms": round((perf_counter() - started) * 1000, 2),
                    "request_ids": [entry.request.get("request_id") for entry in batch[:_LOGGED_IDS]],
                }
                _logger.info("batch", extra={"fields": fields})

    def _answer(self, batch: list[_Entry], answers: list[Answer]) -> None:
        for entry, answer in zip(batch, answers, strict=True):
            if not entry.answer.done():  # the caller was cancelled
                entry.answer.set_result(answer)

    def _on_call_done(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._flush()
