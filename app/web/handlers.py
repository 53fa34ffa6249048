"""The exception handlers of the application: a browser gets a page, any other client a problem document."""

from http import HTTPStatus
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from app.problems import Problem, problem
from app.status.page import prefers_html
from app.web.errors import problem_response
from app.web.page_headers import complete_headers
from app.web.problem_page import problem_page

_CODES = {404: "not-found", 405: "method-not-allowed"}
# What a page says instead of the sentences for programs.
_PAGE_DETAILS = {
    "not-found": "No page has this address.",
    "method-not-allowed": "This address is for forms and programs: it cannot be opened as a page.",
}


async def on_problem(request: Request, error: Exception) -> Response:
    """The response to a Problem that a route or its middleware raised."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
    if not _wants_page(request):
        return problem_response(error)
    response = await problem_page(request, error)
    response.raw_headers = complete_headers(request, response.raw_headers)
    return response


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
        return await on_problem(request, Problem(error.status_code, "http", HTTPStatus(error.status_code).phrase))
    detail = _PAGE_DETAILS[code] if _wants_page(request) else None
    return await on_problem(request, problem(code, detail, headers=error.headers))


def _wants_page(request: Request) -> bool:
    return prefers_html(request.headers.get("accept", ""))


def _is_page_with_slash(request: Request) -> bool:
    """Whether the path without its last slash has a GET route. Reports are posted: many clients drop the body of a
    redirected POST.
    """
    path = request.scope["path"]
    if request.method not in ("GET", "HEAD") or not path.endswith("/"):
        return False
    scope = {**request.scope, "path": path[:-1]}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
