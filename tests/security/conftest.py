"""A service and the database behind it, to be sentry_enabled_service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.sentry.conftest import sentry_variables
from tests.support import http_client
from tests.support.service_process import INGEST_TOKEN, KEPT_ALIVE, ServiceProcess, running_service


@pytest.fixture(scope="session")
def sentry_enabled_service(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    with running_service(
        sentry_variables(stack), tmp_path_factory.mktemp("sentry_enabled_service") / "log"
    ) as process:
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
