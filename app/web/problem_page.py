"""What pages for signed-in readers have in common: who asks, and what went wrong.

Browsers get pages and are sent to the sign-in; other clients get problem documents.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.problems import Problem, problem
from app.status.page import prefers_html
from app.supabase.errors import SupabaseError, problem_of_page
from app.web.errors import problem_response
from app.web.page import page_response
from app.web.session import UNAUTHORIZED, Reader, read_reader, sign_in_redirect

_logger = logging.getLogger(__name__)


async def find_reader(request: Request[Any]) -> Reader | None:
    """Who reads. None for a browser without a session, which is to be sent to the sign-in.

    Raises the Problem `unauthorized` for any other client, and `unavailable` while Supabase Auth does not answer.
    """
    is_program = "authorization" in request.headers or not prefers_html(request.headers.get("accept", ""))
    try:
        reader = await read_reader(request)
    except Problem as error:
        if is_program or error.status != 401:
            raise
        reader = None
    if reader is None and is_program:
        raise problem("unauthorized", UNAUTHORIZED)
    return reader


def problem_of(reader: Reader, error: SupabaseError) -> Problem:
    """The operator's calls are made with the service's own key: what that is refused, the operator does not cause."""
    found = problem_of_page(error)
    if reader.is_operator and found.code in ("unauthorized", "forbidden") and error.code != "PT403":
        found = problem("misconfigured")
    if found.code == "misconfigured":
        _logger.error("supabase rejected the page: %s: %s", error, error.message)
    return found


async def problem_page(
    request: Request[Any],
    error: Problem,
    *,
    reader: Reader | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The problem, with links that lead on. typed are the fields of a form that was not accepted, to copy.

    The reader is looked for unless given. Whose token was refused is nobody.
    """
    if not prefers_html(request.headers.get("accept", "")):
        return problem_response(error)
    if error.status == 401:
        reader = None
    elif reader is None:
        with suppress(Problem):
            reader = await read_reader(request)
    view = {
        "status": error.status,
        "title": HTTPStatus(error.status).phrase.capitalize(),
        "detail": error.detail,
        "sign_in": sign_in_redirect(request).headers["location"],
        "typed": typed or {},
        "request_id": error.members.get("request_id"),
    }
    response = await page_response(request, "problem.html", view, status=error.status, reader=reader)
    response.headers.update(error.headers)
    return response
