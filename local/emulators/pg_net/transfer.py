"""HTTP transfers by libcurl, with the options that pg_net 0.20 sets (src/core.c) and the values that it
stores.

One curl multi handle for all transfers, one easy handle per request; the event loop watches the sockets for
libcurl. Redirects, connection reuse, error texts and limits are therefore those of the real extension. Two
options are added: no proxy, because the environment of `make dev` is the user's and not the server's, and the
path of the certificate authorities, because the libcurl of the pycurl wheel does not know where this system
keeps them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

import certifi
import pycurl

from local.emulators.background_worker import WorkerError

USER_AGENT = b"User-Agent: pg_net/0.20.4"
BODY_LIMIT = 0x3FFFFFFF - 4
"""Bytes of the largest text value in PostgreSQL (MaxAllocSize less the header)."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Request:
    """A row of net.http_request_queue."""

    request_id: int
    method: str
    url: str
    timeout_milliseconds: int
    headers: Sequence[str]
    """Lines such as `Content-Type: application/json`."""
    body: bytes | None


@dataclass(frozen=True)
class Response:
    """A row of net._http_response. Headers and content are bytes, because their encoding is unknown."""

    request_id: int
    status_code: int | None = None
    content_type: bytes | None = None
    headers: Headers | None = None
    content: bytes | None = None
    timed_out: bool = False
    error_message: str | None = None


class BodyTooLargeError(WorkerError):
    """A response body that PostgreSQL cannot store. It ends pg_net's worker."""


class Transfers:
    """A context manager with a curl multi handle in the running event loop."""

    def __init__(self, body_limit: int = BODY_LIMIT) -> None:
        self._body_limit = body_limit
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._watched: set[int] = set()
        self._running: dict[pycurl.Curl, _Transfer] = {}
        self._finished: asyncio.Queue[tuple[_Transfer, int]] = asyncio.Queue()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def __enter__(self) -> Transfers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._abort_running()
        self._multi.close()
        self._unwatch_all()
        self._cancel_timer()

    async def send(self, requests: Sequence[Request]) -> AsyncGenerator[Response, None]:
        """Sends all requests at once and yields each response when it is complete.

        Raises BodyTooLargeError. Transfers that still run when the iterator is closed are aborted.
        """
        try:
            for request in requests:
                transfer = _Transfer(request, self._body_limit)
                self._multi.add_handle(transfer.handle)
                self._running[transfer.handle] = transfer
            for _ in requests:
                transfer, code = await self._finished.get()
                response = transfer.response(code)
                transfer.handle.close()
                yield response
        finally:
            self._abort_running()

    def _abort_running(self) -> None:
        for handle in self._running:
            self._multi.remove_handle(handle)
            handle.close()
        self._running.clear()
        self._finished = asyncio.Queue()

    # Callbacks of libcurl, which tell what to watch. They must not call libcurl.

    def _watch_socket(self, event: int, descriptor: int, multi: object, data: object) -> None:
        self._unwatch(descriptor)
        if event & pycurl.POLL_IN:
            self._loop.add_reader(descriptor, partial(self._act, descriptor, pycurl.CSELECT_IN))
        if event & pycurl.POLL_OUT:
            self._loop.add_writer(descriptor, partial(self._act, descriptor, pycurl.CSELECT_OUT))
        if event != pycurl.POLL_REMOVE:
            self._watched.add(descriptor)

    def _set_timer(self, milliseconds: int) -> None:
        self._cancel_timer()
        if milliseconds >= 0:
            act = partial(self._act, pycurl.SOCKET_TIMEOUT, 0)
            self._timer = self._loop.call_later(milliseconds / 1000, act)

    def _unwatch(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._loop.remove_writer(descriptor)
        self._watched.discard(descriptor)

    def _unwatch_all(self) -> None:
        for descriptor in list(self._watched):
            self._unwatch(descriptor)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Callback of the event loop.

    def _act(self, descriptor: int, events: int) -> None:
        """Lets libcurl read, write or check its timeouts, and collects finished transfers."""
        self._multi.socket_action(descriptor, events)
        queued = 1
        while queued:
            queued, succeeded, failed = self._multi.info_read()
            results = [(handle, pycurl.E_OK) for handle in succeeded] + [(each[0], each[1]) for each in failed]
            for handle, code in results:
                self._multi.remove_handle(handle)
                self._finished.put_nowait((self._running.pop(handle), code))


class _Transfer:
    """One easy handle with what libcurl has delivered so far."""

    def __init__(self, request: Request, body_limit: int) -> None:
        self._request = request
        self._body_limit = body_limit
        self._body = bytearray()
        self._body_too_large = False
        self._header_blocks: list[Headers] = []
        self._is_interim = False
        self._in_trailers = False
        self.handle = self._create_handle(request)

    def _create_handle(self, request: Request) -> pycurl.Curl:
        handle = pycurl.Curl()
        method = request.method.upper()
        # To pg_net the body is a C string.
        body = None if request.body is None else request.body.partition(b"\0")[0]
        if body is not None:
            handle.setopt(pycurl.POSTFIELDS, body)
        elif method == "POST":
            handle.setopt(pycurl.POST, 1)
            handle.setopt(pycurl.POSTFIELDSIZE, 0)
        if method == "DELETE" or (method == "GET" and body is not None):
            handle.setopt(pycurl.CUSTOMREQUEST, method)
        handle.setopt(pycurl.WRITEFUNCTION, self._receive_body)
        handle.setopt(pycurl.HEADERFUNCTION, self._receive_header_line)
        handle.setopt(pycurl.URL, request.url.encode())
        handle.setopt(pycurl.HTTPHEADER, [*(line.encode() for line in request.headers), USER_AGENT])
        handle.setopt(pycurl.TIMEOUT_MS, max(0, request.timeout_milliseconds))  # 0: none
        handle.setopt(pycurl.FOLLOWLOCATION, 1)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.CAINFO, CERTIFICATE_AUTHORITIES)
        return handle

    def _receive_body(self, chunk: bytes) -> int | None:
        if len(self._body) + len(chunk) > self._body_limit:
            self._body_too_large = True
            return 0  # libcurl ends the transfer
        self._body += chunk
        return None

    def _receive_header_line(self, line: bytes) -> None:
        """Collects the headers that libcurl calls CURLH_HEADER: one block per response, without trailers."""
        text = line.rstrip(b"\r\n")
        if text[:5].upper() == b"HTTP/":
            self._in_trailers = False
            if self._is_interim:
                self._header_blocks.pop()
            self._header_blocks.append([])
            self._is_interim = text.partition(b" ")[2].startswith(b"1")
        elif not text:
            self._in_trailers = True
        elif not self._in_trailers and self._header_blocks:
            name, colon, value = text.partition(b":")
            if colon:
                self._header_blocks[-1].append((name, value.strip(b" \t")))

    def response(self, code: int) -> Response:
        """The row that pg_net stores for libcurl's result code."""
        request_id = self._request.request_id
        if self._body_too_large:
            raise BodyTooLargeError(f"the response body to request {request_id} exceeds {self._body_limit} bytes")
        if code == pycurl.E_OPERATION_TIMEDOUT:
            message = _timeout_message(self.handle, self._request.timeout_milliseconds)
            return Response(request_id, timed_out=True, error_message=message)
        if code != pycurl.E_OK:
            return Response(request_id, error_message=pycurl.easy_strerror(code))
        if self._is_interim:  # 101, after which no other response follows: pg_net reads no headers of interim responses
            self._header_blocks[-1].clear()
        first, last = self._header_blocks[0], self._header_blocks[-1]
        return Response(
            request_id,
            status_code=self.handle.getinfo(pycurl.RESPONSE_CODE),
            content_type=next((value for name, value in last if name.lower() == b"content-type"), None),
            headers=first,
            # To pg_net the body is a C string, and an empty one is NULL.
            content=bytes(self._body).partition(b"\0")[0] or None,
        )


