"""GET /api/autonomous/incidents and …/{incident_id}, with the caller's own token: row-level security decides."""

from starlette.responses import JSONResponse, Response

from app.problems import problem
from app.state import ServiceRequest
from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.auth import require_access_token


async def list_incidents(request: ServiceRequest) -> Response:
    """A page, latest opened first. list_incidents() in the database checks the parameters."""
    token = require_access_token(request.headers)
    filters = _read_filters(request)
    try:
        page = await request.state["supabase"].list_incidents(token, filters)
    except SupabaseError as error:
        raise problem_of_reader(error) from error
    return Response(page, media_type="application/json")


async def get_incident(request: ServiceRequest) -> Response:
    """One incident."""
    token = require_access_token(request.headers)
    try:
        incident = await request.state["supabase"].get_incident(token, request.path_params["incident_id"])
    except SupabaseError as error:
        raise problem_of_reader(error) from error
    if incident is None:
        raise problem("incident-not-found")
    return JSONResponse(incident)


def _read_filters(request: ServiceRequest) -> dict[str, str]:
    """The query parameters. Rejects repeated parameters and NUL, which JSON for the database cannot contain."""
    filters: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        reason = "It is given more than once." if name in filters else "It contains NUL." if "\0" in value else None
        if "\0" in name or reason is not None:
            shown = name[:100]
            detail = f"The parameter {shown!r} is invalid. {reason or 'Its name contains NUL.'}"
            raise problem("parameter", detail, members={"parameter": shown})
        filters[name] = value
    return filters
