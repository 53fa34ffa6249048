"""Problems as Starlette responses."""

import json
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.problems import Problem, problem

_BY_STATUS = {404: "not-found", 405: "method-not-allowed"}


def problem_response(trouble: Problem) -> Response:
    """The application/problem+json document."""
    body = json.dumps(trouble.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, trouble.status, dict(trouble.headers), media_type="application/problem+json")


async def on_problem(_request: Request, error: Exception) -> Response:
    """A Problem that a route raised."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
    return problem_response(error)


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """What Starlette itself raises: no route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = _BY_STATUS.get(error.status_code)
    if code is None:
        return problem_response(Problem(error.status_code, "http", HTTPStatus(error.status_code).phrase))
    return problem_response(problem(code, headers=error.headers))
