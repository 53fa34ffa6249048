"""The API gateway, as Kong on hosted Supabase: it requires a known `apikey`, proxies `/rest/v1` to PostgREST, and hands
`/auth/v1` to the stand-in for Supabase Auth.

Written as raw ASGI on httpx's transport without its client, so that bodies are streamed in both directions
without decoding, and the gateway adds little to the time of a request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hmac import compare_digest

import httpx
import jwt
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.stack import auth
from local.stack.credentials import PROJECT_REF, SigningKeys
from local.system.ports import LOOPBACK, listening_socket

REST_PREFIX = "/rest/v1"
# Where PostgREST serves its OpenAPI document. Hosted Supabase shows it to secret keys only since April 2026.
SCHEMA_PATHS = frozenset({REST_PREFIX, f"{REST_PREFIX}/"})
# Connection-specific headers (RFC 9110, 7.6.1).
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
NOT_FORWARDED = HOP_BY_HOP | {b"transfer-encoding", b"host"}  # PostgREST has another host
NOT_RETURNED = HOP_BY_HOP | {b"transfer-encoding", b"date"}  # uvicorn adds its own
TIMEOUTS = {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 30.0}
OPAQUE_PREFIX = "sb_"  # of the keys that are no JSON Web Tokens
TOKEN_SECONDS = 600  # of the token that PostgREST gets in place of such a key
GRACE_SECONDS = 2  # how long requests in flight may continue after `stop`
ALLOWED_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class GatewaySettings:
    postgrest_url: str
    roles_by_key: Mapping[str, str]
    """The keys that are accepted. The stack may add and remove some while the gateway runs."""
    signing_keys: SigningKeys
    auth: auth.LocalAuth


class Gateway:
    """The ASGI application. `close` ends its connections to PostgREST."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._upstream = httpx.URL(settings.postgrest_url)
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=100)
        self._transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._tokens: dict[str, tuple[str, float]] = {}

    async def close(self) -> None:
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._local_response(scope)
        if response is None:
            await self._forward(scope, receive, send)
        else:
            await response(scope, receive, send)

    def _local_response(self, scope: Scope) -> ASGIApp | None:
        """The response to a request that is not forwarded: CORS preflight, unknown path, bad key, the schema."""
        path: str = scope["path"]
        is_auth = path.startswith(f"{auth.PREFIX}/")
        if not is_auth and path != REST_PREFIX and not path.startswith(f"{REST_PREFIX}/"):
            return _problem(
                404,
                "no Route matched with those values",
                f"The local stack serves {REST_PREFIX} and {auth.PREFIX} only: no Storage, Realtime or Functions.",
            )
        headers = dict(scope["headers"])
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            return _preflight(headers)
        if is_auth:
            return self._key_problem(headers) or self._settings.auth
        return self._key_problem(headers) or self._bearer_problem(headers) or self._schema_problem(path, headers)

    def _key_problem(self, headers: dict[bytes, bytes]) -> ASGIApp | None:
        """The response to a request whose key is refused, in the words of hosted Supabase."""
        key = headers.get(b"apikey", b"").decode("latin-1")
        role = self._role_of(key)
        if not key:
            hint = "No `apikey` request header or url param was found."
            return _problem(401, "No API key found in request", hint)
        if role is None and key.startswith(OPAQUE_PREFIX):
            hint = "Double check the provided API key as it is not registered for this project."
            return _problem(401, "Unregistered API key", hint)
        if role is None:
            hint = "Double check your Supabase `anon` or `service_role` API key."
            return _problem(401, "Invalid API key", hint)
        if key.startswith("sb_secret_") and headers.get(b"user-agent", b"").startswith(b"Mozilla/"):
            hint = "Secret API keys can only be used in a protected environment and never in a browser."
            return _problem(401, "Forbidden use of secret API key in browser", hint)
        return None

    def _bearer_problem(self, headers: dict[bytes, bytes]) -> ASGIApp | None:
        """The response to a request whose bearer token is refused before PostgREST sees it."""
        bearer = _bearer_of(headers)
        if bearer.startswith(OPAQUE_PREFIX) and bearer != headers[b"apikey"].decode("latin-1"):
            return _problem(401, "Invalid API key", "A publishable or secret key belongs in the `apikey` header.")
        if self._has_unknown_key_id(bearer):
            return _problem(401, "No suitable key was found to decode the JWT", "Is the token another project's?")
        return None

    def _schema_problem(self, path: str, headers: dict[bytes, bytes]) -> ASGIApp | None:
        """The response to a request for the OpenAPI document without a secret key, as hosted Supabase answers it."""
        if path not in SCHEMA_PATHS or self._role_of(headers[b"apikey"].decode("latin-1")) == "service_role":
            return None
        hint = "Accessing the schema via the Data API is only allowed using a secret API key."
        return _problem(403, "Access to schema is forbidden", hint)

    def _has_unknown_key_id(self, token: str) -> bool:
        """Hosted Supabase refuses such a token. PostgREST before version 13 tries every key, whatever the id says."""
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            return False  # PostgREST says what is wrong
        keys = self._settings.signing_keys
        return key_id not in (None, keys.key_id, keys.secret_id)

    def _role_of(self, key: str) -> str | None:
        """The role of a key that is accepted. All are compared, so that the time reveals nothing about them."""
        given, accepted = key.encode(), tuple(self._settings.roles_by_key.items())
        roles = [role for known, role in accepted if compare_digest(given, known.encode())]
        return roles[0] if roles else None

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._upstream_request(scope, receive)
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TimeoutException:
            await _problem(504, "The upstream server is timing out", "PostgREST did not respond.")(scope, receive, send)
            return
        except httpx.TransportError:
            problem = _problem(
                502, "An invalid response was received from the upstream server", "Is PostgREST running?"
            )
            await problem(scope, receive, send)
            return
        try:
            await _stream_response(response, send)
        finally:
            await response.aclose()

    def _upstream_request(self, scope: Scope, receive: Receive) -> httpx.Request:
        path: bytes = scope["raw_path"][len(REST_PREFIX) :] or b"/"
        query: bytes = scope["query_string"]
        target = path + b"?" + query if query else path
        headers = self._forwarded_headers(scope["headers"])
        names = {name for name, _ in scope["headers"]}
        has_body = b"content-length" in names or b"transfer-encoding" in names
        return httpx.Request(
            scope["method"],
            self._upstream.copy_with(raw_path=target),
            headers=headers,
            content=_request_body(scope, receive) if has_body else None,
            extensions={"timeout": TIMEOUTS},
        )

    def _forwarded_headers(self, headers: Headers) -> Headers:
        """The end-to-end headers. The bearer token is the caller's own, or that of the key's role.

        Supabase's clients repeat a publishable or secret key as the bearer token. It counts as none.
        """
        given = dict(headers)
        kept = [(name, value) for name, value in headers if name not in NOT_FORWARDED]
        if b"authorization" not in given or _bearer_of(given).startswith(OPAQUE_PREFIX):
            token = self._token_of(given[b"apikey"].decode("latin-1")).encode()
            kept = [
                *((name, value) for name, value in kept if name != b"authorization"),
                (b"authorization", b"Bearer " + token),
            ]
        return [(b"host", self._upstream.netloc), *kept]

    def _token_of(self, key: str) -> str:
        """The token for PostgREST: the legacy key itself, or a token of some minutes with the role of the key."""
        if not key.startswith(OPAQUE_PREFIX):
            return key
        role = self._settings.roles_by_key[key]
        now = time.time()
        token, expires_at = self._tokens.get(role, ("", 0.0))
        if expires_at < now + TOKEN_SECONDS / 2:
            expires_at = now + TOKEN_SECONDS
            claims = {"iss": "supabase", "ref": PROJECT_REF, "role": role, "iat": int(now), "exp": int(expires_at)}
            token = self._settings.signing_keys.sign(claims)
            self._tokens[role] = token, expires_at
        return token


