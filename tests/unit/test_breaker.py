"""The circuit breaker: what opens it, and the trial call that closes or reopens it."""

import pytest

from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import Report
from app.ingest.sender import Sender
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def open_breaker(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker("events", clock)
    for _ in range(3):
        breaker.record_failure("ConnectError")
    return breaker


def test_only_consecutive_failures_open_it() -> None:
    breaker = CircuitBreaker("events")
    for _ in range(5):
        breaker.record_failure("ReadError")
        breaker.record_failure("ReadError")
        breaker.record_answer()
    assert breaker.is_closed
    for _ in range(3):
        breaker.record_failure("ReadError")
    assert not breaker.is_closed


def test_after_a_pause_one_trial_is_made_which_closes_it() -> None:
    clock = Clock()
    breaker = open_breaker(clock)
    assert breaker.begin_trial() is False
    clock.now += 1
    assert (breaker.begin_trial(), breaker.begin_trial(), breaker.state) == (True, False, "half-open")
    breaker.record_answer()
    assert breaker.state == "closed"


def test_a_trial_that_fails_reopens_it_for_longer_pauses() -> None:
    clock = Clock()
    breaker = open_breaker(clock)
    pauses = []
    for _ in range(8):
        started = clock.now
        while not breaker.begin_trial():
            clock.now += 0.25
        pauses.append(clock.now - started)
        breaker.record_failure("ReadTimeout")
        breaker.record_failure("ReadTimeout")  # of a call that began earlier
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, 15]


def test_a_trial_without_an_end_is_followed_by_another() -> None:
    clock = Clock()
    breaker = open_breaker(clock)
    for _ in range(3):
        clock.now += 1
        assert breaker.begin_trial()


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnreachableError("ConnectError"), "open"),
        (ResponseError(503, "PGRST000"), "open"),
        (ResponseError(500, "57014"), "open"),
        (ResponseError(502), "open"),
        (ResponseError(500, "XX000"), "closed"),
        (ResponseError(400, "42703"), "closed"),
        (ResponseError(404, "PGRST202"), "closed"),
        (ResponseError(401, "PGRST301"), "closed"),
    ],
)
async def test_calls_without_an_answer_open_it_and_answers_of_the_database_do_not(
    error: SupabaseError, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_body: bytes) -> object:
        raise error

    monkeypatch.setattr("app.ingest.sender.deadline_after", lambda: 0.0)  # no retries
    breaker = CircuitBreaker("events")
    for _ in range(3):
        await Sender(fail, "events", breaker)([Report(b"{}")])
    assert breaker.state == state
