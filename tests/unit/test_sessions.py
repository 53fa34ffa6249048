"""Sessions of the status page: how long they last and how many there are."""

from __future__ import annotations

import hashlib
import time

import jwt
import pytest

from app.web.session import IDLE_SECONDS, READER_LIMIT, SESSION_SECONDS, USER_SECONDS, USERS_LIMIT, Reader, Sessions

OPERATOR = Reader(None)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


def user(name: str, number: int = 0, expires_in: int = 3600) -> Reader:
    claims = {"sub": name, "number": number, "exp": int(time.time()) + expires_in}
    return Reader(jwt.encode(claims, "a-secret-of-a-test-with-32-characters"))


def test_a_session_is_found_by_its_id_alone(sessions: Sessions) -> None:
    session_id = sessions.start(OPERATOR)
    assert sessions.find(session_id) is OPERATOR
    for other in ("", session_id[:-1], session_id.swapcase(), hashlib.sha256(session_id.encode()).hexdigest()):
        assert sessions.find(other) is None


def test_every_sign_in_gets_an_id_of_its_own(sessions: Sessions) -> None:
    ids = {sessions.start(OPERATOR) for _ in range(20)}
    assert len(ids) == 20
    assert all(len(each) >= 43 for each in ids)


def test_a_session_ends(sessions: Sessions) -> None:
    first, second = sessions.start(OPERATOR), sessions.start(OPERATOR)
    sessions.end(first)
    sessions.end("unknown")
    assert (sessions.find(first), sessions.find(second)) == (None, OPERATOR)


def test_an_unused_session_ends(sessions: Sessions, clock: Clock) -> None:
    session_id = sessions.start(OPERATOR)
    clock.now += IDLE_SECONDS - 1
    assert sessions.find(session_id) is OPERATOR
    clock.now += IDLE_SECONDS - 1
    assert sessions.find(session_id) is OPERATOR
    clock.now += IDLE_SECONDS
    assert sessions.find(session_id) is None


def test_a_used_session_ends_as_well(sessions: Sessions, clock: Clock) -> None:
    session_id = sessions.start(OPERATOR)
    while clock.now < SESSION_SECONDS:
        assert sessions.find(session_id) is OPERATOR
        clock.now += IDLE_SECONDS / 2
    assert sessions.find(session_id) is None


def test_a_session_ends_with_its_access_token(sessions: Sessions) -> None:
    valid, expired = sessions.start(user("ann")), sessions.start(user("ann", expires_in=-3600))
    assert sessions.find(valid) is not None
    assert sessions.find(expired) is None


def test_one_user_has_a_bounded_number_of_sessions(sessions: Sessions) -> None:
    """Also with a new access token for each."""
    other = sessions.start(user("bob"))
    ids = [sessions.start(user("ann", number)) for number in range(READER_LIMIT + 5)]
    assert [sessions.find(each) is not None for each in ids] == [False] * 5 + [True] * READER_LIMIT
    assert sessions.find(other) is not None


def test_users_cannot_end_sessions_of_the_operator(sessions: Sessions) -> None:
    operator = sessions.start(OPERATOR)
    ids = [sessions.start(user(f"user {number}")) for number in range(USERS_LIMIT + 5)]
    assert sum(sessions.find(each) is not None for each in ids) == USERS_LIMIT
    assert sessions.find(ids[0]) is None
    assert sessions.find(operator) is OPERATOR


def test_ended_sessions_give_way_first(sessions: Sessions, clock: Clock) -> None:
    old = [sessions.start(user("ann")) for _ in range(READER_LIMIT - 1)]
    clock.now += IDLE_SECONDS / 2
    kept = sessions.start(user("ann"))
    clock.now += IDLE_SECONDS / 2
    sessions.start(user("ann"))
    sessions.start(user("ann"))
    assert sessions.find(old[0]) is None
    assert sessions.find(kept) is not None


@pytest.mark.parametrize("token", ["a.b.c", "a.bnVsbA.c", "a.e30.c"])
def test_a_token_without_a_subject_is_its_own_owner(sessions: Sessions, token: str) -> None:
    sessions.start(Reader(token))


# Users with cookies.


def access_token(session_id: str | None, number: int = 0) -> str:
    claims = {"sub": "ann", "number": number, **({"session_id": session_id} if session_id else {})}
    return jwt.encode(claims, "a-secret-of-a-test-with-32-characters")


def test_a_sign_out_ends_all_access_tokens_of_the_session(sessions: Sessions) -> None:
    """Also those that a refresh made before or after."""
    sessions.end_user_session(access_token("one", 1))
    assert [sessions.has_ended(access_token("one", number)) for number in range(3)] == [True] * 3
    assert not sessions.has_ended(access_token("two"))


@pytest.mark.parametrize("token", ["a.b.c", "", access_token(None), access_token("")])
def test_a_token_without_a_session_ends_alone(sessions: Sessions, token: str) -> None:
    sessions.end_user_session(token)
    assert sessions.has_ended(token)
    assert not sessions.has_ended(access_token(None, 7))


def test_ended_sessions_are_kept_as_long_as_cookies_last(sessions: Sessions, clock: Clock) -> None:
    sessions.end_user_session(access_token("one"))
    clock.now += USER_SECONDS - 1
    sessions.end_user_session(access_token("two"))
    assert sessions.has_ended(access_token("one"))
    clock.now += 1
    sessions.end_user_session(access_token("three"))
    assert not sessions.has_ended(access_token("one"))
    assert sessions.has_ended(access_token("two"))
