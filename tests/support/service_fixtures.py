"""The service on the real stack, directly and behind a proxy that spoils calls."""

import random
import string
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.fault_proxy import FaultProxy, running_proxy
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
def service(
    service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """One service for all tests that leave it as it was."""
    with running_service(service_environ, tmp_path_factory.mktemp("service") / "log") as process:
        yield process


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A client that may report errors."""
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=15, limits=KEPT_ALIVE) as session:
        yield session


@pytest.fixture(scope="session")
def session_proxy(stack: Stack) -> Iterator[FaultProxy]:
    """The proxy before the stack. Tests take `proxy`, which mends it afterwards."""
    with running_proxy(stack.supabase_url) as proxy:
        yield proxy


@pytest.fixture
def proxy(session_proxy: FaultProxy) -> Iterator[FaultProxy]:
    """The proxy, in order before and after the test."""
    session_proxy.mend()
    yield session_proxy
    session_proxy.mend()


@pytest.fixture(scope="session")
def flaky_upstream_service(
    service_environ: dict[str, str], session_proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """A service whose way to Supabase leads through the proxy."""
    environ = {**service_environ, "SUPABASE_URL": session_proxy.url}
    with running_service(environ, tmp_path_factory.mktemp("shaky") / "log") as process:
        yield process


@pytest.fixture
def flaky_upstream_client(flaky_upstream_service: ServiceProcess, proxy: FaultProxy) -> Iterator[httpx.Client]:
    """A client of the service behind the proxy."""
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    with httpx.Client(base_url=flaky_upstream_service.url, headers=headers, timeout=15, limits=KEPT_ALIVE) as session:
        yield session
        proxy.mend()
        wait_until(lambda: is_drained(flaky_upstream_service.url), what="the end of the spool")


@pytest.fixture
def source() -> str:
    """A source of its own for a test. Letters only: the fingerprint takes no notice of numbers."""
    return "test-" + "".join(random.choices(string.ascii_lowercase, k=16))  # noqa: S311 - a name


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection]:
    """The database itself, to see what was really stored."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def reader(service: ServiceProcess, stack: Stack) -> Iterator[httpx.Client]:
    """A client that may read incidents."""
    headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=15, limits=KEPT_ALIVE) as session:
        yield session


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    """Where a service of the test's own writes."""
    return tmp_path / "log"
