"""GET /, /health, /health/db and /status."""

import platform
from importlib.metadata import PackageNotFoundError, version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.problems import problem
from app.reading import json_web_token_of, told_to_reader
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable

_PACKAGE = "autonomous-monitoring-agent"
# What service_health() tells. has_response_times is false where pg_net takes no trigger of ours.
_TOLD = ("is_kill_switch_on", "is_monitoring_on", "has_response_times", "sentry")


async def index(_request: Request) -> Response:
    """What this is, and where to go."""
    links = {
        "health": "/health",
        "database": "/health/db",
        "report_error": "/api/autonomous/error",
        "sentry": "/webhooks/sentry",
        "status": "/status",
        "incidents": "/api/autonomous/incidents",
    }
    return JSONResponse({"name": _PACKAGE, "version": _version(), "links": links})


async def health(request: ServiceRequest) -> Response:
    """Liveness, from memory: a database that is away is no reason to restart this process."""
    return JSONResponse({"status": "ok", **_remembered(request)})


async def database_health(request: ServiceRequest) -> Response:
    """Readiness: the database is asked now."""
    database = await request.state["monitor"].probe()
    known = {"latency_ms": database.latency_ms, "database": database.as_json()}
    if database.state != "ok":
        raise problem("unavailable", "The database did not answer.", members=known)
    return JSONResponse({"status": "ok", **known})


async def status(request: ServiceRequest) -> Response:
    """How the parts are, for anyone; incidents and targets as well for who is signed in to Supabase."""
    facts = request.state["monitor"].facts
    versions = {"service": _version(), "python": platform.python_version()}
    known = {
        "versions": versions,
        **_remembered(request),
        **{name: facts.get(name) for name in _TOLD},
    }
    if "authorization" not in request.headers:
        return JSONResponse(known)
    token = json_web_token_of(request)
    try:
        told = await request.state["supabase"].system_status(token)
    except (Refusal, Unreachable) as failure:
        raise told_to_reader(failure, known) from failure
    return JSONResponse(
        {
            **known,
            "versions": {**versions, "postgres": told.get("postgres")},
            **{name: told.get(name) for name in (*_TOLD, "open_incidents", "targets")},
        }
    )


def _remembered(request: ServiceRequest) -> dict[str, object]:
    monitor = request.state["monitor"]
    return {
        "database": monitor.last.as_json(),
        **monitor.scheduler.as_json(),
        "spool": {"is_bridging": request.state["breaker"].is_open, **request.state["spool"].as_json()},
    }


def _version() -> str:
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return "0"  # run from a checkout that was never installed
