"""Whether pg_cron still runs the health checks: seen from outside, for a scheduler cannot report its end.

The database tells when the round last ran and by which schedule; when the next one was due follows from both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from croniter import croniter
from croniter.croniter import CroniterError

# A job starts within a second. Twice a poll and this is still less than 2 minutes after the last run.
LATE_SECONDS = 10.0
STOPPED_SECONDS = 45.0

# pg_cron's own form beside the crontab's.
_SECONDS = re.compile(r"([1-5]?[0-9]) seconds?", re.IGNORECASE)

State = Literal["ok", "late", "stopped", "unknown"]


@dataclass(frozen=True)
class SchedulerState:
    """How the rounds go. The lag is how long the next one is overdue, in seconds."""

    state: State = "unknown"
    lag_seconds: float | None = None
    last_run_at: datetime | None = None

    def as_json(self) -> dict[str, object]:
        """As /health and /status show it."""
        last_run_at = self.last_run_at.isoformat(timespec="milliseconds") if self.last_run_at else None
        return {
            "scheduler": self.state,
            "scheduler_lag_seconds": self.lag_seconds,
            "scheduler_last_run_at": last_run_at,
        }


def judge_scheduler(facts: Mapping[str, object], age_seconds: float) -> SchedulerState:
    """What service_health() told, age_seconds ago, means for the scheduler now. Never raises."""
    told = facts.get("scheduler")
    now = _moment(facts.get("server_time"))
    if not isinstance(told, Mapping) or now is None:
        return SchedulerState()
    last_run_at = _moment(told.get("last_run_at"))
    schedule = told.get("schedule")
    if last_run_at is None:
        return SchedulerState()
    due = _due_after(schedule, last_run_at) if isinstance(schedule, str) else None
    lag = None
    if due is not None:
        lag = round(max(0.0, (now - due).total_seconds() + age_seconds), 1)
    if schedule is None or told.get("is_active") is not True:
        return SchedulerState("stopped", lag, last_run_at)
    if lag is None:
        return SchedulerState("unknown", None, last_run_at)
    state: State = "ok" if lag < LATE_SECONDS else "late" if lag < STOPPED_SECONDS else "stopped"
    return SchedulerState(state, lag, last_run_at)


def _due_after(schedule: str, last_run_at: datetime) -> datetime | None:
    """When the next run is due, or None for a schedule that is not understood."""
    if seconds := _SECONDS.fullmatch(schedule.strip()):
        return last_run_at + timedelta(seconds=int(seconds[1]))
    try:
        due: datetime = croniter(schedule, last_run_at).get_next(datetime)
    except CroniterError:
        return None
    return due


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
