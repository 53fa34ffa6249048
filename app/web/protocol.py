"""Limits on connections and on what a client may send or leave unread, which uvicorn's protocol class does not have.

Nothing here knows a route. docs/operations.md lists the limits.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.auth import client_of, is_proxy

CONNECTION_LIMIT = 2_500
CLIENT_CONNECTION_LIMIT = 256
PIPELINE_LIMIT = 8
HEAD_LIMIT = 32 * 1024
HEAD_FIELDS = 100
# Only larger heads count towards the limit of all heads together: the head of a report is smaller.
_SMALL_HEAD = 2 * 1024
LARGE_HEADS_LIMIT = 8 * 1024 * 1024
HEAD_SECONDS = 10.0
# How long the rest of a body may take to arrive after the response.
_REST_SECONDS = 5.0
READ_BYTES = 32 * 1024
# A client that reads less than this in this time, and has more to read, is disconnected.
_UNREAD_BYTES = 64 * 1024
_UNREAD_SECONDS = 10.0
# Chunk sizes, chunk extensions and trailers may have this size, plus this much for each byte of the body.
_FRAMING_LIMIT = 64 * 1024
_FRAMING_PER_BYTE = 8

_CONTINUE = b"HTTP/1.1 100 "
_Refusal = tuple[bytes, bytes]
_HEAD_TOO_LARGE = (b"431 Request Header Fields Too Large", b"The request head is larger than 32 KiB or 100 fields.\n")
_HEAD_TOO_SLOW = (b"408 Request Timeout", b"The request head took longer than 10 s.\n")
_FRAMING_TOO_LARGE = (b"400 Bad Request", b"The body has too many chunks or trailers for its size.\n")
_TOO_MANY_REQUESTS = (b"400 Bad Request", b"Too many requests were sent before the first response.\n")
_TOO_MANY_CONNECTIONS = (b"503 Service Unavailable", b"Too many connections.\n")


class Connections:
    """The open connections of the service, whose protocols new_protocol() creates."""

    def __init__(self, limit: int = CONNECTION_LIMIT, per_client: int = CLIENT_CONNECTION_LIMIT) -> None:
        self._limit = limit
        self._per_client = per_client
        self._open: set[BoundedProtocol] = set()
        self._clients: Counter[str] = Counter()
        # Those without a request in progress, the longest waiting first: a dictionary keeps the order of insertion.
        self._idle: dict[BoundedProtocol, None] = {}
        self._large_heads = 0
        self._sweep: asyncio.TimerHandle | None = None

    def new_protocol(self, *arguments: Any, **options: Any) -> "BoundedProtocol":
        """The factory that uvicorn calls for each connection."""
        return BoundedProtocol(self, *arguments, **options)

    def add(self, protocol: "BoundedProtocol") -> bool:
        """Whether there is room for a connection. The one that waits longest for a request is closed to make room."""
        client = protocol.direct_client
        if client is not None and self._clients[client] >= self._per_client:
            return False
        if len(self._open) >= self._limit:
            longest_idle = next(iter(self._idle), None)
            if longest_idle is None:
                return False
            self.remove(longest_idle)
            longest_idle.abort()
        self._open.add(protocol)
        if client is not None:
            self._clients[client] += 1
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(1.0, self._close_overdue)
        return True

    def remove(self, protocol: "BoundedProtocol") -> None:
        """The connection is closed."""
        if protocol not in self._open:
            return
        self._open.remove(protocol)
        self.set_busy(protocol)
        self.count_head(protocol, 0)
        client = protocol.direct_client
        if client is not None:
            self._clients[client] -= 1
            if self._clients[client] == 0:
                del self._clients[client]

    def set_idle(self, protocol: "BoundedProtocol") -> None:
        """The connection waits for a request, or has its response and still sends the rest of the body."""
        if protocol in self._open:
            self._idle[protocol] = None

    def set_busy(self, protocol: "BoundedProtocol") -> None:
        """A request has begun: its head is complete."""
        self._idle.pop(protocol, None)

    def count_head(self, protocol: "BoundedProtocol", size: int) -> bool:
        """Whether the connection may keep so many bytes of heads: all large ones together have a limit."""
        counted = size if size > _SMALL_HEAD else 0
        self._large_heads += counted - protocol.counted_head
        protocol.counted_head = counted
        return counted == 0 or self._large_heads <= LARGE_HEADS_LIMIT

    def _close_overdue(self) -> None:
        """Runs each second. Timers of each connection would cost more, as every request sets several of them."""
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(1.0, self._close_overdue) if self._open else None
        for protocol in list(self._open):
            protocol.close_if_overdue(loop.time())


class _JoinedWrites:
    """A transport that sends the head of a response together with the beginning of its body: one system call less.

    uvicorn sends the responses of a connection one after the other, and the head of each at once.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._is_in_body = False

    def write(self, data: bytes) -> None:
        """Keeps a head until the beginning of the body follows."""
        if self._head is not None:
            data, self._head, self._is_in_body = self._head + data, None, True
        elif not self._is_in_body and not data.startswith(_CONTINUE):
            self._head = data
            return
        self._transport.write(data)

    def end_response(self) -> None:
        """Sends the head of a response without a body. What is written next is a head."""
        if self._head is not None:
            self._transport.write(self._head)
        self._head, self._is_in_body = None, False

    def close(self) -> None:
        """Closes the connection when everything is sent."""
        self.end_response()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, connections: Connections, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections
        self._refusal: _Refusal | None = None
        self._is_in_head = False
        self._is_in_body = False
        self._fields = 0
        self._head_bytes = 0
        self._head_size = 0
        self._kept_head_bytes = 0
        self._body_bytes = 0
        self._body_bytes_in_data = 0
        self._framing_bytes = 0
        self._deadline: tuple[float, Callable[[], None]] | None = None  # and what happens then
        self._unread_bytes = 0
        self._unread_deadline = 0.0
        self.counted_head = 0
        self.direct_client: str | None = None
        """The client; None if a proxy connects, which does so for all clients."""

    # Called by asyncio's transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Limit what is read at once, and have pause_writing() called as soon as the client leaves something unread."""
        # asyncio reads 256 KiB from each socket before any request is parsed: 128 MB with 500 clients.
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        self._joined = _JoinedWrites(transport)
        if self.client is not None and not is_proxy(self.client[0]):
            self.direct_client = client_of(self.client[0])
        if self._connections.add(self):
            self._wait_for_request(HEAD_SECONDS)
        else:
            self._refuse(_TOO_MANY_CONNECTIONS)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._connections.remove(self)
        # It refers to this object, which would keep its head until the garbage collector runs.
        self._deadline = None
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then check what has arrived of an unfinished head or body."""
        self._body_bytes_in_data = 0
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self._refuse(_HEAD_TOO_LARGE)
            elif not self._connections.count_head(self, self._kept_head_bytes + self._head_bytes):
                self._refuse(_TOO_MANY_CONNECTIONS)
        elif self._is_in_body:
            self._framing_bytes += len(data) - self._body_bytes_in_data
            if self._framing_bytes > _FRAMING_LIMIT + _FRAMING_PER_BYTE * self._body_bytes:
                self._refuse(_FRAMING_TOO_LARGE)

    def pause_writing(self) -> None:
        """The client has not read everything. uvicorn then sends nothing more, and reads no further requests."""
        super().pause_writing()
        self._note_unread(self.loop.time())

    # Called by the parser. An exception stops it.

    def on_message_begin(self) -> None:
        """A head begins."""
        if len(self.pipeline) >= PIPELINE_LIMIT:
            self._stop(_TOO_MANY_REQUESTS)
        self._is_in_head = True
        self._fields = self._head_bytes = self._head_size = self._body_bytes = self._framing_bytes = 0
        self._set_deadline(HEAD_SECONDS, lambda: self._refuse(_HEAD_TOO_SLOW))
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the URL. The scope contains it again, as bytes and as text."""
        self._keep_of_head(len(url), 3)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers, which are dropped: the application would take them for headers."""
        self._fields += 1
        if self._fields > HEAD_FIELDS:
            self._stop(_HEAD_TOO_LARGE)
        if self._is_in_head:
            self._keep_of_head(len(name) + len(value), 1)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._is_in_head = False
        self._is_in_body = True
        self._deadline = None
        self._connections.set_busy(self)
        if not self._connections.count_head(self, self._kept_head_bytes):
            self._stop(_TOO_MANY_CONNECTIONS)
        super().on_headers_complete()
        self.cycle.transport = cast(asyncio.Transport, self._joined)

    def on_body(self, body: bytes) -> None:
        """A part of a body. Only POST requests have one that is read; uvicorn would keep 96 KiB of any other."""
        self._body_bytes += len(body)
        self._body_bytes_in_data += len(body)
        if self.scope.get("method") == "POST":
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._is_in_body = False
        super().on_message_complete()
        self._wait_unless_busy()

    # Called by uvicorn

    def on_response_complete(self) -> None:
        """A response was written."""
        self._joined.end_response()
        super().on_response_complete()
        self._wait_unless_busy()

    def send_400_response(self, msg: str) -> None:
        """The parser stopped."""
        if self._refusal is not None:
            self._refuse(self._refusal)
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """What follows a request for another protocol is no HTTP: answer the request and close the connection."""
        self.cycle.keep_alive = False

    # Time limits

    def close_if_overdue(self, now: float) -> None:
        """Close the connection if the client takes too long to send or to read."""
        if self._deadline is not None and now >= self._deadline[0]:
            _, close = self._deadline
            self._deadline = None
            close()
        if self.flow.write_paused and now >= self._unread_deadline:
            if self.transport.get_write_buffer_size() > self._unread_bytes - _UNREAD_BYTES:
                self.abort()
            else:
                self._note_unread(now)

    def abort(self) -> None:
        """Close the connection, and drop what the client has not read."""
        self._deadline = None
        self.transport.abort()

    def _wait_unless_busy(self) -> None:
        """After a request and its response: wait for the next one, or for the rest of a body that nobody reads."""
        if self._is_in_head or self.transport.is_closing() or not self.cycle.response_complete:
            return
        self._forget_request()
        if self._is_in_body:
            # Idle, because nothing is done for it any more: it makes room for a new connection.
            self._connections.set_idle(self)
            self._set_deadline(_REST_SECONDS, self.abort)
        else:
            self._wait_for_request(self.timeout_keep_alive)

    def _wait_for_request(self, seconds: float) -> None:
        self._connections.set_idle(self)
        self._set_deadline(seconds, self.transport.close)

    def _set_deadline(self, seconds: float, on_overdue: Callable[[], None]) -> None:
        self._deadline = (self.loop.time() + seconds, on_overdue)

    def _note_unread(self, now: float) -> None:
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._unread_deadline = now + _UNREAD_SECONDS

    # Memory

    def _keep_of_head(self, size: int, copies: int) -> None:
        self._head_size += size
        self._kept_head_bytes += size * copies
        if self._head_size > HEAD_LIMIT:
            self._stop(_HEAD_TOO_LARGE)

    def _forget_request(self) -> None:
        """After its response. uvicorn would keep the head, and what nobody read of the body, until the next request."""
        super().on_message_begin()
        self.cycle.scope = self.scope
        self.cycle.body.clear()
        self._kept_head_bytes = 0
        self._connections.count_head(self, 0)

    # Refusals

    def _stop(self, refusal: _Refusal) -> None:
        """Stop the parser, which leads to send_400_response()."""
        self._refusal = refusal
        raise ValueError(refusal[1].decode())

    def _refuse(self, refusal: _Refusal) -> None:
        self._deadline = None
        if self.cycle is not None and not self.cycle.response_complete:
            # The client would take this answer for that of the request in progress.
            self.abort()
            return
        head = b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (refusal[0], len(refusal[1])) + refusal[1])
        self.transport.close()
