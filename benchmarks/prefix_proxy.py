"""`python -m benchmarks.prefix_proxy PORT UPSTREAM_PORT`: PostgREST under /rest/v1, as clients of Supabase expect it.

The stack's gateway runs in the process of the load generator. Measured through it, the peers would mostly wait for
that process, and Express, which makes two calls a request, most of all. This proxy changes only the request line.
"""

import asyncio
import sys

from local.system.ports import LOOPBACK

_PREFIX = b"/rest/v1"


class RequestRewriter:
    """Removes the prefix from the path of each request on one connection; everything else stays as it is."""

    def __init__(self) -> None:
        self._head = b""
        self._body_bytes = 0

    def rewrite(self, data: bytes) -> bytes:
        """What is sent on of the next bytes: an incomplete head is kept until it is complete."""
        rewritten = b""
        while data:
            if self._body_bytes:
                body, data = data[: self._body_bytes], data[self._body_bytes :]
                self._body_bytes -= len(body)
                rewritten += body
                continue
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = b"" if end else head
            if end:
                self._body_bytes = _content_length(head)
                rewritten += head.replace(b" " + _PREFIX + b"/", b" /", 1) + end
        return rewritten


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
        if name.lower() == b"transfer-encoding":
            raise ValueError("the clients of this proxy send a Content-Length")
    return 0


class _Upstream(asyncio.Protocol):
    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.close()


class _Client(asyncio.Protocol):
    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._rewriter = RequestRewriter()
        self._early = b""
        self._upstream: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect(transport))

    async def _connect(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._upstream, _ = await loop.create_connection(lambda: _Upstream(client), LOOPBACK, self._upstream_port)
        except OSError:
            client.close()
            return
        self._upstream.write(self._early)

    def data_received(self, data: bytes) -> None:
        rewritten = self._rewriter.rewrite(data)
        if self._upstream is None:
            self._early += rewritten
        else:
            self._upstream.write(rewritten)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._upstream is not None:
            self._upstream.close()


async def serve(port: int, upstream_port: int) -> None:
    """Serves until it is cancelled."""
    server = await asyncio.get_running_loop().create_server(lambda: _Client(upstream_port), LOOPBACK, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
