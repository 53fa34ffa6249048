"""Whether a form was submitted by a page of this service: protection against cross-site request forgery (CSRF).

Browsers say where a request comes from: in Sec-Fetch-Site, which older ones do not send and which no browser sends to
a site without https, else in Origin, else in Referer.
"""

from typing import Any

from starlette.requests import Request

from app.problems import problem
from app.settings import origin_of

_FOREIGN = "The form accepts submissions from its own page only."


def require_own_form(request: Request[Any], *, has_session: bool) -> None:
    """Raises the Problem `forbidden` unless the form was submitted by a page of this service.

    A program sends none of the headers. Without a session it has nothing that another site could abuse.
    """
    headers = request.headers
    if "sec-fetch-site" in headers:
        is_own = headers["sec-fetch-site"] in ("same-origin", "none")
    elif "origin" in headers or "referer" in headers:
        given = _normalize(headers.get("origin", headers.get("referer", "")))
        is_own = given is not None and given == _own_origin(request)
    else:
        is_own = not has_session
    if not is_own:
        raise problem("forbidden", _FOREIGN)


def _own_origin(request: Request[Any]) -> str | None:
    """The origin at which the browser sees this service. Another site cannot set these headers in a browser."""
    scheme = _outermost(request, "x-forwarded-proto") or request.url.scheme
    host = _outermost(request, "x-forwarded-host") or request.headers.get("host", "")
    return _normalize(f"{scheme}://{host}")


def _outermost(request: Request[Any], header: str) -> str:
    """What the first of several proxies wrote."""
    return request.headers.get(header, "").partition(",")[0].strip()


def _normalize(url: str) -> str | None:
    """The origin of a URL, or None for `null` and what is no http or https URL."""
    try:
        return origin_of(url)
    except ValueError:
        return None
