"""Tells the database of requests with a bad signature.

SQL decides what is kept, one row a minute and address; this side only sees to it that a flood of them
costs no flood of calls.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.verdicts import Refusal, Unreachable

_SILENCE_SECONDS = 60.0
_NOTE_SECONDS = 10.0
_ADDRESS_LIMIT = 1000

_logger = logging.getLogger(__name__)


class ForgeryNotes:
    """Notes an address once a minute, and no more than 1,000 addresses in that time."""

    def __init__(self, note: Callable[[str | None], Awaitable[object]]) -> None:
        self._note = note
        self._noted_at: dict[str | None, float] = {}
        self._turn = asyncio.Lock()

    async def note(self, address: str | None) -> None:
        """Never raises: the request is refused already. What cannot be noted is noted when it comes again."""
        now = asyncio.get_running_loop().time()
        if now - self._noted_at.get(address, -_SILENCE_SECONDS) < _SILENCE_SECONDS:
            return
        if len(self._noted_at) >= _ADDRESS_LIMIT:
            self._noted_at = {each: at for each, at in self._noted_at.items() if now - at < _SILENCE_SECONDS}
            if len(self._noted_at) >= _ADDRESS_LIMIT:
                return
        self._noted_at[address] = now
        try:
            # One call at a time; the wait for one's turn is part of the time.
            async with asyncio.timeout(_NOTE_SECONDS), self._turn:
                await self._note(address)
        except (Refusal, Unreachable, TimeoutError) as failure:
            self._noted_at.pop(address, None)
            _logger.warning("a bad signature could not be noted: %s", failure or "no answer in time")
