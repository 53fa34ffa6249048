"""Accepts reports of one kind: once accepted, a report is stored by the database or fsynced in the spool."""

import asyncio
import logging

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

_logger = logging.getLogger(__name__)


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

    async def accept(self, report: Report, *, may_spool: bool = True) -> JsonObject | None:
        """The database's result, or None for a report in the spool.

        Raises the Problem of a report that the database rejects, `spool-full`, or `unavailable` for one that may not be
        spooled. The outcome is logged and counted with the request.
        """
        fields = log_fields()
        try:
            result = await self._store(report, may_spool)
        except Problem as refused:
            fields["outcome"] = _OUTCOMES.get(refused.code, "rejected")
            raise
        is_repeat = result is not None and result.get("duplicate") is True
        fields["outcome"] = "spooled" if result is None else "duplicate" if is_repeat else "stored"
        return result

    async def _store(self, report: Report, may_spool: bool) -> JsonObject | None:
        if self._may_send():
            answer = await self._send(report)
            if isinstance(answer, Problem):
                raise answer
            if not isinstance(answer, NoResult):
                return answer
        if not may_spool:
            raise problem("unavailable", "The database is unavailable. Send it again.")
        try:
            await self._spool.put(self._kind, report.payload)
        except SpoolFullError as error:
            _logger.error("a report was rejected, the spool is full: %s", error)
            raise problem("spool-full") from error
        return None

    def _may_send(self) -> bool:
        if self._breaker.is_closed:
            return True
        # While reports wait in the spool, the replay makes the trial calls, so that no client waits for one.
        return not self._spool.is_replaying(self._kind) and self._breaker.begin_trial()

    async def _send(self, report: Report) -> Answer:
        try:
            answer = self._batcher.submit(report)
        except Problem as refused:
            return NoResult(refused.detail)
        try:
            # Shielded: after the timeout the report may still be stored. Its idempotency key makes the replay harmless.
            return await asyncio.wait_for(asyncio.shield(answer), self._timeout_seconds)
        except TimeoutError:
            return NoResult("no response within the timeout")
