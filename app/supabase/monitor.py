"""Polls the health of the database in the background, so that /health answers from memory."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Literal

from app.supabase.errors import SupabaseError, UnreachableError
from app.supabase.scheduler import SchedulerState, assess_scheduler

INTERVAL_SECONDS = 10.0
TIMEOUT_SECONDS = 2.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseState:
    """The result of the last probe. latency_ms is the time of the whole call."""

    state: Literal["ok", "down", "unknown"] = "unknown"
    checked_at: datetime | None = None
    latency_ms: float | None = None


class DatabaseMonitor:
    """Calls service_health() every 10 s and on demand, at most one call at a time."""

    def __init__(
        self, service_health: Callable[[], Awaitable[object]], timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._service_health = service_health
        self._timeout_seconds = timeout_seconds
        self._probe: asyncio.Task[DatabaseState] | None = None
        self._facts: Mapping[str, object] = {}
        self._facts_at = 0.0
        self.last = DatabaseState()

    @property
    def facts(self) -> Mapping[str, object]:
        """The last result of service_health(); empty while the database is unavailable."""
        return self._facts

    @property
    def scheduler(self) -> SchedulerState:
        """Whether pg_cron still runs the health checks, computed from the last result and its age."""
        return assess_scheduler(self._facts, perf_counter() - self._facts_at)

    async def run(self) -> None:
        """Probe until cancelled. The jitter keeps replicas from probing at the same moment."""
        while True:
            await self.probe()
            await asyncio.sleep(INTERVAL_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    async def probe(self) -> DatabaseState:
        """A new result. Concurrent callers share one call, so that many requests cost the database one."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._measure())
        return await asyncio.shield(self._probe)

    async def stop(self) -> None:
        """Cancel a probe in progress."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)

    async def _measure(self) -> DatabaseState:
        started = perf_counter()
        state: Literal["ok", "down"] = "ok"
        why = ""
        facts: Mapping[str, object] = {}
        try:
            async with asyncio.timeout(self._timeout_seconds):
                facts = _read_facts(await self._service_health())
        except (SupabaseError, TimeoutError) as error:
            state, why = "down", f": {str(error) or 'no response within the timeout'}"
        latency_ms = round((perf_counter() - started) * 1000, 1)
        self._facts = facts
        self._facts_at = perf_counter()
        if state != self.last.state:
            _logger.log(logging.INFO if state == "ok" else logging.ERROR, "database is %s%s", state, why)
        self.last = DatabaseState(state, datetime.now(UTC), latency_ms)
        return self.last


def _read_facts(result: object) -> Mapping[str, object]:
    """The result of service_health(). Raises UnreachableError for anything else, such as a proxy's own 200."""
    if isinstance(result, Mapping) and result.get("status") == "ok" and isinstance(result.get("server_time"), str):
        return result
    raise UnreachableError("the response is not that of service_health()")
