"""The second vantage point over PostgREST: a stand-in of the service takes looks, and records what a real one sends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local import Stack
from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.service_process import refusing_port

Look = dict[str, Any]
SECRET = "looks-secret-2b1f"  # noqa: S105 - of this test


@dataclass(frozen=True)
class Service:
    """Takes looks, requests their URLs, and records the answers, as a replica of the service does."""

    client: httpx.Client

    def call(self, function: str, **arguments: object) -> httpx.Response:
        return self.client.post(f"/rest/v1/rpc/{function}", json=arguments)

    def take(self, most: int = 20) -> list[Look]:
        answer = self.call("take_looks", max_looks=most)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def record(self, *results: Look) -> list[Look]:
        answer = self.call("record_looks", looks=results)
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def look(self, look: Look) -> Look:
        """What the service saw. Times do not matter here."""
        result: Look = {"id": look["id"], "addresses": ["127.0.0.1"], "response_time_ms": 5}
        headers = look["headers"] | ({"Content-Type": look["content_type"]} if look["content_type"] else {})
        try:
            answer = httpx.request(
                look["method"],
                look["url"],
                headers=headers,
                content=look["body"],
                timeout=look["timeout_ms"] / 1000,
                follow_redirects=True,
            )
        except httpx.TimeoutException:
            return result | {"error_kind": "timeout", "problem": f"timed out after {look['timeout_ms']} ms"}
        except httpx.ConnectError as error:
            return result | {"error_kind": "connect", "problem": str(error)}
        except httpx.TransportError as error:
            return result | {"error_kind": "protocol", "problem": str(error)}
        body = answer.text if look["wants_body"] else None
        return result | {"http_status": answer.status_code, "headers": dict(answer.headers), "body": body}

    def work(self) -> list[Look]:
        """One turn of the loop of the service."""
        taken = self.take()
        return self.record(*(self.look(look) for look in taken))


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=60) as client:
        yield Service(client)


def request_confirmations(health_checks: HealthChecks) -> dict[str, int]:
    """Asks the service about each target, as a judgement does. Returns the ids of the checks by target."""
    moment = datetime.now(UTC)
    health_checks.connection.execute(
        "insert into monitoring.probes (target, target_type, url, scheduled_at)"
        " select name, type, url, %s from monitoring.probe_targets",
        (moment,),
    )
    rows = health_checks.rows("select id, target from monitoring.probes where scheduled_at = %s", moment)
    ids = {row.target.removesuffix(f"-{health_checks.suffix}"): row.id for row in rows}
    assert health_checks.value("select monitoring.request_confirmations(%s)", list(ids.values())) == len(ids)
    # On a busy machine a look may take longer than a judgement waits for it.
    health_checks.connection.execute(
        "update monitoring.target_looks set due_at = clock_timestamp() + interval '3 minutes' where purpose = 'confirm'"
    )
    return ids


def results(health_checks: HealthChecks) -> dict[str, tuple[str | None, str | None]]:
    rows = health_checks.rows("select target, status, problem from monitoring.target_looks where purpose = 'confirm'")
    return {row.target.removesuffix(f"-{health_checks.suffix}"): (row.status, row.problem) for row in rows}


def certificate(days_left: float, **fields: object) -> Look:
    now = datetime.now(UTC)
    return {
        "issuer": "CN=R11,O=Let's Encrypt,C=US",
        "subject": "CN=shop.example",
        "names": ["shop.example", "*.shop.example"],
        "not_before": (now - timedelta(days=60)).isoformat(),
        "not_after": (now + timedelta(days=days_left)).isoformat(),
        "problem": None,
    } | fields


def test_the_service_sees_what_a_target_answers(health_checks: HealthChecks, web: Target, service: Service) -> None:
    with refusing_port() as closed:
        health_checks.set_targets(
            health_checks.target("good", web.url("/delay/0"), body_contains="ok"),
            health_checks.target("lacking", web.url("/delay/0"), body_contains="healthy"),
            health_checks.target("posted", web.url("/echo"), method="POST", body='{"a": 1}', body_contains="POST"),
            health_checks.target("wrong", web.url("/status/500")),
            health_checks.target("silent", web.url("/silent"), timeout_ms=300),
            health_checks.target("broken", web.url("/garbage")),
            health_checks.target("refused", f"http://127.0.0.1:{closed}/"),
        )
        request_confirmations(health_checks)
        assert {answer["result"] for answer in service.work()} == {"recorded"}
    seen = results(health_checks)
    assert {name: status for name, (status, _) in seen.items()} == {
        "good": "up",
        "lacking": "down",
        "posted": "up",
        "wrong": "down",
        "silent": "down",
        "broken": "down",
        "refused": "down",
    }
    assert seen["lacking"][1] == 'the body does not contain "healthy"'
    assert seen["wrong"][1] == "responded with 500, expected 200-399"
    assert seen["silent"][1] == "timed out after 300 ms"
    assert service.work() == []


def test_replicas_share_the_looks(health_checks: HealthChecks, web: Target, service: Service) -> None:
    names = [f"t{number}" for number in range(40)]
    health_checks.set_targets(*(health_checks.target(name, web.url("/status/200")) for name in names))
    request_confirmations(health_checks)
    barrier = threading.Barrier(8)

    def take(_: int) -> list[Look]:
        barrier.wait()
        return service.take(10)

    with ThreadPoolExecutor(8) as replicas:
        taken = [look["id"] for looks in replicas.map(take, range(8)) for look in looks]
    # Whoever came while others held the last rows got fewer: the next call gets them.
    taken += [look["id"] for look in service.take(100)]
    assert len(taken) == len(set(taken)) == 40


def test_another_replica_gets_what_the_first_did_not_finish(
    health_checks: HealthChecks, web: Target, service: Service
) -> None:
    health_checks.set_targets(health_checks.target("shop", web.url("/status/200")))
    request_confirmations(health_checks)
    (first,) = service.take()
    assert service.take() == []
    health_checks.connection.execute("update monitoring.target_looks set lease_expires_at = clock_timestamp()")
    (second,) = service.take()
    assert first == second
    assert [answer["result"] for answer in service.record(service.look(second))] == ["recorded"]
    # The first one was only slow.
    assert [answer["result"] for answer in service.record({"id": first["id"], "http_status": 500})] == ["recorded"]
    assert results(health_checks) == {"shop": ("up", None)}


def test_late_results_say_so(health_checks: HealthChecks, web: Target, service: Service) -> None:
    health_checks.set_targets(health_checks.target("shop", web.url("/status/200")))
    request_confirmations(health_checks)
    (look,) = service.take()
    health_checks.connection.execute("update monitoring.target_looks set due_at = clock_timestamp()")
    assert [answer["result"] for answer in service.record(service.look(look))] == ["late"]
    assert results(health_checks) == {"shop": ("up", None)}


def test_secrets_are_only_in_what_the_service_takes(
    health_checks: HealthChecks, superuser: Any, web: Target, service: Service
) -> None:
    superuser.execute("insert into monitoring.secrets values ('looks_test_key', %s)", (SECRET,))
    try:
        health_checks.set_targets(
            health_checks.target("shop", web.url("/echo"), secret_headers={"x-api-key": "looks_test_key"})
        )
        request_confirmations(health_checks)
        (look,) = service.take()
        assert look["headers"] == {"x-api-key": SECRET}
        # A target that shows what it was sent.
        answers = service.record(service.look(look) | {"error_kind": "protocol", "problem": f"x-api-key: {SECRET}"})
        assert answers == [{"id": look["id"], "result": "recorded"}]
    finally:
        health_checks.set_targets()
        superuser.execute("delete from monitoring.secrets where name = 'looks_test_key'")
    for table in ("target_looks", "target_certificates", "probe_targets"):
        query = f"select count(*) from monitoring.{table} as row where row::text like %s"  # noqa: S608 - our own names
        assert health_checks.value(query, f"%{SECRET}%") == 0


def test_one_bad_result_does_not_affect_the_others(health_checks: HealthChecks, web: Target, service: Service) -> None:
    names = ["good", "bad", "huge", "fine"]
    health_checks.set_targets(*(health_checks.target(name, web.url("/delay/0"), body_contains="ok") for name in names))
    request_confirmations(health_checks)
    ids = {look["target"].removesuffix(f"-{health_checks.suffix}"): look["id"] for look in service.take()}
    answers = service.record(
        {"id": ids["good"], "http_status": 200, "body": "ok"},
        {"id": ids["bad"], "http_status": 200, "certificate": certificate(9, not_after="2026-13-45")},
        {"id": ids["huge"], "http_status": 200, "body": "é" * 524_289},
        {"id": ids["fine"], "http_status": 200, "body": "é" * 524_287 + "ok"},
    )
    assert [(answer["result"], answer.get("field")) for answer in answers] == [
        ("recorded", None),
        ("refused", "certificate.not_after"),
        ("refused", "body"),
        ("recorded", None),
    ]
    assert results(health_checks) == {
        "good": ("up", None),
        "bad": (None, None),
        "huge": (None, None),
        "fine": ("up", None),
    }


@pytest.mark.parametrize(
    ("function", "arguments", "status"),
    [
        ("take_looks", {"max_looks": 0}, 400),
        ("take_looks", {"max_looks": 101}, 400),
        ("record_looks", {"looks": {}}, 400),
        ("record_looks", {"looks": [{"id": 0}] * 101}, 413),
        # PostgreSQL cannot store U+0000: the service leaves it out.
        ("record_looks", {"looks": [{"id": 0, "http_status": 200, "body": "\0"}]}, 400),
    ],
)
def test_calls_that_cannot_be_are_refused(
    service: Service, function: str, arguments: dict[str, object], status: int
) -> None:
    answer = service.call(function, **arguments)
    assert answer.status_code == status, answer.text


CERTIFICATES = {
    "good": (certificate(60), None),
    "soon": (certificate(20.5), ("MEDIUM", "expires in 21 days")),
    "five": (certificate(5), ("HIGH", "expires in 5 days")),
    "last": (certificate(0.5), ("CRITICAL", "expires in 1 day")),
    "expired": (certificate(-1, problem="the certificate has expired"), ("CRITICAL", "has expired")),
    "self-signed": (certificate(60, problem="the certificate is self-signed"), ("HIGH", "is self-signed")),
    "wrong-name": (
        certificate(60, problem="the certificate is not for api.example"),
        ("HIGH", "is not for api.example"),
    ),
    "unreadable": ({"problem": "the certificate cannot be read"}, ("HIGH", "cannot be read")),
}


def test_certificates_open_incidents_in_words(health_checks: HealthChecks, service: Service) -> None:
    health_checks.set_targets(
        *(health_checks.target(name, f"https://{name}.example/") for name in CERTIFICATES),
        health_checks.target("plain", "http://plain.example/"),
    )
    looks = {look["target"].removesuffix(f"-{health_checks.suffix}"): look for look in service.take()}
    assert set(looks) == set(CERTIFICATES)
    assert {look["purpose"] for look in looks.values()} == {"certificate"}
    service.record(
        *(
            {"id": looks[name]["id"], "http_status": 200, "certificate": seen}
            for name, (seen, _) in CERTIFICATES.items()
        )
    )
    rows = health_checks.rows(
        "select fingerprint, severity, title, message from public.incidents where fingerprint like %s",
        f"health-check:certificate:%-{health_checks.suffix}",
    )
    found = {row.fingerprint.rpartition(":")[2]: (row.severity, row.title) for row in rows}
    assert found == {
        health_checks.name(name): (incident[0], f"The certificate of {health_checks.name(name)} {incident[1]}")
        for name, (_, incident) in CERTIFICATES.items()
        if incident is not None
    }
    (message,) = (row.message for row in rows if row.fingerprint.endswith(health_checks.name("five")))
    assert "Let's Encrypt" in message
    assert "shop.example, *.shop.example" in message

    shown = service.client.get("/rest/v1/certificate_status", params={"target": f"eq.{health_checks.name('five')}"})
    (row,) = shown.json()
    assert (row["days_left"], row["problem"]) == (5, None)

    health_checks.set_targets()
    health_checks.value("select monitoring.judge_certificates()")
    live = "select count(*) from public.incidents where fingerprint like %s and status <> 'resolved'"
    assert health_checks.value(live, f"health-check:certificate:%-{health_checks.suffix}") == 0


def test_a_confirmation_renews_the_certificate(health_checks: HealthChecks, service: Service) -> None:
    health_checks.set_targets(health_checks.target("shop", "https://shop.example/"))
    (look,) = service.take()
    service.record({"id": look["id"], "http_status": 200, "certificate": certificate(5)})
    request_confirmations(health_checks)
    (look,) = service.take()
    assert look["purpose"] == "confirm"
    service.record({"id": look["id"], "http_status": 200, "certificate": certificate(80)})
    (incident,) = health_checks.rows(
        "select * from public.incidents where fingerprint = %s",
        f"health-check:certificate:{health_checks.name('shop')}",
    )
    assert (incident.status, incident.occurrence_count) == ("resolved", 1)
    assert service.take() == []


def test_concurrent_results_of_the_same_targets_do_not_block_each_other(
    health_checks: HealthChecks, service: Service
) -> None:
    """Looks of the same targets, recorded in opposite orders, with incidents to open, raise and resolve."""
    names = [f"t{number}" for number in range(10)]
    health_checks.set_targets(*(health_checks.target(name, f"https://{name}.example/") for name in names))
    rounds: list[list[Look]] = []
    for number in range(8):
        request_confirmations(health_checks)
        looks = [look for look in service.take(100) if look["purpose"] == "confirm"]
        assert len(looks) == len(names)
        days = (5, 80, 0.5, 15)[number % 4]
        records = [{"id": look["id"], "http_status": 200, "certificate": certificate(days)} for look in looks]
        rounds.append(records if number % 2 else records[::-1])
    barrier = threading.Barrier(len(rounds))

    def record(records: list[Look]) -> list[str]:
        barrier.wait()
        return [answer["result"] for answer in service.record(*records)]

    with ThreadPoolExecutor(len(rounds)) as replicas:
        answers = list(replicas.map(record, rounds))
    assert {result for results in answers for result in results} <= {"recorded", "late"}
    incidents = health_checks.rows(
        "select fingerprint, count(*) as size from public.incidents where fingerprint like %s group by fingerprint",
        f"health-check:certificate:%-{health_checks.suffix}",
    )
    assert {incident.size for incident in incidents} == {1}
