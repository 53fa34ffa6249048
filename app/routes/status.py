"""GET /status as a page or as JSON, and POST /status, the sign-in form of the page."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.status.page import find_warnings, prefers_html
from app.status.snapshot import HEALTH_MEMBERS, versions
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError, problem_of_reader
from app.web.auth import bearer_token
from app.web.errors import problem_response
from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.page import page_response
from app.web.session import (
    UNAUTHORIZED,
    Reader,
    end_session,
    forget_session,
    is_operator,
    read_reader,
    reader_with,
    save_session,
    session_id_of,
    start_session,
)

# Cookie, because a page for a signed-in person must not be shown to anyone else.
_HEADERS = {"Vary": "Accept, Authorization, Cookie", "Cache-Control": "no-store"}
# What the page shows of older data while the database is unavailable. Not the overall state, nor the switches.
_SECTIONS = ("targets", "incidents", "open_incidents", "last_deployments", "undelivered_emails")
_REFUSED = "That token is not accepted: it is wrong or has expired."

_logger = logging.getLogger(__name__)


async def status(request: ServiceRequest) -> Response:
    """A page for browsers, else JSON. Signed-in callers get more. POST is the form of the page."""
    try:
        if request.method == "POST":
            response = await _submit_form(request)
        elif prefers_html(request.headers.get("accept", "")):
            response = await _show_page(request)
        else:
            response = await _show_json(request)
    except Problem as error:
        response = problem_response(error)
    response.headers.update(_HEADERS)
    save_session(request, response)
    return response


async def _show_json(request: ServiceRequest) -> Response:
    snapshot = request.state["snapshot"]
    authorization = request.headers.get("authorization")
    if authorization is not None and bearer_token(authorization) is None:
        raise problem("unauthorized", UNAUTHORIZED)
    reader = await read_reader(request)
    if reader is None:
        return JSONResponse(snapshot.public_status())
    # Only the database can verify an access token; the service itself verifies the operator token.
    known = snapshot.status() if reader.is_operator else snapshot.public_status()
    try:
        system = await request.state["supabase"].status("system_status", reader.access_token)
    except SupabaseError as error:
        refused = problem_of_reader(error, known)
        if reader.is_operator and refused.status in (401, 403):
            refused = problem("misconfigured", members=known)
        raise refused from error
    names = (*HEALTH_MEMBERS, "open_incidents", "targets", "last_deployments")
    members = {name: system.get(name) for name in names}
    members["dead_letters"] = snapshot.dead_letters()
    # Of others the database hides e-mails: they would see an empty list.
    members |= {"undelivered_emails": system.get("undelivered_emails")} if reader.is_operator else {}
    numbers = {**versions(), "postgres": system.get("postgres"), "schema": system.get("schema_version")}
    return JSONResponse({**snapshot.status(), "versions": numbers, **members})


async def _show_page(request: ServiceRequest) -> Response:
    """The page; it says if the token is refused or the database is unavailable."""
    try:
        reader = await read_reader(request)
    except Problem as refused:
        return await _show_public_page(request, refused)
    if reader is None:
        return await _show_public_page(request)
    try:
        return await _render_page(request, await _fetch(request, reader), is_signed_in=True)
    except SupabaseError as error:
        if reader.is_refused(error):
            return await _show_public_page(request, problem("unauthorized", _REFUSED))
        # Only the database can verify an access token; the service itself verifies the operator token.
        return await _render_page(request, {}, is_signed_in=reader.is_operator, error=error)


async def _submit_form(request: ServiceRequest) -> Response:
    """Sign in with `token`, which starts a session, or sign out with `sign_out`, which ends it."""
    require_own_form(request, has_session=session_id_of(request) is not None)
    form = await read_form(request, "token", "sign_out")
    response: Response = RedirectResponse("status", 303)
    if "sign_out" in form:
        await end_session(request, await _reader_or_none(request))
        return response
    token = form.get("token", "")
    reader = reader_with(token, request.state["settings"].operator_token)
    if reader is None:
        return await _show_public_page(request, problem("unauthorized", _REFUSED))
    if not reader.is_operator:
        try:
            await _fetch(request, reader)
        except SupabaseError as error:
            if reader.is_refused(error):
                return await _show_public_page(request, problem("unauthorized", _REFUSED))
            return await _render_page(request, {}, error=error)
    start_session(request, reader)
    return response


async def _reader_or_none(request: ServiceRequest) -> Reader | None:
    try:
        return await read_reader(request)
    except Problem:
        return None


async def _show_public_page(request: ServiceRequest, refusal: Problem | None = None) -> Response:
    try:
        return await _render_page(request, await _fetch(request, None), refusal=refusal)
    except SupabaseError as error:
        return await _render_page(request, {}, refusal=refusal, error=error)


async def _fetch(request: ServiceRequest, reader: Reader | None) -> Mapping[str, Any]:
    if request.state["monitor"].last.state == "down":
        raise UnreachableError("the last probe failed")  # the page need not wait for another timeout
    if reader is None:
        return await request.state["public_status"].read()
    page = await request.state["supabase"].status("status_page", reader.access_token)
    return request.state["operator_status"].keep(page) if reader.is_operator else page


async def _render_page(
    request: ServiceRequest,
    data: Mapping[str, Any],
    *,
    is_signed_in: bool = False,
    error: SupabaseError | None = None,
    refusal: Problem | None = None,
) -> Response:
    known = request.state["snapshot"].status()
    # The monitor has logged a refusal.
    if isinstance(error, ResponseError) and request.state["monitor"].last.state != "refused":
        _logger.error("supabase rejected the status page: %s: %s", error, error.message)
    now, read_at = datetime.now(UTC), None
    if error is not None:
        last = request.state["operator_status"] if is_signed_in else request.state["public_status"].last
        data, read_at = {name: each for name, each in (last.result or {}).items() if name in _SECTIONS}, last.read_at
    view = {
        "now": now,
        "is_signed_in": is_signed_in,
        "is_operator": is_operator(request),
        "warnings": find_warnings(known, error, read_at, now),
        "refusal": refusal.detail if refusal else None,
        "known": {**known, **{name: data[name] for name in HEALTH_MEMBERS if name in data}},
        "overall": data.get("overall") or "unknown",
        "targets": data.get("targets", []),
        "incidents": data.get("incidents", []),
        "open_incidents": data.get("open_incidents", {}),
        "deployments": data.get("last_deployments", []),
        "undelivered_emails": data.get("undelivered_emails", []),
        "dead_letters": request.state["snapshot"].dead_letters() if is_signed_in else None,
    }
    if refusal is not None and refusal.status == 401:
        forget_session(request)
    status_code = refusal.status if refusal else 503 if error else 200
    return await page_response(request, "status.html", view, status=status_code)
