"""The sender of a report is its credential, never what the report says. test_trust_matrix.py has all credentials."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.new_incident_limit import limit_of_new_incidents
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    INGEST_TOKEN,
    KEPT_ALIVE,
    ServiceProcess,
    running_service,
    service_variables,
)

ROUTE = "/api/autonomous/error"
SHOP_TOKEN = "test-ingest-token-of-the-shop"  # noqa: S105 - of a service that lives as long as a test
CART_TOKEN = "test-ingest-token-of-the-cart"  # noqa: S105 - of a service that lives as long as a test
TOKENS = {"server:default": INGEST_TOKEN, "server:shop": SHOP_TOKEN, "server:cart": CART_TOKEN}
REPORTERS = (*TOKENS, "agent")
NAMESPACES = ("health-check", "sentry", "security", "service", "prober")

Report = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def trusting_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service with two named ingest tokens besides INGEST_TOKEN."""
    environ = {**service_variables(stack), "INGEST_TOKENS": f"shop:{SHOP_TOKEN}, cart:{CART_TOKEN}"}
    with running_service(environ, tmp_path_factory.mktemp("trust") / "log", budgets=UNHURRIED) as process:
        yield process


@pytest.fixture
def report(trusting_service: ServiceProcess, stack: Stack) -> Iterator[Report]:
    """Reports as one of REPORTERS: a server through the service, an agent through PostgREST."""
    with httpx.Client(timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as client:

        def send(who: str, body: dict[str, object], key: str | None = None) -> httpx.Response:
            if who == "agent":
                headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
                keyed = body if key is None else {**body, "idempotency_key": key}
                return client.post(
                    f"{stack.supabase_url}/rest/v1/rpc/report_error", json={"report": keyed}, headers=headers
                )
            headers = {"Authorization": f"Bearer {TOKENS[who]}"}
            if key is not None:
                headers["Idempotency-Key"] = key
            return client.post(f"{trusting_service.url}{ROUTE}", json=body, headers=headers)

        yield send


@pytest.fixture
def incident(connection: psycopg.Connection[Any]) -> Callable[[httpx.Response], dict[str, Any]]:
    """The incident that an answer names."""

    def read(answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, answer.text
        found = connection.execute(
            "select to_jsonb(incidents) from public.incidents where id = %s", [answer.json()["incident_id"]]
        ).fetchone()
        assert found is not None
        return dict(found[0])

    return read


@pytest.fixture
def few_new_incidents(connection: psycopg.Connection[Any]) -> Iterator[int]:
    """Three new incidents a minute, and unused quotas, for the time of a test."""
    with limit_of_new_incidents(connection, 3):
        yield 3


@pytest.mark.parametrize("who", REPORTERS)
def test_the_sender_is_the_credential(
    report: Report, incident: Callable[[httpx.Response], dict[str, Any]], connection: psycopg.Connection[Any], who: str
) -> None:
    name = secrets.token_hex(6)
    body: dict[str, object] = {
        "error": {"message": "m"},
        "severity": "CRITICAL",
        "source": "health-check",
        "sender": "health-check",
        "quota": "",
        "rule": "health_check",
        "fingerprint": name,
        "event": {"sender": "service"},
    }
    stored = incident(report(who, body))
    sender = stored["sender"]
    assert sender == who if who in TOKENS else sender.startswith("agent:")
    assert (stored["severity"], stored["source"], stored["rule"]) == ("CRITICAL", "health-check", "caller")
    actors = connection.execute("select agent from public.agent_actions where incident_id = %s", [stored["id"]])
    assert {actor for (actor,) in actors} == {sender}


@pytest.mark.parametrize("who", REPORTERS)
@pytest.mark.parametrize(
    "forged",
    [
        {"sender": "service", "event": {"error": {"message": "forged"}}},
        {"sender": "health-check", "event": {"error": {"message": "forged"}, "fingerprint": "health-check:prober"}},
        {"event": {"event": {"error": {"message": "forged"}}}},
    ],
)
def test_a_report_that_looks_like_an_envelope_is_refused(report: Report, who: str, forged: dict[str, object]) -> None:
    answer = report(who, forged)
    assert answer.status_code == 400
    assert "error must be a JSON object" in answer.text


@pytest.mark.parametrize("who", REPORTERS)
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_no_reporter_reaches_a_namespace(
    report: Report, incident: Callable[[httpx.Response], dict[str, Any]], who: str, namespace: str
) -> None:
    name = f"{namespace}:{secrets.token_hex(6)}"
    stored = incident(report(who, {"error": {"message": "m"}, "fingerprint": name}))
    assert ":" not in stored["fingerprint"]
    assert stored["context"]["fingerprint"] == name


def test_reporters_do_not_share_fingerprints_and_keys(
    report: Report, incident: Callable[[httpx.Response], dict[str, Any]]
) -> None:
    name = secrets.token_hex(6)
    body: dict[str, object] = {"error": {"message": "m"}, "fingerprint": name}
    stored = [incident(report(who, body, key=name)) for who in REPORTERS]
    assert len({each["id"] for each in stored}) == len(REPORTERS)
    assert {each["occurrence_count"] for each in stored} == {1}


@pytest.mark.parametrize("who", REPORTERS)
def test_a_key_belongs_to_one_report(
    report: Report, incident: Callable[[httpx.Response], dict[str, Any]], who: str
) -> None:
    name = secrets.token_hex(6)
    body: dict[str, object] = {"error": {"message": "m"}, "fingerprint": name}
    first = report(who, body, key=name)
    again = report(who, dict(reversed(body.items())), key=name)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert incident(again)["occurrence_count"] == 1
    other = report(who, {**body, "severity": "CRITICAL"}, key=name)
    assert other.status_code == 422
    assert "idempotency_key was sent before with another report" in other.text
    if who != "agent":
        problem = other.json()
        assert (problem["code"], problem["field"]) == ("idempotency-key-reused", "idempotency_key")
        assert "new key" in problem["hint"]
    assert report(who, {**body, "severity": "CRITICAL"}, key=f"{name} 2").json()["occurrence_count"] == 2


def test_one_reporter_does_not_use_up_the_quota_of_another(report: Report, few_new_incidents: int) -> None:
    """Whatever source it names, or however many."""
    flood = [
        report("server:shop", {"error": {"message": "m"}, "source": source, "fingerprint": secrets.token_hex(6)})
        for source in ("server", "browser", "health-check", "sentry", "security", "cart")
    ]
    assert [answer.status_code for answer in flood] == [201] * few_new_incidents + [429] * few_new_incidents
    assert "server:shop has reached its limit" in flood[-1].json()["detail"]
    for who in ("server:default", "server:cart", "agent"):
        body: dict[str, object] = {"error": {"message": "m"}, "source": "browser", "fingerprint": secrets.token_hex(6)}
        assert report(who, body).is_success


def test_an_unknown_token_reports_nothing(trusting_service: ServiceProcess) -> None:
    for token in (INGEST_TOKEN[:-1], f"{SHOP_TOKEN}x", "shop", f"shop:{SHOP_TOKEN}", CART_TOKEN.upper()):
        answer = http_client.post(
            f"{trusting_service.url}{ROUTE}",
            json={"error": {"message": "m"}},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 401


@pytest.mark.parametrize("who", REPORTERS)
def test_names_are_one_line_and_cannot_look_like_others(
    report: Report, incident: Callable[[httpx.Response], dict[str, Any]], who: str
) -> None:
    hidden = "\u202e\u2066\u200f\u061c\u200b\ufeff"
    name = f"a{hidden}b\r\nc\u2028d"
    body: dict[str, object] = {
        "error": {"message": f"x{hidden}\r\nsecond", "type": name, "code": name},
        "source": name,
        "environment": name,
        "release": name,
        "url": name,
        "fingerprint": f"{name} {secrets.token_hex(6)}",
    }
    stored = incident(report(who, body))
    for field in ("error_type", "error_code", "source", "environment", "release", "url"):
        assert stored[field] == "ab c d", field
    assert stored["title"] == "ab c d: x"
    assert stored["message"] == f"x{hidden}\nsecond"


def test_a_report_through_the_rpc_has_a_size_limit(report: Report) -> None:
    big: dict[str, object] = {"error": {"message": "m"}, "context": {"a": "x" * 1_600_000}}
    answer = report("agent", big)
    assert answer.status_code == 413
    assert "larger than 1.5 MiB" in answer.text
