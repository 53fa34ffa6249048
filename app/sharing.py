"""One answer for all who ask within some seconds: a crowd costs the database one call."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """What ask() answered, kept for a while. A failure is told to all who wait for it, and not kept."""

    def __init__(self, ask: Callable[[], Awaitable[Answer]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asking: asyncio.Task[Answer] | None = None
        self._asked_at = 0.0

    async def read(self) -> Answer:
        """The answer. Raises what ask() raises."""
        if self._asking is None or self._is_old(self._asking):
            self._asked_at = monotonic()
            self._asking = asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._asking)

    async def stop(self) -> None:
        """End what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _is_old(self, asking: asyncio.Future[Answer]) -> bool:
        if not asking.done():
            return False
        has_failed = asking.cancelled() or asking.exception() is not None
        return has_failed or monotonic() - self._asked_at > self._seconds
