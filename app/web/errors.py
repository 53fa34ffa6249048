"""Problem documents as Starlette responses, and the exception handlers that send them."""

import json
from http import HTTPStatus
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

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


async def on_http_exception(request: Request, error: Exception) -> Response:
    """The response to an exception of Starlette's own: no such route, or not with this method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == 404 and _is_page_with_slash(request):
        # Relative, because a proxy may serve the service below a path of its own.
        name = quote(request.scope["path"].split("/")[-2], safe="")
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"../{name}{query}", 307)
    code = _CODES.get(error.status_code)
    if code is None:
        return problem_response(Problem(error.status_code, "http", HTTPStatus(error.status_code).phrase))
    return problem_response(problem(code, headers=error.headers))


def _is_page_with_slash(request: Request) -> bool:
    """Whether the path without its last slash has a GET route. Reports are posted: many clients drop the body of a
    redirected POST.
    """
    path = request.scope["path"]
    if request.method not in ("GET", "HEAD") or not path.endswith("/"):
        return False
    scope = {**request.scope, "path": path[:-1]}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
