"""GET /metrics: who may read it, what it counts, and that no label comes from a caller."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from app.metrics import OUTCOMES
from app.web.auth import sign
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.http_client import TIMEOUT
from tests.support.pages import DOCS, blocks, first_names, rows, section
from tests.support.service_budgets import UNHURRIED_CALLS
from tests.support.service_process import INGEST_TOKEN, ServiceProcess, is_drained, running_service
from tests.support.waiting import wait_until

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
REPORTER = {"Authorization": f"Bearer {INGEST_TOKEN}"}
SECRET = "client-secret-of-sentry"  # noqa: S105 - of a service that lives as long as a test
REPORT = "/api/autonomous/error"
# Metrics that the client library defines.
LIBRARY = ("process_", "python_")


class Scrape:
    """The metrics of one moment."""

    def __init__(self, url: str) -> None:
        answer = http_client.get(f"{url}/metrics", headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        self.families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        self.samples: list[Sample] = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels, among others."""
        values = [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]
        assert values, name
        return sum(values)


@pytest.fixture(scope="module")
def measured(
    service_environ: dict[str, str], session_proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    environ = {
        **service_environ,
        "SUPABASE_URL": session_proxy.url,
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
        "SENTRY_CLIENT_SECRET": SECRET,
    }
    with running_service(environ, tmp_path_factory.mktemp("metrics") / "log", budgets=UNHURRIED_CALLS) as process:
        yield process


@pytest.fixture
def http(measured: ServiceProcess, proxy: FaultProxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=measured.url, headers=REPORTER, timeout=TIMEOUT) as session:
        yield session
        proxy.reset()
        wait_until(lambda: is_drained(measured.url), what="the end of the spool")


def report(source: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": f"counted by {source}"}, "source": source, **fields}


def test_the_operator_reads_the_metrics(measured: ServiceProcess) -> None:
    answer = http_client.get(f"{measured.url}/metrics", headers=OPERATOR)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", f"Bearer {OPERATOR_TOKEN}x", f"Bearer {INGEST_TOKEN}", "Basic eDp5"]
)
def test_nobody_else_does(measured: ServiceProcess, authorization: str) -> None:
    answer = http_client.get(f"{measured.url}/metrics", headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert "monitoring_" not in answer.text


def test_a_session_of_the_status_page_does_not_read_them(measured: ServiceProcess) -> None:
    """A page of another site could make a browser send the cookie."""
    signed_in = http_client.post(f"{measured.url}/status", data={"token": OPERATOR_TOKEN})
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    assert http_client.get(f"{measured.url}/metrics", headers={"Cookie": cookie}).status_code == 401


def test_without_an_operator_token_nobody_reads_them(service: ServiceProcess) -> None:
    for headers in ({}, {"Authorization": "Bearer None"}):
        answer = http_client.get(f"{service.url}/metrics", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert "has no OPERATOR_TOKEN" in answer.json()["detail"]


def test_reports_are_counted_by_outcome(http: httpx.Client, measured: ServiceProcess, source: str) -> None:
    before = Scrape(measured.url)
    assert http.post(REPORT, json=report(source)).status_code == 201
    assert http.post(REPORT, json=report(source)).status_code == 201
    assert http.post(REPORT, json=report(source, severity="nonsense")).status_code == 400
    assert http.post(REPORT, json=report(source), headers={"Authorization": ""}).status_code == 401
    assert http.post(REPORT, content=b"{").status_code in (400, 415)
    after = Scrape(measured.url)

    def difference(outcome: str) -> float:
        labels = {"feed": "events", "outcome": outcome}
        return after.value("monitoring_reports_total", **labels) - before.value("monitoring_reports_total", **labels)

    counted = {outcome: difference(outcome) for outcome in ("stored", "duplicate", "rejected", "refused", "spooled")}
    assert counted == {"stored": 1, "duplicate": 1, "rejected": 1, "refused": 2, "spooled": 0}


def test_deliveries_are_counted_as_a_feed_of_their_own(
    http: httpx.Client, measured: ServiceProcess, source: str
) -> None:
    before = Scrape(measured.url)
    body = b'{"action":"created","data":{"installation":{"uuid":"%b"}}}' % source.encode()
    headers = {"Sentry-Hook-Resource": "installation", "Sentry-Hook-Signature": sign(body, SECRET)}
    for _ in range(2):
        assert http.post("/webhooks/sentry", content=body, headers=headers).status_code == 200
    after = Scrape(measured.url)
    for outcome in ("stored", "duplicate"):
        labels = {"feed": "deliveries", "outcome": outcome}
        name = "monitoring_reports_total"
        assert after.value(name, **labels) - before.value(name, **labels) == 1


def test_batches_and_calls_are_measured(http: httpx.Client, measured: ServiceProcess, source: str) -> None:
    before = Scrape(measured.url)
    for _ in range(3):
        assert http.post(REPORT, json=report(source)).status_code == 201
    after = Scrape(measured.url)
    for name, labels, increase in (
        ("monitoring_batch_reports_count", {"feed": "events"}, 3),
        ("monitoring_batch_reports_sum", {"feed": "events"}, 3),
        ("monitoring_database_call_duration_seconds_count", {"feed": "events", "result": "ok"}, 3),
    ):
        assert after.value(name, **labels) - before.value(name, **labels) == increase, name
    assert after.value("monitoring_database_call_duration_seconds_sum", feed="events", result="ok") > 0


def test_requests_are_measured_by_route(http: httpx.Client, measured: ServiceProcess) -> None:
    name = "monitoring_http_request_duration_seconds_count"
    labels = {"method": "GET", "route": "/api/autonomous/incidents/{incident_id}", "status": "401"}
    for number in range(3):
        assert http.get(f"/api/autonomous/incidents/INC-{number}", headers={"Authorization": ""}).status_code == 401
    assert Scrape(measured.url).value(name, **labels) >= 3


def test_an_outage_is_visible(http: httpx.Client, measured: ServiceProcess, proxy: FaultProxy, source: str) -> None:
    wait_until(lambda: Scrape(measured.url).value("monitoring_database_up") == 1, what="the first probe")
    before = Scrape(measured.url)
    proxy.target, proxy.always = b"/rpc/", Fault.RESET
    for _ in range(4):
        assert http.post(REPORT, json=report(source)).status_code == 202
    assert http.get("/health/db").status_code == 503
    during = Scrape(measured.url)
    assert during.value("monitoring_database_up") == 0
    assert during.value("monitoring_spool_reports", feed="events") == 4
    assert during.value("monitoring_spool_reports", feed="deliveries") == 0
    assert during.value("monitoring_spool_size_bytes") > 0
    assert during.value("monitoring_spool_size_limit_bytes") == 256 * 2**20
    assert during.value("monitoring_breaker_state", feed="events", state="closed") == 0
    assert during.value("monitoring_breaker_state", feed="deliveries", state="closed") == 1
    spooled = {"feed": "events", "outcome": "spooled"}
    assert (
        during.value("monitoring_reports_total", **spooled) - before.value("monitoring_reports_total", **spooled) == 4
    )
    assert during.value("monitoring_database_call_duration_seconds_count", feed="events", result="error") > 0
    wait_until(lambda: Scrape(measured.url).value("monitoring_replay_running", feed="events") == 1, what="the replay")
    proxy.reset()
    wait_until(lambda: is_drained(measured.url), what="the end of the spool")
    assert http.get("/health/db").status_code == 200
    after = Scrape(measured.url)
    stored = {"feed": "events", "outcome": "stored"}
    name = "monitoring_replay_reports_total"
    assert after.value(name, **stored) - before.value(name, **stored) == 4
    assert after.value("monitoring_database_up") == 1
    assert after.value("monitoring_spool_reports") == 0
    assert after.value("monitoring_spool_oldest_age_seconds") == 0
    assert after.value("monitoring_replay_running") == 0
    assert after.value("monitoring_breaker_state", feed="events", state="closed") == 1


def test_one_state_of_a_set_is_1(measured: ServiceProcess) -> None:
    scrape = Scrape(measured.url)
    for feed in ("events", "deliveries"):
        assert scrape.value("monitoring_breaker_state", feed=feed) == 1
    assert scrape.value("monitoring_scheduler_state") == 1
    assert scrape.value("monitoring_build_info") == 1
    assert scrape.value("monitoring_task_restarts_total") == 0
    assert scrape.value("process_resident_memory_bytes") > 0


def test_no_label_contains_what_a_caller_says(http: httpx.Client, measured: ServiceProcess) -> None:
    mark = secrets.token_hex(6)
    for path in (f"/{mark}", f"/api/autonomous/incidents/{mark}", f"/status/{mark}", f"/health?x={mark}"):
        http.get(path, headers={"X-Request-Id": mark, "User-Agent": mark, "Host": mark, "X-Forwarded-Host": mark})
    http.request("PROPFIND", f"/{mark}")
    http.request("PUT", "/health")
    http.options("/status", headers={"Origin": f"https://{mark}.example", "Access-Control-Request-Method": "GET"})
    http.post(REPORT, json=report(mark, category=mark, environment=mark))
    parts = urlsplit(measured.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(f"BREW /{mark} HTTP/1.1\r\nHost: {mark}\r\n\r\n".encode())
        connection.recv(1000)
    scrape = Scrape(measured.url)
    labels = [label for sample in scrape.samples for label in sample.labels.values()]
    assert not [label for label in labels if mark in label]
    requests = scrape.families["monitoring_http_request_duration_seconds"].samples
    assert {sample.labels["method"] for sample in requests} <= {"GET", "HEAD", "POST", "OPTIONS", "other"}
    assert "unknown" in {sample.labels["route"] for sample in requests}
    assert len(scrape.samples) < 2000


def test_the_names_follow_the_conventions_of_prometheus(measured: ServiceProcess) -> None:
    for name, family in Scrape(measured.url).families.items():
        if name.startswith(LIBRARY):
            continue
        assert name.startswith("monitoring_"), name
        assert family.documentation.endswith("."), name
        assert not name.endswith(("_total", "_milliseconds", "_ms", "_mb", "_count")), name
        if family.type == "histogram" and "duration" in name:
            assert name.endswith("_seconds")


def test_every_metric_is_documented(measured: ServiceProcess) -> None:
    """Its name as it is queried, its type and its labels."""
    families = Scrape(measured.url).families
    expected = {
        f"{name}_total" if family.type == "counter" else name: family.type
        for name, family in families.items()
        if not name.startswith(LIBRARY)
    }
    table = rows(section(DOCS / "metrics.md", "Metrics"))
    assert {row[0].strip("`"): row[1] for row in table} == expected
    for row in table:
        name = row[0].strip("`").removesuffix("_total")
        labels = {label for sample in families[name].samples for label in sample.labels} - {"le"}
        assert labels <= set(row[2].replace("`", "").split(", ")), name


def test_outcomes_are_documented() -> None:
    assert first_names(section(DOCS / "metrics.md", "Outcomes")) == set(OUTCOMES)


def test_the_examples_name_metrics_that_exist(measured: ServiceProcess) -> None:
    names = {sample.name for sample in Scrape(measured.url).samples} | set(Scrape(measured.url).families)
    examples = " ".join(block.text for block in blocks("yaml"))
    assert set(re.findall(r"\bmonitoring_[a-z_]+", examples)) <= names
