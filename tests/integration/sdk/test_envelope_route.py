"""POST /api/<project>/envelope/ and /store/: who may send, in what form, what is kept, and what an SDK learns."""

from __future__ import annotations

import gzip
import json
import re
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from app.metrics import ENVELOPE_ITEMS
from tests.integration.sdk.conftest import Incidents
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.problem_responses import assert_is_problem
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    PUBLIC_KEY,
    PUBLIC_NAME,
    ServiceProcess,
    is_drained,
    running_service,
)
from tests.support.waiting import wait_until

ROUTE = "/api/1/envelope/"
AUTH = {"X-Sentry-Auth": f"Sentry sentry_key={PUBLIC_KEY}, sentry_version=7, sentry_client=test/1.0"}
OPERATOR_TOKEN = "operator-token-0123456789"  # noqa: S105 - of a service that lives as long as a test
PAGE = "https://page.example"


def event(name: str, **members: Any) -> dict[str, Any]:
    """An event that `incidents` finds by its name."""
    fields = {"event_id": uuid.uuid4().hex, "level": "error", "message": f"{name} failed", "release": f"{name}@1.2.3"}
    return {**fields, **members}


def item(kind: str, payload: bytes, *, length: bool = True) -> bytes:
    header = {"type": kind, **({"length": len(payload)} if length else {})}
    return json.dumps(header).encode() + b"\n" + payload + b"\n"


def envelope(*events: dict[str, Any], header: dict[str, Any] | None = None) -> bytes:
    lines = json.dumps(header or {}).encode() + b"\n"
    return lines + b"".join(item("event", json.dumps(each).encode()) for each in events)


@pytest.fixture
def sdk(service: ServiceProcess) -> Callable[..., httpx.Response]:
    """Sends a body as an SDK does."""

    def send(content: bytes, route: str = ROUTE, headers: dict[str, str] = AUTH) -> httpx.Response:
        return http_client.post(f"{service.url}{route}", content=content, headers=headers)

    return send


Sdk = Callable[..., httpx.Response]


# Who sends


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (AUTH, ""),
        ({"X-Sentry-Auth": f"sentry sentry_version=7,sentry_timestamp=1,sentry_key={PUBLIC_KEY},sentry_secret=x"}, ""),
        ({"Authorization": f"Sentry sentry_key={PUBLIC_KEY}"}, ""),
        ({"Authorization": "Bearer of-a-proxy"}, f"?sentry_version=7&sentry_key={PUBLIC_KEY}"),
        ({}, f"?sentry_key={PUBLIC_KEY}&sentry_client=sentry.javascript.browser%2F11.12.0"),
    ],
)
@pytest.mark.parametrize("route", ["/api/1/envelope/", "/api/4505000000000000/envelope"])
def test_a_key_is_read_where_sdks_send_it(
    sdk: Sdk, source: str, incidents: Incidents, headers: dict[str, str], query: str, route: str
) -> None:
    sent = event(source)
    answer = sdk(envelope(sent), route + query, headers)
    assert (answer.status_code, answer.json()) == (200, {"id": sent["event_id"]})
    assert [each["sender"] for each in incidents(source)] == [f"public:{PUBLIC_NAME}"]


def test_a_tunnel_has_the_key_in_the_envelope(sdk: Sdk, source: str, incidents: Incidents) -> None:
    dsn = f"https://{PUBLIC_KEY}@monitor.example/1"
    assert sdk(envelope(event(source), header={"dsn": dsn}), headers={}).status_code == 200
    assert [each["sender"] for each in incidents(source)] == [f"public:{PUBLIC_NAME}"]


@pytest.mark.parametrize(
    ("headers", "query", "header"),
    [
        ({}, "", {}),
        ({}, "?sentry_key=", {}),
        ({}, "?sentry_key=a_key_that_nobody_has", {}),
        ({}, "?sentry_key=%ff%00", {}),
        ({"X-Sentry-Auth": "Sentry sentry_key=a_key_that_nobody_has"}, "", {}),
        ({"X-Sentry-Auth": f"Basic sentry_key={PUBLIC_KEY}"}, "", {}),
        ({"X-Sentry-Auth": f"Sentry sentry_key={PUBLIC_KEY}x"}, "", {}),
        ({"Authorization": f"Bearer {PUBLIC_KEY}"}, "", {}),
        ({}, "", {"dsn": "https://a_key_that_nobody_has@monitor.example/1"}),
        ({}, "", {"dsn": "https://[broken"}),
        ({}, "", {"dsn": "https://\ud800@monitor.example/1"}),
        ({}, "", {"dsn": {"public_key": PUBLIC_KEY}}),
    ],
)
def test_any_other_key_is_unauthorized(
    sdk: Sdk, source: str, incidents: Incidents, headers: dict[str, str], query: str, header: dict[str, Any]
) -> None:
    answer = sdk(envelope(event(source), header=header), ROUTE + query, headers)
    assert_is_problem(answer, "unauthorized")
    assert answer.headers["x-sentry-error"] == answer.json()["detail"]
    assert incidents(source) == []


