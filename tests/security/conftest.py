"""The service with Sentry enabled, its HTTP client, and a database connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.sentry.conftest import sentry_variables
from tests.support import http_client
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import INGEST_TOKEN, KEPT_ALIVE, ServiceProcess, running_service


@pytest.fixture(scope="session")
def sentry_enabled_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """It never gives up on the database for lack of time."""
    log = tmp_path_factory.mktemp("security") / "log"
    with running_service(sentry_variables(stack), log, budgets=UNHURRIED) as process:
        yield process


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
