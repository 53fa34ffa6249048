"""The state of the scheduler, computed from what the database reports."""

from datetime import UTC, datetime

import pytest

from app.supabase.scheduler import SchedulerState, assess_scheduler

DAY = datetime(2026, 11, 24, tzinfo=UTC)
NOW = DAY.replace(hour=10, second=30)


def facts(last_run: str, schedule: str | None = "* * * * *", *, is_active: bool = True) -> dict[str, object]:
    return {
        "server_time": NOW.isoformat(),
        "scheduler": {
            "schedule": schedule,
            "is_active": is_active,
            "last_run_at": f"2026-11-24T{last_run}+00:00",
        },
    }


@pytest.mark.parametrize(
    ("last_run", "age", "state", "lag"),
    [
        ("10:00:00.2", 0, "ok", 0),
        ("10:00:00.2", 30, "ok", 0),
        ("10:00:00.2", 35, "ok", 5),
        ("10:00:00.2", 40, "late", 10),
        ("10:00:00.2", 74, "late", 44),
        ("10:00:00.2", 75, "stopped", 45),
        ("09:59:00.9", 0, "late", 30),
        ("09:30:00", 0, "stopped", 29 * 60 + 30),
    ],
)
def test_the_lag_counts_from_when_the_next_round_was_due(last_run: str, age: float, state: str, lag: float) -> None:
    judged = assess_scheduler(facts(last_run), age)
    assert (judged.state, judged.lag_seconds) == (state, lag)


def test_a_stop_is_reported_within_two_minutes_of_the_last_run() -> None:
    """Late is a report already. A poll comes each 12 s at most."""
    assert assess_scheduler(facts("10:00:00.2"), 120 - 30 - 12).state == "stopped"


@pytest.mark.parametrize(
    ("schedule", "is_active", "state", "lag"),
    [
        ("30 seconds", True, "late", 30),
        ("30 * * * *", True, "ok", 0),
        (None, True, "stopped", None),
        ("* * * * *", False, "stopped", 30),
        ("whenever", True, "unknown", None),
    ],
)
def test_other_schedules(schedule: str | None, is_active: bool, state: str, lag: float | None) -> None:
    judged = assess_scheduler(facts("09:59:30", schedule, is_active=is_active), 0)
    assert (judged.state, judged.lag_seconds) == (state, lag)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"server_time": "2026-11-24T10:00:00+00:00"},
        {
            "server_time": "now",
            "scheduler": {"schedule": "* * * * *", "last_run_at": "2026-11-24T10:00:00+00:00"},
        },
        {"server_time": "2026-11-24T10:00:00", "scheduler": []},
        {
            "server_time": "2026-11-24T10:00:00+00:00",
            "scheduler": {"schedule": "* * * * *", "last_run_at": None},
        },
    ],
)
def test_facts_that_cannot_be_parsed_are_unknown(facts: dict[str, object]) -> None:
    assert assess_scheduler(facts, 0) == SchedulerState("unknown", None, None)


@pytest.mark.parametrize("schedule", ["* * * * *", "30 seconds", "0 0 30 2 *", "* * * * * * * *", ""])
def test_a_run_at_the_end_of_time_has_no_next_one(schedule: str) -> None:
    facts = {
        "server_time": "2026-11-24T10:00:00+00:00",
        "scheduler": {"schedule": schedule, "is_active": True, "last_run_at": "9999-12-31T23:59:59.9+00:00"},
    }
    assert assess_scheduler(facts, 0).state == "unknown"


def judged(last_success: str | None, *, is_late: object = False, is_on: bool = True) -> dict[str, object]:
    last = None if last_success is None else f"2026-11-24T{last_success}+00:00"
    judgement = {"last_success_at": last, "is_late": is_late}
    return {**facts("10:00:00.2"), "is_monitoring_on": is_on, "judgement": judgement}


@pytest.mark.parametrize(
    ("reported", "age", "state"),
    [
        (judged("10:00:29"), 0, "ok"),
        (judged("10:00:29"), 59, "ok"),
        (judged("10:00:29"), 60, "late"),
        (judged("09:00:00", is_late=True), 0, "late"),
        (judged("10:00:29", is_late=True), 0, "late"),
        (judged(None), 0, "ok"),
        (judged(None, is_late=True), 0, "late"),
        (judged("09:00:00", is_on=False), 0, "ok"),
        (judged("soon"), 0, "ok"),
        ({**judged("10:00:29"), "judgement": None}, 0, "unknown"),
        ({**judged("10:00:29"), "server_time": None}, 0, "unknown"),
        (facts("10:00:00.2"), 0, "unknown"),
    ],
)
def test_a_judgement_is_late_after_a_minute(reported: dict[str, object], age: float, state: str) -> None:
    assert assess_scheduler(reported, age).judgement == state


def test_a_judgement_is_assessed_without_a_scheduler() -> None:
    state = assess_scheduler({**judged("09:00:00", is_late=True), "scheduler": None}, 0)
    assert (state.state, state.judgement, state.last_judged_at) == ("unknown", "late", DAY.replace(hour=9))
