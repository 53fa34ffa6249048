"""GET /, /health and /health/db."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.status.snapshot import PACKAGE, describe, service_version
from app.supabase.monitor import DatabaseState

_LINKS = {
    "health": "/health",
    "database": "/health/db",
    "report_error": "/api/autonomous/error",
    "sentry": "/webhooks/sentry",
    "status": "/status",
    "kill_switch": "/status/kill-switch",
    "metrics": "/metrics",
    "incidents": "/api/autonomous/incidents",
}


async def index(_request: Request) -> Response:
    """Name, version and links."""
    return JSONResponse({"name": PACKAGE, "version": service_version(), "links": _LINKS})


async def health(request: ServiceRequest) -> Response:
    """Whether the platform may route requests here, from memory.

    An unavailable database does not count: this process bridges it. A database that refuses this process does, so that
    a wrong deployment does not replace one that works.
    """
    monitor, known = request.state["monitor"], request.state["snapshot"].health()
    if monitor.last.state == "unknown":
        raise problem("starting", members=known)
    if monitor.refusal is not None:
        raise _refused(monitor.refusal, known)
    return JSONResponse({"status": "ok", **known})


async def database_health(request: ServiceRequest) -> Response:
    """Readiness: calls the database now."""
    database = await request.state["monitor"].probe()
    known = {"latency_ms": database.latency_ms, "database": describe(database)}
    if database.state == "refused":
        raise _refused(database, known)
    if database.state != "ok":
        raise problem("unavailable", "The database did not answer.", members=known)
    version_problem = request.state["snapshot"].health()["version_problem"]
    return JSONResponse({"status": "ok", **known, "version_problem": version_problem})


def _refused(database: DatabaseState, known: Mapping[str, object]) -> Problem:
    return problem("misconfigured", f"{database.cause} {database.remedy}", members=known)
