"""HTTP/1.1 connections to Supabase on asyncio and httptools, which uvicorn uses already.

httpx's own transport, httpcore with h11 on anyio, takes seven times as much CPU time a call: at one connection that was
half of what the service needed for a report. The errors are httpx's, so that callers cannot tell the difference.
"""

import asyncio
import select
import socket
from dataclasses import dataclass
from ssl import SSLContext
from time import monotonic

import httptools
import httpx

RESPONSE_LIMIT = 8 * 1024 * 1024
# The head, the sizes of chunks and trailers may have this size, plus this much for each byte of the body.
_HEAD_LIMIT = 64 * 1024
_FRAMING_PER_BYTE = 8
_CONNECT_SECONDS = 2.0
# Longer than the statement_timeout of 8 s of the API roles, so that a slow statement ends with the database's own
# error instead of an unknown outcome.
_READ_SECONDS = 9.0
_WRITE_SECONDS = 5.0
_IDLE_CONNECTIONS = 8
_IDLE_SECONDS = 30.0
_FRAMING_FIELDS = (b"content-length", b"transfer-encoding")
# Between two addresses of one host: RFC 8305.
_NEXT_ADDRESS_SECONDS = 0.25

Headers = list[tuple[bytes, bytes]]
Origin = tuple[str, str, int]
"""Scheme, host and port."""


@dataclass(frozen=True)
class Reply:
    """A whole response."""

    status: int
    headers: Headers
    content: bytes


