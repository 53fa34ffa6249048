"""The table of problem documents: each code, over HTTP where a request can produce it."""

import concurrent.futures
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import jwt
import psycopg
import pytest

from app.problems import PROBLEM_TYPES
from local import Stack
from tests.support import http_client
from tests.support.fault_proxy import MARKER, Fault, FaultProxy
from tests.support.new_incident_limit import limit_of_new_incidents
from tests.support.problem_responses import assert_is_problem
from tests.support.service_process import INGEST_TOKEN, PUBLIC_KEY, running_service

ROUTE = "/api/autonomous/error"
INCIDENTS = "/api/autonomous/incidents"
JSON = {"Content-Type": "application/json"}
GOOD = b'{"error": {"message": "x"}}'

# code -> a request that ends there
REQUESTS: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "body-encoding": lambda client: client.post(ROUTE, content=b'{"a": "\xff"}', headers=JSON),
    "body-syntax": lambda client: client.post(ROUTE, content=b"{", headers=JSON),
    "body-shape": lambda client: client.post(ROUTE, content=b"null", headers=JSON),
    "batch-empty": lambda client: client.post(ROUTE, content=b"[]", headers=JSON),
    "batch-size": lambda client: client.post(ROUTE, json=[{"error": {"message": "x"}}] * 1001),
    "body-depth": lambda client: client.post(ROUTE, content=b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", headers=JSON),
    "body-values": lambda client: client.post(
        ROUTE, content=b'{"error":{"message":"m"},"context":{"a":[' + b"0," * 20_000 + b"0]}}", headers=JSON
    ),
    "body-compression": lambda client: client.post(ROUTE, content=GOOD, headers={**JSON, "Content-Encoding": "gzip"}),
    "envelope": lambda client: client.post(f"/api/1/envelope/?sentry_key={PUBLIC_KEY}", content=b"{"),
    "idempotency-key": lambda client: client.post(ROUTE, content=GOOD, headers={**JSON, "Idempotency-Key": "x" * 256}),
    "refused": lambda client: client.post(ROUTE, json={"error": {}}),
    "unauthorized": lambda client: client.post(
        ROUTE, content=GOOD, headers={**JSON, "Authorization": "Bearer wrong-token-0123456789"}
    ),
    "heartbeat-not-found": lambda client: client.get("/heartbeat/no-key"),
    "not-found": lambda client: client.get("/api/autonomous/nothing"),
    "method-not-allowed": lambda client: client.get(ROUTE),
    "body-too-large": lambda client: client.post(ROUTE, content=b" " * (1024 * 1024 + 1), headers=JSON),
    "content-type": lambda client: client.post(ROUTE, content=GOOD, headers={"Content-Type": "text/plain"}),
    "bad-signature": lambda client: client.post("/webhooks/sentry", content=b"{}"),
    "content-encoding": lambda client: client.post(ROUTE, content=GOOD, headers={**JSON, "Content-Encoding": "lzma"}),
    "idempotency-key-reused": lambda client: [
        client.post(ROUTE, json={"error": {"message": text}}, headers={"Idempotency-Key": "problem-responses"})
        for text in ("one report", "another report")
    ][1],
}
# The codes that the tests below, and those in tests/unit, produce by other means.
OTHERWISE = {
    "body-timeout",
    "conflict",
    "draining",
    "forbidden",
    "incident-not-found",
    "internal",
    "misconfigured",
    "not-storable",
    "overloaded",
    "parameter",
    "rate-limited",
    "spool-full",
    "starting",
    "target-not-found",
    "unavailable",
}


def test_every_code_has_a_test() -> None:
    assert set(REQUESTS) | OTHERWISE == set(PROBLEM_TYPES)
    assert not set(REQUESTS) & OTHERWISE


@pytest.mark.parametrize("code", REQUESTS)
def test_code(client: httpx.Client, code: str) -> None:
    assert_is_problem(REQUESTS[code](client), code)


