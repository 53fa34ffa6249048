"""GET /targets/{name}: the page of a target, from one call."""

from typing import Any

from starlette.responses import Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.supabase.errors import SupabaseError
from app.web.page import page_response
from app.web.problem_page import find_reader, problem_of, problem_page
from app.web.session import Reader, sign_in_redirect

_VARY = "Accept, Authorization, Cookie"


async def target_page(request: ServiceRequest) -> Response:
    """For a reader who has signed in; a browser of anybody else is sent to the sign-in."""
    reader = None
    try:
        reader = await find_reader(request)
        response = sign_in_redirect(request) if reader is None else await _show_target(request, reader)
    except Problem as error:
        response = await problem_page(request, error, reader=reader)
    response.headers["Vary"] = _VARY
    return response


async def _show_target(request: ServiceRequest, reader: Reader) -> Response:
    parameters: dict[str, Any] = {"target": request.path_params["name"]}
    try:
        page = await request.state["supabase"].page("target_page", parameters, reader.access_token)
    except SupabaseError as error:
        raise _problem_of(reader, error) from error
    return await page_response(request, "target.html", {"page": page}, reader=reader)


def _problem_of(reader: Reader, error: SupabaseError) -> Problem:
    """What is wrong with a name is told in words for a reader: a hint of the database lists up to 2,000 others."""
    found = problem_of(reader, error)
    return problem("target-not-found") if found.status in (400, 404) else found
