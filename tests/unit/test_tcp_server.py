"""The servers and the proxy of the tests close every connection, so that none warns in a later test."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from tests.support.fault_proxy import running_proxy
from tests.support.http_target import http_target
from tests.support.waiting import wait_until


def send(port: int | None, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


@contextmanager
def without_warnings() -> Iterator[None]:
    gc.collect()  # what earlier tests left
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in caught] == []


def test_a_proxy_that_ends_while_it_serves_closes_its_connections() -> None:
    # The calls are at any point: not accepted yet, not forwarded yet, or waiting for the gateway's answer.
    for calls in range(1, 20):
        with (
            without_warnings(),
            http_target() as target,
            ExitStack() as clients,
            running_proxy(target.url("")) as proxy,
        ):
            for _ in range(calls):
                clients.enter_context(send(urlsplit(proxy.url).port, "/silent"))


def test_a_server_that_ends_before_its_client_has_read_closes_the_connection() -> None:
    with without_warnings(), http_target() as target, send(target.port, "/big/50000000"):
        wait_until(lambda: target.paths == ["/big/50000000"], what="the request")