def origin_of(url: httpx.URL) -> Origin:
    """Where to connect for a URL."""
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def encode_head(request: httpx.Request) -> bytes:
    """The request line and the headers but Content-Length, without the empty line behind them."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % field for field in request.headers.raw if field[0].lower() != b"content-length"]
    return encode_lines(lines)


def encode_lines(lines: list[bytes]) -> bytes:
    """Lines of a head, each with its end. Raises httpx.LocalProtocolError for a line that would become two."""
    head = b"\r\n".join(lines) + b"\r\n"
    if head.count(b"\n") + head.count(b"\r") != 2 * len(lines) or b"\0" in head:
        raise httpx.LocalProtocolError("a header contains the end of a line")
    return head


class Connections:
    """Connections that are kept between calls, a few of each origin. Their number is limited by who calls."""

    def __init__(self, certificates: SSLContext) -> None:
        certificates.set_alpn_protocols(["http/1.1"])
        self._certificates = certificates
        self._idle: dict[Origin, list[_Connection]] = {}
        self._open: set[_Connection] = set()

    async def exchange(self, origin: Origin, head: bytes, content: bytes, seconds: float) -> Reply:
        """The response to a request, within so many seconds.

        head is that of encode_head(); the length of the content is added.

        Raises httpx.RequestError. If the call is cancelled, its connection is closed.
        """
        request = b"%bContent-Length: %d\r\n\r\n%b" % (head, len(content), content)
        ends_at = asyncio.get_running_loop().time() + seconds
        connection = self._take_idle(origin) or await self._connect(origin)
        try:
            reply = await connection.exchange(request, ends_at)
        except BaseException:
            connection.abort()
            raise
        self._keep(origin, connection)
        return reply

    def close(self) -> None:
        """Close all connections. A call in progress fails."""
        for connection in list(self._open):
            connection.abort()

    def _take_idle(self, origin: Origin) -> "_Connection | None":
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            is_young = monotonic() - connection.idle_since < _IDLE_SECONDS
            if is_young and connection.is_usable() and not connection.has_unread():
                return connection
            connection.abort()
        return None

    def _keep(self, origin: Origin, connection: "_Connection") -> None:
        idle = self._idle.setdefault(origin, [])
        if not connection.is_usable():
            connection.abort()
            return
        connection.idle_since = monotonic()
        idle.append(connection)
        if len(idle) > _IDLE_CONNECTIONS:
            idle.pop(0).abort()
        # The oldest is at the front, because the newest is taken first.
        while idle and monotonic() - idle[0].idle_since >= _IDLE_SECONDS:
            idle.pop(0).abort()

    async def _connect(self, origin: Origin) -> "_Connection":
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        connection = _Connection(self._open)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                # With a delay, asyncio leaves a socket open until the garbage collector runs if the call is cancelled.
                addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                delay = _NEXT_ADDRESS_SECONDS if len(addresses) > 1 else None
                await loop.create_connection(lambda: connection, host, port, happy_eyeballs_delay=delay)
            if scheme == "https":
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await connection.start_tls(self._certificates, host)
        except TimeoutError:
            connection.abort()
            raise httpx.ConnectTimeout("no connection within the time") from None
        except OSError as error:  # of the name's resolution and of TLS, too
            connection.abort()
            raise httpx.ConnectError(str(error)) from error
        except BaseException:
            connection.abort()
            raise
        return connection


class _Connection(asyncio.Protocol):
    """One connection, on which one call after the other is made."""

    def __init__(self, opened: "set[_Connection]") -> None:
        self._opened = opened
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._transport_of_tls: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends_at = 0.0
        self._active_at = 0.0
        self._is_writing = False
        self._is_broken = False
        self._reset()
        self.idle_since = 0.0

    def _reset(self) -> None:
        self._headers: Headers = []
        self._received_bytes = 0
        self._content = bytearray()
        self._is_in_body = False
        self._ends_with_connection = False

    def is_usable(self) -> bool:
        """Whether another call can be made: a server can answer before it has read the request."""
        if self._is_broken or self._transport is None or self._transport.is_closing():
            return False
        transports = (self._transport, self._transport_of_tls)
        return not any(each.get_write_buffer_size() for each in transports if each is not None)

    def has_unread(self) -> bool:
        """Whether something has arrived that the event loop has not read yet: the end of the connection, as a rule."""
        assert self._transport is not None  # noqa: S101 - is_usable() says so
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    async def start_tls(self, certificates: SSLContext, host: str) -> None:
        """Raises OSError, of which ssl.SSLError is one."""
        assert self._transport is not None  # noqa: S101 - the connection is made
        transport = await self._loop.start_tls(
            self._transport, self, certificates, server_hostname=host, ssl_handshake_timeout=_CONNECT_SECONDS
        )
        if transport is None:
            raise ConnectionResetError("the connection was closed during the handshake")
        self._transport, self._transport_of_tls = transport, self._transport

    async def exchange(self, request: bytes, ends_at: float) -> Reply:
        """The response, if it is complete by this time of the event loop's clock. Raises httpx.RequestError.

        Afterwards is_usable() says whether the connection can be kept.
        """
        assert self._transport is not None  # noqa: S101 - the connection is made
        self._answer = self._loop.create_future()
        self._active_at = now = self._loop.time()
        self._ends_at = ends_at
        self._timer = self._loop.call_at(min(self._ends_at, now + _WRITE_SECONDS), self._check_time)
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._answer = None
            self._timer.cancel()
            self._reset()

    def abort(self) -> None:
        """Close the connection at once."""
        self._is_broken = True
        self._opened.discard(self)  # asyncio does not call connection_lost() after a handshake that failed
        if self._transport is not None:
            self._transport.abort()

    def _check_time(self) -> None:
        """Fails the call if nothing was sent or received for too long, or the whole takes too long."""
        now = self._loop.time()
        due = min(self._ends_at, self._active_at + (_WRITE_SECONDS if self._is_writing else _READ_SECONDS))
        if now < due:
            self._timer = self._loop.call_at(due, self._check_time)
        elif now >= self._ends_at:
            self._fail(httpx.ReadTimeout("the call took too long"))
        elif self._is_writing:
            self._fail(httpx.WriteTimeout("the request could not be sent within the time"))
        else:
            self._fail(httpx.ReadTimeout("no response within the time"))

    def _fail(self, error: httpx.RequestError) -> None:
        self._is_broken = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    # Called by asyncio's transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of create_connection()
        self._transport = transport
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._opened.discard(self)
        if exc is None and not self._is_broken and self._is_in_body and self._ends_with_connection:
            self._complete()
        elif exc is not None:
            self._fail(httpx.ReadError(str(exc)))
        else:
            self._fail(httpx.RemoteProtocolError("the server closed the connection before the end of its response"))
        self._is_broken = True

    def pause_writing(self) -> None:
        """The request is larger than what the server has read of it."""
        self._is_writing = True

    def resume_writing(self) -> None:
        """The request is sent, but for a part that the transport keeps."""
        self._is_writing = False
        self._active_at = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """A part of the response."""
        if self._answer is None or self._answer.done():
            # Nothing was asked: what follows cannot belong to the next call.
            self.abort()
            return
        self._active_at = self._loop.time()
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, httpx.RequestError) else httpx.RemoteProtocolError(repr(cause)))
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(str(error)))
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("the server changed the protocol"))
        # The parser keeps a field until its end, one of the trailers, too.
        if self._received_bytes > _HEAD_LIMIT + _FRAMING_PER_BYTE * len(self._content):
            self._fail(
                httpx.RemoteProtocolError("the head of the response, or what is between its parts, is too large")
            )

    # Called by the parser. An exception stops it.

    def on_message_begin(self) -> None:
        """A response begins."""
        if self._answer is None or self._answer.done():
            raise httpx.RemoteProtocolError("a response to no request")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head."""
        if not self._is_in_body:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._parser.get_status_code() < 200:
            return
        fields = [(name.lower(), value.lower()) for name, value in self._headers]
        if any(name == b"content-encoding" and value != b"identity" for name, value in fields):
            # A compressed response could be a thousand times larger than what is counted.
            raise httpx.DecodingError("the response is compressed, which was not asked for")
        self._is_in_body = True
        self._ends_with_connection = not any(name in _FRAMING_FIELDS for name, _ in fields)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._content += body
        if len(self._content) > RESPONSE_LIMIT:
            raise httpx.DecodingError("the response is too large")

    def on_message_complete(self) -> None:
        """The response is complete; one with a status of 1xx comes before it."""
        if not self._is_in_body:
            self._headers = []
            return
        self._complete()

    def _complete(self) -> None:
        if not self._parser.should_keep_alive():
            self._is_broken = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Reply(self._parser.get_status_code(), self._headers, bytes(self._content)))