def test_a_chunked_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    chunks = (b" " * 65536 for _ in range(64))
    assert_is_problem(client.post(ROUTE, content=chunks, headers=JSON), "body-too-large")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Basic dTpw",
        f"Bearer {INGEST_TOKEN}x",
        f"Bearer {INGEST_TOKEN[:-1]}",
        f"Token {INGEST_TOKEN}",
    ],
)
def test_other_credentials_are_unauthorized(client: httpx.Client, header: str) -> None:
    answer = client.post(ROUTE, content=GOOD, headers={**JSON, "Authorization": header})
    assert_is_problem(answer, "unauthorized")


def test_malformed_credentials_are_unauthorized(client: httpx.Client) -> None:
    headers = {b"Authorization": b"Bearer \xff\xfe\x80", b"Content-Type": b"application/json"}
    assert_is_problem(client.post(ROUTE, content=GOOD, headers=headers), "unauthorized")


@pytest.mark.parametrize("key", [b"\xff", b"tab\there", "ü".encode()])
def test_malformed_keys_are_refused(client: httpx.Client, key: bytes) -> None:
    headers = {b"Idempotency-Key": key, b"Content-Type": b"application/json"}
    assert_is_problem(client.post(ROUTE, content=GOOD, headers=headers), "idempotency-key")


def test_parameter(reader: httpx.Client) -> None:
    assert_is_problem(reader.get(INCIDENTS, params={"status": "asleep"}), "parameter")


def test_incident_not_found(reader: httpx.Client) -> None:
    assert_is_problem(reader.get(f"{INCIDENTS}/INC-0"), "incident-not-found")


def test_forbidden(reader: httpx.Client, stack: Stack) -> None:
    for role in ("postgres", "supabase_admin", "nobody-at-all"):
        token = jwt.encode({"role": role, "exp": 4102444800}, stack.jwt_secret)
        assert_is_problem(reader.get(INCIDENTS, headers={"Authorization": f"Bearer {token}"}), "forbidden")


@pytest.fixture
def limit_of_five(database: psycopg.Connection) -> Iterator[int]:
    """Five new incidents a minute, for the time of a test."""
    with limit_of_new_incidents(database, 5):
        yield 5


def test_rate_limited(client: httpx.Client, limit_of_five: int, source: str) -> None:
    def send(number: int) -> httpx.Response:
        body = {"error": {"message": "x"}, "source": source, "fingerprint": f"{source}-{number}"}
        return client.post(ROUTE, json=body)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(limit_of_five + 3)))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == 3
    for answer in refused:
        assert "server:default" in assert_is_problem(answer, "rate-limited")["detail"]
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_not_storable(unhurried_flaky_client: httpx.Client, proxy: FaultProxy) -> None:
    proxy.plan(Fault.BREAK)
    answer = unhurried_flaky_client.post(ROUTE, json={"error": {"message": MARKER.decode()}})
    assert assert_is_problem(answer, "not-storable")["sqlstate"] == "PGRST102"


def test_unavailable(flaky_upstream_client: httpx.Client, proxy: FaultProxy, stack: Stack) -> None:
    proxy.target = b"/list_incidents"
    proxy.always = Fault.RESET
    headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    assert_is_problem(flaky_upstream_client.get(INCIDENTS, headers=headers), "unavailable")


def test_reports_are_spooled_and_an_error_is_logged_when_the_secret_key_is_refused(
    service_environ: dict[str, str], log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_SECRET_KEY": "sb_secret_revoked"}
    with running_service(environ, log_path) as service:
        headers = {**JSON, "Authorization": f"Bearer {INGEST_TOKEN}"}
        answer = http_client.post(service.url + ROUTE, content=GOOD, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
        assert any("rejected the service" in line["msg"] for line in service.logs())


def test_spool_full(service_environ: dict[str, str], log_path: Path) -> None:
    environ = {**service_environ, "SUPABASE_URL": "http://127.0.0.1:9", "SPOOL_MAX_MB": "1"}
    headers = {**JSON, "Authorization": f"Bearer {INGEST_TOKEN}"}
    body = b'{"error": {"message": "%b"}}' % (b"x" * 700_000)
    with running_service(environ, log_path) as service:
        first, second = (http_client.post(service.url + ROUTE, content=body, headers=headers) for _ in range(2))
        assert first.status_code == 202
        assert_is_problem(second, "spool-full")
        spool = http_client.get(f"{service.url}/health").json()["spool"]
        assert (spool["depth"], spool["dropped"]) == (1, 1)
