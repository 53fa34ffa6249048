"""What Kong is on hosted Supabase: one address, `/rest/v1` on PostgREST, a known `apikey` on every request.

It speaks raw ASGI and uses httpx's transport without its client: both sides stream, nothing is decoded, and a
request costs little beside PostgREST's share.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from hmac import compare_digest

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

REST_PREFIX = "/rest/v1"
# A hop's own business (RFC 9110, 7.6.1), and the host, which is another one behind us.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"upgrade",
    }
)
NOT_FORWARDED = HOP_BY_HOP | {b"transfer-encoding", b"host"}
NOT_RETURNED = HOP_BY_HOP | {b"transfer-encoding", b"date"}  # our server frames and dates its answers itself
TIMEOUTS = {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 30.0}
ALLOWED_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class GatewaySettings:
    postgrest_url: str
    api_keys: tuple[str, ...]


class Gateway:
    """An ASGI application. `close` ends its connections to PostgREST."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._upstream = httpx.URL(settings.postgrest_url)
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
        self._transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def close(self) -> None:
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer_here(scope)
        if answer is None:
            await self._forward(scope, receive, send)
        else:
            await answer(scope, receive, send)

    def _answer_here(self, scope: Scope) -> ASGIApp | None:
        """What never reaches PostgREST: preflights, other services' paths, requests without a key."""
        path: str = scope["path"]
        if path != REST_PREFIX and not path.startswith(f"{REST_PREFIX}/"):
            return _problem(
                404,
                "no Route matched with those values",
                f"The local stack has {REST_PREFIX} only: no Auth, Storage, Realtime or Functions.",
            )
        headers = dict(scope["headers"])
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            return _preflight(headers)
        key = headers.get(b"apikey", b"").decode("latin-1")
        if not key:
            hint = "No `apikey` request header or url param was found."
            return _problem(401, "No API key found in request", hint)
        if not any(compare_digest(key.encode(), known.encode()) for known in self._settings.api_keys):
            hint = "Double check your Supabase `anon` or `service_role` API key."
            return _problem(401, "Invalid API key", hint)
        return None

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._upstream_request(scope, receive)
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TimeoutException:
            await _problem(504, "The upstream server is timing out", "PostgREST did not answer.")(
                scope, receive, send
            )
            return
        except httpx.TransportError:
            problem = _problem(
                502, "An invalid response was received from the upstream server", "Is PostgREST running?"
            )
            await problem(scope, receive, send)
            return
        try:
            await _stream_answer(answer, send)
        finally:
            await answer.aclose()

    def _upstream_request(self, scope: Scope, receive: Receive) -> httpx.Request:
        path: bytes = scope["raw_path"][len(REST_PREFIX) :] or b"/"
        query: bytes = scope["query_string"]
        target = path + b"?" + query if query else path
        headers = _forwarded_headers(scope["headers"], self._upstream.netloc)
        names = {name for name, _ in scope["headers"]}
        has_body = b"content-length" in names or b"transfer-encoding" in names
        return httpx.Request(
            scope["method"],
            self._upstream.copy_with(raw_path=target),
            headers=headers,
            content=_request_body(scope, receive) if has_body else None,
            extensions={"timeout": TIMEOUTS},
        )


def _forwarded_headers(headers: Headers, host: bytes) -> Headers:
    """Everything end-to-end; the key stands in as the bearer where the caller sent no token of its own."""
    forwarded = [(b"host", host), *((name, value) for name, value in headers if name not in NOT_FORWARDED)]
    names = {name for name, _ in forwarded}
    if b"authorization" not in names:
        key = next(value for name, value in headers if name == b"apikey")
        forwarded.append((b"authorization", b"Bearer " + key))
    return forwarded


async def _request_body(scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
    async for chunk in Request(scope, receive).stream():
        yield chunk


async def _stream_answer(answer: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in answer.headers.raw]
    kept = [(name, value) for name, value in headers if name not in NOT_RETURNED]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
    try:
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx.TransportError:
        return  # PostgREST died in the middle; our server then cuts the connection, which is the truth
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _preflight(headers: dict[bytes, bytes]) -> ASGIApp:
    asked = headers.get(b"access-control-request-headers", b"*").decode("latin-1")
    return Response(
        status_code=200,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": asked,
            "Access-Control-Max-Age": "3600",
        },
    )


def _problem(status: int, message: str, hint: str) -> ASGIApp:
    """Kong's form. The header lets a browser's script read the reason."""
    return JSONResponse(
        {"message": message, "hint": hint}, status_code=status, headers={"Access-Control-Allow-Origin": "*"}
    )
