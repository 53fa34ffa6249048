"""HTTP/1.1 connections to Supabase, against servers that answer as the protocol permits, and otherwise."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.supabase import connections
from app.supabase.connections import Connections, Origin, Reply, encode_head, encode_lines, origin_of
from tests.support.tcp_server import port_of, serving, tcp_server
from tests.support.tls_server import make_authority, make_certificate, tls_server, trusting
from tests.support.waiting import DEADLINE_SECONDS

HEAD = encode_lines([b"POST /rpc/f HTTP/1.1", b"Host: x"])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE_HEAD = [b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 100]


class Server:
    """Sends the same bytes for each request, in these parts, and then closes the connection if told to."""

    def __init__(self, *parts: bytes, closes: bool = False, requests: int = 10**6) -> None:
        self.parts = parts
        self.closes = closes
        self.requests = requests
        self.opened = 0
        self.received: list[bytes] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        for _ in range(self.requests):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.received.append(head + await reader.readexactly(length))
            for part in self.parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            if self.closes:
                return

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Connections, Origin]]:
        async with serving(self.handle) as listening:
            opened = Connections(httpx.create_ssl_context(trust_env=False))
            yield opened, ("http", "127.0.0.1", port_of(listening))
            opened.close()


async def exchange(server: Server, content: bytes = b"{}") -> Reply:
    async with server.running() as (opened, origin), asyncio.timeout(DEADLINE_SECONDS):
        return await opened.exchange(origin, HEAD, content, DEADLINE_SECONDS)


RESPONSES: dict[str, tuple[list[bytes], bool, int, bytes]] = {
    "a length": ([OK], False, 200, b"{}"),
    "byte by byte": ([bytes([each]) for each in OK], False, 200, b"{}"),
    "chunks": (
        [CHUNKED + b"1\r\n{\r\n", b"1\r\n}\r\n0\r\nTrailer: x\r\n\r\n"],
        False,
        200,
        b"{}",
    ),
    "until the connection ends": ([b"HTTP/1.1 200 OK\r\n\r\n{", b"}"], True, 200, b"{}"),
    "HTTP/1.0": ([b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"], True, 200, b"{}"),
    "no content": ([b"HTTP/1.1 204 No Content\r\n\r\n"], False, 204, b""),
    "an interim response": ([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK], False, 200, b"{}"),
    "an interim response in one part": ([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], False, 200, b"{}"),
    "an error": ([b"HTTP/1.1 503 Away\r\nContent-Length: 4\r\n\r\naway"], False, 503, b"away"),
}


@pytest.mark.parametrize("response", RESPONSES)
async def test_a_response_is_read_as_its_head_says(response: str) -> None:
    parts, closes, status, content = RESPONSES[response]
    server = Server(*parts, closes=closes)
    reply = await exchange(server)
    assert (reply.status, reply.content) == (status, content)
    assert not any(name.lower() == b"link" for name, _ in reply.headers)
    assert server.received == [HEAD + b"Content-Length: 2\r\n\r\n{}"]


BROKEN: dict[str, tuple[list[bytes], bool, type[Exception]]] = {
    "nothing": ([], True, httpx.RemoteProtocolError),
    "half a head": ([b"HTTP/1.1 200 OK\r\nContent-"], True, httpx.RemoteProtocolError),
    "half a body": ([OK[:-1]], True, httpx.RemoteProtocolError),
    "half a chunk": (
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
        True,
        httpx.RemoteProtocolError,
    ),
    "another protocol": ([b"SSH-2.0-OpenSSH_9.9\r\n"], False, httpx.RemoteProtocolError),
    "two lengths": ([OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n")], False, httpx.RemoteProtocolError),
    "another protocol, announced": (
        [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
        False,
        httpx.RemoteProtocolError,
    ),
    "a head without end": (
        [b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 100],
        False,
        httpx.RemoteProtocolError,
    ),
    "trailers without end": (
        [CHUNKED + b"2\r\n{}\r\n0\r\nX: ", *[b"x" * 1000] * 100, b"\r\n\r\n"],
        False,
        httpx.RemoteProtocolError,
    ),
    "extensions of a chunk without end": (
        [CHUNKED + b"2;x=", *[b"x" * 1000] * 100, b"\r\n{}\r\n0\r\n\r\n"],
        False,
        httpx.RemoteProtocolError,
    ),
    "a compressed body": ([OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n")], False, httpx.DecodingError),
    "a compressed body, with another field that denies it": (
        [OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\nContent-Encoding: identity\r\n\r\n")],
        False,
        httpx.DecodingError,
    ),
}


@pytest.mark.parametrize("response", BROKEN)
async def test_a_response_that_is_none_fails_the_call_and_closes_the_connection(response: str) -> None:
    parts, closes, failure = BROKEN[response]
    server = Server(*parts, closes=closes)
    async with server.running() as (opened, origin), asyncio.timeout(DEADLINE_SECONDS):
        for _ in range(2):
            with pytest.raises(failure):
                await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
    assert server.opened == 2


async def test_a_connection_is_used_again() -> None:
    server = Server(OK)
    async with server.running() as (opened, origin):
        for _ in range(5):
            assert (await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)).content == b"{}"
        await asyncio.gather(*(opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS) for _ in range(3)))
    assert server.opened == 3


@pytest.mark.parametrize(
    "server",
    [
        Server(OK, requests=1),
        Server(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")),
        Server(OK + b"HTTP/1.1 200 OK\r\n"),
    ],
    ids=["closed by the server", "announced to be closed", "more than the response"],
)
async def test_a_connection_that_cannot_be_used_again_is_replaced(server: Server) -> None:
    async with server.running() as (opened, origin):
        for _ in range(3):
            await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
            await asyncio.sleep(0.05)  # until the end of the connection has arrived
    assert server.opened == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_whose_request_was_not_read_is_replaced(scheme: str) -> None:
    """What is sent next would wait behind the rest of it."""
    authority = make_authority()
    certificate = make_certificate("localhost", issuer=authority).server_context() if scheme == "https" else None
    opened_by_server = 0

    async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened_by_server
        opened_by_server += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.Event().wait()

    async with serving(answer_early, certificate=certificate) as listening, asyncio.timeout(DEADLINE_SECONDS):
        opened = Connections(trusting(authority))
        origin = (scheme, "localhost", port_of(listening))
        for content in (b"x" * 20_000_000, b"{}"):
            assert (await opened.exchange(origin, HEAD, content, DEADLINE_SECONDS)).content == b"{}"
        opened.close()
    assert opened_by_server == 2


@pytest.mark.parametrize(
    "last_words", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]
)
async def test_what_arrived_before_the_request_is_not_its_response(last_words: bytes) -> None:
    """The event loop may be so busy that it has not read it yet."""
    is_over, is_closed = threading.Event(), threading.Event()
    opened_by_server = 0

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened_by_server
        opened_by_server += 1
        await reader.readuntil(b"{}")
        writer.write(OK)
        if opened_by_server == 1:
            await asyncio.to_thread(is_over.wait, DEADLINE_SECONDS)
            writer.write(last_words)
            writer.close()
            await writer.wait_closed()
            is_closed.set()

    with tcp_server(answer_once) as listening:
        opened, origin = (
            Connections(httpx.create_ssl_context(trust_env=False)),
            ("http", "127.0.0.1", port_of(listening)),
        )
        await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
        is_over.set()
        assert is_closed.wait(DEADLINE_SECONDS)  # which blocks this event loop
        reply = await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
        opened.close()
    assert (reply.status, opened_by_server) == (200, 2)


async def test_an_idle_connection_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(OK)
    async with server.running() as (opened, origin):
        await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
        monkeypatch.setattr(connections, "_IDLE_SECONDS", 0.0)
        await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
    assert server.opened == 2


async def test_a_large_request_arrives_and_a_large_response_returns() -> None:
    content = b"x" * 3_000_000
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content), content)
    assert (await exchange(server, content)).content == content
    assert server.received[0].endswith(content)


@pytest.mark.parametrize(
    ("budget", "failure"), [("_READ_SECONDS", httpx.ReadTimeout), ("_WRITE_SECONDS", httpx.WriteTimeout)]
)
async def test_a_server_that_neither_reads_nor_answers_is_given_up(
    budget: str, failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, budget, 0.1)
    content = b"x" * (50_000_000 if budget == "_WRITE_SECONDS" else 10)

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(ignore) as listening:
        opened = Connections(httpx.create_ssl_context(trust_env=False))
        with pytest.raises(failure):
            await opened.exchange(("http", "127.0.0.1", port_of(listening)), HEAD, content, DEADLINE_SECONDS)
        opened.close()


async def test_the_time_for_a_call_includes_that_of_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = Connections._connect

    async def connect_slowly(opened: Connections, origin: Origin) -> object:
        await asyncio.sleep(0.5)
        return await connect(opened, origin)

    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        await asyncio.sleep(0.5)
        writer.write(OK)
        await asyncio.Event().wait()

    monkeypatch.setattr(Connections, "_connect", connect_slowly)
    async with serving(answer_slowly) as listening:
        opened = Connections(httpx.create_ssl_context(trust_env=False))
        with pytest.raises(httpx.ReadTimeout):
            await opened.exchange(("http", "127.0.0.1", port_of(listening)), HEAD, b"{}", 0.8)
        opened.close()


async def test_an_idle_connection_keeps_nothing_of_a_response() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    async with server.running() as (opened, origin), asyncio.timeout(DEADLINE_SECONDS):
        await opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS)
        [connection] = opened._idle[origin]
        assert len(connection._content) == 0


async def test_a_port_that_refuses_is_an_error_of_the_connection() -> None:
    async with serving(Server().handle) as listening:
        port = port_of(listening)
    with pytest.raises(httpx.ConnectError):
        await Connections(httpx.create_ssl_context(trust_env=False)).exchange(
            ("http", "127.0.0.1", port), HEAD, b"", DEADLINE_SECONDS
        )


@pytest.mark.parametrize("parts", [[], [b"HTTP/1.1 200 OK\r\n\r\n[1"]], ids=["no response", "half of a response"])
async def test_closing_fails_the_call_in_progress(parts: list[bytes]) -> None:
    server = Server(*parts)
    async with server.running() as (opened, origin):
        call = asyncio.create_task(opened.exchange(origin, HEAD, b"{}", DEADLINE_SECONDS))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not server.received:  # noqa: ASYNC110 - of another task
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # until the parts have arrived
        opened.close()
        with pytest.raises(httpx.RequestError):
            await call


@pytest.mark.parametrize(("host", "is_trusted"), [("localhost", True), ("localhost", False), ("127.0.0.1", True)])
async def test_certificates_are_verified(host: str, is_trusted: bool) -> None:
    """The certificate is for the name only."""
    authority = make_authority()
    pair = make_certificate("localhost", issuer=authority)
    context = trusting(authority if is_trusted else make_authority("Another"))
    with tls_server(pair.server_context()) as port:
        opened = Connections(context)
        call = opened.exchange(("https", host, port), HEAD, b"", DEADLINE_SECONDS)
        if is_trusted and host == "localhost":
            assert (await call).content == b"ok"
        else:
            with pytest.raises(httpx.ConnectError):
                await call
        opened.close()


async def test_a_handshake_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_CONNECT_SECONDS", 0.2)
    with tls_server(make_certificate("localhost").server_context(), handshakes=0) as port:
        opened = Connections(ssl.create_default_context())
        with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
            await opened.exchange(("https", "localhost", port), HEAD, b"", DEADLINE_SECONDS)
        opened.close()


@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_handshake_that_fails_leaves_nothing_behind(is_reset: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage has many of them."""
    monkeypatch.setattr(connections, "_CONNECT_SECONDS", DEADLINE_SECONDS if is_reset else 0.1)

    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if is_reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        await asyncio.Event().wait()

    async with serving(fail) as listening:
        opened = Connections(ssl.create_default_context())
        for _ in range(3):
            with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
                await opened.exchange(("https", "localhost", port_of(listening)), HEAD, b"", DEADLINE_SECONDS)
        assert not opened._open


@pytest.mark.parametrize("line", [b"X: a\r\nY: b", b"X: a\nb", b"X: a\rb", b"X: a\0b"])
def test_a_header_cannot_add_another(line: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        encode_lines([b"POST / HTTP/1.1", line])


def test_a_head_says_what_the_request_of_httpx_says() -> None:
    request = httpx.Request(
        "POST", "https://abc.supabase.co/rest/v1/rpc/f?a=b c", headers={"apikey": "k"}, content=b"{}"
    )
    assert encode_head(request) == b"POST /rest/v1/rpc/f?a=b%20c HTTP/1.1\r\nHost: abc.supabase.co\r\napikey: k\r\n"
    assert origin_of(request.url) == ("https", "abc.supabase.co", 443)
    assert origin_of(httpx.URL("http://[::1]:54321/rest/v1")) == ("http", "::1", 54321)


@pytest.mark.parametrize("host", ["faß.example", "xn--fa-hia.example"])
def test_an_international_name_is_that_of_its_head(host: str) -> None:
    """Python's own encoding of the name is an older one, which makes fass.example of it: another server."""
    assert origin_of(httpx.URL(f"https://{host}")) == ("https", "xn--fa-hia.example", 443)
