"""Problem documents as Starlette responses, and the exception handlers that send them."""

import json
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.problems import Problem, problem

_CODES = {404: "not-found", 405: "method-not-allowed"}


def problem_response(error: Problem) -> Response:
    """The application/problem+json response."""
    body = json.dumps(error.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, error.status, dict(error.headers), media_type="application/problem+json")


async def on_problem(_request: Request, error: Exception) -> Response:
    """The response to a Problem that a route raised."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
    return problem_response(error)


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """The response to an exception of Starlette's own: no such route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = _CODES.get(error.status_code)
    if code is None:
        return problem_response(Problem(error.status_code, "http", HTTPStatus(error.status_code).phrase))
    return problem_response(problem(code, headers=error.headers))
