"""GET /, /health and /health/db. Everybody reads them: they contain no version and no switch."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.status.page import prefers_html
from app.status.snapshot import PACKAGE, describe
from app.supabase.monitor import DatabaseState
from app.web.page import page_response

_LINKS = {
    "health": "/health",
    "database": "/health/db",
    "report_error": "/api/autonomous/error",
    "sentry_sdk": "/api/1/envelope/",
    "sentry": "/webhooks/sentry",
    "alertmanager": "/webhooks/alertmanager",
    "grafana": "/webhooks/grafana",
    "uptime_kuma": "/webhooks/uptime-kuma",
    "github": "/webhooks/github",
    "generic": "/webhooks/generic",
    "email": "/webhooks/email",
    "heartbeat": "/heartbeat/{key}",
    "status": "/status",
    "kill_switch": "/status/kill-switch",
    "metrics": "/metrics",
    "incidents": "/api/autonomous/incidents",
}


async def index(request: ServiceRequest) -> Response:
    """Name and links: a page for browsers, else JSON."""
    if prefers_html(request.headers.get("accept", "")):
        response = await page_response(request, "index.html", {})
    else:
        response = JSONResponse({"name": PACKAGE, "links": _LINKS})
    response.headers["Vary"] = "Accept"
    return response


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
