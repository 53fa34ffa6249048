"""GET /status as a page or as JSON, and POST /status, the sign-in form of the page."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from app.problems import Problem, problem
from app.state import ServiceRequest
from app.status.page import render
from app.status.snapshot import HEALTH_MEMBERS, versions
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError, problem_of_reader
from app.supabase.monitor import DatabaseState
from app.web.auth import bearer_token
from app.web.errors import problem_response
from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.session import (
    UNAUTHORIZED,
    Reader,
    delete_cookie,
    is_operator,
    reader_of,
    reader_with,
    session_id_of,
    set_cookie,
)

# Cookie, because a page for a signed-in person must not be shown to anyone else.
_HEADERS = {"Vary": "Accept, Authorization, Cookie", "Cache-Control": "no-store"}
_REFUSED = "That token is not accepted: it is wrong or has expired."
_UNAVAILABLE = "The database does not answer. This page shows what the service knows without it."
_MISCONFIGURED = (
    "The database rejects the service; the service's log contains the reason. "
    "This page shows what the service knows without it."
)

_logger = logging.getLogger(__name__)


async def status(request: ServiceRequest) -> Response:
    """A page for browsers, else JSON. Signed-in callers get more. POST is the form of the page."""
    try:
        if request.method == "POST":
            response = await _submit_form(request)
        elif _prefers_html(request.headers.get("accept", "")):
            response = await _show_page(request)
        else:
            response = await _show_json(request)
    except Problem as error:
        response = problem_response(error)
    response.headers.update(_HEADERS)
    return response


def _prefers_html(accept: str) -> bool:
    """Accept-header negotiation: whether HTML ranks above JSON. `*/*`, which curl sends, means JSON."""
    weights = dict(_media_range(part) for part in accept.lower().split(",")[:50])
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return html > weights.get("application/json", 0.0)


def _media_range(part: str) -> tuple[str, float]:
    media_type, *parameters = (each.strip() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, float(value)
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0


async def _show_json(request: ServiceRequest) -> Response:
    known = request.state["snapshot"].status()
    authorization = request.headers.get("authorization")
    if authorization is not None and bearer_token(authorization) is None:
        raise problem("unauthorized", UNAUTHORIZED)
    reader = reader_of(request)
    if reader is None:
        return JSONResponse(known)
    try:
        system = await request.state["supabase"].status("system_status", reader.access_token)
    except SupabaseError as error:
        refused = problem_of_reader(error, known)
        if reader.is_operator and refused.status in (401, 403):
            refused = problem("misconfigured", members=known)
        raise refused from error
    names = (*HEALTH_MEMBERS, "open_incidents", "targets", "last_deployments")
    members = {name: system.get(name) for name in names}
    members["dead_letters"] = request.state["snapshot"].dead_letters()
    numbers = {**versions(), "postgres": system.get("postgres"), "schema": system.get("schema_version")}
    return JSONResponse({**known, "versions": numbers, **members})


async def _show_page(request: ServiceRequest) -> Response:
    """The page; it says if the token is refused or the database is unavailable."""
    try:
        reader = reader_of(request)
    except Problem as refused:
        return await _show_public_page(request, refused.detail)
    if reader is None:
        return await _show_public_page(request)
    try:
        return await _render_page(request, await _fetch(request, reader), is_signed_in=True)
    except SupabaseError as error:
        if reader.is_refused(error):
            return await _show_public_page(request, _REFUSED)
        # Only the database can verify an access token; the service itself verifies the operator token.
        return await _render_page(request, {}, is_signed_in=reader.is_operator, error=error)


async def _submit_form(request: ServiceRequest) -> Response:
    """Sign in with `token`, which starts a session, or sign out with `sign_out`, which ends it."""
    require_own_form(request, has_session=session_id_of(request) is not None)
    form = await read_form(request, "token", "sign_out")
    response: Response = RedirectResponse("status", 303)
    if "sign_out" in form:
        _sign_out(request, response)
        return response
    token = form.get("token", "")
    reader = reader_with(token, request.state["settings"].operator_token)
    if reader is None:
        return await _show_public_page(request, _REFUSED)
    if not reader.is_operator:
        try:
            await _fetch(request, reader)
        except SupabaseError as error:
            if reader.is_refused(error):
                return await _show_public_page(request, _REFUSED)
            return await _render_page(request, {}, error=error)
    _end_session(request)  # each sign-in gets a new id
    set_cookie(request, response, request.state["sessions"].start(reader))
    return response


async def _show_public_page(request: ServiceRequest, refusal: str | None = None) -> Response:
    try:
        return await _render_page(request, await _fetch(request, None), refusal=refusal)
    except SupabaseError as error:
        return await _render_page(request, {}, refusal=refusal, error=error)


async def _fetch(request: ServiceRequest, reader: Reader | None) -> Mapping[str, Any]:
    if request.state["monitor"].last.state == "down":
        raise UnreachableError("the last probe failed")  # the page need not wait for another timeout
    if reader is None:
        return await request.state["public_status"].read()
    return await request.state["supabase"].status("status_page", reader.access_token)


async def _render_page(
    request: ServiceRequest,
    data: Mapping[str, Any],
    *,
    is_signed_in: bool = False,
    error: SupabaseError | None = None,
    refusal: str | None = None,
) -> Response:
    last = request.state["monitor"].last
    if isinstance(error, ResponseError) and last.state != "refused":  # the monitor has logged a refusal
        _logger.error("supabase rejected the status page: %s: %s", error, error.message)
    nonce = secrets.token_urlsafe(16)
    known = request.state["snapshot"].status()
    view = {
        "now": datetime.now(UTC),
        "nonce": nonce,
        "is_signed_in": is_signed_in,
        "notice": _notice(last, known, error),
        "is_operator": is_operator(request),
        "refusal": refusal,
        "known": {**known, **{name: data[name] for name in HEALTH_MEMBERS if name in data}},
        "overall": data.get("overall") or "unknown",
        "targets": data.get("targets", []),
        "incidents": data.get("incidents", []),
        "open_incidents": data.get("open_incidents", {}),
        "deployments": data.get("last_deployments", []),
        "dead_letters": request.state["snapshot"].dead_letters() if is_signed_in else None,
    }
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response = HTMLResponse(
        # In a thread: rendering many targets would block other requests.
        await asyncio.to_thread(render, view),
        401 if refusal else 503 if error else 200,
        {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"},
    )
    if refusal:
        _sign_out(request, response)
    return response


def _notice(last: DatabaseState, known: Mapping[str, Any], error: SupabaseError | None) -> str | None:
    """What is wrong with the database, or with the versions of the service and its schema."""
    if last.state == "refused":
        return f"{last.cause} {last.remedy} This page shows what the service knows without the database."
    if error is not None:
        return _MISCONFIGURED if isinstance(error, ResponseError) else _UNAVAILABLE
    version_problem: str | None = known["version_problem"]
    return version_problem


def _sign_out(request: ServiceRequest, response: Response) -> None:
    _end_session(request)
    delete_cookie(request, response)


def _end_session(request: ServiceRequest) -> None:
    session_id = session_id_of(request)
    if session_id is not None:
        request.state["sessions"].end(session_id)
