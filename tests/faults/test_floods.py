"""Floods of clients without credentials: a good report is answered meanwhile, and memory stays small."""

from __future__ import annotations

import asyncio
import itertools
import resource
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from app.web.auth import sign
from local import Stack
from tests.faults.conftest import without_postgrest
from tests.integration.sentry.conftest import SECRETS
from tests.support import http_client
from tests.support.fault_proxy import Fault, running_proxy
from tests.support.floods import MEGABYTE, Behavior, Connection, Flood, memory_of, observe, report
from tests.support.report_load import HEADERS, ROUTE
from tests.support.service_process import PUBLIC_KEY, ServiceProcess, running_service, service_variables
from tests.support.tokens import forged_token
from tests.support.waiting import wait_until

INCIDENTS = "/api/autonomous/incidents"
GROWTH_LIMIT = 90
LIMIT_OF_ALL = 120
"""Megabytes. One flood takes up to 60 more than the service took before, and what it leaves behind is added."""
FORGED = forged_token()
SIGNED = b"POST /webhooks/sentry HTTP/1.1\r\nHost: x\r\nSentry-Hook-Signature: " + b"0" * 64 + b"\r\n"
addresses = itertools.count()


@pytest.fixture(autouse=True)
def many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture
def service(disposable_stack: Stack, log_path: Path) -> Iterator[ServiceProcess]:
    """One for each flood, so that what another one left behind does not count."""
    environ = {**service_variables(disposable_stack), "SENTRY_CLIENT_SECRET": ",".join(SECRETS)}
    with running_service(environ, log_path) as process:
        yield process


async def answers_to(connection: Connection, request: bytes) -> None:
    """Sends the request again and again, and reads the answers."""
    while True:
        await connection.send(request)
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := await connection.receive()):
                return
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            if not (part := await connection.receive()):
                return
            body += part


async def until_closed(connection: Connection) -> None:
    while await connection.receive():
        pass


async def drip(connection: Connection, data: bytes) -> None:
    """Sends a little every half second, for ever."""
    while True:
        await connection.send(data)
        await asyncio.sleep(0.5)


