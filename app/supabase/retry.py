"""Retries transient failures within a time budget."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.supabase.errors import ErrorKind, SupabaseError, error_kind

Result = TypeVar("Result")

# All attempts together take less than 1 s, after which Sentry closes the connection.
BUDGET_SECONDS = 0.6
_FIRST_PAUSE_SECONDS = 0.05


def deadline_after(seconds: float = BUDGET_SECONDS) -> float:
    """The time, on the event loop's clock, after which no further try begins."""
    return asyncio.get_running_loop().time() + seconds


async def retry(call: Callable[[], Awaitable[Result]], deadline: float) -> Result:
    """The result of the call. A transient failure is retried until the deadline, with exponential backoff."""
    clock = asyncio.get_running_loop().time
    step = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except SupabaseError as error:
            pause = step * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
            if error_kind(error) is not ErrorKind.TRANSIENT or clock() + pause >= deadline:
                raise
        await asyncio.sleep(pause)
        step *= 2
