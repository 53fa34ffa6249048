"""The pages of incidents: GET /incidents, GET /incidents/{incident_id}, and POST, to which its forms are sent.

Each page is one call: the database searches, counts, permits and words its refusals.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.supabase.client import PageFunction
from app.supabase.errors import SupabaseError, UnreachableError, is_change_unknown
from app.web.csrf import FIELD, check_own_form
from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.page import page_response
from app.web.problem_page import find_reader, problem_of, problem_page
from app.web.session import Reader, sign_in_redirect

# After a change that failed, its page is read again for so long; then what was typed is shown without it.
_REREAD_SECONDS = 3.0
_UNKNOWN = (
    "The database did not answer in time: it is not known whether the change was made. "
    "Look at the incident before you send the form again."
)
_UNCHANGED = "The change was not made."
_FIELDS = (
    "action",
    "resolution",
    "knowledge_id",
    "has_worked",
    "minutes",
    "until",
    "reason",
    "note",
    "severity",
    "seen_severity",
)


async def incidents_page(request: ServiceRequest) -> Response:
    """The incidents that a search finds, and a form for another search."""
    return await _show(request, _show_list)


async def incident_page(request: ServiceRequest) -> Response:
    """One incident; POST changes it and leads back."""
    return await (_submit(request) if request.method == "POST" else _show(request, _show_incident))


async def _show(request: ServiceRequest, show: Callable[[ServiceRequest, Reader], Awaitable[Response]]) -> Response:
    """A page for a reader who has signed in. A browser of anybody else is sent to the sign-in."""
    reader = None
    try:
        reader = await find_reader(request)
        return sign_in_redirect(request) if reader is None else await show(request, reader)
    except Problem as error:
        return await problem_page(request, error, reader=reader)


async def _submit(request: ServiceRequest) -> Response:
    """A change. Whatever goes wrong, what was typed is shown again, unless another site typed it."""
    reader, form = None, dict[str, str]()
    try:
        if "authorization" not in request.headers:
            require_own_form(request, has_session=False)
        form = await read_form(request, *_FIELDS, FIELD)
        reader = await find_reader(request)
        if reader is None:
            raise problem("unauthorized", f"You are not signed in, or your session has ended. {_UNCHANGED}")
        check_own_form(request, reader, form)
        return await _change(request, reader, form)
    except Problem as error:
        return await problem_page(request, error, reader=reader, typed=form)


async def _show_list(request: ServiceRequest, reader: Reader) -> Response:
    """The page; if a filter is wrong, the page without filters, and why."""
    filters = _read_filters(request)
    try:
        document, refusal = await _search(request, reader, filters), None
    except SupabaseError as error:
        refusal = problem_of(reader, error)
        if refusal.code != "parameter":
            raise refusal from error
        try:
            document = await _search(request, reader, {})
        except SupabaseError:
            raise refusal from error
    view = {"document": document, "typed": filters, "refusal": refusal and refusal.detail}
    status = refusal.status if refusal else 200
    return await page_response(request, "incident_list.html", view, status=status, reader=reader)


def _read_filters(request: ServiceRequest) -> dict[str, str]:
    """The query; of a parameter that is given more than once, the last. The database knows which there are."""
    return dict(request.query_params.multi_items())


async def _search(request: ServiceRequest, reader: Reader, filters: Mapping[str, str]) -> Mapping[str, Any]:
    return await _read_page(request, reader, "search_incidents", {"filters": filters})


async def _show_incident(request: ServiceRequest, reader: Reader) -> Response:
    try:
        document = await _read_incident(request, reader)
    except SupabaseError as error:
        raise problem_of(reader, error) from error
    return await _render_incident(request, reader, document)


async def _change(request: ServiceRequest, reader: Reader, change: Mapping[str, str]) -> Response:
    """Back to the page; if the change failed, the page as it is now, with the reason and what was typed."""
    incident_id, operator = request.path_params["incident_id"], reader.name if reader.is_operator else None
    try:
        changed = await request.state["supabase"].change_incident(incident_id, change, reader.access_token, operator)
    except SupabaseError as error:
        refusal = _problem_of_change(reader, error)
    else:
        # A note is seen in the timeline; the other changes at the top of the page.
        place = "#timeline" if change.get("action") == "note" else ""
        return RedirectResponse(f"{quote(changed, safe='')}{place}", 303)
    if refusal.status == 401:
        raise refusal
    try:
        async with asyncio.timeout(_REREAD_SECONDS):
            document = await _read_incident(request, reader)
    except (SupabaseError, TimeoutError):
        raise refusal from None
    return await _render_incident(request, reader, document, refusal, change)


async def _read_incident(request: ServiceRequest, reader: Reader) -> Mapping[str, Any]:
    return await _read_page(request, reader, "incident_page", {"incident_id": request.path_params["incident_id"]})


async def _read_page(
    request: ServiceRequest, reader: Reader, function: PageFunction, parameters: dict[str, Any]
) -> Mapping[str, Any]:
    if request.state["monitor"].last.state == "down":
        raise UnreachableError("the last probe failed")  # the page need not wait for another timeout
    return await request.state["supabase"].page(function, parameters, reader.access_token)


async def _render_incident(
    request: ServiceRequest,
    reader: Reader,
    document: Mapping[str, Any],
    refusal: Problem | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    view = {
        "document": document,
        "refusal": refusal and refusal.detail,
        "refused_field": refusal and refusal.members.get("parameter"),
        "typed": typed or {},
    }
    status = refusal.status if refusal else 200
    response = await page_response(request, "incident.html", view, status=status, reader=reader)
    response.headers.update(refusal.headers if refusal else {})
    return response


def _problem_of_change(reader: Reader, error: SupabaseError) -> Problem:
    """The same, and whether the change was made."""
    found = problem_of(reader, error)
    if found.status != 503:
        return found
    is_unknown = is_change_unknown(error)
    return problem(found.code, _UNKNOWN if is_unknown else f"{found.detail} {_UNCHANGED}", headers=found.headers)
