"""The service with Sentry enabled, its HTTP client, a database connection, and changes of the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from local import Stack
from tests.integration.sentry.conftest import sentry_variables
from tests.support import http_client
from tests.support.browser import Browser
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import INGEST_TOKEN, KEPT_ALIVE, ServiceProcess, running_service

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
Configure = Callable[[str, dict[str, object]], None]


@pytest.fixture(scope="session")
def sentry_enabled_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """It never gives up on the database for lack of time."""
    log = tmp_path_factory.mktemp("security") / "log"
    with running_service(sentry_variables(stack), log, budgets=UNHURRIED) as process:
        yield process


@pytest.fixture(scope="session")
def page_service(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service with an operator, for the tests of its pages."""
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("pages") / "log", budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def browser(page_service: ServiceProcess) -> Iterator[Browser]:
    with Browser(page_service.url) as opened:
        yield opened


@pytest.fixture
def other_browser(page_service: ServiceProcess) -> Iterator[Browser]:
    with Browser(page_service.url) as opened:
        yield opened


@pytest.fixture
def http(sentry_enabled_service: ServiceProcess) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    with httpx.Client(
        base_url=sentry_enabled_service.url, headers=headers, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE
    ) as client:
        yield client


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def configure(connection: psycopg.Connection[Any]) -> Iterator[Configure]:
    """Changes an entry of the configuration for the time of a test."""
    before: dict[str, str] = {}

    def change(key: str, value: dict[str, object]) -> None:
        row = connection.execute("select value::text from public.system_config where key = %s", [key]).fetchone()
        assert row is not None
        before.setdefault(key, row[0])
        connection.execute(
            "update public.system_config set value = value || %s where key = %s",
            [Jsonb(value), key],
        )

    yield change
    for key, value in before.items():
        connection.execute("update public.system_config set value = %s where key = %s", [value, key])


@pytest.fixture
def ample_limits(configure: Configure) -> None:
    limits: dict[str, object] = {
        "agent_actions_per_hour": 100_000,
        "all_agent_actions_per_hour": 100_000,
        "claims_per_agent": 1_000,
    }
    configure("rate_limits", limits)
