"""Retries of transient failures, within a time budget."""

import asyncio

import pytest

from app.supabase.errors import ResponseError, UnreachableError
from app.supabase.retry import BUDGET_SECONDS, deadline_after, retry
from tests.support.pauses import replace_sleep


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


async def test_transient_failures_are_retried() -> None:
    script = Script(UnreachableError("ReadError"), ResponseError(500, "40001"))
    assert await retry(script, deadline_after(60)) == "done"
    assert script.calls == 3


async def test_other_refusals_are_not_retried() -> None:
    script = Script(ResponseError(400, "22P05"))
    with pytest.raises(ResponseError):
        await retry(script, deadline_after())
    assert script.calls == 1


async def test_no_try_begins_after_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that only the pauses advance."""
    now = 0.0
    tries: list[float] = []

    async def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def fail() -> None:
        tries.append(now)
        raise UnreachableError("ConnectError")

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    replace_sleep(monkeypatch, pause)
    with pytest.raises(UnreachableError):
        await retry(fail, deadline_after())
    assert max(tries) < BUDGET_SECONDS
    assert 2 < len(tries) < 12


async def test_an_exhausted_budget_leaves_one_try() -> None:
    script = Script(UnreachableError("ReadTimeout"))
    with pytest.raises(UnreachableError):
        await retry(script, deadline_after(0))
    assert script.calls == 1
