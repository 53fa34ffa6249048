"""A service with two secrets of each e-mail provider, and e-mails that were sent to a recipient of the test's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import namedtuple_row

from local import Stack
from tests.support import http_client
from tests.support.email_events import VARIABLES, Providers
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import KEPT_ALIVE, ServiceProcess, running_service, service_variables

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test


@pytest.fixture(scope="session")
def email_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """It never gives up on the database for lack of time."""
    log = tmp_path_factory.mktemp("emails") / "log"
    environ = {**service_variables(stack), **VARIABLES, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, log, budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def providers(email_service: ServiceProcess) -> Iterator[Providers]:
    with httpx.Client(base_url=email_service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as http:
        yield Providers(http)


@dataclass(frozen=True)
class Email:
    """An e-mail that waits to be sent, and what became of it."""

    id: int
    recipient: str
    provider_id: str
    connection: psycopg.Connection[Any]

    def read(self) -> Any:
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute("select * from public.email_tracking where id = %s", [self.id]).fetchone()


@pytest.fixture
def email(stack: Stack) -> Iterator[Email]:
    name = secrets.token_hex(6)
    recipient = f"{name}@example.com"
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        row = connection.execute(
            "insert into public.email_tracking (recipient, subject) values (%s, 's') returning id", [recipient]
        ).fetchone()
        assert row is not None
        yield Email(row[0], recipient, f"provider-{name}", connection)
        connection.execute("delete from public.email_tracking where id = %s", [row[0]])
