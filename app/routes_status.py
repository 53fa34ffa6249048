"""GET /, /health and /health/db."""

from importlib.metadata import PackageNotFoundError, version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.problems import problem
from app.state import ServiceRequest

_PACKAGE = "autonomous-monitoring-agent"


async def index(_request: Request) -> Response:
    """What this is, and where to go."""
    links = {
        "health": "/health",
        "database": "/health/db",
        "report_error": "/api/autonomous/error",
        "incidents": "/api/autonomous/incidents",
    }
    return JSONResponse({"name": _PACKAGE, "version": _version(), "links": links})


async def health(request: ServiceRequest) -> Response:
    """Liveness, from memory: a database that is away is no reason to restart this process."""
    return JSONResponse({"status": "ok", "database": request.state["monitor"].last.as_json()})


async def database_health(request: ServiceRequest) -> Response:
    """Readiness: the database is asked now."""
    database = await request.state["monitor"].probe()
    known = {"latency_ms": database.latency_ms, "database": database.as_json()}
    if database.state != "ok":
        raise problem("unavailable", "The database did not answer.", members=known)
    return JSONResponse({"status": "ok", **known})


def _version() -> str:
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return "0"  # run from a checkout that was never installed
