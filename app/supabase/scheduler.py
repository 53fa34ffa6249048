"""Whether pg_cron still runs the health checks, and whether they are judged, computed outside the database: a stopped
scheduler reports nothing.

service_health() returns the time of the last run and the schedule of the job; both give the time when the next run
was due. It returns the time of the last judgement as well.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from croniter import croniter
from croniter.croniter import CroniterError

# A job starts within a second of its time. With two polls of the monitor in between, `late` is reported within 2
# minutes of the last run.
LATE_SECONDS = 10.0
STOPPED_SECONDS = 45.0
# Checks are judged every 10 seconds. The database itself says that the state is unknown after the same time.
UNJUDGED_SECONDS = 60.0

# pg_cron's own syntax for intervals, beside crontab's.
_SECONDS = re.compile(r"([1-5]?[0-9]) seconds?", re.IGNORECASE)

State = Literal["ok", "late", "stopped", "unknown"]
Judgement = Literal["ok", "late", "unknown"]


@dataclass(frozen=True)
class SchedulerState:
    """The state of the job. The lag is the time in seconds since the next run was due.

    judgement is late when the checks have not been judged for a minute although monitoring is on.
    """

    state: State = "unknown"
    lag_seconds: float | None = None
    last_run_at: datetime | None = None
    judgement: Judgement = "unknown"
    last_judged_at: datetime | None = None


def assess_scheduler(facts: Mapping[str, object], age_seconds: float) -> SchedulerState:
    """The state now, from a result of service_health() that is age_seconds old. Never raises."""
    judgement, last_judged_at = _assess_judgement(facts, age_seconds)
    state = _assess_job(facts, age_seconds)
    return replace(state, judgement=judgement, last_judged_at=last_judged_at)


def _assess_judgement(facts: Mapping[str, object], age_seconds: float) -> tuple[Judgement, datetime | None]:
    """Whether the checks are judged, and when they were last."""
    reported, now = facts.get("judgement"), _parse_time(facts.get("server_time"))
    if not isinstance(reported, Mapping) or now is None:
        return "unknown", None  # also of a database with an older schema
    judged_at = _parse_time(reported.get("last_success_at"))
    if reported.get("is_late") is True:
        return "late", judged_at
    if judged_at is None or facts.get("is_monitoring_on") is not True:
        return "ok", judged_at
    age = (now - judged_at).total_seconds() + age_seconds
    return ("late" if age > UNJUDGED_SECONDS else "ok"), judged_at


def _assess_job(facts: Mapping[str, object], age_seconds: float) -> SchedulerState:
    job = facts.get("scheduler")
    now = _parse_time(facts.get("server_time"))
    if not isinstance(job, Mapping) or now is None:
        return SchedulerState()
    last_run_at, schedule = _parse_time(job.get("last_run_at")), job.get("schedule")
    if last_run_at is None:
        return SchedulerState()
    due = _due_after(schedule, last_run_at) if isinstance(schedule, str) else None
    lag = None if due is None else round(max(0.0, (now - due).total_seconds() + age_seconds), 1)
    if schedule is None or job.get("is_active") is not True:
        return SchedulerState("stopped", lag, last_run_at)
    if lag is None:
        return SchedulerState("unknown", None, last_run_at)
    state: State = "ok" if lag < LATE_SECONDS else "late" if lag < STOPPED_SECONDS else "stopped"
    return SchedulerState(state, lag, last_run_at)


def _due_after(schedule: str, last_run_at: datetime) -> datetime | None:
    """When the next run is due, or None for a schedule or a time that cannot be computed with."""
    try:
        if seconds := _SECONDS.fullmatch(schedule.strip()):
            return last_run_at + timedelta(seconds=int(seconds[1]))
        due: datetime = croniter(schedule, last_run_at).get_next(datetime)
    except (CroniterError, ValueError, OverflowError):
        return None
    return due


def _parse_time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
