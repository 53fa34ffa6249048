"""GET /api/autonomous/incidents and …/{incident_id}, with the caller's own token: RLS decides."""

from starlette.responses import JSONResponse, Response

from app.filters import read_query
from app.problems import problem
from app.reading import json_web_token_of, told_to_reader
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable


async def list_incidents(request: ServiceRequest) -> Response:
    """A page, the newest first."""
    token = json_web_token_of(request)
    query = read_query(request.query_params.multi_items())
    try:
        incidents, total = await request.state["supabase"].incidents(token, query)
    except (Refusal, Unreachable) as failure:
        raise told_to_reader(failure) from failure
    return JSONResponse(
        {"incidents": incidents, "total": total, "limit": query.limit, "offset": query.offset}
    )


async def get_incident(request: ServiceRequest) -> Response:
    """One incident."""
    token = json_web_token_of(request)
    try:
        incident = await request.state["supabase"].incident(token, request.path_params["incident_id"])
    except (Refusal, Unreachable) as failure:
        raise told_to_reader(failure) from failure
    if incident is None:
        raise problem("incident-not-found")
    return JSONResponse(incident)
