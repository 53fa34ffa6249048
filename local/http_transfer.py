"""One HTTP transfer as pg_net's libcurl makes it: redirects followed, nothing decoded, no cap on the body.

httpx's engine (httpcore) is used without httpx's client: a connection a request costs no search in a pool of
200, and nothing is added that libcurl would not send.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpcore
import httpx

from local.libcurl_errors import (
    TOO_MANY_REDIRECTS,
    UNSUPPORTED_PROTOCOL,
    Timings,
    TransferError,
    UnknownHostError,
    describe,
    timeout_message,
)

USER_AGENT = "pg_net/0.20.4"
MAX_REDIRECTS = 30
RESOLVER_THREADS = 16
REDIRECTS_TO_GET = frozenset({301, 302, 303})
"""A POST goes on as GET after these, as libcurl and every browser have it; other methods stay."""

CREDENTIAL_HEADERS = frozenset({"authorization", "cookie"})

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A row of net.http_request_queue."""

    request_id: int
    method: str
    url: str
    timeout_milliseconds: int
    headers: Headers
    body: bytes | None


@dataclass(frozen=True)
class Response:
    """What goes to net._http_response."""

    request_id: int
    status_code: int | None = None
    content_type: str | None = None
    headers: dict[str, str] | None = None
    content: bytes | None = None
    timed_out: bool = False
    error_message: str | None = None


@dataclass
class _Progress:
    """What has happened so far, for the wording of an error."""

    timings: Timings
    answered: bool = False


class Client:
    """Makes transfers, any number at a time; owns the certificates and the threads that resolve names."""

    def __init__(self) -> None:
        self._ssl_context = httpx.create_ssl_context(trust_env=False)
        self._resolver = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="pg_net-dns")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resolver.shutdown(wait=False, cancel_futures=True)

    async def transfer(self, request: Request) -> Response:
        """Never raises for what the network does: that is an answer too."""
        loop = asyncio.get_running_loop()
        progress = _Progress(Timings(started=loop.time()))
        # libcurl takes 0 as "no timeout".
        seconds = request.timeout_milliseconds / 1000 if request.timeout_milliseconds > 0 else None
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(request, progress)
        except TimeoutError:
            message = timeout_message(progress.timings, loop.time(), request.timeout_milliseconds)
            return Response(request.request_id, timed_out=True, error_message=message)
        except (TransferError, httpx.InvalidURL, OSError, *HTTPCORE_ERRORS) as error:
            return Response(request.request_id, error_message=describe(error, answered=progress.answered))

    async def _follow(self, request: Request, progress: _Progress) -> Response:
        url = httpx.URL(request.url)
        method, body, headers = request.method.upper(), request.body, _request_headers(request)
        for _ in range(MAX_REDIRECTS + 1):
            progress.answered = False
            status, answer, content = await self._exchange(url, method, headers, body, progress)
            location = next((value for name, value in answer if name.lower() == "location"), None)
            if status not in REDIRECTS_TO_GET | {307, 308} or location is None:
                return _response(request.request_id, status, answer, content)
            target = url.join(location)
            if method == "POST" and status in REDIRECTS_TO_GET:
                method, body = "GET", None
                headers = [header for header in headers if header[0].lower() != "content-type"]
            if _origin(target) != _origin(url):
                headers = [header for header in headers if header[0].lower() not in CREDENTIAL_HEADERS]
            url = target
        raise TransferError(TOO_MANY_REDIRECTS)

    async def _exchange(
        self, url: httpx.URL, method: str, headers: Headers, body: bytes | None, progress: _Progress
    ) -> tuple[int, Headers, bytes]:
        if url.scheme not in ("http", "https"):
            raise TransferError(UNSUPPORTED_PROTOCOL)
        lines = [("Host", url.netloc.decode()), *headers]
        if body is not None or method == "POST":
            lines.append(("Content-Length", str(len(body or b""))))
        request = httpcore.Request(
            method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[(name.encode(), value.encode()) for name, value in lines],
            content=body or b"",
            extensions={"trace": _Trace(progress.timings)},
        )
        async with httpcore.AsyncHTTPConnection(
            request.url.origin,
            ssl_context=self._ssl_context,
            network_backend=_ResolvingBackend(self._resolver, progress.timings),
        ) as connection:
            response = await connection.handle_async_request(request)
            progress.answered = True
            chunks = [chunk async for chunk in response.aiter_stream()]
            await response.aclose()
        answer = [
            (name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in response.headers
        ]
        return response.status, answer, b"".join(chunks)


HTTPCORE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)


class _Trace:
    """Notes when the handshake was over: that is when the request line goes out."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self._timings.connected = asyncio.get_running_loop().time()


class _ResolvingBackend(httpcore.AnyIOBackend):
    """Resolves names itself, so that a timeout message can tell the name server's time from the server's."""

    def __init__(self, resolver: ThreadPoolExecutor, timings: Timings) -> None:
        super().__init__()
        self._resolver = resolver
        self._timings = timings

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        self._timings.name_resolved = asyncio.get_running_loop().time()
        self._timings.connected = None
        for address in addresses[:-1]:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _resolve(self, host: str, port: int) -> list[str]:
        if _is_address(host):
            return [host]
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._resolver, _look_up, host, port)
        except (socket.gaierror, UnicodeError) as error:
            raise UnknownHostError(host) from error
        return list(dict.fromkeys(found))


def _look_up(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, UnicodeError):
            continue
        return True
    return False


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _request_headers(request: Request) -> Headers:
    """What libcurl sends: Accept and, for a body, a content type unless given, and pg_net's own name last."""
    given = {name.lower() for name, _ in request.headers}
    headers: Headers = []
    if "accept" not in given:
        headers.append(("Accept", "*/*"))
    if request.body is not None and "content-type" not in given:
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return [*headers, *request.headers, ("User-Agent", USER_AGENT)]


def _response(request_id: int, status: int, answer: Headers, content: bytes) -> Response:
    """The body is a C string to pg_net: it ends at the first NUL, and an empty one is NULL."""
    text, _, _ = content.partition(b"\0")
    content_type = next((value for name, value in answer if name.lower() == "content-type"), None)
    # Of a header that came several times jsonb keeps the last.
    headers = {name.replace("\0", ""): value.replace("\0", "") for name, value in answer}
    return Response(request_id, status, content_type, headers, text or None)
