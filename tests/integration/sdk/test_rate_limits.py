"""A key whose quota of new incidents is used up: the SDK holds back, and all that was answered 200 is stored."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.integration.sdk.conftest import Incidents, Run, dsn_of
from tests.integration.sdk.test_envelope_route import AUTH, ROUTE, envelope, event
from tests.support import http_client
from tests.support.new_incident_limit import limit_of_new_incidents
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service

LIMIT = 10
FIELD = "public_new_incidents_per_minute"


def statuses(service: ServiceProcess) -> list[int]:
    """Of the envelopes with an event that the service has answered. An SDK also reports what it has dropped."""
    return [line["status"] for line in service.logs() if line["msg"] == "request" and line.get("feed") == "public"]


def test_an_sdk_holds_back(
    run: Run,
    service_environ: dict[str, str],
    log_path: Path,
    source: str,
    incidents: Incidents,
    database: psycopg.Connection,
) -> None:
    with (
        running_service(service_environ, log_path, budgets=UNHURRIED) as service,
        limit_of_new_incidents(database, LIMIT, FIELD),
    ):
        assert run(dsn_of(service), source, "many_errors") == 0
        answered = statuses(service)
        stored = incidents(source)
    assert len(stored) == answered.count(200)
    assert LIMIT <= len(stored) < 50
    # 100 errors, and a second try at the most once the quota is there again.
    assert 1 <= answered.count(429) <= 3
    assert set(answered) == {200, 429}


def test_a_refusal_says_how_long(
    service: ServiceProcess, source: str, incidents: Incidents, database: psycopg.Connection
) -> None:
    with limit_of_new_incidents(database, 1, FIELD):
        url = f"{service.url}{ROUTE}"
        first, second = event(source), event(source, message=f"{source} is late")
        assert http_client.post(url, content=envelope(first), headers=AUTH).status_code == 200
        refused = http_client.post(url, content=envelope(second), headers=AUTH)
        assert refused.status_code == 429
        seconds = int(refused.headers["retry-after"])
        assert 1 <= seconds <= 60
        assert refused.headers["x-sentry-rate-limits"] == f"{seconds}:error;default:key"
        assert refused.headers["x-sentry-error"] == refused.json()["detail"]
        # A known error is counted all the same.
        again = http_client.post(url, content=envelope(event(source)), headers=AUTH)
        assert again.status_code == 200
    assert [each["occurrence_count"] for each in incidents(source)] == [2]
