"""Shares one result among concurrent and recent requests, so that many anonymous readers cost the database one call."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass
class LastResult(Generic[Result]):
    """The last result of a call and when it was read, for the time in which the call fails."""

    result: Result | None = None
    read_at: datetime | None = None

    def keep(self, result: Result) -> Result:
        """Replaces it, and returns the result."""
        self.result, self.read_at = result, datetime.now(UTC)
        return result


class SharedCache(Generic[Result]):
    """Keeps the result of fetch() for some seconds. An exception reaches every waiting request and is not kept."""

    def __init__(self, fetch: Callable[[], Awaitable[Result]], seconds: float) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._task: asyncio.Task[Result] | None = None
        self._fetched_at = 0.0
        self.last = LastResult[Result]()

    async def read(self) -> Result:
        """The result. Raises what fetch() raises."""
        if self._task is None or self._is_stale(self._task):
            self._fetched_at = monotonic()
            self._task = asyncio.ensure_future(self._fetch_and_keep())
        return await asyncio.shield(self._task)

    async def _fetch_and_keep(self) -> Result:
        return self.last.keep(await self._fetch())

    async def stop(self) -> None:
        """Cancel a fetch in progress."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _is_stale(self, task: asyncio.Future[Result]) -> bool:
        if not task.done():
            return False
        has_failed = task.cancelled() or task.exception() is not None
        return has_failed or monotonic() - self._fetched_at > self._seconds
