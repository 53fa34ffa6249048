"""Bounds on what a stranger can make the process hold: the head of a request, and bodies being read."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.problems import problem

HEAD_LIMIT = 32 * 1024
HEAD_SECONDS = 10.0
READING_LIMIT = 24 * 1024 * 1024
READ_BYTES = 32 * 1024


class BoundedHeadProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself collects a head of any size for any time."""

    _head_bytes = 0
    _is_in_head = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        # asyncio would take 256 KiB off each socket before any request is looked at: 128 MB of 500 clients.
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Closes when the head is still not complete after so many bytes, or so many seconds."""
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT:
            self._refuse(b"431 Request Header Fields Too Large", b"The head is larger than 32 KiB.\n")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(
                HEAD_SECONDS, self._refuse, b"408 Request Timeout", b"The head took longer than 10 s.\n"
            )

    def on_message_begin(self) -> None:
        """A head begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        self._forget_head()
        super().connection_lost(exc)

    def _forget_head(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: bytes, sentence: bytes) -> None:
        self._forget_head()
        head = b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, len(sentence)) + sentence)
        self.transport.close()


class ReadingBudget:
    """Bytes of all bodies that are being read at once."""

    def __init__(self, limit: int = READING_LIMIT) -> None:
        self._left = limit

    def take(self, size: int) -> None:
        """Raises the Problem `overloaded` when too much is being read already."""
        if size > self._left:
            raise problem("overloaded")
        self._left -= size

    def give_back(self, size: int) -> None:
        """The bytes were handed on or dropped."""
        self._left += size
