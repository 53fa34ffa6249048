"""An httpx transport with limits: concurrent calls, waiting time, duration, and the size of a response.

The limit on calls is a semaphore in front of the connections, and the connection pool itself has none: httpcore 1.0.9
does not give back the place of a call that gave up while it waited for a connection of a full pool. After twenty such
calls every further one failed until the process was restarted.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

RESPONSE_LIMIT = 8 * 1024 * 1024
# After this many calls in a row without a turn, none having succeeded in between, the connections are replaced.
TIMEOUTS_IN_A_ROW = 20
_POOL = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30.0)

_logger = logging.getLogger(__name__)


class _Connections:
    """The connections of one transport and the turns of the calls that use them."""

    def __init__(self, calls: int) -> None:
        # Without trust_env no .netrc file and no proxy variable changes where the service key is sent. HTTP/1.1: for so
        # few concurrent calls HTTP/2 gains nothing and costs memory.
        self.http = httpx.AsyncHTTPTransport(limits=_POOL, trust_env=False)
        self.turns = asyncio.Semaphore(calls)
        self.calls = 0
        self.is_retired = False

    async def end_call(self) -> None:
        self.calls -= 1
        self.turns.release()
        if self.is_retired and self.calls == 0:
            await self.http.aclose()


class BoundedTransport(httpx.AsyncBaseTransport):
    """Runs at most `calls` at a time; each reads its whole response.

    A call that gets no turn within wait_seconds raises httpx.PoolTimeout; one that takes longer than call_seconds,
    httpx.ReadTimeout: the timeouts of httpx itself begin again with each byte.
    """

    def __init__(self, name: str, calls: int, wait_seconds: float, call_seconds: float) -> None:
        self._name = name
        self._limit = calls
        self._wait_seconds = wait_seconds
        self._call_seconds = call_seconds
        self._timeouts = 0
        self._current = _Connections(calls)
        self._retired: _Connections | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its content."""
        async with self._turn() as http:
            try:
                async with asyncio.timeout(self._call_seconds):
                    response = await http.handle_async_request(request)
                    try:
                        content = await _read(response)
                    finally:
                        await response.aclose()
            except TimeoutError:
                raise httpx.ReadTimeout("the call took too long") from None
        self._timeouts = 0
        return httpx.Response(
            response.status_code, headers=response.headers, content=content, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._current.http.aclose()
        if self._retired is not None:
            await self._retired.http.aclose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        connections = self._current
        try:
            async with asyncio.timeout(self._wait_seconds):
                await connections.turns.acquire()
        except TimeoutError:
            self._timeouts += 1
            self._replace_if_stuck(connections)
            raise httpx.PoolTimeout("no turn within the time") from None
        connections.calls += 1
        try:
            yield connections.http
        finally:
            await connections.end_call()

    def _replace_if_stuck(self, connections: _Connections) -> None:
        """Continue with new connections. The old ones are closed when their last call ends.

        One replacement at a time: if the database does not answer, at most twice as many calls wait for it.
        """
        is_replacing = self._retired is not None and self._retired.calls > 0
        if self._timeouts < TIMEOUTS_IN_A_ROW or is_replacing or connections is not self._current:
            return
        _logger.error("%s calls in a row got no turn: the connections for %s are replaced", self._timeouts, self._name)
        self._timeouts = 0
        connections.is_retired = True
        self._retired, self._current = connections, _Connections(self._limit)


async def _read(response: httpx.Response) -> bytes:
    """The content, as it was sent: a compressed response could be a thousand times larger than what is counted."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.DecodingError("the response is compressed, which was not asked for")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > RESPONSE_LIMIT:
            raise httpx.DecodingError("the response is too large")
    return bytes(content)
