"""Numbers and times as pages say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.status.words import from_now, milliseconds, percent, run_time, tone

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "no data"),
        (0, "0 ms"),
        (-5, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (42_560, "42.5 s"),
        (59_999, "59.9 s"),
        (60_000, "1 min 0 s"),
        (81_234, "1 min 21 s"),
        (3_599_999, "59 min 59 s"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (200_000_000, "2 d 7 h"),
    ],
)
def test_how_long_a_run_took(value: float | None, words: str) -> None:
    assert run_time(value) == words


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (timedelta(days=41, hours=2, minutes=5), "in 41 d 2 h"),
        (timedelta(seconds=30), "in 30 s"),
        (timedelta(0), "0 s ago"),
        (-timedelta(minutes=61), "1 h 1 min ago"),
    ],
)
def test_when_it_is(difference: timedelta, words: str) -> None:
    assert from_now((NOW + difference).isoformat(), NOW) == words


def test_a_time_of_another_zone() -> None:
    assert from_now("2026-11-27T18:30:00+05:30", NOW) == "in 1 h"


@pytest.mark.parametrize(("value", "words"), [(None, "no data"), (0, "0 ms"), (1234.6, "1,235 ms")])
def test_response_times(value: float | None, words: str) -> None:
    assert milliseconds(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, "no data"), (100, "100 %"), (99.9999, "99.99 %"), (99.5, "99.5 %"), (0, "0 %")]
)
def test_a_percentage_is_never_rounded_up(value: float | None, words: str) -> None:
    assert percent(value) == words


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("up", "good"),
        ("degraded", "fair"),
        ("disputed", "disputed"),
        ("down", "bad"),
        ("pending", "none"),
        (None, "none"),
    ],
)
def test_the_colour_of_a_state(status: str | None, word: str) -> None:
    assert tone(status) == word
