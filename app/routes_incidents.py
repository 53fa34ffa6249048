"""GET /api/autonomous/incidents and …/{incident_id}, with the caller's own token: RLS decides."""

from starlette.responses import JSONResponse, Response

from app.credentials import bearer_token, is_json_web_token
from app.filters import read_query
from app.problems import Problem, problem
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable, Verdict, verdict_on

_NO_SUCH_ROLE = "22023"


async def list_incidents(request: ServiceRequest) -> Response:
    """A page, the newest first."""
    token = _json_web_token(request)
    query = read_query(request.query_params.multi_items())
    try:
        incidents, total = await request.state["supabase"].incidents(token, query)
    except (Refusal, Unreachable) as failure:
        raise _told_to_reader(failure) from failure
    return JSONResponse(
        {"incidents": incidents, "total": total, "limit": query.limit, "offset": query.offset}
    )


async def get_incident(request: ServiceRequest) -> Response:
    """One incident."""
    token = _json_web_token(request)
    try:
        incident = await request.state["supabase"].incident(token, request.path_params["incident_id"])
    except (Refusal, Unreachable) as failure:
        raise _told_to_reader(failure) from failure
    if incident is None:
        raise problem("incident-not-found")
    return JSONResponse(incident)


def _json_web_token(request: ServiceRequest) -> str:
    token = bearer_token(request.headers.get("authorization"))
    if token is None or not is_json_web_token(token):
        raise problem("unauthorized", "Send your Supabase access token as Authorization: Bearer.")
    return token


def _told_to_reader(failure: Refusal | Unreachable) -> Problem:
    """Here a 401 or 403 is about the reader's token, not about the service's key."""
    if isinstance(failure, Refusal):
        if failure.status == 401:
            return problem("unauthorized", "The database did not accept this token.")
        if failure.status == 403 or failure.code == _NO_SUCH_ROLE:
            return problem("forbidden")
        if verdict_on(failure) is Verdict.DATA:
            return problem(
                "parameter", "A value cannot be compared with the column.", members={"sqlstate": failure.code}
            )
        if verdict_on(failure) is not Verdict.TRANSIENT:
            return problem("misconfigured")
    return problem("unavailable")
