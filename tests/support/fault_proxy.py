"""A TCP proxy in front of the real gateway that injects faults on demand; what it forwards is unchanged."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from urllib.parse import urlsplit

from tests.support.tcp_server import port_of, tcp_server

MARKER = b"@@corrupt-me@@"


class Fault(Enum):
    """What happens to a call."""

    NONE = "forwarded"
    RESET = "the connection is closed before the call is forwarded"
    DELAY = "the answer is returned a quarter of a second late"
    CUT = "half of the answer is returned"
    DROP_ANSWER = "the call is forwarded and its answer is dropped"
    HANG = "no answer until the caller gives up or reset() is called"
    HOLD = "forwarded when release() is called"
    BAD_GATEWAY = "a proxy in between answers 502 in HTML"
    GARBAGE = "a proxy in between answers 200 in HTML"
    CORRUPT = "MARKER in the body becomes a NUL, which jsonb refuses"
    BREAK = "MARKER in the body becomes a quotation mark, so that the body is no JSON"
    NOT_UTF8 = "a proxy in between answers 200 in JSON that is not UTF-8"
    LIST = "a proxy in between answers 200 with a JSON list"
    OBJECT = "a proxy in between answers 200 with a JSON object of its own"
    DEEP = "a proxy in between answers 200 with JSON that is nested too deeply to parse"
    PAUSED = "the gateway answers that the project is paused"
    RESTRICTED = "the gateway answers that the project's usage is restricted"
    UNKNOWN_ADDRESS = "a server that knows nothing of Supabase answers 404"
    REDIRECT = "the address redirects to another one"
    NO_FUNCTION = "PostgREST does not know the function"
    BAD_CHARSET = "a proxy in between answers 200 in a charset that does not exist, with a broken encoding"


_HTML = b"<html>not PostgREST</html>"
# Status line, content type and body of answers that are not PostgREST's.
_ANSWERS = {
    Fault.BAD_GATEWAY: (b"502 Bad Gateway", b"text/html", _HTML),
    Fault.GARBAGE: (b"200 OK", b"text/html", _HTML),
    Fault.PAUSED: (b"540 Project Paused", b"text/html", _HTML),
    Fault.RESTRICTED: (b"402 Payment Required", b"application/json", b'{"message": "exceeded_egress_quota"}'),
    Fault.UNKNOWN_ADDRESS: (b"404 Not Found", b"text/html", _HTML),
    Fault.REDIRECT: (b"301 Moved Permanently\r\nLocation: https://example.com/", b"text/html", _HTML),
    Fault.NO_FUNCTION: (b"404 Not Found", b"application/json", b'{"code": "PGRST202", "message": "no function"}'),
    Fault.NOT_UTF8: (b"200 OK", b"application/json", b'{"status": "\xff\xfe"}'),
    Fault.LIST: (b"200 OK", b"application/json", b"[1, 2, 3]"),
    Fault.OBJECT: (b"200 OK", b"application/json", b'{"message": "hello"}'),
    Fault.DEEP: (b"200 OK", b"application/json", b"[" * 200_000),
    Fault.BAD_CHARSET: (
        b"200 OK",
        b"application/json; charset=no-such-charset\r\nContent-Encoding: deflate",
        b"\xff\xfe{not compressed",
    ),
}


class FaultProxy:
    """Injects faults into calls whose request line contains `target` and whose body contains `body_part`: the planned
    ones, then `always`.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._planned: deque[Fault] = deque()
        self.always = Fault.NONE
        self.target = b"/rpc/ingest_events"
        self.body_part = b""
        self.bodies: list[bytes] = []
        """The bodies of the calls that matched `target`."""
        self.heads: list[bytes] = []
        """Their request lines and headers."""
        self.hanging = 0
        """How many calls hang now."""
        self.url = ""
        self._hung: set[asyncio.StreamWriter] = set()
        self._released = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._choose: Callable[[], Fault] | None = None

    def plan(self, *faults: Fault) -> None:
        """Sets the faults of the next calls."""
        self._planned.extend(faults)

    def shuffle(self, seed: int, faults: list[Fault]) -> None:
        """Injects a random one of these faults into every call; a seed repeats the sequence."""
        chance = random.Random(seed)  # noqa: S311 - a test's own choice, which a seed must repeat
        self._choose = lambda: chance.choice(faults)

    def reset(self) -> None:
        """Injects no faults from now on, ends the calls that hang or are held, and forgets the bodies."""
        self._planned.clear()
        self.always = Fault.NONE
        self._choose = None
        self.target = b"/rpc/ingest_events"
        self.body_part = b""
        self.release()
        self._call_in_loop(self._close_hung)
        self.bodies.clear()
        self.heads.clear()

    def hold(self) -> None:
        """Holds every call until release() is called."""
        self._call_in_loop(self._released.clear)
        self.always = Fault.HOLD

    def release(self) -> None:
        """Forwards the calls that are held, and holds no further ones."""
        if self.always is Fault.HOLD:
            self.always = Fault.NONE
        self._call_in_loop(self._released.set)

    def _call_in_loop(self, function: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function)

    def _close_hung(self) -> None:
        for writer in list(self._hung):
            writer.close()

    def served_by(self, server: asyncio.Server) -> None:
        """Says which server calls `handle`."""
        self._loop = server.get_loop()
        self.url = f"http://127.0.0.1:{port_of(server)}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads a call, and carries out its fault."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_content_length(head))
        await self._carry_out(self._fault_of(head, body), head, body, reader, writer)

    def _fault_of(self, head: bytes, body: bytes) -> Fault:
        if self.target not in head.split(b"\r\n", 1)[0] or self.body_part not in body:
            return Fault.NONE
        self.bodies.append(body)
        self.heads.append(head)
        if self._choose is not None:
            return self._choose()
        return self._planned.popleft() if self._planned else self.always

    async def _carry_out(
        self,
        fault: Fault,
        head: bytes,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if fault is Fault.RESET:
            return
        if fault is Fault.HANG:
            self._hung.add(writer)
            self.hanging += 1
            try:
                await reader.read()
            finally:
                self.hanging -= 1
                self._hung.discard(writer)
            return
        if fault is Fault.HOLD:
            await self._released.wait()
        if fault in _ANSWERS:
            head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            status, content_type, text = _ANSWERS[fault]
            writer.write(head % (status, content_type, len(text)) + text)
            await writer.drain()
            return
        if fault is Fault.CORRUPT:
            body = body.replace(MARKER, rb"\u0000")
        if fault is Fault.BREAK:
            body = body.replace(MARKER, b'"')
        answer = await self._ask_upstream(head, body)
        if fault is Fault.DELAY:
            await asyncio.sleep(0.25)
        if fault is Fault.CUT:
            answer = answer[: len(answer) // 2]
        if fault is not Fault.DROP_ANSWER:
            writer.write(answer)
            await writer.drain()

    async def _ask_upstream(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._upstream)
        try:
            lines = [line for line in head.rstrip().split(b"\r\n") if not _is_replaced(line)]
            lines += [b"Connection: close", b"Content-Length: %d" % len(body)]
            writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            await writer.drain()
            return await reader.read()
        finally:
            writer.transport.abort()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _is_replaced(line: bytes) -> bool:
    return line.lower().startswith((b"connection:", b"content-length:"))


@contextmanager
def running_proxy(upstream: str) -> Iterator[FaultProxy]:
    """A proxy that runs beside the test."""
    proxy = FaultProxy(upstream)
    with tcp_server(proxy.handle) as server:
        proxy.served_by(server)
        yield proxy
