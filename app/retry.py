"""Trying again, inside a budget of time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.verdicts import Refusal, Unreachable, is_transient

Result = TypeVar("Result")

# Together less than the second that Sentry waits (DESIGN fact 13).
BUDGET_SECONDS = 0.6
_FIRST_PAUSE_SECONDS = 0.05


def deadline_from_now(seconds: float = BUDGET_SECONDS) -> float:
    """The moment, on the loop's clock, after which no further try begins."""
    return asyncio.get_running_loop().time() + seconds


async def retrying(call: Callable[[], Awaitable[Result]], deadline: float) -> Result:
    """The call's result. Transient failures are tried again until the deadline, with growing pauses."""
    clock = asyncio.get_running_loop().time
    step = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except (Refusal, Unreachable) as failure:
            pause = step * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
            if not is_transient(failure) or clock() + pause >= deadline:
                raise
        await asyncio.sleep(pause)
        step *= 2
