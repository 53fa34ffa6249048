"""GET /, /health and /health/db. Everybody reads them: they contain no version and no switch."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.problems import problem
from app.state import ServiceRequest
from app.status.page import html_response, new_nonce, prefers_html, render_index
from app.status.snapshot import PACKAGE, describe

_LINKS = {
    "health": "/health",
    "database": "/health/db",
    "report_error": "/api/autonomous/error",
    "sentry": "/webhooks/sentry",
    "status": "/status",
    "metrics": "/metrics",
    "incidents": "/api/autonomous/incidents",
}


async def index(request: Request) -> Response:
    """Name and links: a page for browsers, else JSON."""
    if prefers_html(request.headers.get("accept", "")):
        nonce = new_nonce()
        response = html_response(render_index(nonce), nonce)
    else:
        response = JSONResponse({"name": PACKAGE, "links": _LINKS})
    response.headers["Vary"] = "Accept"
    return response


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
