"""Fixtures: the service on the real stack, directly and behind a proxy that injects faults."""

import random
import string
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.fault_proxy import FaultProxy, running_proxy
from tests.support.http_client import TIMEOUT
from tests.support.service_budgets import UNHURRIED, UNHURRIED_CALLS
from tests.support.service_process import (
    INGEST_TOKEN,
    KEPT_ALIVE,
    ServiceProcess,
    is_drained,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

# No probe is sent there: an address of this machine is refused as a target.
CONSOLE = "https://console.localhost"


@pytest.fixture(scope="session")
def service_environ(stack: Stack) -> dict[str, str]:
    """The variables of a service that talks to the stack."""
    return {
        **service_variables(stack),
        "ADMIN_CONSOLE_URL": CONSOLE,
    }


@pytest.fixture(scope="session")
def service(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for all tests that do not change its state.

    It never gives up on the database for lack of time.
    """
    log = tmp_path_factory.mktemp("service") / "log"
    with running_service(service_environ, log, budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A client that may report errors."""
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=TIMEOUT, limits=KEPT_ALIVE) as session:
        yield session


@pytest.fixture(scope="session")
def session_proxy(stack: Stack) -> Iterator[FaultProxy]:
    """The proxy in front of the stack. Tests take `proxy`, which resets it."""
    with running_proxy(stack.supabase_url) as proxy:
        yield proxy


@pytest.fixture
def proxy(session_proxy: FaultProxy) -> Iterator[FaultProxy]:
    """The proxy, without faults before and after the test."""
    session_proxy.reset()
    yield session_proxy
    session_proxy.reset()


@pytest.fixture
def own_proxy(stack: Stack) -> Iterator[FaultProxy]:
    """A proxy for the service that the test itself starts: the services above, which run until the session ends and
    poll the database, do not call through it.
    """
    with running_proxy(stack.supabase_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def flaky_upstream_service(
    service_environ: dict[str, str], session_proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service that reaches Supabase through the proxy and gives up on it as in production.

    Only a call that hangs stays open until the proxy is reset, so that a test can tell that the answer came
    first.
    """
    environ = {**service_environ, "SUPABASE_URL": session_proxy.url}
    log = tmp_path_factory.mktemp("flaky") / "log"
    with running_service(environ, log, budgets=UNHURRIED_CALLS) as process:
        yield process


@pytest.fixture
def flaky_upstream_client(flaky_upstream_service: ServiceProcess, proxy: FaultProxy) -> Iterator[httpx.Client]:
    """A client of the service behind the proxy."""
    yield from _client_that_drains(flaky_upstream_service, proxy)


@pytest.fixture(scope="session")
def unhurried_flaky_service(
    service_environ: dict[str, str], session_proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """The same, for faults that pass: it never gives up for lack of time."""
    environ = {**service_environ, "SUPABASE_URL": session_proxy.url}
    log = tmp_path_factory.mktemp("unhurried") / "log"
    with running_service(environ, log, budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def unhurried_flaky_client(unhurried_flaky_service: ServiceProcess, proxy: FaultProxy) -> Iterator[httpx.Client]:
    """A client of that service."""
    yield from _client_that_drains(unhurried_flaky_service, proxy)


def _client_that_drains(service: ServiceProcess, proxy: FaultProxy) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=TIMEOUT, limits=KEPT_ALIVE) as session:
        yield session
        proxy.reset()
        wait_until(lambda: is_drained(service.url), what="the end of the spool")


@pytest.fixture
def source() -> str:
    """A source that no other test uses. Letters only: the fingerprint ignores numbers."""
    return "test-" + "".join(random.choices(string.ascii_lowercase, k=16))  # noqa: S311 - a name


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection]:
    """A superuser's connection, to check what was stored."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def reader(service: ServiceProcess, stack: Stack) -> Iterator[httpx.Client]:
    """A client that may read incidents."""
    headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=TIMEOUT, limits=KEPT_ALIVE) as session:
        yield session


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """The log of a service that the test starts by itself."""
    return tmp_path / "log"
