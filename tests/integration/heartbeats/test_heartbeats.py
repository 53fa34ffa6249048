"""A job reports over HTTP, or stays silent: states, checks, and one incident that closes by itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.heartbeats.conftest import Heartbeats
from tests.support import http_client
from tests.support.service_process import PUBLIC_KEY, PUBLIC_NAME, ServiceProcess

Ingest = Callable[..., list[dict[str, Any]]]


def test_a_new_heartbeat_waits_and_is_missed_after_its_first_time(heartbeats: Heartbeats) -> None:
    heartbeats.expect("backup")
    assert heartbeats.judge("backup") == "pending"
    heartbeats.move("backup", 64)
    assert heartbeats.judge("backup") == "pending"
    heartbeats.move("backup", 1)
    assert heartbeats.judge("backup") == "down"
    (incident,) = heartbeats.checks.incidents("backup")
    assert (incident.status, incident.severity, incident.category) == ("open", "HIGH", "infrastructure")
    assert incident.error_type == "HeartbeatMissed"
    assert "there has been none yet" in incident.message


def test_a_late_heartbeat_closes_the_incident(heartbeats: Heartbeats) -> None:
    path = heartbeats.expect("backup")
    answer = heartbeats.send(path)
    assert answer["heartbeat"] == heartbeats.checks.name("backup")
    assert (answer["success"], answer["signal"], answer["duplicate"]) == (True, "ok", False)
    assert datetime.fromisoformat(answer["next_expected_at"]) > datetime.now(UTC) + timedelta(minutes=58)
    assert heartbeats.judge("backup") == "up"

    heartbeats.move("backup", 66)
    assert heartbeats.judge("backup") == "down"
    assert [incident.status for incident in heartbeats.checks.incidents("backup")] == ["open"]
    heartbeats.send(f"{path}/0")
    assert heartbeats.judge("backup") == "up"
    (incident,) = heartbeats.checks.incidents("backup")
    assert (incident.status, incident.resolved_by, incident.resolution) == (
        "resolved",
        "health-check",
        "A heartbeat arrived.",
    )


@pytest.mark.parametrize(("signal", "exit_code"), [("fail", None), ("137", 137)])
def test_a_failure_opens_an_incident_at_once(heartbeats: Heartbeats, signal: str, exit_code: int | None) -> None:
    path = heartbeats.expect("backup")
    heartbeats.send(f"{path}/{signal}", "POST")
    assert heartbeats.judge("backup") == "down"
    (incident,) = heartbeats.checks.incidents("backup")
    assert (incident.error_type, heartbeats.row("backup").last_exit_code) == ("HeartbeatFailed", exit_code)
    # The next failure folds into it, the next success closes it.
    heartbeats.send(f"{path}/1")
    heartbeats.send(path, "HEAD")
    assert heartbeats.judge("backup") == "up"
    assert [incident.status for incident in heartbeats.checks.incidents("backup")] == ["resolved"]


def test_a_run_that_takes_too_long(heartbeats: Heartbeats) -> None:
    path = heartbeats.expect("backup", period_minutes=60, max_run_minutes=30)
    heartbeats.send(path)
    heartbeats.move("backup", 62)
    heartbeats.send(f"{path}/start")
    heartbeats.move("backup", 20)
    # The time of the next heartbeat is over, but the run may still end in time.
    assert heartbeats.judge("backup") == "up"
    heartbeats.move("backup", 10)
    assert heartbeats.judge("backup") == "down"
    (incident,) = heartbeats.checks.incidents("backup")
    assert incident.error_type == "HeartbeatTooLong"
    heartbeats.send(path)
    assert heartbeats.judge("backup") == "up"
    assert heartbeats.row("backup").last_duration_ms >= 30 * 60_000


def test_a_start_does_not_replace_an_end(heartbeats: Heartbeats) -> None:
    path = heartbeats.expect("backup")
    heartbeats.send(path)
    heartbeats.move("backup", 66)
    heartbeats.send(f"{path}/start")
    assert heartbeats.judge("backup") == "down"


def test_maintenance_and_dependencies_hold_incidents_back(heartbeats: Heartbeats) -> None:
    checks = heartbeats.checks
    window = {"starts_at": "2020-01-01T00:00", "ends_at": "2099-01-01T00:00", "targets": [checks.name("quiet")]}
    common = {"type": "heartbeat", "period_minutes": 60}
    checks.set_targets(
        {"name": checks.name("quiet"), **common},
        {"name": checks.name("cause"), **common},
        {"name": checks.name("effect"), **common, "depends_on": checks.name("cause")},
    )
    checks.set_policy(maintenance_windows=[window])
    for name in ("quiet", "cause", "effect"):
        heartbeats.send(f"{heartbeats.path(name)}/fail")
    assert {heartbeats.judge(name) for name in ("quiet", "cause", "effect")} == {"down"}
    assert {name: len(checks.incidents(name)) for name in ("quiet", "cause", "effect")} == {
        "quiet": 0,
        "cause": 1,
        "effect": 0,
    }
    (check,) = checks.rows(
        "select is_maintenance from public.monitoring_checks where target = %s", checks.name("quiet")
    )
    assert check.is_maintenance is True


def test_heartbeats_are_no_reason_to_doubt_our_own_connection(heartbeats: Heartbeats) -> None:
    """All targets of a round that fail without an HTTP response are one incident; heartbeats have no response."""
    checks = heartbeats.checks
    checks.set_targets(
        *({"name": checks.name(short), "type": "heartbeat", "period_minutes": 60} for short in ("one", "two"))
    )
    for short in ("one", "two"):
        heartbeats.send(f"{heartbeats.path(short)}/fail")
    checks.judge()
    assert checks.live("connectivity") == []
    assert [len(checks.incidents(short)) for short in ("one", "two")] == [1, 1]


def test_keys_that_do_not_exist(heartbeats: Heartbeats) -> None:
    path = heartbeats.expect("backup")
    for unknown in (f"/heartbeat/{uuid.uuid4()}", "/heartbeat/nightly-backup", "/heartbeat/%00"):
        answer = heartbeats.client.get(unknown)
        assert (answer.status_code, answer.json()["code"]) == (404, "heartbeat-not-found")
    for signal in ("256", "-1", "success", "1e2", "٣"):
        answer = heartbeats.client.get(f"{path}/{signal}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert heartbeats.row("backup").last_ok_at is None
    heartbeats.checks.connection.execute(
        "select monitoring.rotate_heartbeat_key(%s)", [heartbeats.row("backup").target]
    )
    assert heartbeats.client.get(path).status_code == 404
    assert heartbeats.send(heartbeats.path("backup"))["success"] is True


def test_the_key_is_not_logged(heartbeats: Heartbeats, service: ServiceProcess) -> None:
    path = heartbeats.expect("backup")
    heartbeats.send(f"{path}/start")
    heartbeats.client.get(f"{path}/nonsense")
    assert path.rpartition("/")[2] not in service.log_path.read_text()


def test_a_flood_of_one_key_is_one_heartbeat_a_second(heartbeats: Heartbeats) -> None:
    path = heartbeats.expect("backup")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: heartbeats.client.post(path, content=b"x" * 4096), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    # The output of a job is not read.
    assert heartbeats.client.post(f"{path}/start", content=b"x" * 5_000_000).status_code == 200
    codes = {heartbeats.client.get(f"{path}/{code}").status_code for code in range(40)}
    assert codes <= {200, 429}
    assert heartbeats.row("backup").target == heartbeats.checks.name("backup")


def test_check_ins_count_only_where_the_owner_wants_them(heartbeats: Heartbeats, ingest: Ingest) -> None:
    path = heartbeats.expect("backup")
    name = heartbeats.checks.name("backup")
    check_in = {"check_in_id": "a" * 32, "status": "ok", "duration": 2.5}
    element = {
        "sender": "public:shop",
        "slug": name,
        "received_at": datetime.now(UTC).isoformat(),
        "check_in": check_in,
    }
    (refused,) = ingest(element)
    assert refused["error"]["code"] == "PT403"
    heartbeats.move("backup", 66)
    assert heartbeats.judge("backup") == "down"
    assert "check-in of public:shop" in heartbeats.checks.incidents("backup")[0].message

    assert heartbeats.expect("backup", period_minutes=60, check_ins_from=["shop"]) == path
    (accepted,) = ingest(element)
    assert (accepted["success"], accepted["heartbeat"]) == (True, name)
    assert heartbeats.judge("backup") == "up"
    assert heartbeats.row("backup").last_duration_ms == 2500


def test_check_ins_of_an_sdk_come_in_envelopes(heartbeats: Heartbeats) -> None:
    heartbeats.expect("backup")
    name = heartbeats.checks.name("backup")
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={PUBLIC_KEY}"}

    def check_in(status: str) -> httpx.Response:
        item = json.dumps({"check_in_id": "b" * 32, "monitor_slug": name, "status": status})
        envelope = f'{{}}\n{{"type": "check_in"}}\n{item}\n'
        answer = heartbeats.client.post("/api/1/envelope/", content=envelope.encode(), headers=headers)
        assert answer.status_code == 200
        return answer

    assert "do not count for this heartbeat" in check_in("ok").headers["x-sentry-error"]
    assert heartbeats.row("backup").last_ok_at is None
    heartbeats.expect("backup", period_minutes=60, check_ins_from=[PUBLIC_NAME])
    for status in ("in_progress", "error"):
        assert "x-sentry-error" not in check_in(status).headers
    assert heartbeats.judge("backup") == "down"
    check_in("ok")
    assert heartbeats.judge("backup") == "up"
    assert heartbeats.row("backup").last_sender == f"public:{PUBLIC_NAME}"


def test_the_spool_keeps_the_time(heartbeats: Heartbeats, ingest: Ingest) -> None:
    """What the service received in time counts as in time, and nothing that is older than a failure hides it."""
    key = heartbeats.expect("backup").rpartition("/")[2]
    now = datetime.now(UTC)

    def element(minutes_ago: int, signal: str) -> dict[str, object]:
        return {
            "sender": "heartbeat",
            "key": key,
            "signal": signal,
            "received_at": (now - timedelta(minutes=minutes_ago)).isoformat(),
        }

    ingest(element(10, "fail"))
    ingest(element(20, "ok"), element(10, "fail"))
    assert heartbeats.judge("backup") == "down"
    answers = ingest(element(5, "ok"), element(5, "ok"))
    assert [answer["duplicate"] for answer in answers] == [False, True]
    assert heartbeats.judge("backup") == "up"


def test_agents_record_heartbeats_by_name(heartbeats: Heartbeats, stack: Stack) -> None:
    heartbeats.expect("backup")
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    url = f"{stack.supabase_url}/rest/v1/rpc/record_heartbeat"
    body = {"name": heartbeats.checks.name("backup"), "status": "ok"}
    answer = httpx.post(url, json=body, headers=headers, timeout=http_client.TIMEOUT)
    assert (answer.status_code, answer.json()["signal"]) == (200, "ok")
    assert heartbeats.row("backup").last_sender.startswith("agent:")
    answer = httpx.post(url, json={**body, "name": "nothing"}, headers=headers, timeout=http_client.TIMEOUT)
    assert answer.status_code == 404


def test_pages_show_heartbeats(heartbeats: Heartbeats, connection: psycopg.Connection[Any], stack: Stack) -> None:
    path = heartbeats.expect("backup", period_minutes=60, public=True)
    headers = {"Accept": "text/html", "Authorization": f"Bearer {stack.authenticated_jwt}"}
    page = heartbeats.client.get("/status", headers=headers)
    assert (page.status_code, "last heartbeat never" in page.text) == (200, False), "not judged yet"
    heartbeats.judge("backup")
    assert "last heartbeat never" in heartbeats.client.get("/status", headers=headers).text
    heartbeats.send(path)
    heartbeats.judge("backup")
    text = heartbeats.client.get("/status", headers=headers).text
    assert heartbeats.checks.name("backup") in text
    assert "expected in 59 min" in text or "expected in 1 h" in text
    row = connection.execute("select public.public_status() -> 'targets' -> 0").fetchone()
    assert row is not None
    assert (row[0]["status"], row[0]["is_heartbeat"]) == ("up", True)
    heartbeats.send(f"{path}/fail")
    heartbeats.judge("backup")
    row = connection.execute("select public.public_status() -> 'overall'").fetchone()
    assert row is not None
    assert row[0] != "outage"
