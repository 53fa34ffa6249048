"""GET /status as a page or as JSON, and POST /status, the sign-in form of the page."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from app.problems import Problem, problem
from app.routes.sign_in import WRONG_TOKEN, verify_token
from app.state import ServiceRequest
from app.status.page import PAGE_HEADERS, find_warnings, prefers_html, site_of
from app.status.public import RenderedPage
from app.status.snapshot import HEALTH_MEMBERS, versions
from app.supabase.errors import ResponseError, SupabaseError, UnreachableError, problem_of_reader
from app.web.auth import bearer_token
from app.web.conditional import has_current
from app.web.form import read_form
from app.web.origin import require_own_form
from app.web.page import page_response
from app.web.problem_page import problem_page
from app.web.session import (
    UNAUTHORIZED,
    Reader,
    end_session,
    forget_session,
    has_session_cookie,
    read_reader,
    save_session,
    start_session,
)

# Cookie, because a page for a signed-in person must not be shown to anyone else.
_VARY = "Accept, Authorization, Cookie"
# What the page shows of older data while the database is unavailable. Not the overall state, nor the switches.
_SECTIONS = (
    *("title", "logo", "targets", "targets_limit", "targets_are_cut", "maintenance", "incidents", "open_incidents"),
    "last_deployments",
    "undelivered_emails",
)

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
        response = await problem_page(request, error)
    response.headers.setdefault("Vary", _VARY)
    response.headers.setdefault("Cache-Control", "no-store")
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
        return await _show_refusal(request, refused)
    if reader is None:
        return _send(request, await request.state["public_page"].read())
    try:
        data = await _fetch(request, reader)
    except SupabaseError as error:
        if reader.is_refused(error):
            return await _show_refusal(request, problem("unauthorized", WRONG_TOKEN))
        # Only the database can verify an access token; the service itself verifies the operator token.
        if not reader.is_operator:
            return await _render_public_page(request, reader=reader)
        return await _render_page(request, reader, {}, error)
    return await _render_page(request, reader, data)


async def _submit_form(request: ServiceRequest) -> Response:
    """Sign in with `token`, which starts a session, or sign out with `sign_out`, which ends it."""
    require_own_form(request, has_session=has_session_cookie(request))
    form = await read_form(request, "token", "sign_out")
    response: Response = RedirectResponse("status", 303)
    if "sign_out" in form:
        await end_session(request, await _reader_or_none(request))
        return response
    try:
        start_session(request, await verify_token(request, form.get("token", "")))
    except Problem as refused:
        response = await _show_refusal(request, refused)
    return response


async def _reader_or_none(request: ServiceRequest) -> Reader | None:
    try:
        return await read_reader(request)
    except Problem:
        return None


def _send(request: ServiceRequest, page: RenderedPage) -> Response:
    """The page for everybody, as it was rendered, or 304 if the browser has it already."""
    # GZipMiddleware adds Accept-Encoding to what it sees in full, and compresses what is not compressed yet.
    headers = {**PAGE_HEADERS, "Vary": _VARY}
    compressed = {"Vary": f"{_VARY}, Accept-Encoding", "Content-Encoding": "gzip"}
    if page.etag is not None:
        headers |= {"ETag": page.etag, "Cache-Control": "no-cache"}
        if has_current(request.headers.get("if-none-match", ""), page.etag):
            return Response(status_code=304, headers={**headers, "Vary": compressed["Vary"]})
    if "gzip" in request.headers.get("accept-encoding", ""):
        return HTMLResponse(page.compressed, page.status, headers | compressed)
    return HTMLResponse(page.document, page.status, headers)


async def _show_refusal(request: ServiceRequest, refusal: Problem) -> Response:
    """The page for everybody, which says why the reader sees no more. A session that was refused ends."""
    if refusal.status == 401:
        forget_session(request)
    response = await _render_public_page(request, refusal=refusal)
    response.headers.update(refusal.headers)
    return response


async def _render_public_page(
    request: ServiceRequest, *, reader: Reader | None = None, refusal: Problem | None = None
) -> Response:
    view = await request.state["public_page"].view()
    variables = {name: each for name, each in view.variables.items() if name not in ("reader", "form_token")}
    variables["refusal"] = refusal.detail if refusal else None
    status = refusal.status if refusal else view.status
    return await page_response(request, "public.html", variables, status=status, reader=reader)


async def _fetch(request: ServiceRequest, reader: Reader) -> Mapping[str, Any]:
    if request.state["monitor"].last.state == "down":
        raise UnreachableError("the last probe failed")  # the page need not wait for another timeout
    page = await request.state["supabase"].status("status_page", reader.access_token)
    return request.state["operator_status"].keep(page) if reader.is_operator else page


async def _render_page(
    request: ServiceRequest, reader: Reader, data: Mapping[str, Any], error: SupabaseError | None = None
) -> Response:
    """The page of a signed-in reader; with an error, the operator's from older data."""
    known = request.state["snapshot"].status()
    # The monitor has logged a refusal.
    if isinstance(error, ResponseError) and request.state["monitor"].last.state != "refused":
        _logger.error("supabase rejected the status page: %s: %s", error, error.message)
    now, read_at = datetime.now(UTC), None
    if error is not None:
        last = request.state["operator_status"]
        data, read_at = {name: each for name, each in (last.result or {}).items() if name in _SECTIONS}, last.read_at
    view = {
        "now": now,
        "is_signed_in": True,
        "is_operator": reader.is_operator,
        "warnings": find_warnings(known, error, read_at, now),
        "known": {**known, **{name: data[name] for name in HEALTH_MEMBERS if name in data}},
        "overall": data.get("overall") or "unknown",
        "targets": data.get("targets", []),
        "targets_limit": data.get("targets_limit"),
        "targets_are_cut": data.get("targets_are_cut", False),
        "maintenance": data.get("maintenance", []),
        "incidents": data.get("incidents", []),
        "open_incidents": data.get("open_incidents", {}),
        "deployments": data.get("last_deployments", []),
        "undelivered_emails": data.get("undelivered_emails", []),
        "dead_letters": request.state["snapshot"].dead_letters(),
    }
    # A title that was changed a moment ago.
    if "title" in data:
        view["site"] = site_of(data)
    return await page_response(request, "status.html", view, status=503 if error else 200, reader=reader)
