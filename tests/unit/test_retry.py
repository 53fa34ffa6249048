"""Retries: only what may help, and only inside the budget."""

import asyncio

import pytest

from app.retry import deadline_from_now, retrying
from app.verdicts import Refusal, Unreachable


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
    script = Script(Unreachable("ReadError"), Refusal(500, "40001"))
    assert await retrying(script, deadline_from_now()) == "done"
    assert script.calls == 3


async def test_other_refusals_are_not_tried_again() -> None:
    script = Script(Refusal(400, "22P05"))
    with pytest.raises(Refusal):
        await retrying(script, deadline_from_now())
    assert script.calls == 1


async def test_the_budget_ends_it() -> None:
    script = Script(*[Unreachable("ConnectError") for _ in range(100)])
    clock = asyncio.get_running_loop().time
    started = clock()
    with pytest.raises(Unreachable):
        await retrying(script, deadline_from_now())
    assert clock() - started < 0.9
    assert 2 < script.calls < 12


async def test_a_budget_that_is_used_up_leaves_one_try() -> None:
    script = Script(Unreachable("ReadTimeout"))
    with pytest.raises(Unreachable):
        await retrying(script, deadline_from_now(0))
    assert script.calls == 1
