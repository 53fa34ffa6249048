"""Status and incident for each way in which a real HTTP server answers or does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.notification_receiver import INVALID_UTF8, notification_receiver
from tests.support.service_process import refusing_port


@dataclass(frozen=True)
class Case:
    path: str
    status: str
    http_status: int | None
    error: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


GOOD = {
    "plain": Case("/delay/0", "up", 200),
    "redirecting": Case("/redirect/3", "up", 200, fields={"body_contains": '"GET"'}),
    "huge": Case("/big/20000000", "up", 200),
    "no UTF-8": Case("/bytes/fffe4100", "up", 200),
    "posted": Case("/echo", "up", 200, fields={"method": "POST", "body_contains": '"method": "POST"'}),
    "expected 404": Case("/status/404", "up", 404, fields={"expected_status": [404, "500-599"]}),
    "with a header": Case(
        "/echo", "up", 200, fields={"headers": {"X-Probe": "yes"}, "body_contains": '["X-Probe", "yes"]'}
    ),
}
BAD = {
    "wrong": Case("/status/500", "down", 500, "responded with 500, expected 200-399"),
    "unexpected 200": Case(
        "/status/200",
        "down",
        200,
        "responded with 200, expected 404-405, 410",
        {"expected_status": ["404-405", 410]},
    ),
    "without the text": Case(
        "/delay/0", "down", 200, 'the body does not contain "healthy"', {"body_contains": "healthy"}
    ),
    "slow": Case("/delay/3000", "down", None, "timed out after 400 ms", {"timeout_ms": 400}),
    "silent": Case("/silent", "down", None, "timed out after 400 ms", {"timeout_ms": 400}),
    "hanging up": Case("/hang-up", "down", None, "Server returned nothing (no headers, no data)"),
    "half an answer": Case("/partial", "down", None),
    "no HTTP": Case("/garbage", "down", None),
}


def test_each_misbehaviour_has_its_status(health_checks: HealthChecks, web: Target) -> None:
    cases = {**GOOD, **BAD}
    health_checks.set_targets(
        *(health_checks.target(name, web.url(case.path), **case.fields) for name, case in cases.items())
    )
    checks = health_checks.run_round()
    found = {name: (row.status, row.http_status) for name, row in checks.items()}
    assert found == {name: (case.status, case.http_status) for name, case in cases.items()}
    for name, case in cases.items():
        assert case.error is None or checks[name].error == case.error
        assert len(health_checks.incidents(name)) == (name in BAD)
        assert checks[name].attempt == (3 if name in BAD else 1)
        assert checks[name].error_count == (3 if name in BAD else 0)
        assert len((checks[name].answer_excerpt or "").encode()) <= 1024


def test_too_slow_is_degraded_and_opens_after_three_rounds(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(
        health_checks.target("slow", web.url("/delay/500"), max_response_ms=50),
        health_checks.target("fast", web.url("/delay/0"), max_response_ms=4_999),
    )
    for _ in range(2):
        checks = health_checks.run_round()
        assert (checks["slow"].status, checks["fast"].status) == ("degraded", "up")
        assert health_checks.incidents("slow") == []
    health_checks.run_round()
    (incident,) = health_checks.incidents("slow")
    assert (incident.severity, incident.status) == ("MEDIUM", "open")


@pytest.mark.parametrize(
    ("kind", "severity", "category"),
    [
        ("backend", "CRITICAL", "backend"),
        ("database", "CRITICAL", "database"),
        ("frontend", "HIGH", "frontend"),
        ("other", "HIGH", "infrastructure"),
    ],
)
def test_an_unreachable_server_opens_an_incident_of_its_kind(
    health_checks: HealthChecks, web: Target, kind: str, severity: str, category: str
) -> None:
    with refusing_port() as port:
        health_checks.set_targets(
            health_checks.target("dead", f"http://127.0.0.1:{port}/", kind),
            health_checks.target("alive", web.url("/status/204")),
        )
        checks = health_checks.run_round()
    assert (checks["dead"].status, checks["alive"].status) == ("down", "up")
    (incident,) = health_checks.incidents("dead")
    assert (incident.severity, incident.category, incident.status) == (severity, category, "open")
    assert checks["dead"].incident_id == incident.id
    assert (incident.source, incident.rule) == ("health-check", "health_check")


def test_secrets_in_an_answer_are_not_kept(health_checks: HealthChecks, web: Target) -> None:
    body = b'{"status": "broken", "password": "hunter2hunter2"}'
    health_checks.set_targets(health_checks.target("leaky", web.url(f"/bytes/{body.hex()}"), body_contains="healthy"))
    check = health_checks.run_round()["leaky"]
    assert "broken" in check.answer_excerpt
    assert "hunter2" not in check.answer_excerpt
    assert "hunter2" not in str(health_checks.incidents("leaky")[0].context)


def test_each_response_time_is_that_of_its_target(health_checks: HealthChecks, web: Target) -> None:
    """pg_net commits a batch after its slowest request. Exact times are measured by `make bench`."""
    delays = (0, 50, 500, 1000)
    health_checks.set_targets(*(health_checks.target(f"after {delay}", web.url(f"/delay/{delay}")) for delay in delays))
    checks = health_checks.run_round()
    found = [checks[f"after {delay}"] for delay in delays]
    # What may have passed while the answers of others were recorded was taken off.
    longest = [check.response_time_ms + check.response_time_error_ms for check in found]
    assert all(time >= delay for time, delay in zip(longest, delays, strict=True)), longest
    # A target that answered a second earlier does not get the time of the batch.
    assert found[0].response_time_ms < found[-1].response_time_ms


def test_headers_that_are_not_utf8_are_readable(health_checks: HealthChecks) -> None:
    """pg_net stores their bytes, which no client could read."""
    with notification_receiver() as receiver:
        receiver.answer("/odd", INVALID_UTF8)
        health_checks.set_targets(health_checks.target("odd", receiver.url("/odd")))
        assert health_checks.run_round()["odd"].status == "up"
    stored = "select answer_headers ->> 'retry-after' from public.monitoring_checks where target = %s"
    assert health_checks.value(stored, health_checks.name("odd")) == "\\377\\376"
