"""Answers a request with a page."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.status.page import html_response, render, site_of
from app.supabase.errors import SupabaseError
from app.web.csrf import form_token
from app.web.session import Reader, save_session

# How long a page waits for the name of the product.
_SITE_SECONDS = 1.0


async def page_response(
    request: Request[Any],
    template: str,
    view: Mapping[str, Any],
    *,
    status: int = 200,
    reader: Reader | None = None,
) -> Response:
    """The page, rendered in a thread: a long one would block other requests. reader is who sees it."""
    shared = {
        "now": datetime.now(UTC),
        "path": request.url.path,
        "root": root_of(request),
        "site": view.get("site") or await _read_site(request),
        "reader": reader,
        "form_token": "" if reader is None else form_token(request, reader),
    }
    response = html_response(await asyncio.to_thread(render, template, {**shared, **view}), status)
    save_session(request, response)
    return response


async def _read_site(request: Request[Any]) -> dict[str, Any]:
    """What the product is called, as the public status page knows it. An older answer does if a new one takes long."""
    public_status = request.state["public_status"]
    if request.state["monitor"].last.state == "ok":
        with suppress(SupabaseError, TimeoutError):
            async with asyncio.timeout(_SITE_SECONDS):
                await public_status.read()
    return site_of(public_status.last.result or {})


def root_of(request: Request[Any]) -> str:
    """The relative path from this page to the root of the service, which a proxy may serve below a path of its own.

    As sent, because the name of a target may contain a slash, %2F.
    """
    sent: bytes = request.scope.get("raw_path", request.scope["path"].encode())
    return "../" * (sent.count(b"/") - 1)
