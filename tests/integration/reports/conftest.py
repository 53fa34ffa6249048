"""Fixtures of the report door: clients by their credential, and what was stored."""

from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from tests.support.http_client import TIMEOUT
from tests.support.service_process import KEPT_ALIVE, ServiceProcess

ROUTE = "/api/autonomous/error"


@pytest.fixture
def page(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A page that knows no token: its public key is in the URL."""
    with httpx.Client(base_url=service.url, timeout=TIMEOUT, limits=KEPT_ALIVE) as session:
        yield session


@pytest.fixture
def counts(database: psycopg.Connection) -> Callable[[str], list[tuple[str, int]]]:
    """Status and number of occurrences of the incidents of a source, in the order of their fingerprints."""

    def read(source: str) -> list[tuple[str, int]]:
        return database.execute(
            "select status::text, occurrence_count::integer from public.incidents where source = %s"
            " order by context ->> 'fingerprint', first_seen",
            [source],
        ).fetchall()

    return read