@pytest.mark.parametrize("project", ["x", "-1", "1.0", "9" * 5000, "%F0"])
@pytest.mark.parametrize("route", ["envelope/", "store/"])
def test_a_project_is_a_number(sdk: Sdk, project: str, route: str) -> None:
    assert_is_problem(sdk(b"{}", f"/api/{project}/{route}"), "not-found")


# In what form


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("identity", bytes),
    ],
)
def test_a_body_may_be_compressed(
    sdk: Sdk, source: str, incidents: Incidents, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    headers = {**AUTH, "Content-Encoding": encoding, "Content-Type": "application/x-sentry-envelope"}
    assert sdk(compress(envelope(event(source))), headers=headers).status_code == 200
    assert len(incidents(source)) == 1


@pytest.mark.parametrize("media_type", ["text/plain;charset=UTF-8", "application/json", "application/octet-stream", ""])
def test_the_content_type_means_nothing(sdk: Sdk, source: str, incidents: Incidents, media_type: str) -> None:
    assert sdk(envelope(event(source)), headers={**AUTH, "Content-Type": media_type}).status_code == 200
    assert len(incidents(source)) == 1


def test_an_event_may_come_alone(sdk: Sdk, source: str, incidents: Incidents) -> None:
    sent = event(source)
    for route in ("/api/1/store/", "/api/1/store"):
        answer = sdk(gzip.compress(json.dumps(sent).encode()), route, {**AUTH, "Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()) == (200, {"id": sent["event_id"]})
    assert [each["occurrence_count"] for each in incidents(source)] == [1]


@pytest.mark.parametrize("content", [b"", b"[]", b"eJyrVkrOz1WyUjJU0lFKLElVsjI0qgUAOroFTw==", b"\xff"])
def test_what_comes_alone_must_be_an_event(sdk: Sdk, content: bytes) -> None:
    answer = sdk(content, "/api/1/store/")
    assert answer.status_code == 400
    assert answer.headers["x-sentry-error"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"\n\n", 1),
        (b"{}\nno item\n{}", 2),
        (b'{}\n{"type":"event","length":70}\n{}', 2),
        (b'{}\n{"type":"session"}\n{}\n{"type":"event"}\n{"message":', 5),
        (b'{}\n{"type":"event"}\n[1]', 3),
        (b'{}\n{"type":"check_in"}\n{"monitor_slug":"nightly","status":"missed"}', 3),
        (b'{}\n{"type":"check_in"}\n{"status":"ok"}', 3),
    ],
)
def test_a_damaged_envelope_is_refused_with_its_line(sdk: Sdk, content: bytes, line: int) -> None:
    answer = sdk(content)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"Line {line} of the envelope: ")
    assert answer.headers["x-sentry-error"].startswith(f"Line {line} of the envelope: ")


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Content-Encoding": "gzip, br"}, "content-encoding"), ({"Content-Encoding": "gzip"}, "body-compression")],
)
def test_other_encodings_are_refused(sdk: Sdk, headers: dict[str, str], code: str) -> None:
    assert_is_problem(sdk(b"{}", headers={**AUTH, **headers}), code)


def test_a_large_attachment_comes_along_with_an_event(sdk: Sdk, source: str, incidents: Incidents) -> None:
    picture = item("attachment", b"\n{}" * 1_500_000)
    assert sdk(envelope(event(source)) + picture).status_code == 200
    assert len(incidents(source)) == 1


@pytest.mark.parametrize("route", [ROUTE, "/api/1/store/"])
def test_a_large_event_is_refused(sdk: Sdk, source: str, route: str) -> None:
    sent = event(source, extra={"text": "x" * 2**20})
    content = envelope(sent) if route == ROUTE else json.dumps(sent).encode()
    assert_is_problem(sdk(content, route), "body-too-large")


def test_a_bomb_of_1_gb_is_refused(sdk: Sdk) -> None:
    compressor = zlib.compressobj(9, wbits=31)
    megabyte = bytes(2**20)
    bomb = b"".join(compressor.compress(megabyte) for _ in range(1024)) + compressor.flush()
    assert_is_problem(sdk(bomb, headers={**AUTH, "Content-Encoding": "gzip"}), "body-too-large")


# What is kept


