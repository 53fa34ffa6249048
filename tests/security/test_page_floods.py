"""Slow pages, slow readers and many requests of one kind keep nobody else out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local import Stack
from tests.security.conftest import OPERATOR_TOKEN
from tests.security.test_page_problems import HTML, require_page
from tests.support.browser import Browser
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service
from tests.support.waiting import wait_until

SLOW_POST = (
    "POST {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nX-Forwarded-For: {address}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na"
)


@pytest.fixture
def proxied_service(service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, log_path, budgets=UNHURRIED) as service:
        yield service


def test_slow_pages_of_the_operator_leave_connections_to_the_service(
    proxied_service: ServiceProcess, own_proxy: FaultProxy
) -> None:
    """Its own calls are those of the monitor, of the public page and of the kill switch."""
    with Browser(proxied_service.url) as browser, ThreadPoolExecutor(11) as pool:
        browser.sign_in_as_operator(OPERATOR_TOKEN)
        own_proxy.target, own_proxy.always = b"rpc/search_incidents", Fault.HANG
        pages = [pool.submit(browser.open, "/incidents") for _ in range(10)]
        wait_until(lambda: own_proxy.hanging >= 3, what="pages that hang")
        form = pool.submit(browser.open, "/status/kill-switch")
        try:
            assert form.result(60).status_code == 200
        finally:
            own_proxy.reset()
        assert {page.result().status_code for page in pages} <= {200, 503}


def hold(opened: ExitStack, service: ServiceProcess, path: str, address: str) -> None:
    """A request whose body does not arrive."""
    place = urlsplit(service.url)
    assert place.hostname is not None
    assert place.port is not None
    connection = opened.enter_context(socket.create_connection((place.hostname, place.port), timeout=30))
    connection.sendall(SLOW_POST.format(path=path, address=address).encode())


def test_slow_sign_ins_keep_no_reader_out(page_service: ServiceProcess, browser: Browser, stack: Stack) -> None:
    browser.sign_in(stack)
    with ExitStack() as opened, Browser(page_service.url) as visitor:
        for number in range(80):
            hold(opened, page_service, "/sign-in", f"198.51.100.{number % 4}")
        wait_until(lambda: visitor.open("/sign-in").status_code == 503, what="too many requests in progress")
        answer = visitor.http.get("/sign-in", headers={"Accept": HTML})
        assert "Too many requests of this kind are in progress." in require_page(answer, 503)
        for path in ("/incidents", "/status", "/targets/x"):
            assert browser.open(path).status_code in (200, 404), path


def test_one_client_keeps_no_other_out(page_service: ServiceProcess, browser: Browser) -> None:
    with ExitStack() as opened, Browser(page_service.url, {"X-Forwarded-For": "198.51.100.9"}) as own:
        for _ in range(80):
            hold(opened, page_service, "/sign-in", "198.51.100.9")
        wait_until(lambda: own.open("/sign-in").status_code == 429, what="too many requests of a client")
        answer = own.http.get("/sign-in", headers={"Accept": HTML})
        assert "Too many requests of this client" in require_page(answer, 429)
        assert answer.headers["retry-after"]
        assert browser.open("/sign-in").status_code == 200
