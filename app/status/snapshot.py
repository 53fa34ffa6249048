"""What the service knows from memory, and therefore also while the database is unavailable."""

import platform
from importlib.metadata import PackageNotFoundError, version

from app.ingest.breaker import CircuitBreaker
from app.spool.spool import Spool
from app.supabase.monitor import DatabaseMonitor

PACKAGE = "autonomous-monitoring-agent"
# Members of service_health() that /status returns. has_response_times is false where pg_net refuses the trigger that
# measures them.
HEALTH_MEMBERS = ("overall", "is_kill_switch_on", "is_monitoring_on", "has_response_times", "sentry")


class Snapshot:
    """Reads the monitor, the circuit breaker and the spool."""

    def __init__(self, monitor: DatabaseMonitor, breaker: CircuitBreaker, spool: Spool) -> None:
        self._monitor = monitor
        self._breaker = breaker
        self._spool = spool

    def health(self) -> dict[str, object]:
        """The last known state of database and scheduler, and the spool."""
        return {
            "database": self._monitor.last.as_json(),
            **self._monitor.scheduler.as_json(),
            "spool": {"is_bridging": self._breaker.is_open, **self._spool.as_json()},
        }

    def status(self) -> dict[str, object]:
        """The same with versions and the last result of service_health(), null while the database is unavailable."""
        facts = self._monitor.facts
        return {
            "versions": versions(),
            **self.health(),
            **{name: facts.get(name) for name in HEALTH_MEMBERS},
        }


def versions() -> dict[str, object]:
    """The versions of the service and of Python."""
    return {"service": service_version(), "python": platform.python_version()}


def service_version() -> str:
    """The version of the installed package, or 0 in a checkout that was never installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "0"
