"""Pure ASGI middleware: request ids, one log line a request, and an answer for what nobody foresaw."""

import asyncio
import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import problem
from app.responses import problem_response

# What may be echoed and logged: ids as people and proxies make them, and little that looks like a key.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
# The parts of a path that are logged: ours, and words. What else somebody puts there may be a secret.
_LOGGED_SEGMENT = re.compile(r"[a-z-]{0,20}|INC-[0-9]{1,15}")
# nginx's word for a client that went away before it was answered.
_CLIENT_WENT_AWAY = 499

_logger = logging.getLogger("app.request")
_error_logger = logging.getLogger(__name__)


class RequestLog:
    """Outermost. Gives each request its id, echoes it, and logs one line: no query, no headers, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = _CLIENT_WENT_AWAY
        started = perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            fields = {
                "request_id": request_id,
                "method": scope["method"],
                "path": _readable_path(scope["path"]),
                "status": status,
                "duration_ms": round((perf_counter() - started) * 1000, 2),
            }
            _logger.info("request", extra={"fields": fields})


def _readable_path(path: str) -> str:
    segments = path[:200].split("/")
    return "/".join(segment if _LOGGED_SEGMENT.fullmatch(segment) else "…" for segment in segments)


class LastResort:
    """Turns what nobody caught into a problem without internals. Inside CORS: a browser can read it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def send_and_notice(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_notice)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            # uvicorn cancels what is open when its time to shut down is over. Nothing runs after it.
            if not has_started:
                await problem_response(problem("draining"))(scope, receive, send)
        except Exception:
            request_id = scope["state"]["request_id"]
            _error_logger.exception("unhandled exception", extra={"fields": {"request_id": request_id}})
            if has_started:
                raise
            await problem_response(problem("internal", members={"request_id": request_id}))(
                scope, receive, send
            )
