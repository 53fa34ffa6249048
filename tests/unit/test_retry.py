"""Retries: only what may help, and only inside the budget."""

import asyncio

import pytest

from app.supabase.errors import ResponseError, UnreachableError
from app.supabase.retry import deadline_after, retry


class Script:
    """A call that fails as written, then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


async def test_transient_failures_are_tried_again() -> None:
    script = Script(UnreachableError("ReadError"), ResponseError(500, "40001"))
    assert await retry(script, deadline_after()) == "done"
    assert script.calls == 3


async def test_other_refusals_are_not_tried_again() -> None:
    script = Script(ResponseError(400, "22P05"))
    with pytest.raises(ResponseError):
        await retry(script, deadline_after())
    assert script.calls == 1


async def test_the_budget_ends_it() -> None:
    script = Script(*[UnreachableError("ConnectError") for _ in range(100)])
    clock = asyncio.get_running_loop().time
    started = clock()
    with pytest.raises(UnreachableError):
        await retry(script, deadline_after())
    assert clock() - started < 0.9
    assert 2 < script.calls < 12


async def test_a_budget_that_is_used_up_leaves_one_try() -> None:
    script = Script(UnreachableError("ReadTimeout"))
    with pytest.raises(UnreachableError):
        await retry(script, deadline_after(0))
    assert script.calls == 1
