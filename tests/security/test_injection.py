"""SQL, PostgREST operators and path traversal in every parameter are treated as data."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_process import ServiceProcess

INCIDENTS = "/api/autonomous/incidents"
PAYLOADS = [
    "' or 1=1 --",
    "'; drop table public.incidents; --",
    "open,or=(severity.eq.LOW)",
    "in.(open,resolved)",
    "eq.open",
    "not.is.null",
    "open&select=*",
    "open)&or=(id.neq.x",
    "*",
    "%",
    "INC-%",
    "a\0b",
    "\u202e",
    '"quoted"',
    "a.b.c",
    "(select 1)",
    "x" * 5000,
]
PARAMETERS = ["status", "severity", "category", "source", "since", "limit", "offset"]
NO_PARAMETERS = ["select", "order", "or", "and", "id", "message", "on_conflict", "columns"]
PATHS = [
    "//health",
    "/../health",
    "/%2e%2e/etc/passwd",
    "/api/autonomous/incidents/..%2f..%2fstatus",
    "/api/autonomous/incidents/%00",
    "/api/autonomous/incidents/INC-1%27%20or%201=1",
    "/api/autonomous/incidents/INC-1;select",
    "/api/autonomous/incidents/eq.INC-1",
    "/api/autonomous/incidents/*",
    "/.env",
    "/webhooks/sentry/",
    "/api/autonomous/error/..",
    "/" + "a/" * 2000,
]


@pytest.fixture
def reader(http: httpx.Client, stack: Stack) -> httpx.Client:
    http.headers["Authorization"] = f"Bearer {stack.authenticated_jwt}"
    return http


@pytest.fixture(autouse=True)
def incident_is_unchanged(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """An incident from before the test is the same afterwards."""
    name = secrets.token_hex(6)
    report = {"error": {"message": "m"}, "fingerprint": name}
    connection.execute("select public.report_error(%s)", [json.dumps(report)])
    query = "select status::text, occurrence_count from public.incidents where context ->> 'fingerprint' = %s"
    before = connection.execute(query, [name]).fetchall()
    yield
    assert connection.execute(query, [name]).fetchall() == before == [("open", 1)]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_filter_parameters_are_values(reader: httpx.Client, parameter: str) -> None:
    for payload in PAYLOADS:
        answer = reader.get(INCIDENTS, params={parameter: payload})
        assert answer.status_code in (200, 400), (payload, answer.text)
        if answer.status_code == 200:
            assert answer.json()["incidents"] == [], payload


@pytest.mark.parametrize("parameter", NO_PARAMETERS)
def test_unknown_parameters_are_refused(reader: httpx.Client, parameter: str) -> None:
    assert reader.get(INCIDENTS, params={parameter: "x"}).status_code == 400


@pytest.mark.parametrize("payload", PAYLOADS)
def test_fields_of_a_report_are_stored_as_data(
    http: httpx.Client, connection: psycopg.Connection[Any], payload: str
) -> None:
    name = secrets.token_hex(6)
    report = {
        "error": {"message": payload, "type": payload[:100], "stack": payload, "code": payload[:50]},
        "source": payload[:100],
        "environment": payload[:100],
        "release": payload[:100],
        "url": payload,
        "fingerprint": name,
        "context": {payload[:100]: payload},
    }
    answer = http.post("/api/autonomous/error", json=report)
    assert answer.status_code == 201, answer.text
    row = connection.execute(
        "select message from public.incidents where context ->> 'fingerprint' = %s", [name]
    ).fetchone()
    assert row is not None
    assert row[0][:10] == payload.replace("\0", "").strip()[:10]


@pytest.mark.parametrize("path", PATHS)
def test_path_traversal_is_refused(sentry_enabled_service: ServiceProcess, stack: Stack, path: str) -> None:
    """By http.client, which sends a path as it is; other clients normalize it."""
    parts = urlsplit(sentry_enabled_service.url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=http_client.TIMEOUT)
    connection.request("GET", path, headers={"Authorization": f"Bearer {stack.authenticated_jwt}"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status in (400, 404, 405), (path, answer.status)
    assert b"root:" not in text
