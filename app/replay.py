"""Brings what waits in the spool to the database: the oldest first, in batches, with backoff and jitter."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

from app.breaker import Breaker
from app.problems import Problem
from app.reports import Answer, Report
from app.spool import Spool
from app.spool_file import Spooled

Deliver = Callable[[list[Report]], Awaitable[list[Answer]]]

_IDLE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 15.0
# These may go better another time, whoever's fault they are.
_PASSING_CODES = frozenset({"unavailable", "misconfigured", "draining", "internal", "rate-limited"})

_logger = logging.getLogger(__name__)


class Replay:
    """Runs for as long as the service does."""

    def __init__(
        self,
        spool: Spool,
        breaker: Breaker,
        ways: Mapping[str, Deliver],
        ping: Callable[[], Awaitable[bool]],
    ) -> None:
        self._spool = spool
        self._breaker = breaker
        self._ways = ways
        self._ping = ping

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
        """Replay until nothing waits: whether all went well."""
        if self._breaker.is_open and not await self._ping():
            return False
        counts = await self._spool.refresh()
        if counts.depth == 0 or not self._spool.may_replay():
            self._breaker.close()
            return True
        while batch := await self._spool.oldest():
            if not await self._replay(batch):
                return False
            self._breaker.close()
        await self._spool.refresh()
        return True

    async def _replay(self, batch: list[Spooled]) -> bool:
        has_passed = True
        await self._spool.bury((each.id, "no such kind") for each in batch if each.kind not in self._ways)
        for kind, deliver in self._ways.items():
            chosen = [each for each in batch if each.kind == kind]
            answers = await deliver([Report(each.payload) for each in chosen]) if chosen else []
            done: list[int] = []
            dead: list[tuple[int, str]] = []
            for each, answer in zip(chosen, answers, strict=True):
                if not isinstance(answer, Problem):
                    done.append(each.id)
                elif answer.code in _PASSING_CODES:
                    has_passed = False
                else:
                    _logger.error("a spooled report was refused for good: %s", answer.code)
                    dead.append((each.id, answer.detail))
            await self._spool.remove(done)
            await self._spool.bury(dead)
        return has_passed
