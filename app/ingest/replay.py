"""Sends the spooled reports to the database: oldest first, in batches, with backoff and jitter."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import Report
from app.ingest.sender import Send
from app.problems import Problem
from app.spool.file import Spooled
from app.spool.spool import Spool

_IDLE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
# With these the report stays in the spool: another try may succeed.
_RETRIED_CODES = frozenset({"unavailable", "misconfigured", "draining", "internal", "rate-limited"})
# A report that fails alone this many times while the database is available becomes a dead letter.
_TRIES_ALONE = 3

_logger = logging.getLogger(__name__)


class Replay:
    """senders maps each kind of report to the function that sends it, at most batch_size reports per call."""

    def __init__(
        self,
        spool: Spool,
        breaker: CircuitBreaker,
        senders: Mapping[str, Send],
        is_healthy: Callable[[], Awaitable[bool]],
        batch_size: int,
    ) -> None:
        self._spool = spool
        self._breaker = breaker
        self._senders = senders
        self._is_healthy = is_healthy
        self._full_size = batch_size
        self._size = batch_size
        self._tries_alone = 0

    async def run(self) -> None:
        """Replay until cancelled. After a failure it pauses, up to 15 s."""
        pause = _IDLE_SECONDS
        while True:
            try:
                is_done = await self.step()
            except Exception:
                # A bug or a broken disk: the reports stay in the file.
                _logger.exception("the replay failed")
                is_done = False
            if is_done:
                pause = _IDLE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            if not is_done:
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def step(self) -> bool:
        """Send every spooled report once. Returns False if reports remain or the database did not answer."""
        if self._breaker.is_open and not await self._is_healthy():
            return False
        counts = await self._spool.refresh()
        if counts.depth == 0 or not self._spool.acquire_replay_lock():
            self._breaker.close()
            return True
        last, is_empty = 0, True
        while batch := await self._spool.oldest(last, self._size):
            has_remaining = await self._replay(batch)
            if has_remaining is None:
                return False
            self._breaker.close()
            # Reports that stay do not block the ones behind them.
            last = batch[-1].id
            is_empty = is_empty and not has_remaining
        await self._spool.refresh()
        return is_empty

    async def _replay(self, batch: list[Spooled]) -> bool | None:
        """Whether some reports of the batch remain; None if the database did not answer."""
        unknown = [(each.id, "unknown kind of report") for each in batch if each.kind not in self._senders]
        await self._spool.move_to_dead_letters(unknown)
        has_remaining, has_answered = False, False
        for kind, send in self._senders.items():
            chosen = [each for each in batch if each.kind == kind]
            answers = await send([Report(each.payload) for each in chosen]) if chosen else []
            done: list[int] = []
            dead: list[tuple[int, str]] = []
            for each, answer in zip(chosen, answers, strict=True):
                if not isinstance(answer, Problem):
                    done.append(each.id)
                elif answer.code not in _RETRIED_CODES:
                    _logger.error("a spooled report was permanently rejected: %s", answer.code)
                    dead.append((each.id, answer.detail))
            await self._spool.remove(done)
            await self._spool.move_to_dead_letters(dead)
            has_remaining = has_remaining or len(done) + len(dead) < len(chosen)
            codes = {answer.code if isinstance(answer, Problem) else None for answer in answers}
            has_answered = has_answered or bool(codes - {"unavailable"})
        if not has_answered and await self._shrink(batch):
            return None
        self._size = min(self._size * 2, self._full_size)
        self._tries_alone = 0
        return has_remaining

    async def _shrink(self, batch: list[Spooled]) -> bool:
        """No answer: if the database is available, the batch is too large for it. Whether to stop this pass."""
        if not await self._is_healthy():
            return True
        if self._size > 1:
            self._size = max(1, self._size // 4)
            return True
        self._tries_alone += 1
        if self._tries_alone < _TRIES_ALONE:
            return True
        _logger.error("the database does not complete a spooled report")
        await self._spool.move_to_dead_letters([(batch[0].id, "the database did not complete it")])
        return False
