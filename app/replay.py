"""Brings what waits in the spool to the database: the oldest first, in batches, with backoff and jitter."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from app.breaker import Breaker
from app.delivery import Deliver
from app.problems import Problem
from app.reports import Report
from app.spool import Spool
from app.spool_file import Spooled

_IDLE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
# These may go better another time, whoever's fault they are.
_PASSING_CODES = frozenset({"unavailable", "misconfigured", "draining", "internal", "rate-limited"})
# A single report that the database, which is there, cannot finish in so many tries, is what is wrong.
_TRIES_ALONE = 3

_logger = logging.getLogger(__name__)


class Replay:
    """Runs as long as the service does. ways bring each kind of report, batch_size at most in one call."""

    def __init__(
        self,
        spool: Spool,
        breaker: Breaker,
        ways: Mapping[str, Deliver],
        ping: Callable[[], Awaitable[bool]],
        batch_size: int,
    ) -> None:
        self._spool = spool
        self._breaker = breaker
        self._ways = ways
        self._ping = ping
        self._usual_size = batch_size
        self._size = batch_size
        self._tries_alone = 0

    async def run(self) -> None:
        """For ever. A failure pauses it; the pause grows up to 15 s."""
        pause = _IDLE_SECONDS
        while True:
            try:
                is_well = await self.step()
            except Exception:
                # A bug of ours or a broken disk: what waits is safe where it is.
                _logger.exception("the replay failed")
                is_well = False
            if is_well:
                pause = _IDLE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
            if not is_well:
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def step(self) -> bool:
        """Go once through all that waits: whether all of it arrived."""
        if self._breaker.is_open and not await self._ping():
            return False
        counts = await self._spool.refresh()
        if counts.depth == 0 or not self._spool.may_replay():
            self._breaker.close()
            return True
        last, is_empty = 0, True
        while batch := await self._spool.oldest(last, self._size):
            left = await self._replay(batch)
            if left is None:
                return False
            self._breaker.close()
            # What has to wait does not hold up what is behind it.
            last = batch[-1].id
            is_empty = is_empty and not left
        await self._spool.refresh()
        return is_empty

    async def _replay(self, batch: list[Spooled]) -> bool | None:
        """Whether some of it has to wait; None when the database gave no answer."""
        await self._spool.bury((each.id, "no such kind") for each in batch if each.kind not in self._ways)
        has_left, has_answered = False, False
        for kind, deliver in self._ways.items():
            chosen = [each for each in batch if each.kind == kind]
            answers = await deliver([Report(each.payload) for each in chosen]) if chosen else []
            done: list[int] = []
            dead: list[tuple[int, str]] = []
            for each, answer in zip(chosen, answers, strict=True):
                if not isinstance(answer, Problem):
                    done.append(each.id)
                elif answer.code not in _PASSING_CODES:
                    _logger.error("a spooled report was refused for good: %s", answer.code)
                    dead.append((each.id, answer.detail))
            await self._spool.remove(done)
            await self._spool.bury(dead)
            has_left = has_left or len(done) + len(dead) < len(chosen)
            has_answered = has_answered or not all(
                isinstance(answer, Problem) and answer.code == "unavailable" for answer in answers
            )
        if not has_answered and await self._shrink(batch):
            return None
        self._size = min(self._size * 2, self._usual_size)
        self._tries_alone = 0
        return has_left

    async def _shrink(self, batch: list[Spooled]) -> bool:
        """Nothing came back. If the database is there, the batch is too much for it: whether to try again."""
        if not await self._ping():
            return True
        if self._size > 1:
            self._size = max(1, self._size // 4)
            return True
        self._tries_alone += 1
        if self._tries_alone < _TRIES_ALONE:
            return True
        _logger.error("a spooled report is too much for the database")
        await self._spool.bury([(batch[0].id, "the database did not finish it")])
        return False
