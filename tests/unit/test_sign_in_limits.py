"""How often somebody may try to sign in, and that a refresh token is used once."""

from __future__ import annotations

import asyncio

import pytest

from app.problems import Problem, problem
from app.supabase.auth import AuthRefusedError, SharedRefresh, UserTokens
from app.web.attempts import ATTEMPT_SECONDS, Attempts


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# Attempts.


def is_permitted(attempts: Attempts, limits: dict[str, int]) -> bool:
    try:
        attempts.begin(limits)
    except Problem:
        return False
    return True


def test_attempts_are_limited_by_each_key_in_a_window(clock: Clock) -> None:
    attempts = Attempts(clock)
    found = [is_permitted(attempts, {"client a": 3, f"e-mail {number}": 2}) for number in (1, 1, 1, 2, 2)]
    assert found == [True, True, False, True, False]
    assert is_permitted(attempts, {"client b": 3, "e-mail 2": 2})
    clock.now += ATTEMPT_SECONDS - 1
    assert not is_permitted(attempts, {"client a": 3})
    clock.now += 1
    assert is_permitted(attempts, {"client a": 3})


def test_a_refused_attempt_is_not_counted_for_the_other_keys(clock: Clock) -> None:
    attempts = Attempts(clock)
    assert is_permitted(attempts, {"client a": 1, "e-mail": 2})
    for _ in range(5):
        assert not is_permitted(attempts, {"client a": 1, "e-mail": 2})
    assert is_permitted(attempts, {"client b": 1, "e-mail": 2})


def test_attempts_in_progress_count(clock: Clock) -> None:
    """Otherwise many at the same time would not be limited."""
    attempts = Attempts(clock)
    assert [is_permitted(attempts, {"client": 2}) for _ in range(3)] == [True, True, False]
    attempts.forgive({"client": 2})
    assert is_permitted(attempts, {"client": 2})


def test_nothing_is_forgiven_twice(clock: Clock) -> None:
    attempts = Attempts(clock)
    for _ in range(3):
        attempts.forgive({"client": 1})
    assert [is_permitted(attempts, {"client": 1}) for _ in range(2)] == [True, False]


def test_the_wait_is_said(clock: Clock) -> None:
    attempts = Attempts(clock)
    attempts.begin({"client": 1})
    clock.now += ATTEMPT_SECONDS - 100
    with pytest.raises(Problem) as raised:
        attempts.begin({"client": 1})
    assert raised.value.headers["Retry-After"] == "101"
    assert "2 min" in raised.value.detail


def test_refused_attempts_push_no_counts_out(clock: Clock) -> None:
    attempts = Attempts(clock)
    attempts.begin({"client a": 1})
    for number in range(20_000):
        assert not is_permitted(attempts, {"client a": 1, f"e-mail {number}": 1})
    assert len(attempts) == 1


def test_many_keys_take_bounded_memory(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(20_500):
        attempts.begin({f"client {number}": 1, f"e-mail {'x' * 5_000} {number}": 1})
    assert len(attempts) <= 10_002


# Refreshes.


class Auth:
    """Counts the calls to Supabase Auth, which wait until the test lets them end."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def refresh(self, refresh_token: str) -> UserTokens:
        self.calls.append(refresh_token)
        number = len(self.calls)
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return UserTokens(f"access {number}", f"refresh {number}")


async def test_requests_share_a_refresh_for_a_minute(clock: Clock) -> None:
    auth = Auth()
    shared = SharedRefresh(auth.refresh, clock)
    waiting = [asyncio.create_task(shared.tokens("a")) for _ in range(5)]
    other = asyncio.create_task(shared.tokens("b"))
    await asyncio.sleep(0)
    auth.may_end.set()
    assert set(await asyncio.gather(*waiting)) == {UserTokens("access 1", "refresh 1")}
    assert await other == UserTokens("access 2", "refresh 2")
    clock.now = 59
    assert await shared.tokens("a") == UserTokens("access 1", "refresh 1")
    clock.now = 61
    assert await shared.tokens("a") == UserTokens("access 3", "refresh 3")


async def test_a_cancelled_request_does_not_cancel_the_refresh(clock: Clock) -> None:
    auth = Auth()
    shared = SharedRefresh(auth.refresh, clock)
    first, second = (asyncio.create_task(shared.tokens("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    auth.may_end.set()
    assert await second == UserTokens("access 1", "refresh 1")
    assert auth.calls == ["a"]


@pytest.mark.parametrize(
    ("error", "calls"), [(problem("unavailable"), 2), (problem("rate-limited"), 2), (AuthRefusedError("ended"), 1)]
)
async def test_a_failure_that_may_pass_is_not_kept(clock: Clock, error: Exception, calls: int) -> None:
    auth = Auth()
    auth.may_end.set()
    auth.error = error
    shared = SharedRefresh(auth.refresh, clock)
    for _ in range(2):
        with pytest.raises(type(error)):
            await shared.tokens("a")
    assert len(auth.calls) == calls


async def test_many_refreshes_take_bounded_memory(clock: Clock) -> None:
    auth = Auth()
    auth.may_end.set()
    shared = SharedRefresh(auth.refresh, clock)
    for number in range(3_000):
        await shared.tokens(f"token {number}")
    assert len(shared) <= 1_001


async def test_the_end_of_the_service_ends_refreshes(clock: Clock) -> None:
    auth = Auth()
    shared = SharedRefresh(auth.refresh, clock)
    waiting = asyncio.create_task(shared.tokens("a"))
    await asyncio.sleep(0)
    await shared.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting
