"""Sends the spooled reports of one feed to the database: oldest first, in batches, with backoff and jitter.

A report is given up only for a reason of its own: SQL rejects it, or it fails alone again and again while others are
stored. As long as the database fails on all reports, all of them wait.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, perf_counter
from uuid import uuid4

from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import Report
from app.ingest.sender import Answer, NoResult, Send, Sender, in_halves
from app.logs import log_context
from app.problems import Problem
from app.spool.file import FIRST, ReportId, Spooled
from app.spool.spool import Spool
from app.supabase.errors import ErrorKind

_IDLE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
# A pass ends after so many batches in a row of which no report was stored, rejected or deferred.
_FRUITLESS_BATCHES = 3
# Suspects that may fail in one pass, each in a call of its own.
_SUSPECTS_PER_PASS = 10
# A report that fails alone so often, each time after others were stored, becomes a dead letter. More often if the
# code is one of the database's or the network's state, which may hit the same report by chance.
_FAILURES_TO_GIVE_UP = 4
_GENERAL_FAILURES_TO_GIVE_UP = 10
# So many suspects with one error have a common cause, which may pass: a used-up sequence fails new incidents only.
_COMMON_CAUSE_SUSPECTS = 5
_COMMON_CAUSE_SECONDS = 3600.0

_logger = logging.getLogger(__name__)


@dataclass
class _Suspect:
    """A report that failed alone. failures counts those with the same reason, each after others were stored."""

    reason: str
    since: float
    stored_by_others: int
    failures: int = 1
    pause: float = _IDLE_SECONDS
    rests_until: float = 0.0


@dataclass
class _Progress:
    """What one pass achieved. Deferred reports are over the quota of their sender."""

    calls: int = 0
    settled: int = 0
    deferred: int = 0


class Replay:
    """batch_size is the largest number of reports in one step. Ordered reports are sent in one call at a time."""

    def __init__(
        self,
        kind: str,
        spool: Spool,
        sender: Sender,
        breaker: CircuitBreaker,
        batch_size: int,
        *,
        is_ordered: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.kind = kind
        self._spool = spool
        self._sender = sender
        self._send: Send = sender if is_ordered else in_halves(sender)
        self._breaker = breaker
        self._full_size = batch_size
        self._size = batch_size
        self._clock = clock
        self._suspects: dict[ReportId, _Suspect] = {}
        self.outcomes = Counter({"stored": 0, "rejected": 0, "kept": 0})
        """What became of the reports that were sent since the start. Those that are kept are sent again."""

    async def run(self) -> None:
        """Replay until cancelled. After a pass that achieved nothing it pauses, up to 15 s."""
        pause = _IDLE_SECONDS
        while True:
            pause = _IDLE_SECONDS if await self.step() else min(pause * 2, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def step(self) -> bool:
        """Send every spooled report of the feed once. Returns False if the next pass should come later."""
        await self._spool.refresh()
        if not self._spool.depth(self.kind):
            self._suspects.clear()
            return True
        if not self._spool.acquire_replay_lock():
            return True
        if not self._breaker.is_closed and not self._breaker.begin_trial():
            return True
        progress = _Progress()
        await self._replay_batches(progress)
        # If only suspects wait, the trial call of an open breaker is one of theirs.
        if self._breaker.is_closed or not progress.calls:
            await self._replay_suspects(progress)
        return progress.settled > 0 and not progress.deferred

    async def _replay_batches(self, progress: _Progress) -> None:
        """Reports that stay do not block the ones behind them."""
        last, fruitless = FIRST, 0
        while batch := await self._spool.oldest(self.kind, last, self._size):
            last = batch[-1].id
            batch = [each for each in batch if each.id not in self._suspects]
            if not batch:
                continue
            answers = await self._replay(batch, progress)
            if not all(isinstance(answer, NoResult) for answer in answers):
                fruitless = 0
                self._size = min(self._size * 2, self._full_size)
                continue
            if _is_general(answers[-1]):
                # Perhaps the batch is too large to be completed in time.
                self._size = max(1, self._size // 4)
                return
            fruitless += 1
            if fruitless == _FRUITLESS_BATCHES:
                return

    async def _replay_suspects(self, progress: _Progress) -> None:
        failures = 0
        for report_id in [each for each, suspect in self._suspects.items() if suspect.rests_until <= self._clock()]:
            spooled = await self._spool.oldest(self.kind, ReportId(report_id.file, report_id.row - 1), 1)
            if not spooled or spooled[0].id != report_id:
                del self._suspects[report_id]  # another process removed it, or the file is a new one
                continue
            (answer,) = await self._replay(spooled, progress)
            failures += isinstance(answer, NoResult)
            if _is_general(answer) or failures == _SUSPECTS_PER_PASS:
                return

    async def _replay(self, batch: list[Spooled], progress: _Progress) -> list[Answer]:
        with log_context(batch_id=uuid4().hex, feed=self.kind, reports=len(batch), is_replay=True):
            return await self._send_and_settle(batch, progress)

    async def _send_and_settle(self, batch: list[Spooled], progress: _Progress) -> list[Answer]:
        progress.calls += 1
        started = perf_counter()
        answers = await self._send([Report(each.payload) for each in batch])
        stored: list[ReportId] = []
        rejected: list[tuple[ReportId, str]] = []
        for each, answer in zip(batch, answers, strict=True):
            if isinstance(answer, NoResult):
                if answer.was_alone and self._count_failure(each.id, answer):
                    _logger.error("a spooled report is given up, it fails while others are stored: %s", answer.reason)
                    rejected.append((each.id, f"It failed while others were stored: {answer.reason}"))
            elif not isinstance(answer, Problem):
                stored.append(each.id)
            elif answer.code == "rate-limited":
                progress.deferred += 1
            else:
                _logger.error("a spooled report was permanently rejected: %s", answer.code)
                # The hint holds the words of PostgreSQL.
                hint = answer.members.get("hint")
                rejected.append((each.id, f"{answer.detail} ({hint})" if hint else answer.detail))
        await self._spool.settle(self.kind, stored, rejected)
        progress.settled += len(stored) + len(rejected)
        kept = len(batch) - len(stored) - len(rejected)
        self.outcomes.update(stored=len(stored), rejected=len(rejected), kept=kept)
        fields = {"stored": len(stored), "duration_ms": round((perf_counter() - started) * 1000, 2)}
        _logger.info("batch", extra={"fields": fields})
        for report_id in (*stored, *(report_id for report_id, _ in rejected)):
            self._suspects.pop(report_id, None)
        return answers

    def _count_failure(self, report_id: ReportId, failure: NoResult) -> bool:
        """Count the failure of a report that was alone. Returns whether the report is given up."""
        now, stored = self._clock(), self._sender.stored
        suspect = self._suspects.setdefault(report_id, _Suspect(failure.reason, now, stored))
        if failure.reason != suspect.reason:
            suspect.reason, suspect.failures = failure.reason, 1
        elif stored > suspect.stored_by_others:
            suspect.failures += 1
        suspect.stored_by_others = stored
        suspect.rests_until = now + suspect.pause
        suspect.pause = min(suspect.pause * 2, _LONGEST_PAUSE_SECONDS)
        if not failure.can_be_own:
            return False
        if suspect.failures < (_GENERAL_FAILURES_TO_GIVE_UP if _is_general(failure) else _FAILURES_TO_GIVE_UP):
            return False
        alike = sum(other.reason == failure.reason for other in self._suspects.values())
        return alike < _COMMON_CAUSE_SUSPECTS or now - suspect.since > _COMMON_CAUSE_SECONDS


def _is_general(answer: Answer) -> bool:
    """Whether the call failed for the state of the database or the network, or the service's configuration."""
    return isinstance(answer, NoResult) and answer.kind in (ErrorKind.TRANSIENT, ErrorKind.CONFIGURATION)
