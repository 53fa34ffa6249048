"""Check-ins of unmodified SDKs are heartbeats, if the target says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local import Stack
from tests.integration.sdk.conftest import Run
from tests.integration.sdk.test_envelope_route import AUTH, ROUTE, item
from tests.support import http_client
from tests.support.health_checks import JOBS, HealthChecks
from tests.support.service_process import PUBLIC_NAME, ServiceProcess


@pytest.fixture
def checks(stack: Stack, database: psycopg.Connection) -> Iterator[HealthChecks]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        found = HealthChecks(connection, database, "of-sdks")
        found.switch_jobs(JOBS, active=False)
        try:
            yield found
        finally:
            found.set_targets()
            found.switch_jobs(JOBS, active=True)


def heartbeat(checks: HealthChecks, name: str) -> Any:
    (row,) = checks.rows("select * from monitoring.heartbeats where target = %s", name)
    return row


def test_a_check_in_counts(run: Run, dsn: str, source: str, checks: HealthChecks) -> None:
    checks.set_targets({"name": source, "type": "heartbeat", "period_minutes": 60, "check_ins_from": [PUBLIC_NAME]})
    assert run(dsn, source, "check_in") == 0
    found = heartbeat(checks, source)
    assert found.last_started_at is not None
    assert found.last_ok_at is not None


def test_a_check_in_counts_only_where_the_owner_wants_it(run: Run, dsn: str, source: str, checks: HealthChecks) -> None:
    checks.set_targets({"name": source, "type": "heartbeat", "period_minutes": 60})
    assert run(dsn, source, "check_in") == 0
    assert heartbeat(checks, source).last_ok_at is None


def test_a_check_in_that_counts_for_nothing_says_why(service: ServiceProcess, source: str) -> None:
    check_in = b'{"check_in_id":"a","monitor_slug":"%b","status":"ok"}' % source.encode()
    answer = http_client.post(f"{service.url}{ROUTE}", content=b"{}\n" + item("check_in", check_in), headers=AUTH)
    assert answer.status_code == 200
    assert answer.headers["x-sentry-error"] == "no heartbeat has this name"
