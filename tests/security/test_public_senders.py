"""What somebody who has read a page, and so its public key, tries with it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    KEPT_ALIVE,
    PUBLIC_KEY,
    ServiceProcess,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

SHOP = "https://shop.example"
REPORT = f"/api/autonomous/error?key={PUBLIC_KEY}"
ENVELOPE = f"/api/1/envelope/?sentry_key={PUBLIC_KEY}"
# Origins that resemble the one that is allowed.
OTHER_ORIGINS = [
    "null",
    "https://shop.example.evil.example",
    "https://evil-shop.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://shop.example/",
    "https://SHOP.example",
    "https://shop.example, https://evil.example",
    "https://shop.example@evil.example",
    "",
]
"""Of a browser only the first ones; the service compares the header as it is."""


@pytest.fixture(scope="module")
def restricted_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = {**service_variables(stack), "ALLOWED_ORIGINS": SHOP}
    log = tmp_path_factory.mktemp("public") / "log"
    with running_service(environ, log, budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def page(restricted_service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=restricted_service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as client:
        yield client


def envelope(message: str) -> bytes:
    event = {"event_id": secrets.token_hex(16), "message": message, "level": "error"}
    return b"\n".join(json.dumps(line).encode() for line in ({}, {"type": "event"}, event))


def stored(connection: psycopg.Connection[Any], message: str) -> int:
    row = connection.execute("select count(*) from public.incidents where message = %s", [message]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_an_origin_is_compared_as_a_whole(page: httpx.Client, connection: psycopg.Connection[Any], origin: str) -> None:
    message = f"a page of another origin: {secrets.token_hex(6)}"
    headers = {"Origin": origin, "Content-Type": "text/plain"}
    report = json.dumps({"error": {"message": message}})
    for path, body in ((REPORT, report.encode()), (ENVELOPE, envelope(message))):
        answer = page.post(path, content=body, headers=headers)
        assert answer.status_code == 403, answer.text
        assert answer.headers.get("access-control-allow-origin") != origin
    assert stored(connection, message) == 0


def test_no_key_is_logged(
    page: httpx.Client, restricted_service: ServiceProcess, connection: psycopg.Connection[Any]
) -> None:
    row = connection.execute("select gen_random_uuid()::text").fetchone()
    assert row is not None
    heartbeat = row[0]
    host = urlsplit(restricted_service.url).netloc
    dsn = f"http://{PUBLIC_KEY}@{host}/1"
    tunneled = b"\n".join([json.dumps({"dsn": dsn}).encode(), *envelope("tunneled").split(b"\n")[1:]])
    page.post(REPORT, content=b"{")
    page.post(ENVELOPE, content=b"{")
    page.post("/api/1/envelope/", content=tunneled)
    page.post("/api/1/store/", content=b"[", headers={"X-Sentry-Auth": f"Sentry sentry_key={PUBLIC_KEY}"})
    page.post(f"/webhooks/generic?key={PUBLIC_KEY}", json={"id": 1})
    page.get(f"/heartbeat/{heartbeat}/start")
    page.get(f"/heartbeat/{PUBLIC_KEY}")
    page.get(f"/{PUBLIC_KEY}/")
    request_id = secrets.token_hex(6)
    page.get("/health", headers={"X-Request-Id": request_id})
    wait_until(lambda: request_id in restricted_service.log_path.read_text(), what="the last line")
    text = restricted_service.log_path.read_text()
    assert PUBLIC_KEY not in text
    assert heartbeat not in text
    assert heartbeat.split("-")[0] not in text


def test_a_refusal_cannot_add_a_header(page: httpx.Client) -> None:
    """X-Sentry-Error repeats what the problem says, which may name what was sent."""
    hostile = '{"type":"x\\r\\nSet-Cookie: a=b","length":"\\u000d\\u000aSet-Cookie: a=b"}'
    bodies = [
        f"{{}}\n{hostile}\nx".encode(),
        b"{}\n\r\nSet-Cookie: a=b\r\n",
        "{}\n{\u2028Set-Cookie: a=b".encode(),
        b"{\xff\xfe\r\nSet-Cookie: a=b",
    ]
    for body in bodies:
        answer = page.post(ENVELOPE, content=body)
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-sentry-error"].isprintable()
    answer = page.post(f"/api/1%0d%0aSet-Cookie:%20a=b/envelope/?sentry_key={PUBLIC_KEY}", content=b"{}")
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


def test_a_check_in_of_a_page_keeps_no_job_alive(page: httpx.Client, connection: psycopg.Connection[Any]) -> None:
    """Unless the target names its key in check_ins_from."""
    check_in = {"check_in_id": secrets.token_hex(16), "monitor_slug": "nightly-backup", "status": "ok"}
    lines = [{}, {"type": "check_in"}, check_in]
    before = connection.execute("select count(*) from monitoring.heartbeats where last_ok_at is not null").fetchone()
    answer = page.post(ENVELOPE, content=b"\n".join(json.dumps(line).encode() for line in lines))
    # As Sentry does; the header says that it does not count.
    assert answer.status_code == 200
    assert "no heartbeat has this name" in answer.headers["x-sentry-error"]
    after = connection.execute("select count(*) from monitoring.heartbeats where last_ok_at is not null").fetchone()
    assert after == before


def test_a_public_key_opens_nothing_else(page: httpx.Client) -> None:
    bearer = {"Authorization": f"Bearer {PUBLIC_KEY}"}
    for path in ("/metrics", "/api/autonomous/incidents", f"/api/autonomous/incidents?key={PUBLIC_KEY}"):
        assert page.get(path, headers=bearer).status_code == 401
    for kind in ("alertmanager", "grafana", "uptime-kuma", "generic", "sentry", "github"):
        answer = page.post(f"/webhooks/{kind}?key={PUBLIC_KEY}&token={PUBLIC_KEY}", json={}, headers=bearer)
        assert answer.status_code == 401, kind
