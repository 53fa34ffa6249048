"""A load generator that costs little: raw HTTP/1.1 over asyncio, one request at a time on each connection."""

import asyncio
import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class LoadResult:
    """What one run saw. Latencies in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the requests was answered."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] * 1000


def make_post(host: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of one POST request."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def make_distinct(event: Mapping[str, object]) -> dict[str, object]:
    """The event as an error of its own, with the same texts."""
    return {**event, "fingerprint": uuid.uuid4().hex, "source": uuid.uuid4().hex}


class _Connection(asyncio.Protocol):
    def __init__(self, make_request: Callable[[int], bytes], result: LoadResult, until: float) -> None:
        self._make_request = make_request
        self._result = result
        self._until = until
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if _is_complete(self._received):
            now = time.perf_counter()
            self._result.latencies.append(now - self._sent_at)
            self._result.statuses[int(self._received[9:12])] += 1
            self._received = b""
            if now < self._until:
                self._send()
            else:
                self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(exc or ConnectionError("the server hung up in the middle of the run"))

    def _send(self) -> None:
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(self._make_request(len(self._result.latencies)))

    def _close(self) -> None:
        assert self._transport is not None
        self.finished.set_result(None)
        self._transport.close()


def _is_complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return body.endswith(b"0\r\n\r\n")
    _, _, length = lowered.partition(b"content-length: ")
    return len(body) >= int(length.split(b"\r\n", 1)[0])


async def run_load(
    host: str, port: int, make_request: Callable[[int], bytes], *, connections: int, seconds: float
) -> LoadResult:
    """Keep so many connections busy for so long. `make_request` is given the number of answers so far."""
    result = LoadResult()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(make_request, result, started + seconds), host, port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.finished for _, protocol in opened))
    result.seconds = time.perf_counter() - started
    return result
