"""What anybody can do who copied the public key of a page: report, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from local import Stack, StackSettings
from tests.conftest import fresh_state
from tests.support import http_client
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    INGEST_TOKEN,
    PUBLIC_KEY,
    PUBLIC_NAME,
    running_service,
    service_variables,
)

REPORTS = "/api/autonomous/error"
LIMIT = 5


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """A stack without incidents of other tests, which would decide the state of the page."""
    with fresh_state() as directory, Stack.start(StackSettings(directory, testing=True)) as own:
        yield own


@pytest.fixture(scope="module")
def client(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    log_path: Path = tmp_path_factory.mktemp("trust") / "service.log"
    with (
        running_service(service_variables(own_stack), log_path, budgets=UNHURRIED) as service,
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT) as session,
    ):
        yield session


@pytest.fixture
def superuser(own_stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(own_stack.superuser_database_url, autocommit=True) as connection:
        yield connection


def send_event(client: httpx.Client, **event: object) -> httpx.Response:
    """Sends an event as an SDK does."""
    event_id = uuid4().hex
    parts = ({"event_id": event_id}, {"type": "event"}, {"event_id": event_id, **event})
    return client.post(
        "/api/1/envelope/", params={"sentry_key": PUBLIC_KEY}, content="\n".join(json.dumps(part) for part in parts)
    )


def overall(own_stack: Stack) -> str:
    headers = {"apikey": own_stack.secret_key}
    answer = httpx.post(f"{own_stack.supabase_url}/rest/v1/rpc/service_health", json={}, headers=headers)
    state: str = answer.raise_for_status().json()["overall"]
    return state


def test_no_report_of_a_page_changes_the_status_page(
    client: httpx.Client, own_stack: Stack, superuser: psycopg.Connection
) -> None:
    assert send_event(client, message="database connection failed", level="fatal").status_code == 200
    report = {"error": {"message": "payment failed"}, "level": "fatal", "severity": "CRITICAL"}
    assert client.post(REPORTS, params={"key": PUBLIC_KEY}, json=report).status_code == 201
    worst = superuser.execute(
        "select max(severity)::text from public.incidents where sender = %s", [f"public:{PUBLIC_NAME}"]
    ).fetchone()
    assert worst == ("CRITICAL",), "the rules decide"
    assert overall(own_stack) == "no_targets"
    assert client.get("/status", headers={"Accept": "application/json"}).json()["overall"] == "no_targets"


def test_a_server_reports_what_the_page_shows(client: httpx.Client, own_stack: Stack) -> None:
    report = {"error": {"message": "payment failed"}, "severity": "CRITICAL", "source": PUBLIC_NAME}
    answer = client.post(REPORTS, json=report, headers={"Authorization": f"Bearer {INGEST_TOKEN}"})
    assert answer.json()["occurrence_count"] == 1, "it is no incident of the page"
    assert overall(own_stack) == "degraded"


def test_a_flood_of_new_errors_of_a_page_refuses_no_server(client: httpx.Client, superuser: psycopg.Connection) -> None:
    superuser.execute("delete from monitoring.sender_quotas")
    superuser.execute(
        "update public.system_config set value = value || %s where key = 'rate_limits'",
        [Jsonb({"public_new_incidents_per_minute": LIMIT})],
    )
    letters = "abcdefgh"
    answers = [send_event(client, message=f"flood of {letter * 3}") for letter in letters]
    assert [answer.status_code for answer in answers] == [200] * LIMIT + [429] * (len(letters) - LIMIT)
    refused = answers[-1]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-Sentry-Rate-Limits"].startswith(f"{refused.headers['Retry-After']}:")
    assert send_event(client, message=f"flood of {letters[0] * 3}").status_code == 200, "repeats are counted"
    for letter in letters:
        report = {"error": {"message": f"flood of {letter * 3}"}}
        answer = client.post(REPORTS, json=report, headers={"Authorization": f"Bearer {INGEST_TOKEN}"})
        assert answer.status_code == 201


def test_agents_and_people_resolve_what_a_page_reported(
    client: httpx.Client, own_stack: Stack, superuser: psycopg.Connection
) -> None:
    superuser.execute("delete from monitoring.sender_quotas")
    answer = send_event(client, message="to be resolved by an agent")
    assert answer.status_code == 200
    query = "select id, status::text from public.incidents where message = 'to be resolved by an agent'"
    found = superuser.execute(query).fetchone()
    assert found is not None
    assert found[1] == "open"
    resolved = httpx.post(
        f"{own_stack.supabase_url}/rest/v1/rpc/resolve_incident",
        json={"incident_id": found[0], "resolution": "fixed in 2.1"},
        headers={"apikey": own_stack.publishable_key, "Authorization": f"Bearer {own_stack.authenticated_jwt}"},
    )
    assert resolved.status_code == 200
    assert superuser.execute(query).fetchone() == (found[0], "resolved")
