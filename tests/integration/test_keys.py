"""The service with Supabase's keys of both kinds: what it may do with them, and in which headers it sends them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import jwt
import pytest

from local import Stack
from tests.support import http_client
from tests.support.fault_proxy import FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import INGEST_TOKEN, running_service

REPORT = {"error": {"message": "reported with a key"}, "fingerprint": "keys", "severity": "LOW"}
OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test


@dataclass(frozen=True)
class Running:
    """A service that has these keys, behind the proxy."""

    client: httpx.Client
    secret_key: str
    publishable_key: str


@pytest.fixture(params=["sb keys", "legacy keys", "sb secret", "sb publishable", "legacy keys by their old names"])
def running(request: pytest.FixtureRequest, stack: Stack, own_proxy: FaultProxy, log_path: Path) -> Iterator[Running]:
    kind: str = request.param
    secret_key = stack.secret_key if kind in ("sb keys", "sb secret") else stack.service_role_key
    publishable_key = stack.publishable_key if kind in ("sb keys", "sb publishable") else stack.anon_key
    names = ("SERVICE_ROLE", "ANON") if "old names" in kind else ("SECRET", "PUBLISHABLE")
    environ = {
        "SUPABASE_URL": own_proxy.url,
        f"SUPABASE_{names[0]}_KEY": secret_key,
        f"SUPABASE_{names[1]}_KEY": publishable_key,
        "INGEST_TOKEN": INGEST_TOKEN,
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
    }
    with (
        running_service(environ, log_path, budgets=UNHURRIED) as service,
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT) as client,
    ):
        yield Running(client, secret_key, publishable_key)


def user_token(stack: Stack, algorithm: str) -> str:
    claims = {"role": "authenticated", "sub": "ann", "exp": int(time.time()) + 3600}
    return stack.signing_keys.sign(claims) if algorithm == "ES256" else jwt.encode(claims, stack.jwt_secret)


def keys_sent(proxy: FaultProxy) -> set[tuple[str | None, str | None]]:
    """The apikey and Authorization headers of the calls to PostgREST."""
    fields = [
        {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode().split("\r\n"))
        }
        for head in proxy.heads
    ]
    return {(each.get("apikey"), each.get("authorization")) for each in fields}


def test_all_works_with_keys_of_either_kind(running: Running, stack: Stack, own_proxy: FaultProxy) -> None:
    own_proxy.target = b"/rest/v1/"
    report = running.client.post(
        "/api/autonomous/error", json=REPORT, headers={"Authorization": f"Bearer {INGEST_TOKEN}"}
    )
    assert report.status_code == 201, report.text
    assert running.client.get("/health/db").status_code == 200
    operator = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert "open_incidents" in running.client.get("/status", headers=operator).json()
    is_opaque = running.secret_key.startswith("sb_")
    assert keys_sent(own_proxy) == {(running.secret_key, None if is_opaque else f"Bearer {running.secret_key}")}


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_a_reader_keeps_its_own_token(running: Running, stack: Stack, own_proxy: FaultProxy, algorithm: str) -> None:
    own_proxy.target = b"/rpc/list_incidents"
    token = user_token(stack, algorithm)
    answer = running.client.get("/api/autonomous/incidents", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert keys_sent(own_proxy) == {(running.publishable_key, f"Bearer {token}")}


def test_an_api_key_is_no_readers_token(running: Running, stack: Stack, own_proxy: FaultProxy) -> None:
    """As for hosted Supabase, a publishable or secret key is no bearer token."""
    own_proxy.target = b"/rpc/list_incidents"
    for key in (stack.publishable_key, stack.secret_key):
        answer = running.client.get("/api/autonomous/incidents", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 401
        assert "is no access token" in answer.json()["detail"]
    assert own_proxy.heads == []
