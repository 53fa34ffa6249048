"""One look: addresses that are refused, redirects, limits, and what misbehaving servers are called."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from app.looks.network import PRIVATE_NETWORKS, is_private, resolve
from app.looks.vantage import BODY_LIMIT, Order, Sighting, look, read_order
from tests.support.http_target import Target, http_target
from tests.support.service_process import PROJECT, refusing_port
from tests.support.tcp_server import Handler, port_of, tcp_server

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PATIENCE_MS = 60_000
SHORT_MS = 300


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with http_target() as running:
        yield running


def order(url: str, **fields: object) -> Order:
    plain = Order(7, url, "GET", {}, None, None, PATIENCE_MS, allow_private=True, wants_body=True)
    return replace(plain, **fields)  # type: ignore[arg-type]


async def look_at(url: str, **fields: object) -> Sighting:
    return await look(order(url, **fields), CONTEXT)


def answering(*parts: bytes, pause: float = 0.0) -> Handler:
    """Reads a request, and sends these parts with pauses between them."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return handle


async def look_at_server(handle: Handler, scheme: str = "http", **fields: object) -> Sighting:
    with tcp_server(handle) as server:
        return await look_at(f"{scheme}://127.0.0.1:{port_of(server)}/", **fields)


async def test_a_response_is_returned_with_its_body(target: Target) -> None:
    seen = await look_at(
        target.url("/echo?a=b c"),
        method="POST",
        headers={"X-Shop": "7", "user-agent": "of the order"},
        body='{"a": "ä"}',
        content_type="application/json",
    )
    assert (seen.id, seen.http_status, seen.error_kind, seen.problem) == (7, 200, None, None)
    assert seen.headers is not None
    assert seen.headers["content-type"] == "application/json"
    assert seen.addresses == ["127.0.0.1"]
    assert seen.certificate is None
    assert seen.first_byte_ms is not None
    assert seen.response_time_ms is not None
    assert 0 <= seen.first_byte_ms <= seen.response_time_ms
    sent = json.loads(seen.body or "")
    assert (sent["method"], sent["body"]) == ("POST", '{"a": "ä"}')
    headers = {name.lower(): value for name, value in sent["headers"]}
    assert headers == {
        "host": f"127.0.0.1:{target.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-length": "11",
        "content-type": "application/json",
        "user-agent": "of the order",
        "x-shop": "7",
    }


async def test_the_body_is_only_returned_if_it_is_wanted(target: Target) -> None:
    assert (await look_at(target.url("/echo"), wants_body=False)).body is None


async def test_repeated_headers_are_joined(target: Target) -> None:
    seen = await look_at(target.url("/status/503"))
    assert seen.http_status == 503
    assert seen.headers is not None
    assert seen.headers["x-twice"] == "first, second"


@pytest.mark.parametrize("body", [b"caf\xe9", b"a\x00b", b"\xff\xfe\x00", b"\xed\xa0\x80"])
async def test_any_bytes_become_text_that_jsonb_takes(target: Target, body: bytes) -> None:
    text = (await look_at(target.url(f"/bytes/{body.hex()}"))).body
    assert text is not None
    assert "\x00" not in text
    assert text.encode()


@pytest.mark.parametrize("value", ["636166e9", "c3a9"])
async def test_headers_with_other_bytes_than_ascii_are_read(target: Target, value: str) -> None:
    seen = await look_at(target.url(f"/header/{value}"))
    assert seen.http_status == 200


async def test_no_more_than_the_limit_of_a_body_is_read(target: Target) -> None:
    seen = await look_at(target.url(f"/big/{3 * BODY_LIMIT}"))
    assert seen.http_status == 200
    assert len(seen.body or "") == BODY_LIMIT


async def test_wrong_bytes_do_not_make_a_body_larger_than_the_limit() -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {BODY_LIMIT}\r\n\r\n".encode()
    seen = await look_at_server(answering(head + b"\xff" * BODY_LIMIT))
    assert BODY_LIMIT - 3 <= len((seen.body or "").encode()) <= BODY_LIMIT


