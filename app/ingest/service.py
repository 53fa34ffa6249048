"""Accepts reports of one kind: once accepted, a report is stored by the database or fsynced in the spool."""

import asyncio
import logging

from app.ingest.batcher import Batcher
from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import JsonObject, Report
from app.ingest.sender import Answer
from app.problems import Problem, problem
from app.spool.file import SpoolFullError
from app.spool.spool import Spool

# Server-side failures: the report is spooled instead of rejected.
_SPOOLED_CODES = frozenset({"unavailable", "misconfigured", "overloaded", "draining", "internal"})

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

    async def accept(self, report: Report) -> JsonObject | None:
        """The database's result, or None for a report in the spool.

        Raises the Problem of a report that the database rejects, or `spool-full`.
        """
        if not self._breaker.is_open:
            answer = await self._send(report)
            if not isinstance(answer, Problem):
                return answer
            if answer.code not in _SPOOLED_CODES:
                raise answer
            if answer.code == "unavailable":
                self._breaker.open(answer.detail)
        try:
            await self._spool.put(self._kind, report.payload)
        except SpoolFullError as error:
            _logger.error("a report was rejected, the spool is full: %s", error)
            raise problem("spool-full") from error
        return None

    async def _send(self, report: Report) -> Answer:
        try:
            # Shielded: after the timeout the report may still be stored. Its idempotency key makes the replay harmless.
            return await asyncio.wait_for(asyncio.shield(self._batcher.submit(report)), self._timeout_seconds)
        except TimeoutError:
            return problem("unavailable", "No response within the timeout.")
        except Problem as refused:
            return refused
