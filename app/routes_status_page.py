"""GET /status as a page, and the form on it: signing in and out."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.known import TOLD_BY_DATABASE, all_that_is_known
from app.page import render
from app.problems import problem
from app.receiving import read_body
from app.sessions import COOKIE_LIMIT, Reader, forget, is_refused, reader_with, remember, token_of
from app.state import ServiceRequest
from app.verdicts import Refusal, Unreachable

_REFUSED = "That token is not accepted: it is wrong, or its time is over."
_TOO_LONG = "That token is too long for a cookie. Sign in with the operator's token."
_AWAY = "The database does not answer. What stands here is what the service itself knows."
_REFUSING = (
    "The database refuses the service; the service's log says why. What stands here is what it knows itself."
)

_logger = logging.getLogger(__name__)


async def show_page(request: ServiceRequest) -> Response:
    """The page. That a token is refused, or the database away, is told on it."""
    token = token_of(request)
    if token is None:
        return await _show_to_anybody(request)
    reader = reader_with(request, token)
    if reader is None:
        return await _show_to_anybody(request, _REFUSED)
    try:
        return await _page(request, await _ask(request, reader), is_signed_in=True)
    except (Refusal, Unreachable) as failure:
        if is_refused(reader, failure):
            return await _show_to_anybody(request, _REFUSED)
        # Without the database nobody vouches for a JWT; the operator's token is known here.
        return await _page(request, {}, is_signed_in=reader.is_operator, failure=failure)


async def sign_in_or_out(request: ServiceRequest) -> Response:
    """POST /status with `token` or `sign_out`. A token that is accepted is kept in a cookie."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise problem("forbidden", "The form is for the page's own visitors.")
    form = await _read_form(request)
    response: Response = RedirectResponse("status", 303)
    if "sign_out" in form:
        forget(response)
        return response
    token = form.get("token", "")
    reader = reader_with(request, token)
    if reader is None:
        return await _show_to_anybody(request, _REFUSED)
    if len(token) > COOKIE_LIMIT:
        return await _show_to_anybody(request, _TOO_LONG)
    if not reader.is_operator:
        try:
            await _ask(request, reader)
        except (Refusal, Unreachable) as failure:
            if is_refused(reader, failure):
                return await _show_to_anybody(request, _REFUSED)
            return await _page(request, {}, failure=failure)
    remember(request, response, token)
    return response


async def _show_to_anybody(request: ServiceRequest, refusal: str | None = None) -> Response:
    try:
        return await _page(request, await _ask(request, None), refusal=refusal)
    except (Refusal, Unreachable) as failure:
        return await _page(request, {}, refusal=refusal, failure=failure)


async def _ask(request: ServiceRequest, reader: Reader | None) -> Mapping[str, Any]:
    if request.state["monitor"].last.state == "down":
        raise Unreachable("it was away a moment ago")  # a person need not wait to hear it again
    if reader is None:
        return await request.state["public_status"].read()
    return await request.state["supabase"].status("status_page", reader.json_web_token)


async def _page(
    request: ServiceRequest,
    told: Mapping[str, Any],
    *,
    is_signed_in: bool = False,
    failure: Refusal | Unreachable | None = None,
    refusal: str | None = None,
) -> Response:
    if isinstance(failure, Refusal):
        _logger.error("supabase refused the status page: %s: %s", failure, failure.message)
    nonce = secrets.token_urlsafe(16)
    known = all_that_is_known(request)
    view = {
        "now": datetime.now(UTC),
        "nonce": nonce,
        "is_signed_in": is_signed_in,
        "notice": None if failure is None else _REFUSING if isinstance(failure, Refusal) else _AWAY,
        "refusal": refusal,
        "known": {**known, **{name: told[name] for name in TOLD_BY_DATABASE if name in told}},
        "overall": told.get("overall") or "unknown",
        "targets": told.get("targets", []),
        "incidents": told.get("incidents", []),
        "open_incidents": told.get("open_incidents", {}),
        "deployments": told.get("last_deployments", []),
    }
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response = HTMLResponse(
        # With many targets it takes long enough to hold reports up.
        await asyncio.to_thread(render, view),
        401 if refusal else 503 if failure else 200,
        {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"},
    )
    if refusal:
        forget(response)
    return response


async def _read_form(request: ServiceRequest) -> dict[str, str]:
    body = (await read_body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, max_num_fields=10)
    except ValueError:
        raise problem("parameter", "The form has more fields than `token` or `sign_out`.") from None
    return {name: values[0].strip() for name, values in fields.items()}
