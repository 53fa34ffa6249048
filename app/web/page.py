"""Answers a request with a page."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.status.page import html_response, render
from app.web.csrf import form_token
from app.web.session import Reader, save_session


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
        "reader": reader,
        "form_token": "" if reader is None else form_token(request, reader),
    }
    response = html_response(await asyncio.to_thread(render, template, {**shared, **view}), status)
    save_session(request, response)
    return response


def root_of(request: Request[Any]) -> str:
    """The relative path from this page to the root of the service, which a proxy may serve below a path of its own.

    As sent, because the name of a target may contain a slash, %2F.
    """
    return "../" * (request.scope.get("raw_path", request.scope["path"].encode()).count(b"/") - 1)
