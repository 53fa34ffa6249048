"""The transport of calls to Supabase, against a server that hangs, drips or sends too much."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from app.supabase.client import TIMEOUTS_IN_A_ROW, BoundedTransport, _http_client
from app.supabase.connections import RESPONSE_LIMIT
from app.supabase.errors import ResponseError
from tests.support.tcp_server import port_of, serving
from tests.support.waiting import DEADLINE_SECONDS

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers /ok at once; other paths as their name says."""

    def __init__(self) -> None:
        self.open = 0
        self.hanging = 0
        self.release = asyncio.Event()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.split()[1].decode(), writer)
        finally:
            self.open -= 1

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/hang":
            self.hanging += 1
            await self.release.wait()
            self.hanging -= 1
        if path == "/drip":
            writer.write(OK.replace(b"Length: 2", b"Length: 2000")[:-2])
            while not writer.is_closing():
                writer.write(b" ")
                await asyncio.sleep(0.01)
            return
        if path == "/large":
            writer.write(OK.replace(b"Length: 2", b"Length: %d" % (RESPONSE_LIMIT + 1))[:-2])
            writer.write(b" " * (RESPONSE_LIMIT + 1))
        elif path == "/gzip":
            writer.write(OK.replace(b"Content-Length", b"Content-Encoding: gzip\r\nContent-Length"))
        elif path == "/error":
            writer.write(OK.replace(b"200 OK", b"404 Not Found"))
        else:
            writer.write(OK)
        await writer.drain()


@asynccontextmanager
async def running(
    calls: int = 2, wait: float = 60, duration: float = 60
) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    server = Server()
    async with serving(server.handle) as listening:
        server.url = f"http://127.0.0.1:{port_of(listening)}"
        bounded = BoundedTransport("tests", calls, wait, duration, httpx.create_ssl_context(trust_env=False))
        async with httpx.AsyncClient(transport=bounded, base_url=server.url, timeout=DEADLINE_SECONDS) as client:
            yield server, client
            server.release.set()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - any condition of another task
            await asyncio.sleep(0.01)


async def test_no_more_calls_than_the_limit_run_at_a_time() -> None:
    async with running(calls=2) as (server, client):
        calls = [asyncio.create_task(client.get("/hang")) for _ in range(5)]
        await until(lambda: server.open == 2)
        await asyncio.sleep(0.1)
        assert server.open == 2
        server.release.set()
        assert {(await call).text for call in calls} == {"{}"}


async def test_calls_that_get_no_turn_leave_nothing_behind() -> None:
    """With the limit of httpcore's own pool, each of these calls occupies a place for ever."""
    async with running(calls=2, wait=0.05) as (server, client):
        hanging = [asyncio.create_task(client.get("/hang")) for _ in range(2)]
        await until(lambda: server.open == 2)
        waiting = await asyncio.gather(*(client.get("/ok") for _ in range(10)), return_exceptions=True)
        assert {type(each) for each in waiting} == {httpx.PoolTimeout}
        server.release.set()
        await asyncio.gather(*hanging)
        assert [(await client.get("/ok")).status_code for _ in range(5)] == [200] * 5


async def test_cancelled_calls_leave_nothing_behind() -> None:
    async with running(calls=2) as (server, client):
        for _ in range(5):
            calls = [asyncio.create_task(client.get("/hang")) for _ in range(6)]
            await until(lambda: server.open >= 2)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert (await client.get("/ok")).status_code == 200


async def test_connections_on_which_nothing_ends_are_replaced(caplog: pytest.LogCaptureFixture) -> None:
    async with running(calls=2, wait=0.05) as (server, client):
        stuck = [asyncio.create_task(client.get("/hang")) for _ in range(2)]
        await until(lambda: server.open == 2)
        waiting = [client.get("/ok") for _ in range(TIMEOUTS_IN_A_ROW)]
        assert not any(
            isinstance(each, httpx.Response) for each in await asyncio.gather(*waiting, return_exceptions=True)
        )
        assert "the connections for tests are replaced" in caplog.text
        assert (await client.get("/ok")).status_code == 200
        # The old calls go on, and their connections are closed behind them.
        server.release.set()
        assert [(await call).status_code for call in stuck] == [200, 200]
        await until(lambda: server.open == 1)


async def test_a_second_replacement_waits_for_the_end_of_the_first(caplog: pytest.LogCaptureFixture) -> None:
    async with running(calls=1, wait=0.02) as (server, client):
        stuck = []
        for number in (1, 2):
            stuck.append(asyncio.create_task(client.get("/hang")))
            await until(lambda number=number: server.hanging == number)  # type: ignore[misc]
            await asyncio.gather(*(client.get("/ok") for _ in range(TIMEOUTS_IN_A_ROW)), return_exceptions=True)
        assert caplog.text.count("are replaced") == 1
        server.release.set()
        assert [(await call).status_code for call in stuck] == [200, 200]


async def test_a_success_in_between_counts_from_the_beginning(caplog: pytest.LogCaptureFixture) -> None:
    async with running(calls=1, wait=0.02) as (server, client):
        for _ in range(2):
            server.release.clear()
            hanging = asyncio.create_task(client.get("/hang"))
            await until(lambda: server.hanging == 1)
            await asyncio.gather(*(client.get("/ok") for _ in range(TIMEOUTS_IN_A_ROW - 1)), return_exceptions=True)
            server.release.set()
            await hanging
        assert "replaced" not in caplog.text


@pytest.mark.parametrize(
    ("path", "failure"),
    [("/large", httpx.DecodingError), ("/gzip", httpx.DecodingError), ("/drip", httpx.ReadTimeout)],
)
async def test_a_response_has_limits(path: str, failure: type[Exception]) -> None:
    async with running(calls=1, duration=1 if failure is httpx.ReadTimeout else 60) as (_, client):
        with pytest.raises(failure):
            await client.get(path)
        assert (await client.get("/ok")).status_code == 200


@pytest.mark.parametrize("path", ["/ok", "/error"])
async def test_a_response_does_not_wait_for_the_garbage_collector(path: str) -> None:
    """A page of incidents has up to 1 MiB."""

    def responses() -> int:
        return sum(type(each) is httpx.Response for each in gc.get_objects())

    certificates = httpx.create_ssl_context(trust_env=False)
    async with serving(Server().handle) as listening, _http_client("tests", 2, certificates) as http:
        gc.collect()
        gc.disable()
        try:
            before = responses()
            for _ in range(3):
                with suppress(ResponseError):
                    await http.get(f"http://127.0.0.1:{port_of(listening)}{path}")
            assert responses() == before
        finally:
            gc.enable()
