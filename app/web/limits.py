"""Limits on the requests of one kind that are in progress, in total and per client."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.problems import problem
from app.web.auth import client_address, client_of
from app.web.session import is_operator

_PART_BYTES = 64 * 1024


class FairLimit:
    """Counts what is in use. One client gets a share, so that it does not keep the others out."""

    def __init__(self, total: int, per_client: int) -> None:
        self._available = total
        self._per_client = per_client
        self._in_use: Counter[str] = Counter()

    @contextmanager
    def use(self, client: str) -> Iterator[None]:
        """Raises the Problem `rate-limited` if the client's share is in use, `overloaded` if everything is."""
        if self._in_use[client] >= self._per_client:
            raise problem("rate-limited", "Too many requests of this client are in progress.", retry_after=1)
        if self._available == 0:
            raise problem("overloaded", "Too many requests of this kind are in progress.")
        self._available -= 1
        self._in_use[client] += 1
        try:
            yield
        finally:
            self._available += 1
            self._in_use[client] -= 1
            if self._in_use[client] == 0:
                del self._in_use[client]


class RequestLimit:
    """ASGI middleware: limits the requests in progress. A request ends when the client has read its response.

    The operator is not limited: during a flood the status page is needed most.
    """

    def __init__(self, app: ASGIApp, limit: FairLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if is_operator(request):
            await self._app(scope, receive, send)
            return

        async def send_in_parts(message: Message) -> None:
            """Each part waits until the client has read the one before it."""
            body: bytes = message.get("body", b"")
            while len(body) > _PART_BYTES:
                await send({**message, "body": body[:_PART_BYTES], "more_body": True})
                body = body[_PART_BYTES:]
            await send({**message, "body": body} if "body" in message else message)

        with self._limit.use(client_of(client_address(request))):
            await self._app(scope, receive, send_in_parts)
