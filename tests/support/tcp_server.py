"""TCP servers for tests, which leave no connection open when they end.

A connection that is garbage-collected while it is open warns, and pytest makes the warning a failure of
whichever test runs then.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from local.system.event_loop import EventLoopThread

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection. The connection is closed after it, and an error of the connection needs no handling."""


@asynccontextmanager
async def serving(
    handle: Handler, port: int = 0, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[asyncio.Server]:
    """Serves in this event loop, on a free port unless one is given; with a certificate, TLS."""
    connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client gave up
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The task is kept: asyncio holds only weak references to tasks.
        task = asyncio.create_task(serve(reader, writer))
        connections[task] = writer
        task.add_done_callback(connections.pop)

    server = await asyncio.start_server(accept, "127.0.0.1", port, backlog=1024, ssl=certificate)
    try:
        yield server
    finally:
        # asyncio calls `accept` a few turns of the loop after it took a connection, and loses the connection
        # if the server is closed meanwhile.
        for listening in server.sockets:
            server.get_loop().remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        server.close()
        for task, writer in connections.items():
            task.cancel()
            writer.transport.abort()  # also if the task had not begun
        await asyncio.gather(*connections, return_exceptions=True)


@contextmanager
def tcp_server(handle: Handler, port: int = 0) -> Iterator[asyncio.Server]:
    """Serves in an event loop and a thread of its own, so that a test that waits does not stall it."""
    loop = EventLoopThread()
    try:
        context = serving(handle, port)
        server = loop.call(context.__aenter__())
        try:
            yield server
        finally:
            loop.call(context.__aexit__(None, None, None))
    finally:
        loop.close()


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
