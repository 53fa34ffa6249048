"""A small HTTP/1.1 server that misbehaves on demand; the path says how."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.tcp_server import port_of, tcp_server

TLS_HANDSHAKE = b"\x16"


@dataclass
class Target:
    """The server's port, what it was asked, and how it answers /now."""

    port: int
    paths: list[str] = field(default_factory=list)
    now: str = "/status/200"
    """The path that /now stands for."""
    upcoming: deque[str] = field(default_factory=deque)
    """The paths that the next requests of /now stand for; then `now` applies."""
    raw: dict[str, bytes] = field(default_factory=dict)
    """The bytes with which /raw/<name> answers, head and all."""
    held: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set by release()."""
    loop: asyncio.AbstractEventLoop = field(init=False, repr=False)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def hold(self) -> None:
        """Keeps requests of /hold open until release()."""
        self.loop.call_soon_threadsafe(self.held.clear)

    def release(self) -> None:
        """Lets /hold answer, from now on at once."""
        self.loop.call_soon_threadsafe(self.held.set)

    def resolve(self, path: str) -> str:
        if path != "/now":
            return path
        return self.upcoming.popleft() if self.upcoming else self.now


def _answer(status: int, body: bytes, *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def _respond(target: Target, path: str, request: dict[str, object], writer: asyncio.StreamWriter) -> None:
    _, kind, *rest = path.partition("?")[0].split("/")
    if kind == "delay":
        await asyncio.sleep(int(rest[0]) / 1000)
        writer.write(_answer(200, b"ok", "Content-Type: text/plain"))
    elif kind == "status":
        writer.write(_answer(int(rest[0]), b"", "X-Twice: first", "X-Twice: second"))
    elif kind == "redirect":
        left = int(rest[0])
        location = f"/redirect/{left - 1}" if left else "/echo"
        writer.write(_answer(302, b"moved", f"Location: {location}"))
    elif kind == "echo":
        writer.write(_answer(200, json.dumps(request).encode(), "Content-Type: application/json"))
    elif kind == "bytes":
        writer.write(_answer(200, bytes.fromhex(rest[0])))
    elif kind == "big":
        writer.write(_answer(200, b"x" * int(rest[0])))
    elif kind == "header":
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nX-Raw: " + bytes.fromhex(rest[0])
        writer.write(head + b"\r\n\r\nok")
    elif kind == "type":
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nContent-Type: "
        writer.write(head + bytes.fromhex(rest[0]) + b"\r\n\r\nok")
    elif kind == "moved":
        writer.write(_answer(302, b"moved", "Location: /echo", "Content-Type: text/html", "X-Hop: first"))
    elif kind == "hints":
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + _answer(200, b"ok", "X-Final: yes"))
    elif kind == "trailers":
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nX-Head: yes\r\n\r\n"
        writer.write(head + b"2\r\nok\r\n0\r\nX-Trailer: yes\r\n\r\n")
    elif kind == "folded":
        writer.write(_answer(200, b"ok", "X-Folded: one\r\n  two"))
    elif kind == "partial":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    elif kind == "health":
        writer.write(_answer(200, b'{"status":"ok"}', "Content-Type: application/json"))
    elif kind == "hang-up":
        return
    elif kind == "hold":
        await target.held.wait()
        writer.write(_answer(200, b"ok", "Content-Type: text/plain"))
    elif kind == "silent":
        await asyncio.sleep(3600)
    elif kind == "raw":
        writer.write(target.raw[rest[0]])
        await writer.drain()
    elif kind == "garbage":
        writer.write(b"\x00\x01 this is not HTTP\r\n\r\n")


@contextmanager
def http_target(port: int = 0) -> Iterator[Target]:
    """Runs the server in a thread, on a free port or on the one that an earlier one had."""
    target = Target(port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beginning = await reader.readexactly(1)
        if beginning == TLS_HANDSHAKE:
            writer.write(b"this is no TLS")
            return
        head = (beginning + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = [line.split(": ", 1) for line in lines]
        length = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
        body = (await reader.readexactly(length)).decode()
        target.paths.append(path)
        await _respond(target, target.resolve(path), {"method": method, "headers": headers, "body": body}, writer)

    with tcp_server(serve, port) as server:
        target.port = port_of(server)
        target.loop = server.get_loop()
        yield target
