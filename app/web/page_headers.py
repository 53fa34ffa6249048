"""ASGI middleware of the routes with pages: the headers that each answer has, redirects and problems included, the
cookies of the session, and compression.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.status.page import accepts_gzip
from app.web.session import save_session

# What a route says itself comes first. Older browsers read X-Frame-Options, others frame-ancestors.
_HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
_VARY = (b"Accept", b"Authorization", b"Cookie")


class PageHeaders:
    """No other site shows a page in a frame, no cache keeps it, and cookies that the request has changed are saved."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = complete_headers(Request(scope), message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def complete_headers(request: Request, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with those of every page, and the cookies that the request has changed."""
    given = list(headers)
    names = {name.lower() for name, _ in given}
    vary = [part.strip() for name, value in given if name.lower() == b"vary" for part in value.split(b",")]
    cookies = Response()
    save_session(request, cookies)
    return [
        *(each for each in given if each[0].lower() != b"vary"),
        (b"vary", b", ".join(dict.fromkeys([*_VARY, *vary]))),
        *(each for each in _HEADERS.items() if each[0] not in names),
        *(each for each in cookies.raw_headers if each[0] == b"set-cookie"),
    ]


class Compression(GZipMiddleware):
    """Compresses what is sent to clients that accept gzip. Starlette's own looks for the word only, also in gzip;q=0.

    The application sees an Accept-Encoding that names gzip or is empty.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            accepted = ",".join(Headers(scope=scope).getlist("accept-encoding"))
            others = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
            # In place: what the application keeps in the scope has to reach the middleware around this one.
            scope["headers"] = [*others, (b"accept-encoding", b"gzip" if accepts_gzip(accepted) else b"")]
        await super().__call__(scope, receive, send)
