"""The status ladder: each row, over HTTP where the outside can bring it about."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app import receiving
from app.delivery import Delivery
from app.door import ReadingBudget
from app.forwarder import Forwarder, ForwarderLimits
from app.middleware import LastResort
from app.problems import LADDER, Problem
from app.reading import told_to_reader
from app.reports import Answer, Report
from app.verdicts import Refusal
from local import Stack
from tests.support.fault_proxy import MARKER, Fault, FaultProxy
from tests.support.service_process import INGEST_TOKEN, running_service

ROUTE = "/api/autonomous/error"
INCIDENTS = "/api/autonomous/incidents"
JSON = {"Content-Type": "application/json"}
GOOD = b'{"error": {"message": "x"}}'

# code -> a request that ends there
REQUESTS: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "body-encoding": lambda client: client.post(ROUTE, content=b'{"a": "\xff"}', headers=JSON),
    "body-syntax": lambda client: client.post(ROUTE, content=b"{", headers=JSON),
    "body-shape": lambda client: client.post(ROUTE, content=b"[]", headers=JSON),
    "body-depth": lambda client: client.post(
        ROUTE, content=b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", headers=JSON
    ),
    "body-values": lambda client: client.post(
        ROUTE, content=b'{"error":{"message":"m"},"context":{"a":[' + b"0," * 20_000 + b"0]}}", headers=JSON
    ),
    "idempotency-key": lambda client: client.post(
        ROUTE, content=GOOD, headers={**JSON, "Idempotency-Key": "x" * 256}
    ),
    "refused": lambda client: client.post(ROUTE, json={"error": {}}),
    "unauthorized": lambda client: client.post(
        ROUTE, content=GOOD, headers={**JSON, "Authorization": "Bearer wrong-token-0123456789"}
    ),
    "not-found": lambda client: client.get("/api/autonomous/nothing"),
    "method-not-allowed": lambda client: client.get(ROUTE),
    "body-too-large": lambda client: client.post(ROUTE, content=b" " * (1024 * 1024 + 1), headers=JSON),
    "content-type": lambda client: client.post(ROUTE, content=GOOD, headers={"Content-Type": "text/plain"}),
    "bad-signature": lambda client: client.post("/webhooks/sentry", content=b"{}"),
    "content-encoding": lambda client: client.post(
        ROUTE, content=GOOD, headers={**JSON, "Content-Encoding": "gzip"}
    ),
}
# The rows that the tests below bring about by other means.
OTHERWISE = {
    "body-timeout",
    "draining",
    "forbidden",
    "incident-not-found",
    "internal",
    "misconfigured",
    "not-storable",
    "overloaded",
    "parameter",
    "rate-limited",
    "report-failed",
    "spool-full",
    "unavailable",
}


def assert_is_row(answer: httpx.Response, code: str) -> dict[str, Any]:
    rung = LADDER[code]
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (rung.status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == rung.status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert ("Retry-After" in answer.headers) == (rung.retry_after is not None)
    assert ("WWW-Authenticate" in answer.headers) == (rung.challenge is not None)
    return problem


def test_every_row_has_a_test() -> None:
    assert set(REQUESTS) | OTHERWISE == set(LADDER)
    assert not set(REQUESTS) & OTHERWISE


@pytest.mark.parametrize("code", REQUESTS)
def test_row(client: httpx.Client, code: str) -> None:
    assert_is_row(REQUESTS[code](client), code)


def test_a_body_that_lies_about_its_length_is_cut_off(client: httpx.Client) -> None:
    chunks = (b" " * 65536 for _ in range(64))
    assert_is_row(client.post(ROUTE, content=chunks, headers=JSON), "body-too-large")


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
    assert_is_row(answer, "unauthorized")


def test_malformed_credentials_are_unauthorized(client: httpx.Client) -> None:
    headers = {b"Authorization": b"Bearer \xff\xfe\x80", b"Content-Type": b"application/json"}
    assert_is_row(client.post(ROUTE, content=GOOD, headers=headers), "unauthorized")


@pytest.mark.parametrize("key", [b"\xff", b"tab\there", "ü".encode()])
def test_malformed_keys_are_refused(client: httpx.Client, key: bytes) -> None:
    headers = {b"Idempotency-Key": key, b"Content-Type": b"application/json"}
    assert_is_row(client.post(ROUTE, content=GOOD, headers=headers), "idempotency-key")


def test_parameter(reader: httpx.Client) -> None:
    assert_is_row(reader.get(INCIDENTS, params={"status": "asleep"}), "parameter")


def test_incident_not_found(reader: httpx.Client) -> None:
    assert_is_row(reader.get(f"{INCIDENTS}/INC-0"), "incident-not-found")


def test_forbidden(reader: httpx.Client, stack: Stack) -> None:
    for role in ("postgres", "supabase_admin", "nobody-at-all"):
        token = jwt.encode({"role": role, "exp": 4102444800}, stack.jwt_secret)
        assert_is_row(reader.get(INCIDENTS, headers={"Authorization": f"Bearer {token}"}), "forbidden")


@pytest.fixture
def limit_of_five(database: psycopg.Connection) -> Iterator[int]:
    """Five new incidents a minute, for the time of a test."""
    change = "update public.system_config set value = value || %s where key = 'rate_limits'"
    row = database.execute(
        "select value -> 'new_incidents_per_minute' from public.system_config where key = 'rate_limits'"
    ).fetchone()
    assert row is not None
    database.execute(change, [Jsonb({"new_incidents_per_minute": 5})])
    yield 5
    database.execute(change, [Jsonb({"new_incidents_per_minute": row[0]})])


def test_rate_limited(client: httpx.Client, limit_of_five: int, source: str) -> None:
    def send(number: int) -> httpx.Response:
        body = {"error": {"message": "x"}, "source": source, "fingerprint": f"{source}-{number}"}
        return client.post(ROUTE, json=body)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(limit_of_five + 3)))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == 3
    for answer in refused:
        assert assert_is_row(answer, "rate-limited")["field"] == "source"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_not_storable(flaky_upstream_client: httpx.Client, proxy: FaultProxy) -> None:
    proxy.plan(Fault.SPOIL)
    answer = flaky_upstream_client.post(ROUTE, json={"error": {"message": MARKER.decode()}})
    assert assert_is_row(answer, "not-storable")["sqlstate"] == "22P05"


def test_unavailable(flaky_upstream_client: httpx.Client, proxy: FaultProxy, stack: Stack) -> None:
    proxy.target = b"/incidents"
    proxy.always = Fault.RESET
    headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    assert_is_row(flaky_upstream_client.get(INCIDENTS, headers=headers), "unavailable")


def test_misconfigured() -> None:
    assert told_to_reader(Refusal(404, "42P01")).code == "misconfigured"


def test_a_wrong_service_key_is_logged_and_loses_nothing(
    service_environ: dict[str, str], log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_SERVICE_ROLE_KEY": service_environ["SUPABASE_ANON_KEY"]}
    with running_service(environ, log_path) as service:
        headers = {**JSON, "Authorization": f"Bearer {INGEST_TOKEN}"}
        answer = httpx.post(service.url + ROUTE, content=GOOD, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
        assert any("refused the service" in line["msg"] for line in service.logs())


async def test_report_failed() -> None:
    async def fail(_body: bytes) -> object:
        raise Refusal(500, "XX000", "a secret that must stay here")

    (answer,) = await Delivery(fail, "events")([Report(b"{}")])
    assert isinstance(answer, Problem)
    assert (answer.code, answer.members["sqlstate"]) == ("report-failed", "XX000")


def test_spool_full(service_environ: dict[str, str], log_path: Path) -> None:
    environ = {**service_environ, "SUPABASE_URL": "http://127.0.0.1:9", "SPOOL_MAX_MB": "1"}
    headers = {**JSON, "Authorization": f"Bearer {INGEST_TOKEN}"}
    body = b'{"error": {"message": "%b"}}' % (b"x" * 700_000)
    with running_service(environ, log_path) as service:
        first, second = (httpx.post(service.url + ROUTE, content=body, headers=headers) for _ in range(2))
        assert first.status_code == 202
        assert_is_row(second, "spool-full")
        spool = httpx.get(f"{service.url}/health").json()["spool"]
        assert (spool["depth"], spool["dropped"]) == (1, 1)


async def test_body_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_BODY_SECONDS", 0.05)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "headers": [], "state": {"reading": ReadingBudget()}}
    with pytest.raises(Problem) as caught:
        await receiving.read_body(Request(scope, receive))
    assert caught.value.code == "body-timeout"
    assert caught.value.status == LADDER["body-timeout"].status


async def test_overloaded_and_draining() -> None:
    async def deliver(_batch: list[Report]) -> list[Answer]:
        raise AssertionError

    forwarder = Forwarder(deliver, ForwarderLimits(waiting_reports=0))
    with pytest.raises(Problem) as caught:
        forwarder.submit(Report(b"{}"))
    assert caught.value.code == "overloaded"
    await forwarder.drain(1)
    with pytest.raises(Problem) as caught:
        forwarder.submit(Report(b"{}"))
    assert caught.value.code == "draining"


async def test_internal() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError("a secret that must stay here")

    transport = httpx.ASGITransport(_with_request_id(LastResort(broken)))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as session:
        answer = await session.get("/")
    problem = assert_is_row(answer, "internal")
    assert problem["request_id"] == "request-1"
    assert "secret" not in answer.text


def _with_request_id(app: Callable[[Scope, Receive, Send], Any]) -> Callable[[Scope, Receive, Send], Any]:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"request_id": "request-1"}}, receive, send)

    return wrapped
