"""ASGI middleware: request ids, CORS, one log line per request, problem documents for unexpected exceptions, and limits
on the requests in progress.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import urandom
from time import perf_counter

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import log_context, log_fields
from app.metrics import Metrics
from app.problems import Problem, problem
from app.web.auth import client_address, client_of
from app.web.errors import problem_response
from app.web.handlers import on_problem
from app.web.session import has_signed_in, is_operator

# A request id is echoed and logged: only what people and proxies generate is kept, and little that resembles a key.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
# Path segments that are logged: those of the routes, and words. Any other segment may be a secret.
_LOGGED_SEGMENT = re.compile(r"[a-z-]{0,20}|INC-[0-9]{1,15}")
# Headers that pages may send and read.
_CONSOLE_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id")
_SDK_HEADERS = ("Content-Encoding", "X-Sentry-Auth", "sentry-trace", "baggage", "X-Requested-With")
_EXPOSED_HEADERS = ("X-Request-Id", "Retry-After")
# A response is sent in parts of this size.
_PART_BYTES = 64 * 1024
# nginx's status for a client that closed the connection before the response.
_CLIENT_CLOSED_REQUEST = 499

_request_logger = logging.getLogger("app.request")
_logger = logging.getLogger(__name__)


class CrossOriginRequests:
    """CORS: which pages may call which routes, and read the answer, errors included.

    Pages of the public origins may send reports to the routes that take public keys, and call nothing else; pages of
    the console's origins may call every route. Neither may send cookies.
    """

    def __init__(
        self,
        app: ASGIApp,
        console_origins: Sequence[str],
        public_origins: Sequence[str],
        public_routes: Sequence[Route],
    ) -> None:
        self._app = app
        self._public_paths = [route.path_regex for route in public_routes]
        self._public = CORSMiddleware(
            app,
            allow_origins=public_origins,
            allow_methods=["POST"],
            allow_headers=[*_CONSOLE_HEADERS, *_SDK_HEADERS],
            expose_headers=[*_EXPOSED_HEADERS, "X-Sentry-Rate-Limits", "X-Sentry-Error"],
        )
        console = CORSMiddleware(
            app,
            allow_origins=console_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=_CONSOLE_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
        self._other = console if console_origins else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_public = any(path.match(scope["path"]) for path in self._public_paths)
        app = self._public if is_public else self._other
        if app is self._app or any(name == b"origin" for name, _ in scope["headers"]):
            await app(scope, receive, send)
            return

        async def send_with_vary(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _vary_by_origin(message.get("headers", ()))
            await send(message)

        # What CORSMiddleware does for programs that are no browsers, in a tenth of its time.
        await self._app(scope, receive, send_with_vary)


def _vary_by_origin(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers, with Origin in Vary."""
    given = list(headers)
    vary = [value for name, value in given if name == b"vary"]
    return [*(each for each in given if each[0] != b"vary"), (b"vary", b", ".join([*vary, b"Origin"]))]


