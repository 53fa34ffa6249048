"""Who may deliver: the key of the kind, wherever a product can put it, or the signature of GitHub."""

from __future__ import annotations

import gzip
import json
import secrets
from base64 import b64encode

import httpx
import pytest

from app.web.auth import sign
from local import Stack
from tests.integration.monitors.conftest import KEYS, Monitors
from tests.support.http_client import TIMEOUT
from tests.support.service_process import GITHUB_KEY, INGEST_TOKEN, running_service, service_variables
from tests.support.waiting import wait_until

KINDS = (*KEYS, "github")


def basic(password: str) -> str:
    return f"Basic {b64encode(f'monitoring:{password}'.encode()).decode()}"


@pytest.mark.parametrize("kind", ["alertmanager", "grafana", "uptime-kuma"])
def test_the_key_can_be_in_the_query_or_in_a_header(monitors: Monitors, kind: str) -> None:
    key = KEYS[kind]
    places: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"key": key}, {}),
        ({}, {"Authorization": f"Bearer {key}"}),
        ({}, {"Authorization": basic(key)}),
    ]
    for query, headers in places:
        body = json.dumps({"alerts": [], "nonce": secrets.token_hex(6)}).encode()
        answer = monitors.http.post(f"/webhooks/{kind}", params=query, headers=headers, content=body)
        assert answer.status_code == 202


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("key", ["", "wrong-key-of-nobody-at-all", INGEST_TOKEN, "\N{SNOWMAN}" * 20])
def test_another_key_is_refused(monitors: Monitors, kind: str, key: str) -> None:
    answer = monitors.http.post(f"/webhooks/{kind}", params={"key": key}, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("kind", KEYS)
def test_a_compressed_body_is_refused_as_such(monitors: Monitors, kind: str) -> None:
    """Monitors send none, but a proxy could: "the body is not JSON" would tell nobody why."""
    body, headers = gzip.compress(b"{}"), {"Content-Encoding": "gzip"}
    answer = monitors.http.post(f"/webhooks/{kind}", params={"key": KEYS[kind]}, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "content-encoding")


@pytest.mark.parametrize("kind", KEYS)
def test_the_key_of_another_kind_is_refused(monitors: Monitors, kind: str) -> None:
    for other in {*KEYS} - {kind}:
        answer = monitors.http.post(f"/webhooks/{kind}", params={"key": KEYS[other]}, content=b"{}")
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        f"sha256={'0' * 64}",
        sign(b"{}", GITHUB_KEY),
        f"sha1={sign(b'{}', GITHUB_KEY)}",
        f"sha256={sign(b'{ }', GITHUB_KEY)}",
        f"sha256={sign(b'{}', 'another-secret-of-nobody')}",
    ],
)
def test_a_wrong_signature_of_github_is_refused(monitors: Monitors, signature: str) -> None:
    answer = monitors.http.post("/webhooks/github", content=b"{}", headers={"X-Hub-Signature-256": signature})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature")
    assert "GITHUB_KEY" in answer.json()["detail"]


def test_a_ping_of_github_is_answered(monitors: Monitors) -> None:
    answer = monitors.post("github", b'{"zen": "Keep it simple.", "hook_id": 1}', **{"X-GitHub-Event": "ping"})
    assert (answer.status_code, answer.json()["success"]) == (200, True)


def test_a_refused_webhook_is_a_security_event(monitors: Monitors) -> None:
    """An address of its own: each is recorded once a minute."""
    address = f"198.51.100.{1 + secrets.randbelow(250)}"
    monitors.http.post("/webhooks/alertmanager", content=b"{}", headers={"X-Forwarded-For": address})

    def is_recorded() -> bool:
        query = (
            "select 1 as found from public.security_events where event_type = 'invalid_signature' and ip_address = %s"
        )
        return bool(monitors.rows(query, address))

    wait_until(is_recorded, what="the security event")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_json_is_refused(monitors: Monitors, kind: str) -> None:
    answer = monitors.post(kind, b"payload=%7B%7D")
    assert (answer.status_code, answer.json()["code"]) == (400, "body-syntax")


def test_an_unknown_kind_is_not_found(monitors: Monitors) -> None:
    answer = monitors.http.post("/webhooks/nagios", params={"key": KEYS["grafana"]}, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_kind_without_a_key_is_refused(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    variables = {name: value for name, value in service_variables(stack).items() if not name.endswith(("_KEY", "KEYS"))}
    variables |= {name: service_variables(stack)[name] for name in ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")}
    with (
        running_service(variables, tmp_path_factory.mktemp("unconfigured") / "log") as process,
        httpx.Client(base_url=process.url, timeout=TIMEOUT) as http,
    ):
        for kind in KINDS:
            headers = {"X-Hub-Signature-256": f"sha256={sign(b'{}', '')}"}
            answer = http.post(f"/webhooks/{kind}", params={"key": ""}, headers=headers, content=b"{}")
            assert answer.status_code == 401, kind
