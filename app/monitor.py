"""What is known of the database: asked for in the background, so that /health never has to wait for it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal

from app.scheduler import SchedulerState, judge_scheduler
from app.verdicts import Refusal, Unreachable

INTERVAL_SECONDS = 10.0
TIMEOUT_SECONDS = 2.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseState:
    """What the last probe found."""

    state: Literal["ok", "down", "unknown"] = "unknown"
    checked_at: datetime | None = None
    latency_ms: float | None = None

    def as_json(self) -> dict[str, object]:
        """As the health routes show it."""
        checked_at = self.checked_at.isoformat(timespec="milliseconds") if self.checked_at else None
        return {"state": self.state, "checked_at": checked_at, "latency_ms": self.latency_ms}


class DatabaseMonitor:
    """Probes the database every 10 s, and whenever asked; never with more than one call at a time."""

    def __init__(
        self, ask: Callable[[], Awaitable[object]], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._ask = ask
        self._timeout_seconds = timeout_seconds
        self._probe: asyncio.Task[DatabaseState] | None = None
        self._facts: Mapping[str, object] = {}
        self._facts_at = 0.0
        self.last = DatabaseState()

    @property
    def facts(self) -> Mapping[str, object]:
        """What service_health() told last. Empty while the database is away."""
        return self._facts

    @property
    def scheduler(self) -> SchedulerState:
        """Whether the health checks run, by what is known now."""
        return judge_scheduler(self._facts, perf_counter() - self._facts_at)

    async def watch(self) -> None:
        """Probe for ever. The jitter keeps several replicas from asking in step."""
        while True:
            await self.probe()
            await asyncio.sleep(INTERVAL_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load

    async def probe(self) -> DatabaseState:
        """A fresh state. Whoever asks while a probe is under way shares it, so a flood costs one call."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._measure())
        return await asyncio.shield(self._probe)

    async def is_well(self) -> bool:
        """Ask now."""
        return (await self.probe()).state == "ok"

    async def stop(self) -> None:
        """End a probe that is under way."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    async def _measure(self) -> DatabaseState:
        started = perf_counter()
        state: Literal["ok", "down"] = "ok"
        why = ""
        facts: object = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                facts = await self._ask()
        except (Unreachable, Refusal, TimeoutError) as error:
            state, why = "down", f": {str(error) or 'no answer in time'}"
        latency_ms = round((perf_counter() - started) * 1000, 1)
        self._facts = facts if isinstance(facts, Mapping) else {}
        self._facts_at = perf_counter()
        if state != self.last.state:
            _logger.log(logging.INFO if state == "ok" else logging.ERROR, "database is %s%s", state, why)
        self.last = DatabaseState(state, datetime.now(UTC), latency_ms)
        return self.last
