"""GET /, /health, /health/db and /status."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.known import PACKAGE, TOLD_BY_DATABASE, all_that_is_known, remembered, service_version, versions
from app.negotiation import prefers_html
from app.problems import Problem, problem
from app.reading import told_to_reader
from app.responses import problem_response
from app.routes_status_page import show_page, sign_in_or_out
from app.sessions import reader_with, token_of
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable

# The cookie is among them: a page that a person is signed in to is nobody else's.
_VARIES = {"Vary": "Accept, Authorization, Cookie", "Cache-Control": "no-store"}


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
    return JSONResponse({"name": PACKAGE, "version": service_version(), "links": links})


async def health(request: ServiceRequest) -> Response:
    """Liveness, from memory: a database that is away is no reason to restart this process."""
    return JSONResponse({"status": "ok", **remembered(request)})


async def database_health(request: ServiceRequest) -> Response:
    """Readiness: the database is asked now."""
    database = await request.state["monitor"].probe()
    known = {"latency_ms": database.latency_ms, "database": database.as_json()}
    if database.state != "ok":
        raise problem("unavailable", "The database did not answer.", members=known)
    return JSONResponse({"status": "ok", **known})


async def status(request: ServiceRequest) -> Response:
    """A page for a browser, else JSON. Who is signed in is told more. POST is the page's form."""
    try:
        if request.method == "POST":
            response = await sign_in_or_out(request)
        elif prefers_html(request.headers.get("accept", "")):
            response = await show_page(request)
        else:
            response = await _status_as_json(request)
    except Problem as trouble:
        response = problem_response(trouble)
    response.headers.update(_VARIES)
    return response


async def _status_as_json(request: ServiceRequest) -> Response:
    known = all_that_is_known(request)
    if "authorization" not in request.headers and token_of(request) is None:
        return JSONResponse(known)
    reader = reader_with(request, token_of(request) or "")
    if reader is None:
        raise problem(
            "unauthorized", "Send your Supabase access token or the operator's as Authorization: Bearer."
        )
    try:
        told = await request.state["supabase"].status("system_status", reader.json_web_token)
    except (Refusal, Unreachable) as failure:
        refused = told_to_reader(failure, known)
        if reader.is_operator and refused.status in (401, 403):
            refused = problem("misconfigured", members=known)
        raise refused from failure
    names = (*TOLD_BY_DATABASE, "open_incidents", "targets", "last_deployments")
    return JSONResponse(
        {
            **known,
            "versions": {**versions(), "postgres": told.get("postgres")},
            **{name: told.get(name) for name in names},
        }
    )
