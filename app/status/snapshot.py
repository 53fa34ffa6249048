"""What the service knows from memory, and therefore also while the database is unavailable."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from app.ingest.breaker import CircuitBreaker
from app.spool.spool import Spool
from app.supabase.monitor import DatabaseMonitor, DatabaseState
from app.supervisor import Supervisor, TaskState

PACKAGE = "autonomous-monitoring-agent"
# Members of service_health() that /status returns to signed-in readers. has_response_times is false where pg_net
# refuses the trigger that measures them; response_times says how exact they are.
HEALTH_MEMBERS = (
    "overall",
    "is_kill_switch_on",
    "is_monitoring_on",
    "has_response_times",
    "response_times",
    "sentry",
    "notifications",
)


class Snapshot:
    """Reads the monitor, the circuit breakers by feed, the spool and the background tasks."""

    def __init__(
        self,
        monitor: DatabaseMonitor,
        breakers: Mapping[str, CircuitBreaker],
        spool: Spool,
        supervisor: Supervisor,
    ) -> None:
        self._monitor = monitor
        self._breakers = breakers
        self._spool = spool
        self._supervisor = supervisor

    def health(self) -> dict[str, object]:
        """The last known state of database and scheduler, the circuit breakers, the spool and the background tasks.

        For anybody to read: it says that versions differ, but names none.
        """
        scheduler, counts = self._monitor.scheduler, self._spool.counts
        problem = self._monitor.version_problem
        return {
            "database": describe(self._monitor.last),
            "version_problem": None if problem is None else f"{problem.cause} {problem.remedy}",
            "scheduler": scheduler.state,
            "scheduler_lag_seconds": scheduler.lag_seconds,
            "scheduler_last_run_at": _format_time(scheduler.last_run_at),
            "judgement": scheduler.judgement,
            "last_judged_at": _format_time(scheduler.last_judged_at),
            "breakers": {feed: breaker.state for feed, breaker in self._breakers.items()},
            "spool": {
                "depth": counts.depth,
                "oldest_seconds": counts.oldest_seconds(),
                "dead_letters": counts.dead_letters,
                "dropped": self._spool.dropped.total(),
                "feeds": {feed: counts.depths.get(feed, 0) for feed in self._breakers},
            },
            "tasks": {name: _describe_task(task) for name, task in self._supervisor.states.items()},
        }

    def dead_letters(self) -> dict[str, object]:
        """For signed-in readers only: a reason may quote the report."""
        counts = self._spool.counts
        oldest_at = counts.oldest_dead_letter_at
        return {
            "count": counts.dead_letters,
            "oldest_at": _format_time(None if oldest_at is None else datetime.fromtimestamp(oldest_at, UTC)),
            "newest_reason": counts.newest_reason,
        }

    def public_status(self) -> dict[str, object]:
        """health() and the overall state, which is null while the database is unavailable."""
        return {**self.health(), "overall": self._monitor.facts.get("overall")}

    def status(self) -> dict[str, object]:
        """For signed-in readers: the same with versions, switches, the state of the Sentry integration and of
        notifications, and why tasks were restarted.
        """
        facts, states = self._monitor.facts, self._supervisor.states
        return {
            "versions": versions(),
            **self.health(),
            **{name: facts.get(name) for name in HEALTH_MEMBERS},
            "tasks": {name: {**_describe_task(task), "last_error": task.last_error} for name, task in states.items()},
        }


def describe(database: DatabaseState) -> dict[str, object]:
    """The result of a probe, as the health routes return it."""
    return {**asdict(database), "checked_at": _format_time(database.checked_at)}


def _describe_task(task: TaskState) -> dict[str, object]:
    return {"state": task.state, "since": _format_time(task.since), "restarts": task.restarts}


def _format_time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


def versions() -> dict[str, object]:
    """The versions of the service and of Python."""
    return {"service": service_version(), "python": platform.python_version()}


def service_version() -> str:
    """The version of the installed package, or 0 in a checkout that was never installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "0"
