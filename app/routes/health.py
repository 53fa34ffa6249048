"""GET /, /health and /health/db."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.problems import problem
from app.state import ServiceRequest
from app.status.snapshot import PACKAGE, describe, service_version

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
    """Liveness, from memory: restarting this process would not help an unavailable database."""
    return JSONResponse({"status": "ok", **request.state["snapshot"].health()})


async def database_health(request: ServiceRequest) -> Response:
    """Readiness: calls the database now."""
    database = await request.state["monitor"].probe()
    known = {"latency_ms": database.latency_ms, "database": describe(database)}
    if database.state != "ok":
        raise problem("unavailable", "The database did not answer.", members=known)
    return JSONResponse({"status": "ok", **known})