def test_an_event_is_counted_once(sdk: Sdk, source: str, incidents: Incidents) -> None:
    sent = event(source)
    answers = [sdk(envelope(sent)) for _ in range(3)]
    assert [each.json() for each in answers] == [{"id": sent["event_id"]}] * 3
    assert [each["occurrence_count"] for each in incidents(source)] == [1]


def test_the_id_may_be_in_the_header(sdk: Sdk, source: str, incidents: Incidents) -> None:
    given = uuid.uuid4()
    sent = event(source)
    del sent["event_id"]
    for _ in range(2):
        answer = sdk(envelope(sent, header={"event_id": str(given)}))
        assert answer.json() == {"id": given.hex}
    assert [each["occurrence_count"] for each in incidents(source)] == [1]


def test_every_event_of_an_envelope_is_stored(sdk: Sdk, source: str, incidents: Incidents) -> None:
    sent = [event(source) for _ in range(20)]
    assert sdk(envelope(*sent)).json() == {"id": sent[0]["event_id"]}
    assert [each["occurrence_count"] for each in incidents(source)] == [20]


def test_other_items_are_counted_and_dropped(
    service_environ: dict[str, str], log_path: Path, source: str, incidents: Incidents
) -> None:
    dropped = [name for name in ENVELOPE_ITEMS if name not in ("event", "check_in", "unknown")]
    others = b"".join(item(name, b"\xffnot read") for name in [*dropped, "nel", "security", source])
    with running_service({**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}, log_path, budgets=UNHURRIED) as service:

        def send(content: bytes) -> Any:
            return http_client.post(f"{service.url}{ROUTE}", content=content, headers=AUTH).json()

        assert send(b'{"event_id":"12c2d058-d584-4270-9aa2-eca08bf20986"}\n' + others) == {
            "id": "12c2d058d58442709aa2eca08bf20986"
        }
        assert send(b"{}\n") == {}
        send(envelope(event(source)))
        metrics = http_client.get(f"{service.url}/metrics", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"}).text
    counted = dict(re.findall(r'monitoring_envelope_items_total{type="(.*)"} (.*)', metrics))
    expected = dict.fromkeys(dropped, "1.0") | {"event": "1.0", "check_in": "0.0", "unknown": "3.0"}
    assert counted == expected
    # An envelope without an event is no report.
    assert 'monitoring_reports_total{feed="public",outcome="stored"} 1.0' in metrics
    assert 'monitoring_reports_total{feed="public",outcome="refused"} 0.0' in metrics
    assert len(incidents(source)) == 1


# What an SDK learns


def test_a_page_of_any_origin_may_send_and_read_the_answer(sdk: Sdk, source: str, service: ServiceProcess) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "sentry-trace"}
    for route in ("/api/1/envelope/", "/api/1/envelope", "/api/1/store/"):
        assert http_client.options(f"{service.url}{route}", headers=asked).status_code == 200
    simple = {"Origin": PAGE, "Content-Type": "text/plain;charset=UTF-8"}
    for key, status in ((PUBLIC_KEY, 200), ("a_key_that_nobody_has", 401)):
        answer = sdk(envelope(event(source)), f"{ROUTE}?sentry_key={key}", simple)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")
        assert "X-Sentry-Rate-Limits" in answer.headers["access-control-expose-headers"]


def test_an_event_in_the_spool_is_answered_200(
    flaky_upstream_service: ServiceProcess, proxy: FaultProxy, source: str, incidents: Incidents
) -> None:
    proxy.always = Fault.RESET
    sent = event(source)
    answer = http_client.post(f"{flaky_upstream_service.url}{ROUTE}", content=envelope(sent), headers=AUTH)
    assert (answer.status_code, answer.json()) == (200, {"id": sent["event_id"]})
    proxy.reset()
    wait_until(lambda: len(incidents(source)) == 1, what="the event from the spool")
    wait_until(lambda: is_drained(flaky_upstream_service.url), what="the end of the spool")


def test_a_full_spool_holds_no_sdk_back(service_environ: dict[str, str], log_path: Path, source: str) -> None:
    environ = {**service_environ, "SUPABASE_URL": "http://127.0.0.1:9", "SPOOL_MAX_MB": "4"}
    content = envelope(event(source, message="x" * 700_000))
    with running_service(environ, log_path) as service:
        first, second = (http_client.post(f"{service.url}{ROUTE}", content=content, headers=AUTH) for _ in range(2))
    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (503, "spool-full")
    # SDKs in JavaScript would drop every event until then, and the next one may find room.
    assert "retry-after" not in second.headers
    assert "x-sentry-rate-limits" not in second.headers
