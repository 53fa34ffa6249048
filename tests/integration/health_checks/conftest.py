"""Health checks against real HTTP servers. The tests call the functions that pg_cron would run."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.health_checks import JOBS, ROLL_UP, HealthChecks
from tests.support.http_target import Target, http_target


@pytest.fixture
def web() -> Iterator[Target]:
    """A server whose path says how it answers."""
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
def emulated_pg_net(superuser: psycopg.Connection[Any]) -> None:
    """Skips the test on a server with the real pg_net, whose worker has no connection that a test could end."""
    row = superuser.execute("select current_setting('shared_preload_libraries')").fetchone()
    if row is not None and "pg_net" in row[0]:
        pytest.skip("the test ends a connection of the emulated pg_net")


@pytest.fixture
def health_checks(connection: psycopg.Connection[Any], superuser: psycopg.Connection[Any]) -> Iterator[HealthChecks]:
    """Switches the scheduled jobs off for the test; afterwards everything but the incidents is restored."""
    driver = HealthChecks(connection, superuser, secrets.token_hex(3))
    driver.switch_jobs([*JOBS, ROLL_UP], active=False)
    # Rounds of tests are two hours old: in an hour that the session has summed up already they would not be counted.
    superuser.execute("delete from monitoring.target_hourly_stats")
    driver.set_policy(allow_private=True)
    try:
        yield driver
    finally:
        driver.set_targets()
        # Resolves open incidents and deletes the states of the targets.
        driver.judge()
        # What was silent in this test is no doubt about our connection in the next one.
        connection.execute(
            "select monitoring.resolve_incidents(%s, 'health-check', 'health-check', 'The test has ended.')",
            (["health-check:connectivity", "health-check:prober"],),
        )
        connection.execute("delete from monitoring.probes")
        connection.execute("delete from public.monitoring_checks")
        connection.execute("delete from monitoring.target_looks where purpose = 'confirm'")
        connection.execute(
            "update public.system_config set value = %s where key = 'health_check_policy'", (json.dumps({}),)
        )
        driver.switch_jobs([*JOBS, ROLL_UP], active=True)
