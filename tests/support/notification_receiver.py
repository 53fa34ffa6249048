"""An HTTP server that notifications are sent to: records each request, and answers each path as the test says.

with notification_receiver() as receiver:
    receiver.answer("/ops", status(429, retry_after="1"), status(200))
    …  # a channel whose URL is receiver.url("/ops")
    receiver.wait_for("/ops", 2)
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.tcp_server import port_of, tcp_server
from tests.support.waiting import DEADLINE_SECONDS, wait_until


@dataclass(frozen=True)
class Answer:
    """How a request is answered. `name` is what tables of results print."""

    name: str
    status: int = 200
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes = b"ok"
    reads_body: bool = True
    answers: bool = True
    """Whether there is an answer at all. Without one the connection is closed."""
    waits: bool = False
    """Whether the answer waits for release()."""
    never: bool = False
    """Whether the connection stays open without an answer, until the client gives up."""


def status(code: int, body: bytes = b"ok", **headers: str | bytes) -> Answer:
    """An answer with this status. Underscores in the names of headers are hyphens."""
    pairs = ((name.replace("_", "-"), _bytes(value)) for name, value in headers.items())
    return Answer(str(code), code, tuple(pairs), body)


def redirect(code: int, location: str) -> Answer:
    """A redirect to a path of this server or to a URL."""
    return Answer(f"{code} to {location}", code, (("location", location.encode()),), b"moved")


def big(size: int) -> Answer:
    """200 with a body of this size."""
    return Answer(f"200 with {size:,} bytes", body=b"x" * size)


OK = status(200)
TIMES_OUT = Answer("no answer", never=True)
HANGS_UP = Answer("hangs up", answers=False)
"""Reads the request, then closes the connection: whether the message arrived, only the receiver knows."""
HANGS_UP_EARLY = Answer("hangs up early", answers=False, reads_body=False)
"""Closes the connection when it has read the headers."""
HELD = Answer("held", waits=True)
"""200, but not before release()."""
INVALID_UTF8 = Answer(
    "200 in Latin-1", headers=(("x-caf\xe9", b"caf\xe9"), ("retry-after", b"\xff\xfe")), body=b"ok \xe9"
)


@dataclass(frozen=True)
class Received:
    """One request."""

    number: int
    """Its place in the order of arrival, from 1."""
    at: float
    """time.time() at its arrival."""
    method: str
    path: str
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes
    """Empty when the connection was closed before it was read."""
    answer: str
    """Name of the answer."""

    @property
    def message_id(self) -> str:
        """The id by which a receiver recognizes duplicates."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """The server's port, and what arrived."""

    port: int
    received: list[Received] = field(default_factory=list)
    """In the order of arrival. Only appended to, so that a test may read it at any time."""
    _programs: dict[str, deque[Answer]] = field(default_factory=dict)
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set by release()."""
    loop: asyncio.AbstractEventLoop = field(init=False, repr=False)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, *answers: Answer) -> None:
        """Answers the next requests of this path so, one after the other, and all later ones like the last."""
        self._programs[path] = deque(answers)

    def hold(self) -> None:
        """Lets HELD wait again."""
        self.loop.call_soon_threadsafe(self.released.clear)

    def release(self) -> None:
        """Lets HELD answer, from now on at once."""
        self.loop.call_soon_threadsafe(self.released.set)

    def at(self, path: str) -> list[Received]:
        """What arrived at this path, in order."""
        return [request for request in self.received if request.path == path]

    def wait_for(self, path: str, number: int = 1, *, seconds: float = DEADLINE_SECONDS) -> list[Received]:
        """Waits until so many requests arrived at this path, and returns all that arrived there."""
        wait_until(lambda: len(self.at(path)) >= number, seconds, f"request {number} at {path}")
        return self.at(path)

    def next_answer(self, path: str) -> Answer:
        program = self._programs.get(path)
        if not program:
            return OK
        return program.popleft() if len(program) > 1 else program[0]


@contextmanager
def notification_receiver(port: int = 0) -> Iterator[Receiver]:
    """Runs the server in a thread, on a free port or on the one that an earlier one had."""
    receiver = Receiver(port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        answer = receiver.next_answer(path)
        body = b""
        if answer.reads_body:
            if headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        number = len(receiver.received) + 1
        receiver.received.append(Received(number, time.time(), method, path, headers, body, answer.name))
        if answer.waits:
            await receiver.released.wait()
        if answer.never:
            await reader.read()  # until the client gives up
        elif answer.answers:
            writer.write(_response(answer))
            await writer.drain()

    with tcp_server(serve, port) as server:
        receiver.port = port_of(server)
        receiver.loop = server.get_loop()
        yield receiver


def without_duplicates(requests: Sequence[Received]) -> list[Received]:
    """The first arrival of each message, in order."""
    first: dict[str, Received] = {}
    for request in requests:
        first.setdefault(request.message_id, request)
    return list(first.values())


def _response(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} Whatever".encode(),
        f"Content-Length: {len(answer.body)}".encode(),
        b"Connection: close",
        *(name.encode("latin-1") + b": " + value for name, value in answer.headers),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
