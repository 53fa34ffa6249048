"""A report can be followed in the log: from its request to its batch, to the call of the database and to the replay."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from app.web.auth import sign
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.http_client import TIMEOUT
from tests.support.service_budgets import UNHURRIED_CALLS
from tests.support.service_process import INGEST_TOKEN, KEPT_ALIVE, ServiceProcess, is_drained, running_service
from tests.support.waiting import wait_until

REPORT = "/api/autonomous/error"
WEBHOOK = "/webhooks/sentry"
SECRET = "client-secret-of-sentry"  # noqa: S105 - of a service that lives as long as a test
Line = dict[str, Any]


@pytest.fixture(scope="module")
def logged(
    service_environ: dict[str, str], session_proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "SUPABASE_URL": session_proxy.url, "SENTRY_CLIENT_SECRET": SECRET}
    with running_service(environ, tmp_path_factory.mktemp("logged") / "log", budgets=UNHURRIED_CALLS) as process:
        yield process


@pytest.fixture
def http(logged: ServiceProcess, proxy: FaultProxy) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    with httpx.Client(base_url=logged.url, headers=headers, timeout=TIMEOUT, limits=KEPT_ALIVE) as session:
        yield session
        proxy.reset()
        wait_until(lambda: is_drained(logged.url), what="the end of the spool")


def find(service: ServiceProcess, is_wanted: Callable[[Line], bool], least: int = 1) -> list[Line]:
    """The lines of the log that are wanted, as soon as there are enough."""
    wait_until(lambda: sum(map(is_wanted, service.logs())) >= least, what="a line of the log")
    return [line for line in service.logs() if is_wanted(line)]


def request_line(service: ServiceProcess, request_id: str) -> Line:
    (line,) = find(service, lambda line: line["msg"] == "request" and line["request_id"] == request_id)
    return line


def of_batch(batch_id: object, message: str = "") -> Callable[[Line], bool]:
    return lambda line: line.get("batch_id") == batch_id and line["msg"].startswith(message)


def report(source: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": "followed"}, "source": source, **fields}


def test_from_the_request_to_the_batch_to_the_database(
    http: httpx.Client, logged: ServiceProcess, proxy: FaultProxy, source: str
) -> None:
    answer = http.post(REPORT, json=report(source), headers={"X-Request-Id": source})
    assert answer.status_code == 201
    request = request_line(logged, source)
    assert (request["feed"], request["outcome"]) == ("events", "stored")
    (batch,) = find(logged, of_batch(request["batch_id"], "batch"))
    assert (batch["feed"], batch["reports"], batch["stored"]) == ("events", 1, 1)
    assert batch["request_ids"] == [source]
    assert f"X-Request-Id: {request['batch_id']}\r\n".lower().encode() in proxy.heads[-1].lower()


def test_a_sentry_delivery(http: httpx.Client, logged: ServiceProcess, source: str) -> None:
    body = b'{"action":"created","data":{"installation":{"uuid":"%b"}}}' % source.encode()
    headers = {"Sentry-Hook-Resource": "installation", "Sentry-Hook-Signature": sign(body, SECRET)}
    assert http.post(WEBHOOK, content=body, headers={**headers, "X-Request-Id": source}).status_code == 200
    request = request_line(logged, source)
    assert (request["feed"], request["outcome"]) == ("deliveries", "stored")
    (batch,) = find(logged, of_batch(request["batch_id"], "batch"))
    assert (batch["feed"], batch["request_ids"]) == ("deliveries", [source])


def test_every_request_names_its_batch(http: httpx.Client, logged: ServiceProcess, source: str) -> None:
    """However the reports were distributed over batches."""

    def send(number: int) -> str:
        request_id = f"{source}-{number}"
        http.post(REPORT, json=report(source), headers={"X-Request-Id": request_id})
        return request_id

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(send, range(64)))
    batches: dict[str, list[str]] = {}
    for request_id in ids:
        batches.setdefault(request_line(logged, request_id)["batch_id"], []).append(request_id)
    for batch_id, members in batches.items():
        (batch,) = find(logged, of_batch(batch_id, "batch"))
        assert batch["reports"] == len(members)
        assert set(batch["request_ids"]) <= set(members)
        assert len(batch["request_ids"]) == min(10, len(members))


def test_during_an_outage_every_line_names_feed_and_batch(
    http: httpx.Client, logged: ServiceProcess, proxy: FaultProxy, source: str
) -> None:
    proxy.always = Fault.RESET
    ids = [f"{source}-{number}" for number in range(4)]
    for request_id in ids:
        assert http.post(REPORT, json=report(source), headers={"X-Request-Id": request_id}).status_code == 202
    requests = [request_line(logged, request_id) for request_id in ids]
    assert {(line["feed"], line["outcome"]) for line in requests} == {("events", "spooled")}
    # Failed calls open the breaker: then reports have no batch but that of the replay.
    tried = [line for line in requests if "batch_id" in line]
    assert tried
    for line in tried:
        (warning, *_) = find(logged, of_batch(line["batch_id"], "supabase is unavailable"))
        assert warning["feed"] == "events"
        assert "request_id" not in warning  # a batch may belong to many requests
    (opened, *_) = find(logged, lambda line: line["msg"].startswith("circuit breaker of events opened"))
    assert opened["feed"] == "events"
    assert opened["batch_id"]
    proxy.reset()
    (replayed, *_) = find(logged, lambda line: line.get("is_replay") is True and line.get("stored", 0) > 0)
    assert (replayed["feed"], replayed["msg"]) == ("events", "batch")
    (closed, *_) = find(logged, lambda line: line["msg"].startswith("circuit breaker of events closed"))
    assert closed["feed"] == "events"
    assert closed["batch_id"]


def test_a_report_that_the_database_rejects(http: httpx.Client, logged: ServiceProcess, source: str) -> None:
    answer = http.post(REPORT, json=report(source, severity="nonsense"), headers={"X-Request-Id": source})
    assert answer.status_code == 400
    line = request_line(logged, source)
    assert line["outcome"] == "rejected"
    (batch,) = find(logged, of_batch(line["batch_id"], "batch"))
    assert (batch["reports"], batch["stored"]) == (1, 0)


@pytest.mark.parametrize(("path", "feed"), [(REPORT, "events"), (WEBHOOK, "deliveries")])
def test_a_request_that_a_check_refuses(http: httpx.Client, logged: ServiceProcess, path: str, feed: str) -> None:
    request_id = secrets.token_hex(6)
    headers = {"X-Request-Id": request_id, "Authorization": "", "Sentry-Hook-Signature": "0" * 64}
    assert http.post(path, content=b"{}", headers=headers).status_code == 401
    line = request_line(logged, request_id)
    assert (line["feed"], line["outcome"]) == (feed, "refused")
    assert "batch_id" not in line


def test_a_request_is_logged_before_its_background_work(
    http: httpx.Client, logged: ServiceProcess, proxy: FaultProxy, source: str
) -> None:
    """So the time in its line is that of the response. The record of an invalid signature is written afterwards."""
    proxy.target, proxy.always = b"/rpc/record_invalid_signature", Fault.RESET
    headers = {
        "X-Request-Id": source,
        "Sentry-Hook-Signature": "0" * 64,
        "X-Forwarded-For": f"198.51.100.{len(source)}",
    }
    assert http.post(WEBHOOK, content=b"{}", headers=headers).status_code == 401
    first, second = find(logged, lambda line: line.get("request_id") == source, 2)
    assert first["msg"] == "request"
    assert second["msg"].startswith("an invalid signature was not recorded")
