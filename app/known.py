"""What the service can tell from memory, and so while the database is away, too."""

import platform
from importlib.metadata import PackageNotFoundError, version

from app.state import ServiceRequest

PACKAGE = "autonomous-monitoring-agent"
# What service_health() tells. has_response_times is false where pg_net takes no trigger of ours.
TOLD_BY_DATABASE = ("overall", "is_kill_switch_on", "is_monitoring_on", "has_response_times", "sentry")


def remembered(request: ServiceRequest) -> dict[str, object]:
    """The last known state of database and scheduler, and the spool."""
    monitor = request.state["monitor"]
    return {
        "database": monitor.last.as_json(),
        **monitor.scheduler.as_json(),
        "spool": {"is_bridging": request.state["breaker"].is_open, **request.state["spool"].as_json()},
    }


def all_that_is_known(request: ServiceRequest) -> dict[str, object]:
    """For /status: versions, what is remembered, and what the database told last, null while it is away."""
    facts = request.state["monitor"].facts
    return {
        "versions": versions(),
        **remembered(request),
        **{name: facts.get(name) for name in TOLD_BY_DATABASE},
    }


def versions() -> dict[str, object]:
    """Of the service and of Python."""
    return {"service": service_version(), "python": platform.python_version()}


def service_version() -> str:
    """The installed package's."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "0"  # run from a checkout that was never installed
