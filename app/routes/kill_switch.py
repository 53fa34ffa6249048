"""GET and POST /status/kill-switch: the operator stops all agents, or lets them act again."""

from starlette.responses import JSONResponse, RedirectResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.csrf import read_own_form
from app.web.page import page_response
from app.web.problem_page import problem_page
from app.web.session import Reader, read_reader

_HEADERS = {"Vary": "Authorization, Cookie", "Cache-Control": "no-store"}
_UNAUTHORIZED = "Send the OPERATOR_TOKEN of this service as Authorization: Bearer, or sign in with it at /status."
_FORBIDDEN = "Only the operator stops agents: sign in with the operator token."
_CHOICES = {"true": True, "false": False}


async def kill_switch(request: ServiceRequest) -> Response:
    """The form, which also asks for confirmation and a reason; POST sets or releases the kill switch."""
    try:
        response = await (_submit(request) if request.method == "POST" else _show_form(request))
    except SupabaseError as error:
        response = await problem_page(request, _problem_of(error))
    except Problem as error:
        response = await problem_page(request, error)
    response.headers.update(_HEADERS)
    return response


async def _show_form(request: ServiceRequest) -> Response:
    operator = await _require_operator(request)
    is_on = await request.state["supabase"].is_kill_switch_on()
    return await page_response(request, "kill_switch.html", {"is_on": is_on}, reader=operator)


async def _submit(request: ServiceRequest) -> Response:
    """Browsers return to the status page; a program with the token gets what the database answers."""
    operator = await _require_operator(request)
    form = await read_own_form(request, operator, "enabled", "reason")
    enabled = _CHOICES.get(form.get("enabled", ""))
    if enabled is None:
        raise problem("parameter", "`enabled` must be true or false.")
    answer = await request.state["supabase"].set_kill_switch(enabled, form.get("reason", ""), operator.name)
    if "authorization" in request.headers:
        return JSONResponse(answer)
    return RedirectResponse("../status", 303)


async def _require_operator(request: ServiceRequest) -> Reader:
    """The operator. Raises the Problem `unauthorized`, or `forbidden` for a user of Supabase, as every agent is one."""
    reader = await read_reader(request)
    if reader is None:
        raise problem("unauthorized", _UNAUTHORIZED)
    if not reader.is_operator:
        raise problem("forbidden", _FORBIDDEN)
    return reader


def _problem_of(error: SupabaseError) -> Problem:
    """The call is made with the service's own key: what that is refused, the operator's token does not cause."""
    if error.code == "PT400":
        return problem("parameter", f"{error.message}.")
    found = problem_of_reader(error)
    return problem("misconfigured") if found.status in (401, 403) else found