async def test_a_compressed_body_is_not_inflated() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
    seen = await look_at_server(answering(head + b"\x1f\x8b\x08\x00"))
    assert seen.http_status == 200
    assert seen.headers is not None
    assert seen.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
    ],
)
async def test_forms_of_responses(answer: bytes) -> None:
    seen = await look_at_server(answering(answer))
    assert (seen.http_status, seen.body) == (200, "ok")


async def test_a_status_that_nobody_knows() -> None:
    assert (await look_at_server(answering(b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"))).http_status == 999


# Addresses


def test_the_networks_are_those_of_the_database() -> None:
    path = PROJECT / "supabase" / "migrations" / "20261123020020_config_target_addresses.sql"
    text = path.read_text(encoding="utf-8").partition("create function monitoring.is_private_host")[2]
    networks = re.findall(r"'([0-9a-f.:]+/[0-9]+)'", text)
    assert sorted(networks) == sorted(str(network) for network in PRIVATE_NETWORKS)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
        *("224.0.0.1", "255.255.255.255", "168.63.129.16", "::1", "::", "::ffff:10.0.0.1", "fe80::1%eth0", "fd00::1"),
        *("64:ff9b::a00:1", "2002:a00:1::", "ff02::1", "febf::1", "fec0::1"),
    ],
)
def test_private_addresses(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses(address: str) -> None:
    assert not is_private(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.1", "0x7f.1", "2130706433", "localhost", "localhost."])
async def test_a_private_address_is_not_connected_to(target: Target, host: str) -> None:
    target.paths.clear()
    seen = await look_at(f"http://{host}:{target.port}/status/200", allow_private=False)
    assert seen.error_kind == "private_address"
    assert seen.problem is not None
    assert "has no public address, but" in seen.problem
    assert target.paths == []


async def test_only_the_private_ones_of_several_addresses_are_refused(target: Target) -> None:
    """The address that documentation uses answers nobody: the look must not take the other one instead."""

    async def resolve_both(host: str) -> list[str]:
        return ["127.0.0.1", "192.0.2.1"]

    target.paths.clear()
    url = f"http://shop.example:{target.port}/status/200"
    seen = await look(order(url, allow_private=False, timeout_ms=SHORT_MS), CONTEXT, resolve_both)
    assert seen.error_kind in ("timeout", "connect")
    assert seen.addresses == ["127.0.0.1", "192.0.2.1"]
    assert target.paths == []


async def test_the_name_is_resolved_once_for_a_connection(target: Target) -> None:
    """What is checked is what is connected to: a second answer of the resolver does not count."""
    answers = [["192.0.2.1"], ["127.0.0.1"]]

    async def rebind(host: str) -> list[str]:
        return answers.pop(0)

    url = f"http://shop.example:{target.port}/status/200"
    seen = await look(order(url, allow_private=False, timeout_ms=SHORT_MS), CONTEXT, rebind)
    assert seen.error_kind in ("timeout", "connect")
    assert answers == [["127.0.0.1"]]


async def test_an_address_that_refuses_is_followed_by_the_next(target: Target) -> None:
    async def resolve_both(host: str) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    seen = await look(order(f"http://shop.example:{target.port}/status/200"), CONTEXT, resolve_both)
    assert (seen.http_status, seen.addresses) == (200, ["127.0.0.2", "127.0.0.1"])


async def test_a_name_that_does_not_exist() -> None:
    seen = await look_at("https://nowhere.invalid/", allow_private=False)
    assert seen.error_kind == "dns"
    assert (seen.problem or "").startswith("the name nowhere.invalid cannot be resolved: ")
    assert seen.addresses is None


async def test_a_resolver_that_hangs_uses_up_the_timeout() -> None:
    async def hang(host: str) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError

    seen = await look(order("https://shop.example/", timeout_ms=SHORT_MS), CONTEXT, hang)
    assert seen.error_kind == "timeout"
    assert seen.problem == "timeout of 300 ms while resolving the name"


async def test_a_resolver_that_hangs_does_not_collect_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*arguments: object, **options: object) -> list[object]:
        release.wait()
        return []

    # Only there: other threads of this process resolve names too.
    resolver = SimpleNamespace(getaddrinfo=hang, SOCK_STREAM=socket.SOCK_STREAM)
    monkeypatch.setattr("app.looks.network.socket", resolver)
    monkeypatch.setattr("app.looks.network._RESOLVER_THREADS", threading.BoundedSemaphore(1))
    first = asyncio.create_task(resolve("shop.example"))
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="the resolver does not answer"):
        await resolve("shop.example")
    release.set()
    assert await first == []


async def test_a_name_without_addresses(target: Target) -> None:
    async def resolve_nothing(host: str) -> list[str]:
        return []

    seen = await look(order("http://shop.example/", allow_private=False), CONTEXT, resolve_nothing)
    assert (seen.error_kind, seen.problem) == ("dns", "the name shop.example cannot be resolved: it has no address")


async def test_an_ipv6_address() -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(handle, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with server:
        port = port_of(server)
        seen = await look_at(f"http://[::1]:{port}/")
    assert (seen.http_status, seen.addresses) == (204, ["::1"])
    assert f"\r\nHost: [::1]:{port}\r\n".encode() in heads[0]


async def test_proxies_of_the_environment_are_not_used(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await look_at(target.url("/status/200"))).http_status == 200


async def test_addresses_are_resolved() -> None:
    assert await resolve("127.0.0.1") == ["127.0.0.1"]
    assert await resolve("::1") == ["::1"]
    for host in ("nowhere.invalid", "a" * 70 + ".example", "a..example"):
        with pytest.raises(OSError, match=r"."):
            await resolve(host)


# Redirects


async def test_redirects_are_followed(target: Target) -> None:
    seen = await look_at(target.url("/redirect/4"))
    assert seen.http_status == 200
    assert seen.body is not None
    assert '"method": "GET"' in seen.body


async def test_a_redirect_that_never_ends(target: Target) -> None:
    seen = await look_at(target.url("/redirect/9"))
    assert (seen.http_status, seen.error_kind) == (None, "protocol")
    assert seen.problem == "more than 5 redirects"


def redirecting(location: str, status: int = 302) -> Handler:
    return answering(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


async def test_a_redirect_to_a_private_address_is_refused(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both servers are local: one of their addresses has to count as public."""
    monkeypatch.setattr("app.looks.network.is_private", lambda address: address != "127.0.0.1")

    async def resolve_names(host: str) -> list[str]:
        return ["127.0.0.1" if host == "shop.example" else "10.0.0.1"]

    target.paths.clear()
    with tcp_server(redirecting(f"http://inside.example:{target.port}/status/200")) as server:
        shop = order(f"http://shop.example:{port_of(server)}/", allow_private=False)
        seen = await look(shop, CONTEXT, resolve_names)
    assert (seen.http_status, seen.error_kind) == (None, "private_address")
    assert seen.problem == "inside.example has no public address, but 10.0.0.1"
    assert seen.addresses == ["127.0.0.1"]
    assert target.paths == []


@pytest.mark.parametrize("location", ["ftp://shop.example/", "file:///etc/passwd", "http://", "http://[", "//"])
async def test_a_redirect_to_nowhere(location: str) -> None:
    seen = await look_at_server(redirecting(location))
    assert seen.http_status is None
    assert seen.error_kind in ("protocol", "dns")


async def test_the_headers_of_the_order_stay_with_its_server(target: Target) -> None:
    seen = await look_at_server(redirecting(target.url("/echo")), headers={"Authorization": "Bearer x", "X-Key": "y"})
    assert seen.http_status == 200
    names = {name.lower() for name, _ in json.loads(seen.body or "")["headers"]}
    assert names == {"host", "accept", "accept-encoding", "user-agent"}
    kept = await look_at(target.url("/moved"), headers={"X-Key": "y"})
    assert "x-key" in (kept.body or "").lower()


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
async def test_the_method_after_a_redirect(target: Target, status: int, method: str) -> None:
    seen = await look_at_server(redirecting(target.url("/echo"), status), method="POST", body="x")
    sent = json.loads(seen.body or "")
    assert (sent["method"], sent["body"]) == (method, "x" if method == "POST" else "")


# Servers that misbehave


async def test_a_refused_connection() -> None:
    with refusing_port() as port:
        seen = await look_at(f"http://127.0.0.1:{port}/")
    assert seen.error_kind == "connect"
    assert seen.problem == f"no connection to 127.0.0.1 port {port}: Connection refused"


@pytest.mark.parametrize(
    ("path", "kind", "problem"),
    [
        ("/hang-up", "protocol", "Server disconnected without sending a response"),
        ("/garbage", "protocol", "illegal"),
        ("/partial", "protocol", "HTTP 200, but reading the response failed: peer closed connection"),
    ],
)
async def test_a_response_that_is_none(target: Target, path: str, kind: str, problem: str) -> None:
    seen = await look_at(target.url(path))
    assert (seen.http_status, seen.headers, seen.body, seen.error_kind) == (None, None, None, kind)
    assert problem in (seen.problem or "")


async def test_a_connection_that_is_reset() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    seen = await look_at_server(reset)
    assert seen.error_kind == "protocol"


async def test_headers_that_never_end() -> None:
    seen = await look_at_server(answering(b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 50_000] * 10))
    assert (seen.http_status, seen.error_kind) == (None, "protocol")


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


def dripping(beginning: bytes, part: bytes) -> Handler:
    return answering(beginning, *[part] * 500, pause=0.02)


@pytest.mark.parametrize(
    ("handle", "scheme", "step"),
    [
        (silent, "http", "waiting for the response"),
        (silent, "https", "shaking hands"),
        (
            answering(b"HTTP/1.1 200 OK\r\nA: b\r\n", *[b"X: y\r\n"] * 100, pause=0.05),
            "http",
            "waiting for the response",
        ),
        (
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 100, pause=0.05),
            "http",
            "reading the response",
        ),
    ],
)
async def test_a_slow_server_is_given_up_after_the_timeout(handle: Handler, scheme: str, step: str) -> None:
    # Long enough to reach that step on a busy machine: the servers would go on for 5 s.
    seen = await look_at_server(handle, scheme, timeout_ms=2000)
    assert (seen.http_status, seen.error_kind) == (None, "timeout")
    assert (seen.problem or "").endswith(f"timeout of 2000 ms while {step}")


# Orders

ROW = {"id": 3, "purpose": "confirm", "target": "shop", "url": "http://x/", "method": "GET", "timeout_ms": 5000}


def test_an_order_is_read() -> None:
    assert read_order(ROW) == Order(3, "http://x/", "GET", {}, None, None, 5000, allow_private=False, wants_body=False)
    full = {**ROW, "headers": {"A": "b"}, "body": "x", "content_type": "t", "allow_private": True, "wants_body": True}
    assert read_order(full) == Order(3, "http://x/", "GET", {"A": "b"}, "x", "t", 5000, True, True)


@pytest.mark.parametrize(
    "row", [None, 1, [], {}, {**ROW, "id": "x"}, {**ROW, "timeout_ms": None}, {**ROW, "headers": 1}]
)
def test_something_else_is_no_order(row: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_order(row)


@pytest.mark.parametrize(
    "headers", [{"a b": "secret"}, {"A": "secret\r\nC: d"}, {"Ä": "secret"}, {"A": "secret\x00"}, {"A": "secret\ud800"}]
)
async def test_headers_that_http_does_not_permit_are_not_sent(target: Target, headers: dict[str, str]) -> None:
    target.paths.clear()
    seen = await look_at(target.url("/echo"), headers=headers)
    assert seen.error_kind == "protocol"
    assert seen.problem == "the request cannot be sent: its URL or one of its headers is not valid"
    assert target.paths == []


def test_secrets_of_headers_are_not_in_the_text_of_an_order() -> None:
    assert "secret" not in repr(order("http://shop.example/", headers={"Authorization": "secret"}))
