"""Health checks against real HTTP servers. The test calls what pg_cron would run: rounds and judgements."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.health_checks import JOBS, HealthChecks
from tests.support.http_target import Target, http_target


@pytest.fixture
def web() -> Iterator[Target]:
    """A server that does what the path says."""
    with http_target() as target:
        yield target


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def superuser(superuser_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(superuser_database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def watch(connection: psycopg.Connection[Any], superuser: psycopg.Connection[Any]) -> Iterator[HealthChecks]:
    """The real jobs stand still meanwhile; afterwards everything is as it was, but for the incidents."""
    watching = HealthChecks(connection, superuser, secrets.token_hex(3))
    watching.switch_jobs(JOBS, active=False)
    watching.set_policy(allow_private=True)
    try:
        yield watching
    finally:
        watching.set_targets()
        # Resolves what is open, and forgets the states.
        watching.judge()
        connection.execute("delete from public.monitoring_checks")
        connection.execute(
            "update public.system_config set value = %s where key = 'health_check_policy'", (json.dumps({}),)
        )
        watching.switch_jobs(JOBS, active=True)
