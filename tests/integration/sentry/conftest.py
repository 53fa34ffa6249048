"""A service with two Sentry client secrets, and a client that signs as Sentry does."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import namedtuple_row

from app.web.auth import sign
from local import Stack
from tests.support import http_client
from tests.support.sentry_bodies import Body, encode
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    KEPT_ALIVE,
    ServiceProcess,
    is_drained,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

WEBHOOK_TOKEN = "webhook-token-of-the-old-plugin"  # noqa: S105 - of a service that lives as long as a test
SECRETS = ("old-client-secret-of-sentry", "new-client-secret-of-sentry")
ROUTE = "/webhooks/sentry"


def sentry_variables(stack: Stack) -> dict[str, str]:
    return {
        **service_variables(stack),
        "SENTRY_CLIENT_SECRET": ", ".join(SECRETS),
        "SENTRY_WEBHOOK_TOKEN": WEBHOOK_TOKEN,
    }


@pytest.fixture(scope="session")
def sentry_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """It never gives up on the database for lack of time."""
    log = tmp_path_factory.mktemp("sentry") / "log"
    with running_service(sentry_variables(stack), log, budgets=UNHURRIED) as process:
        yield process


@dataclass(frozen=True)
class Sentry:
    """Delivers webhooks and reads what was stored."""

    http: httpx.Client
    connection: psycopg.Connection[Any]

    def post(self, resource: str, raw: bytes, secret: str = SECRETS[0], **headers: str) -> httpx.Response:
        usual = {
            "Content-Type": "application/json",
            "Sentry-Hook-Resource": resource,
            "Sentry-Hook-Timestamp": str(int(time.time())),
            "Request-ID": secrets.token_hex(16),
            "Sentry-Hook-Signature": sign(raw, secret),
        }
        return self.http.post(ROUTE, content=raw, headers={**usual, **headers})

    def deliver(self, resource: str, body: Body) -> str:
        """Returns the effect."""
        answer = self.post(resource, encode(body))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["effect"])

    def incident(self, fingerprint: str) -> Any:
        (found,) = self.rows("select * from public.incidents where fingerprint = %s", fingerprint)
        return found

    def rows(self, query: str, *parameters: object) -> list[Any]:
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()


@pytest.fixture
def sentry(sentry_service: ServiceProcess, stack: Stack) -> Iterator[Sentry]:
    with (
        httpx.Client(base_url=sentry_service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as http,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as connection,
    ):
        # While deliveries of an earlier test are in the spool, new ones go there too, with another answer.
        wait_until(lambda: is_drained(sentry_service.url), what="the end of the spool")
        yield Sentry(http, connection)


@pytest.fixture
def issue_id() -> str:
    """The id of an issue that no other test uses."""
    return str(10**9 + secrets.randbelow(10**9))


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log"