def _timeout_message(handle: pycurl.Curl, timeout_milliseconds: int) -> str:
    """detailed_timeout_strerror() of pg_net's src/errors.c: which step the timeout interrupted."""
    name_lookup: float = handle.getinfo(pycurl.NAMELOOKUP_TIME)
    connect: float = handle.getinfo(pycurl.CONNECT_TIME)
    tls_handshake: float = handle.getinfo(pycurl.APPCONNECT_TIME)
    pretransfer: float = handle.getinfo(pycurl.PRETRANSFER_TIME)
    total: float = handle.getinfo(pycurl.TOTAL_TIME)
    if name_lookup == 0 and connect == 0:
        dns, handshake, exchange = total, 0.0, 0.0
    elif pretransfer == 0:
        dns, handshake, exchange = name_lookup, total - name_lookup, 0.0
    else:
        dns = name_lookup
        handshake = connect - name_lookup + max(0.0, tls_handshake - connect if tls_handshake else 0.0)
        exchange = total - pretransfer
    return (
        f"Timeout of {timeout_milliseconds} ms reached. Total time: {total * 1000:f} ms"
        f" (DNS time: {dns * 1000:f} ms, TCP/SSL handshake time: {handshake * 1000:f} ms,"
        f" HTTP Request/Response time: {exchange * 1000:f} ms)"
    )


def _certificate_authorities() -> str:
    system = ssl.get_default_verify_paths().cafile
    return system if system is not None and Path(system).exists() else certifi.where()


CERTIFICATE_AUTHORITIES = _certificate_authorities()
