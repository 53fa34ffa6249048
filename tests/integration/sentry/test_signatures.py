"""Authentication: a signature by one of the secrets, or for the legacy plugin the token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import Stack
from tests.integration.sentry.conftest import ROUTE, SECRETS, WEBHOOK_TOKEN, Sentry, sentry_variables
from tests.support import http_client
from tests.support import sentry_bodies as bodies
from tests.support.service_process import INGEST_TOKEN, ServiceProcess, running_service
from tests.support.waiting import wait_until


def count_deliveries(sentry: Sentry) -> int:
    return int(sentry.rows("select count(*) from monitoring.deliveries")[0][0])


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("header", ["Sentry-Hook-Signature", "Sentry-App-Signature"])
def test_either_secret_and_either_header_are_accepted(sentry: Sentry, issue_id: str, secret: str, header: str) -> None:
    raw = bodies.encode(bodies.issue("created", issue_id))
    good = sentry.post("issue", raw, secret)
    signature = good.request.headers["Sentry-Hook-Signature"]
    again = sentry.post("issue", raw, "wrong", **{header: signature})
    assert (good.status_code, again.status_code) == (200, 200)
    assert again.json()["effect"] == "repeated"


@pytest.mark.parametrize(
    "signature",
    ["", "0" * 64, "é" * 64, "not hex", "A" * 5000, "{upper}", "sha256={signature}"],
)
def test_a_bad_signature_stores_nothing(sentry: Sentry, issue_id: str, signature: str) -> None:
    raw = bodies.encode(bodies.issue("created", issue_id))
    right = sentry.post("installation", b'{"a": 1}').request.headers["Sentry-Hook-Signature"]
    before = count_deliveries(sentry)
    given = signature.format(signature=right, upper=right.upper()).strip("\n")
    answer = sentry.http.post(
        ROUTE,
        content=raw,
        headers=[(b"Sentry-Hook-Resource", b"issue"), (b"Sentry-Hook-Signature", given.encode("latin-1"))],
    )
    assert answer.status_code == 401
    assert answer.json()["code"] == "bad-signature"
    assert count_deliveries(sentry) == before


def test_a_signature_covers_the_raw_bytes(sentry: Sentry, issue_id: str) -> None:
    body = bodies.issue("created", issue_id)
    signature = sentry.post("issue", bodies.encode(body)).request.headers["Sentry-Hook-Signature"]
    pretty = json.dumps(body, indent=1).encode()
    assert sentry.post("issue", pretty, **{"Sentry-Hook-Signature": signature}).status_code == 401


def test_bad_signatures_are_recorded_once_a_minute_per_address(sentry: Sentry) -> None:
    for _ in range(5):
        for address in ("203.0.113.7", "203.0.113.8"):
            sentry.http.post(ROUTE, content=b"{}", headers={"X-Forwarded-For": f"10.0.0.1, {address}"})

    def noted() -> list[str]:
        return [
            row.address
            for row in sentry.rows(
                "select host(ip_address) as address from public.security_events"
                " where event_type = 'invalid_signature' and ip_address <<= '203.0.113.0/24' order by 1"
            )
        ]

    wait_until(lambda: len(noted()) >= 2, what="the notes")
    assert noted() == ["203.0.113.7", "203.0.113.8"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'"' + b"x" * 1024 * 1024, 413),
    ],
)
def test_a_body_that_is_not_json_is_refused(sentry: Sentry, raw: bytes, status: int) -> None:
    assert sentry.post("issue", raw).status_code == status


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"17"])
def test_a_body_that_is_no_object_is_recorded(sentry: Sentry, raw: bytes) -> None:
    answer = sentry.post("issue", raw)
    assert (answer.status_code, answer.json()["effect"]) == (200, "recorded")


def test_the_legacy_plugin_authenticates_with_a_token_of_its_own(
    sentry: Sentry, sentry_service: ServiceProcess, issue_id: str
) -> None:
    raw = bodies.encode(bodies.legacy(issue_id))
    assert sentry.http.post(ROUTE, content=raw).status_code == 401
    for token in ("wrong", "", INGEST_TOKEN, SECRETS[0], "tökén"):
        assert sentry.http.post(ROUTE, content=raw, params={"token": token}).status_code == 401
    answer = sentry.http.post(ROUTE, content=raw, params={"token": WEBHOOK_TOKEN})
    assert (answer.status_code, answer.json()["effect"]) == (200, "opened")
    incident = sentry.incident(f"sentry:issue:{issue_id}")
    assert (incident.error_type, incident.message, incident.severity) == ("Boom", "it broke", "HIGH")
    assert incident.external_url == f"https://acme.sentry.io/issues/{issue_id}/"
    assert WEBHOOK_TOKEN not in sentry_service.log_path.read_text()


def test_the_legacy_plugin_is_refused_without_a_token_of_its_own(stack: Stack, log_path: Path) -> None:
    variables = {name: value for name, value in sentry_variables(stack).items() if name != "SENTRY_WEBHOOK_TOKEN"}
    with running_service(variables, log_path) as service:
        for token in ("", INGEST_TOKEN, WEBHOOK_TOKEN, "None"):
            answer = http_client.post(f"{service.url}{ROUTE}?token={token}", json=bodies.legacy("1"))
            assert answer.status_code == 401


def test_the_answer_names_the_event(sentry: Sentry, issue_id: str) -> None:
    answer = sentry.post("event_alert", bodies.encode(bodies.event_alert(issue_id, "abc123")))
    assert answer.headers["Sentry-Hook-Error"] == "abc123"
