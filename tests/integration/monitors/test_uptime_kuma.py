"""The webhooks of Uptime Kuma over HTTP: a monitor that goes down and up opens, resolves and reopens one incident."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tests.integration.monitors.conftest import Monitors
from tests.support.monitor_bodies import encode
from tests.support.uptime_kuma_bodies import DOWN, MAINTENANCE, PENDING, UP, heartbeat, notice

KIND = "uptime-kuma"
NOW = datetime.now(UTC) - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def monitor_id() -> int:
    return 10**9 + secrets.randbelow(10**9)


def test_a_monitor_that_is_down_becomes_an_incident_with_all_its_data(monitors: Monitors, monitor_id: int) -> None:
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW)) == ["opened"]
    incident = monitors.incident(f"uptime-kuma:{monitor_id}")
    assert incident.title == "Shop is down: Request failed with status code 503"
    assert (incident.sender, incident.source, incident.severity, incident.category) == (
        "uptime-kuma",
        "uptime-kuma",
        "HIGH",
        "infrastructure",
    )
    assert (incident.environment, incident.url) == ("production", "https://shop.example/health")
    assert abs(incident.first_seen - NOW) < timedelta(milliseconds=1)
    assert incident.context["service"] == "Shop"
    assert incident.context["uptime-kuma"]["group"] == "Production / Shop"
    assert incident.external_id == str(monitor_id)


def test_a_monitor_opens_folds_resolves_and_reopens(monitors: Monitors, monitor_id: int) -> None:
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW)) == ["opened"]
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW + MINUTE)) == ["counted"]
    assert monitors.deliver(KIND, heartbeat(monitor_id, UP, NOW + 2 * MINUTE)) == ["resolved"]
    incident = monitors.incident(f"uptime-kuma:{monitor_id}")
    assert (incident.status, incident.resolved_by) == ("resolved", "uptime-kuma")
    assert incident.resolution == "Resolved in Uptime Kuma."
    assert abs(incident.resolved_at - (NOW + 2 * MINUTE)) < timedelta(milliseconds=1)
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW + 3 * MINUTE)) == ["reopened"]
    incident = monitors.incident(f"uptime-kuma:{monitor_id}")
    assert (incident.status, incident.occurrence_count) == ("open", 3)


def test_the_same_heartbeat_counts_once(monitors: Monitors, monitor_id: int) -> None:
    """Several notifications of one monitor send it, and may name the monitor differently."""
    body = heartbeat(monitor_id, DOWN, NOW)
    assert monitors.deliver(KIND, body) == ["opened"]
    assert monitors.deliver(KIND, body) == ["repeated"]
    assert monitors.deliver(KIND, {**body, "msg": "another text"}) == ["repeated"]
    assert monitors.incident(f"uptime-kuma:{monitor_id}").occurrence_count == 1


def test_the_time_of_the_heartbeat_decides_and_not_the_order_of_arrival(monitors: Monitors, monitor_id: int) -> None:
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW)) == ["opened"]
    assert monitors.deliver(KIND, heartbeat(monitor_id, UP, NOW + 3 * MINUTE)) == ["resolved"]
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW + MINUTE)) == ["late"]
    assert monitors.incident(f"uptime-kuma:{monitor_id}").status == "resolved"
    assert monitors.deliver(KIND, heartbeat(monitor_id, DOWN, NOW + 5 * MINUTE)) == ["reopened"]
    assert monitors.deliver(KIND, heartbeat(monitor_id, UP, NOW + 4 * MINUTE)) == ["late"]
    assert monitors.incident(f"uptime-kuma:{monitor_id}").status == "open"


@pytest.mark.parametrize("status", [PENDING, MAINTENANCE])
def test_pending_and_maintenance_are_recorded(monitors: Monitors, monitor_id: int, status: int) -> None:
    answer = monitors.post(KIND, encode(heartbeat(monitor_id, status, NOW)))
    assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"])
    assert monitors.rows("select id from public.incidents where fingerprint = %s", f"uptime-kuma:{monitor_id}") == []


def test_a_test_and_the_notice_of_a_certificate_are_recorded_with_the_reason(monitors: Monitors) -> None:
    for text in (
        "Webhook Testing",
        "[Shop][https://shop.example] server certificate shop.example will expire in 7 days",
    ):
        answer = monitors.post(KIND, encode(notice(f"{text} {secrets.token_hex(6)}")))
        assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"])
        (row,) = monitors.rows("select error from monitoring.deliveries where id = %s", answer.json()["delivery_id"])
        assert row.error == "it has no heartbeat: a test, or the notice of an expiring certificate"


def test_wrong_types_never_fail(monitors: Monitors) -> None:
    wrong: tuple[object, ...] = (
        None,
        [],
        "x",
        7,
        True,
        {"status": []},
        {"status": 0, "id": {}, "tags": [[], {"name": 5}]},
    )
    bodies = [{"heartbeat": left, "monitor": right, "msg": left} for left, right in product(wrong, wrong)]
    answers = [monitors.post(KIND, encode(body)) for body in [*bodies, [], {}, "x"]]
    assert {answer.status_code for answer in answers} <= {200, 202}
    effects = {effect for answer in answers for effect in answer.json()["effects"]}
    assert "failed" not in effects
