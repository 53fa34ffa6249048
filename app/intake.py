"""The promise behind a 2xx: the report is committed, or fsynced in the spool. One intake a kind of report."""

import asyncio
import logging
from dataclasses import dataclass

from app.bodies import JsonObject
from app.breaker import Breaker
from app.forwarder import Forwarder
from app.problems import Problem, problem
from app.reports import Answer, Report
from app.spool import Spool
from app.spool_file import SpoolFullError

# What is ours or Supabase's to mend, and nothing the sender could do better.
_SPOOLED_CODES = frozenset({"unavailable", "misconfigured", "overloaded", "draining", "internal"})

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """The database's answer, or None for a report that waits in the spool."""

    answer: JsonObject | None


class Intake:
    """Takes reports of one kind. budget_seconds is how long a sender waits for the database's answer."""

    def __init__(
        self, kind: str, forwarder: Forwarder, spool: Spool, breaker: Breaker, budget_seconds: float
    ) -> None:
        self._kind = kind
        self._forwarder = forwarder
        self._spool = spool
        self._breaker = breaker
        self._budget_seconds = budget_seconds

    async def take(self, report: Report) -> Taken:
        """Raises the Problem of a report that the database refuses, or `spool-full`."""
        if self._breaker.is_open:
            return await self._spool_report(report)
        answer = await self._forward(report)
        if not isinstance(answer, Problem):
            return Taken(answer)
        if answer.code not in _SPOOLED_CODES:
            raise answer
        if answer.code == "unavailable":
            self._breaker.trip(answer.detail)
        return await self._spool_report(report)

    async def _forward(self, report: Report) -> Answer:
        try:
            # Not cancelled when time is up: it may be committed still. Its key makes the replay harmless.
            return await asyncio.wait_for(
                asyncio.shield(self._forwarder.submit(report)), self._budget_seconds
            )
        except TimeoutError:
            return problem("unavailable", "There was no answer in time.")
        except Problem as refused:
            return refused

    async def _spool_report(self, report: Report) -> Taken:
        try:
            await self._spool.put(self._kind, report.payload)
        except SpoolFullError as error:
            _logger.error("a report was refused: the spool is full: %s", error)
            raise problem("spool-full") from error
        return Taken(None)