class RequestLog:
    """Gives each request an id, logs and counts it when its response is complete.

    The id is that of X-Request-Id, or a new one, and is sent back. Background work after the response takes time of its
    own.

    The line contains no query, headers and body. It contains what the layers below added to log_fields(): the feed of
    a report, its batch and its outcome.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, is_complete = _CLIENT_CLOSED_REQUEST, False
        request_id = _read_request_id(scope["headers"]) or urandom(16).hex().encode()
        started = perf_counter()

        def complete() -> None:
            nonlocal is_complete
            is_complete = True
            self._record(scope, status, perf_counter() - started)

        async def send_and_complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
                await send(message)
                return
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                complete()

        with log_context(request_id=request_id.decode()):
            try:
                await self._app(scope, receive, send_and_complete)
            finally:
                if not is_complete:
                    complete()

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        fields = log_fields()
        if "feed" in fields:
            # Without an outcome the report was not accepted: a check of the request failed.
            outcomes = fields.get("outcomes") or {str(fields.setdefault("outcome", "refused")): 1}
            assert isinstance(outcomes, dict)  # noqa: S101 - a Counter
            for outcome, count in outcomes.items():
                self._metrics.count_report(str(fields["feed"]), outcome, count)
        route = scope.get("route")
        self._metrics.observe_request(scope["method"], getattr(route, "path", None), status, seconds)
        if not _request_logger.isEnabledFor(logging.INFO):
            return
        request = {
            "method": scope["method"],
            "path": _loggable_path(scope["path"]),
            "status": status,
            "duration_ms": round(seconds * 1000, 2),
        }
        _request_logger.info("request", extra={"fields": request})


def _read_request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The id that the request has, unless it is one that must not be logged."""
    given = next((value for name, value in headers if name == b"x-request-id"), b"")
    return given if _REQUEST_ID.fullmatch(given) else None


def _loggable_path(path: str) -> str:
    segments = path[:200].split("/")
    return "/".join(segment if _LOGGED_SEGMENT.fullmatch(segment) else "…" for segment in segments)


class UnexpectedErrors:
    """Answers exceptions that no handler caught as any other problem. Inside CORS, so that browsers can read it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def send_and_note_start(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_start)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            # uvicorn cancels open requests when its shutdown timeout is over. Nothing runs after this.
            if not has_started:
                await problem_response(problem("draining"))(scope, receive, send)
        except Exception:
            _logger.exception("unhandled exception")
            if has_started:
                raise
            error = problem("internal", members={"request_id": log_fields().get("request_id")})
            await (await _answer(Request(scope), error))(scope, receive, send)


async def _answer(request: Request, error: Problem) -> Response:
    """A page for a browser, unless the page fails for the same reason."""
    try:
        return await on_problem(request, error)
    except Exception:
        _logger.exception("no page for the problem")
        return problem_response(error)


class FairLimit:
    """Counts what is in use. One client gets a share, so that it does not keep the others out."""

    def __init__(self, total: int, per_client: int) -> None:
        self._available = total
        self._per_client = per_client
        self._in_use: Counter[str] = Counter()

    @contextmanager
    def use(self, client: str) -> Iterator[None]:
        """Raises the Problem `rate-limited` if the client's share is in use, `overloaded` if everything is."""
        if self._in_use[client] >= self._per_client:
            raise problem("rate-limited", "Too many requests of this client are in progress.", retry_after=1)
        if self._available == 0:
            raise problem("overloaded", "Too many requests of this kind are in progress.")
        self._available -= 1
        self._in_use[client] += 1
        try:
            yield
        finally:
            self._available += 1
            self._in_use[client] -= 1
            if self._in_use[client] == 0:
                del self._in_use[client]


class RequestLimit:
    """ASGI middleware: limits the requests in progress. A request ends when the client has read its response.

    The operator is not limited: during a flood the status page is needed most. Browsers in which somebody has signed
    in have a limit of their own if there is one for users: requests that anybody can send do not keep them out.
    """

    def __init__(self, app: ASGIApp, limit: FairLimit, users: FairLimit | None = None) -> None:
        self._app = app
        self._limit = limit
        self._users = users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if is_operator(request):
            await self._app(scope, receive, send)
            return

        async def send_in_parts(message: Message) -> None:
            """Each part waits until the client has read the one before it."""
            body: bytes = message.get("body", b"")
            last = max(0, len(body) - 1) // _PART_BYTES * _PART_BYTES
            for at in range(0, last, _PART_BYTES):
                await send({**message, "body": body[at : at + _PART_BYTES], "more_body": True})
            await send({**message, "body": body[last:]} if last else message)

        limit = self._users if self._users is not None and has_signed_in(request) else self._limit
        with limit.use(client_of(client_address(request))):
            await self._app(scope, receive, send_in_parts)