def get(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def from_another_address() -> str:
    """As the platform's proxy adds it: every client has an address of its own."""
    number = next(addresses)
    return f"X-Forwarded-For: 8.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def readers_with_forged_tokens(connection: Connection) -> None:
    await answers_to(connection, get(INCIDENTS, f"Authorization: Bearer {FORGED}", from_another_address()))


async def visitors_with_forged_cookies(connection: Connection) -> None:
    await answers_to(connection, get("/status", "Accept: text/html", f"Cookie: monitoring_status={FORGED}"))


async def visitors_of_the_page(connection: Connection) -> None:
    await answers_to(connection, get("/status", "Accept: text/html", "Accept-Encoding: gzip"))


async def visitors_who_do_not_read(connection: Connection) -> None:
    for _ in range(50):
        await connection.send(get("/status", "Accept: text/html"))
    await asyncio.sleep(60)


async def visitors_of_the_readiness(connection: Connection) -> None:
    await answers_to(connection, get("/health/db"))


async def visitors_with_a_body(connection: Connection) -> None:
    await connection.send(get("/health/db", f"Content-Length: {MEGABYTE}") + b"x" * (MEGABYTE // 2))
    await drip(connection, b"x")


async def pipelining(connection: Connection) -> None:
    await connection.send(b"GET / HTTP/1.1\r\n\r\n" * (4 * MEGABYTE // 18))
    await asyncio.sleep(60)


async def trailers(connection: Connection) -> None:
    await connection.send(SIGNED + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    await connection.send(b"a:b\r\n" * 30_000)
    await drip(connection, b"c:d\r\n")


async def silence(connection: Connection) -> None:
    await connection.receive()


async def endless_heads(connection: Connection) -> None:
    await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 30_000)
    await drip(connection, b"a")


async def large_heads(connection: Connection) -> None:
    """Nothing is left of a head when the request is answered, although the connection stays open."""
    await connection.send(get("/?" + "a" * 30_000))
    await until_closed(connection)


async def large_heads_with_a_body(connection: Connection) -> None:
    await connection.send(get("/?" + "a" * 30_000, "Content-Length: 10"))
    await until_closed(connection)


async def bodies_that_nobody_reads(connection: Connection) -> None:
    await connection.send(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MEGABYTE}\r\n\r\n".encode() + b"x" * 30_000)
    await until_closed(connection)


async def answered_before_the_body(connection: Connection) -> None:
    """Every connection is taken by a client that has its answer: those make room for new ones."""
    await connection.send(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MEGABYTE}\r\n\r\nx".encode())
    await until_closed(connection)


async def heads_of_small_fields(connection: Connection) -> None:
    await connection.send(SIGNED + b"Content-Length: 1000\r\n" + b"a:b\r\n" * 6_000 + b"\r\n")
    await drip(connection, b"x")


async def empty_lines(connection: Connection) -> None:
    await drip(connection, b"\r\n")


async def upgrades(connection: Connection) -> None:
    await connection.send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
    await drip(connection, b"x" * 1000)


async def large_unsigned_bodies(connection: Connection) -> None:
    await connection.send(SIGNED + b"Content-Length: %d\r\n\r\n" % MEGABYTE + b" " * (MEGABYTE - 1))
    await until_closed(connection)


async def small_slow_bodies(connection: Connection) -> None:
    await connection.send(SIGNED + from_another_address().encode() + b"\r\nContent-Length: 1000\r\n\r\n")
    await drip(connection, b" ")


async def bodies_without_a_signature(connection: Connection) -> None:
    await connection.send(b"POST /webhooks/sentry HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MEGABYTE)
    await connection.send(b" " * (MEGABYTE - 1))
    await until_closed(connection)


async def bodies_with_a_wrong_token(connection: Connection) -> None:
    head = f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Type: application/json\r\n"
    await connection.send(head.encode() + b"Content-Length: %d\r\n\r\n" % MEGABYTE + b" " * (MEGABYTE - 1))
    await drip(connection, b" ")


def of_a_page(length: int, path: str = ROUTE) -> bytes:
    """The head of a report with a public key, which whoever opens the page has."""
    lines = [f"POST {path}?key={PUBLIC_KEY}&sentry_key={PUBLIC_KEY} HTTP/1.1", "Host: x", "Content-Type: text/plain"]
    return "\r\n".join([*lines, from_another_address(), f"Content-Length: {length}"]).encode() + b"\r\n\r\n"


async def slow_reports_of_pages(connection: Connection) -> None:
    await connection.send(of_a_page(1000))
    await drip(connection, b" ")


async def large_reports_of_pages(connection: Connection) -> None:
    await connection.send(of_a_page(MEGABYTE) + b" " * (MEGABYTE - 1))
    await until_closed(connection)


async def large_envelopes(connection: Connection) -> None:
    await connection.send(of_a_page(8 * MEGABYTE, "/api/1/envelope/") + b" " * (8 * MEGABYTE - 1))
    await until_closed(connection)


async def large_forms(connection: Connection) -> None:
    head = b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    await connection.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await connection.send(b"8000\r\n" + b"a" * 0x8000 + b"\r\n")
        await asyncio.sleep(0.1)


def assert_well(service: ServiceProcess, stack: Stack) -> None:
    """Reports, the database's readiness, and readers with a valid token get what they asked for."""

    def is_well() -> bool:
        body = {"error": {"message": "after a flood"}, "source": "flood-witness"}
        token = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
        try:
            return (
                http_client.post(service.url + ROUTE, json=body, headers=HEADERS).status_code == 201
                and http_client.get(service.url + "/health/db").status_code == 200
                and http_client.get(service.url + INCIDENTS, headers=token).status_code == 200
                and http_client.get(service.url + "/status", headers={"Accept": "text/html"}).status_code == 200
            )
        except httpx.TransportError:
            return False

    wait_until(is_well, what="a service that is well after the flood")


async def deliver(client: httpx.AsyncClient) -> httpx.Response:
    """A witness who signs, as Sentry does."""
    body = b'{"action":"created","data":{"installation":{"uuid":"a-flood"}}}'
    headers = {"Sentry-Hook-Resource": "installation", "Sentry-Hook-Signature": sign(body, SECRETS[0])}
    return await client.post("/webhooks/sentry", content=body, headers=headers)


WITHOUT_READING = (visitors_who_do_not_read, pipelining)
LARGE_HEADS = (endless_heads, large_heads, large_heads_with_a_body)


def behavior_name(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(
    ("behavior", "clients"),
    [
        (readers_with_forged_tokens, 300),
        (visitors_with_forged_cookies, 50),
        (visitors_of_the_page, 50),
        (visitors_who_do_not_read, 300),
        (visitors_of_the_readiness, 300),
        (visitors_with_a_body, 300),
        (pipelining, 50),
        (trailers, 50),
        (silence, 3_000),
        (endless_heads, 1_500),
        (large_heads, 1_500),
        (large_heads_with_a_body, 1_500),
        (bodies_that_nobody_reads, 1_500),
        (answered_before_the_body, 3_000),
        (heads_of_small_fields, 300),
        (empty_lines, 300),
        (upgrades, 300),
        (large_unsigned_bodies, 100),
        (small_slow_bodies, 1_000),
        (bodies_without_a_signature, 100),
        (bodies_with_a_wrong_token, 100),
        (large_forms, 100),
        (slow_reports_of_pages, 1_500),
        (large_reports_of_pages, 100),
        (large_envelopes, 20),
    ],
    ids=behavior_name,
)
def test_a_flood_does_not_stop_the_service(
    service: ServiceProcess, disposable_stack: Stack, behavior: Behavior, clients: int
) -> None:
    flood = Flood(behavior, clients, behavior not in WITHOUT_READING)
    (observation,) = observe(service, flood)
    assert set(observation.statuses) <= {201, 202}
    assert observation.growth < GROWTH_LIMIT
    # All of these heads would fit into that memory: the service disconnects some clients, so that it keeps few of them.
    assert flood.ended or behavior not in LARGE_HEADS
    assert_well(service, disposable_stack)


def test_floods_after_each_other(service: ServiceProcess, disposable_stack: Stack) -> None:
    """What one of them leaves behind shows in the next."""
    first = memory_of(service)
    for behavior in [endless_heads, large_heads, large_heads_with_a_body, bodies_that_nobody_reads, endless_heads]:
        (observation,) = observe(service, Flood(behavior, 1_500, behavior not in WITHOUT_READING))
        assert set(observation.statuses) <= {201, 202}
        assert observation.peak - first < LIMIT_OF_ALL
    assert_well(service, disposable_stack)


@pytest.mark.parametrize("behavior", [large_unsigned_bodies, small_slow_bodies], ids=behavior_name)
def test_unsigned_bodies_do_not_keep_signed_ones_out(service: ServiceProcess, behavior: Behavior) -> None:
    (observation,) = observe(service, Flood(behavior, 300), deliver)
    assert set(observation.statuses) <= {200, 202}
    assert observation.growth < GROWTH_LIMIT


def test_readers_who_give_up_leave_the_service_as_it_was(disposable_stack: Stack, log_path: Path) -> None:
    """Readers wait for a database that hangs until they give up. With a limited pool, httpcore lost their places."""
    with running_proxy(disposable_stack.supabase_url) as proxy:
        environ = {**service_variables(disposable_stack), "SUPABASE_URL": proxy.url}
        with running_service(environ, log_path) as service:
            proxy.target = b"/list_incidents"
            proxy.always = Fault.HANG
            flood = Flood(readers_with_forged_tokens, 100)
            (observation,) = observe(service, flood, report)
            assert set(observation.statuses) == {201}
            assert observation.growth < GROWTH_LIMIT
            assert proxy.hanging > 0
            # Readers whose calls do not end are given new connections.
            wait_until(lambda: "connections for readers are replaced" in log_path.read_text(), what="new connections")
            proxy.reset()
            assert_well(service, disposable_stack)


def test_a_flood_while_the_database_is_away(disposable_stack: Stack, environ: dict[str, str], log_path: Path) -> None:
    with running_service(environ, log_path) as service:
        with without_postgrest(disposable_stack):
            (observation,) = observe(service, Flood(visitors_of_the_readiness, 1_000))
        assert set(observation.statuses) == {202}
        assert observation.growth < GROWTH_LIMIT
        assert_well(service, disposable_stack)


@pytest.fixture(scope="module")
def large_incidents(disposable_stack: Stack) -> Iterator[str]:
    """200 incidents of 100 kB; their source."""
    source = "flood-large"
    with psycopg.connect(disposable_stack.superuser_database_url, autocommit=True) as connection:
        connection.execute(
            "insert into public.incidents (fingerprint, title, message, severity, category, rule, source, context)"
            " select 'flood ' || number, 'large', 'large', 'LOW', 'backend', 'none', %s,"
            " jsonb_build_object('text', repeat('x', 100000)) from generate_series(1, 200) as numbers (number)",
            [source],
        )
        yield source
        # Their rows of the audit trail keep them from being deleted.
        connection.execute("update public.incidents set context = '{}' where source = %s", [source])


@pytest.mark.parametrize("reads", [True, False], ids=["who read", "who do not read"])
def test_readers_of_large_pages(
    service: ServiceProcess, disposable_stack: Stack, large_incidents: str, reads: bool
) -> None:
    """A list of 20 MB: each reader gets one page of a MiB at a time."""
    token = f"Authorization: Bearer {disposable_stack.authenticated_jwt}"

    async def readers(connection: Connection) -> None:
        request = get(f"{INCIDENTS}?limit=200&source={large_incidents}", token, from_another_address())
        if reads:
            await answers_to(connection, request)
        await connection.send(request)
        await asyncio.sleep(60)

    (observation,) = observe(service, Flood(readers, 60, reads))
    assert set(observation.statuses) <= {201, 202}
    assert observation.growth < GROWTH_LIMIT
    assert_well(service, disposable_stack)