class GatewayServer:
    """Serves the gateway with uvicorn. Listens at once, so that the address is known before the start."""

    def __init__(self, preferred_port: int) -> None:
        self._socket = listening_socket(preferred_port)
        self.url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._gateway: Gateway | None = None

    async def start(self, settings: GatewaySettings) -> None:
        self._gateway = Gateway(settings)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._gateway,
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110  # uvicorn offers a flag only
            await asyncio.sleep(0.005)
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None and self._gateway is not None:
            self._server.should_exit = True
            await self._serving
            await self._gateway.close()
        self._socket.close()


def _bearer_of(headers: dict[bytes, bytes]) -> str:
    """The bearer token, or an empty text."""
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _request_body(scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
    async for chunk in Request(scope, receive).stream():
        yield chunk


async def _stream_response(response: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in response.headers.raw]
    kept = [(name, value) for name, value in headers if name not in NOT_RETURNED]
    await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
    try:
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx.TransportError:
        return  # incomplete, so that uvicorn closes the connection and the client sees the error
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _preflight(headers: dict[bytes, bytes]) -> ASGIApp:
    requested = headers.get(b"access-control-request-headers", b"*").decode("latin-1")
    return Response(
        status_code=200,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": requested,
            "Access-Control-Max-Age": "3600",
        },
    )


def _problem(status: int, message: str, hint: str) -> ASGIApp:
    """An error in Kong's format. The CORS header lets a script in a browser read the body."""
    return JSONResponse(
        {"message": message, "hint": hint}, status_code=status, headers={"Access-Control-Allow-Origin": "*"}
    )
