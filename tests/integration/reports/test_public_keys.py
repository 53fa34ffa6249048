"""Reports of pages: a public key in the URL or as bearer token, JSON or the text/plain of sendBeacon."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.reports.conftest import ROUTE
from tests.support.service_process import INGEST_TOKEN, PUBLIC_KEY, PUBLIC_NAME

KEY = {"key": PUBLIC_KEY}
TEXT = {"Content-Type": "text/plain;charset=UTF-8"}


def report(fingerprint: str, **members: object) -> dict[str, Any]:
    return {"error": {"message": "undefined is not a function"}, "fingerprint": fingerprint, **members}


@pytest.fixture
def stored(database: psycopg.Connection, source: str) -> Callable[[], list[tuple[str, str, int]]]:
    """Sender, source and number of occurrences of the incidents of a test."""

    def read() -> list[tuple[str, str, int]]:
        return database.execute(
            "select sender, source, occurrence_count::integer from public.incidents"
            " where context ->> 'fingerprint' = %s order by sender",
            [source],
        ).fetchall()

    return read


def test_a_beacon_is_a_report(
    page: httpx.Client, source: str, stored: Callable[[], list[tuple[str, str, int]]]
) -> None:
    answer = page.post(ROUTE, params=KEY, content=json.dumps(report(source)), headers=TEXT)
    assert answer.status_code == 201
    assert stored() == [(f"public:{PUBLIC_NAME}", PUBLIC_NAME, 1)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda one: json.dumps(one, indent=2), id="one over several lines"),
        pytest.param(lambda one: json.dumps([one]), id="an array"),
        pytest.param(lambda one: f"{json.dumps(one)}\n{json.dumps(one)}\n", id="lines"),
    ],
)
def test_text_is_read_by_its_content(page: httpx.Client, source: str, body: Callable[[Any], str]) -> None:
    answer = page.post(ROUTE, params=KEY, content=body(report(source)), headers=TEXT)
    assert answer.status_code == 201


def test_json_with_a_key_in_the_url_or_the_header(
    page: httpx.Client, source: str, stored: Callable[[], list[tuple[str, str, int]]]
) -> None:
    bearer = {"Authorization": f"Bearer {PUBLIC_KEY}"}
    assert page.post(ROUTE, params=KEY, json=report(source)).status_code == 201
    assert page.post(ROUTE, json=report(source), headers=bearer).status_code == 201
    assert page.post(ROUTE, json=[report(source)], headers=bearer).status_code == 201
    assert stored() == [(f"public:{PUBLIC_NAME}", PUBLIC_NAME, 3)]


def test_a_page_and_a_server_share_nothing(
    page: httpx.Client, client: httpx.Client, source: str, stored: Callable[[], list[tuple[str, str, int]]]
) -> None:
    headers = {"Idempotency-Key": f"{source}-shared"}
    first = client.post(ROUTE, json=report(source, source="server"), headers=headers)
    second = page.post(ROUTE, params=KEY, json=report(source, source="server", severity="CRITICAL"), headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["incident_id"] != second.json()["incident_id"]
    assert second.json()["severity"] != "CRITICAL"
    assert stored() == [(f"public:{PUBLIC_NAME}", PUBLIC_NAME, 1), ("server:default", "server", 1)]


def test_the_time_of_a_page_counts(page: httpx.Client, database: psycopg.Connection, source: str) -> None:
    """A page keeps what it could not send while it was offline."""
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    answer = page.post(ROUTE, params=KEY, json=report(source, timestamp=moment.isoformat()))
    assert answer.status_code == 201
    (first_seen,) = database.execute(
        "select first_seen from public.incidents where context ->> 'fingerprint' = %s", [source]
    ).fetchall()
    assert first_seen == (moment,)


def test_an_ingest_token_in_the_url_is_refused(page: httpx.Client, source: str) -> None:
    answer = page.post(ROUTE, params={"key": INGEST_TOKEN}, json=report(source))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert "Authorization: Bearer" in answer.json()["detail"]
    assert INGEST_TOKEN not in answer.text


@pytest.mark.parametrize(
    "key", ["", "x", "wrong_public_key_of_nobody", "%C3%BC" * 20, PUBLIC_KEY[:-1], "%E4%00", "%ED%B3%A4"]
)
def test_other_keys_are_unauthorized(page: httpx.Client, source: str, key: str) -> None:
    answer = page.post(f"{ROUTE}?key={key}", json=report(source))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_a_server_says_what_it_sends(client: httpx.Client, source: str) -> None:
    answer = client.post(ROUTE, content=json.dumps(report(source)), headers=TEXT)
    assert (answer.status_code, answer.json()["code"]) == (415, "content-type")


def test_text_in_another_charset_is_refused(page: httpx.Client, source: str) -> None:
    headers = {"Content-Type": "text/plain;charset=latin-1"}
    assert page.post(ROUTE, params=KEY, content=json.dumps(report(source)), headers=headers).status_code == 415
