"""GET and POST /status/kill-switch: the operator stops all agents, or lets them act again."""

from starlette.responses import JSONResponse, RedirectResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.status.page import html_response, new_nonce, render_kill_switch
from app.supabase.errors import SupabaseError, problem_of_reader
from app.web.errors import problem_response
from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.session import reader_of, session_id_of

_HEADERS = {"Vary": "Authorization, Cookie", "Cache-Control": "no-store"}
_UNAUTHORIZED = "Send the OPERATOR_TOKEN of this service as Authorization: Bearer, or sign in with it at /status."
_FORBIDDEN = "Only the operator stops agents: sign in with the OPERATOR_TOKEN. Agents have Supabase access tokens."
_CHOICES = {"true": True, "false": False}


async def kill_switch(request: ServiceRequest) -> Response:
    """The form, which also asks for confirmation and a reason; POST sets or releases the kill switch."""
    try:
        response = await (_submit(request) if request.method == "POST" else _show_form(request))
    except SupabaseError as error:
        response = problem_response(_problem_of(error))
    except Problem as error:
        response = problem_response(error)
    response.headers.update(_HEADERS)
    return response


async def _show_form(request: ServiceRequest) -> Response:
    _require_operator(request)
    is_on = await request.state["supabase"].is_kill_switch_on()
    nonce = new_nonce()
    return html_response(render_kill_switch({"nonce": nonce, "is_on": is_on}), nonce)


async def _submit(request: ServiceRequest) -> Response:
    """Browsers return to the status page; a program with the token gets what the database answers."""
    _require_operator(request)
    require_own_form(request, has_session=session_id_of(request) is not None)
    form = await read_form(request, "enabled", "reason")
    enabled = _CHOICES.get(form.get("enabled", ""))
    if enabled is None:
        raise problem("parameter", "`enabled` must be true or false.")
    answer = await request.state["supabase"].set_kill_switch(enabled, form.get("reason", ""), "operator")
    if "authorization" in request.headers:
        return JSONResponse(answer)
    return RedirectResponse("../status", 303)


def _require_operator(request: ServiceRequest) -> None:
    """Raises the Problem `unauthorized`, or `forbidden` for a user of Supabase, as every agent is one."""
    reader = reader_of(request)
    if reader is None:
        raise problem("unauthorized", _UNAUTHORIZED)
    if not reader.is_operator:
        raise problem("forbidden", _FORBIDDEN)


def _problem_of(error: SupabaseError) -> Problem:
    """The call is made with the service's own key: what that is refused, the operator's token does not cause."""
    if error.code == "PT400":
        return problem("parameter", f"{error.message}.")
    found = problem_of_reader(error)
    return problem("misconfigured") if found.status in (401, 403) else found
