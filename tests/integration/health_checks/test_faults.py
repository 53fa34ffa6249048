"""Faults between a request and its answer say nothing about the target; the checks recover by themselves."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from local import Stack, StackSettings
from tests.support.health_checks import JOBS, HealthChecks
from tests.support.http_target import Target
from tests.support.waiting import wait_until

FORGET_BATCH = """
do $$
begin
  perform pg_terminate_backend(pid) from pg_stat_activity where application_name = 'emulated pg_net batch';
  truncate net.http_request_queue;
end
$$
"""


@pytest.mark.usefixtures("emulated_pg_net")
def test_a_killed_worker_leaves_unknown_and_no_incident(
    health_checks: HealthChecks, web: Target, superuser: psycopg.Connection[Any]
) -> None:
    """The batch is lost, as after a crash of pg_net."""
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(health_checks.target("api", web.url("/now"), "backend"))
    web.now = "/hold"
    moment = health_checks.start_round()
    wait_until(lambda: web.paths != [], what="the request")
    superuser.execute(FORGET_BATCH)
    check = health_checks.checks(moment)["api"]
    assert timedelta(seconds=14) < check.answer_due_at - check.sent_at < timedelta(seconds=16)
    assert health_checks.judge() == 1
    make_answers_due(health_checks)
    assert health_checks.judge() == 0
    check = health_checks.checks(moment)["api"]
    assert (check.status, check.attempt, check.http_status) == ("unknown", 1, None)
    assert (health_checks.incidents("api"), health_checks.live("prober")) == ([], [])
    web.now = "/status/200"
    after = health_checks.run_round()["api"]
    assert (after.status, after.consecutive_failures) == ("up", 0)


@pytest.mark.usefixtures("emulated_pg_net")
def test_two_unknown_rounds_are_one_incident_about_the_prober(
    health_checks: HealthChecks, web: Target, superuser: psycopg.Connection[Any]
) -> None:
    targets = [health_checks.target(name, web.url("/now"), "backend") for name in ("a", "b", "c")]
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(*targets)
    web.now = "/hold"
    for lost in range(1, 3):
        web.paths.clear()
        moment = health_checks.start_round()
        wait_until(lambda: len(web.paths) == 3, what="the requests")
        superuser.execute(FORGET_BATCH)
        make_answers_due(health_checks)
        assert health_checks.judge() == 0
        assert len(health_checks.live("prober")) == lost - 1
        # Had the worker been back already, they would be suspected of its end and sent one by one.
        health_checks.connection.execute("delete from monitoring.suspected_targets")
    (incident,) = health_checks.live("prober")
    assert {row.incident_id for row in health_checks.checks(moment).values()} == {incident.id}
    assert [health_checks.incidents(name) for name in ("a", "b", "c")] == [[], [], []]
    web.now = "/status/200"
    health_checks.run_round()
    assert health_checks.live("prober") == []


def make_answers_due(health_checks: HealthChecks) -> None:
    """Ends the wait of the pending checks now; by itself it ends 10 s after their timeout."""
    health_checks.connection.execute("update monitoring.probes set answer_due_at = now()")


def test_without_the_trigger_answers_are_found_without_latency(
    health_checks: HealthChecks, web: Target, superuser: psycopg.Connection[Any]
) -> None:
    """As in a project whose pg_net allows no trigger."""
    health = "select (public.service_health() ->> 'has_response_times')::boolean"
    health_checks.set_targets(
        health_checks.target("good", web.url("/delay/0")), health_checks.target("bad", web.url("/status/500"))
    )
    superuser.execute("drop trigger monitoring_records_answers on net._http_response")
    try:
        assert health_checks.value(health) is False
        checks = health_checks.run_round()
    finally:
        assert health_checks.value("select monitoring.install_answer_trigger()") is True
    assert health_checks.value(health) is True
    found = {name: (row.status, row.http_status, row.response_time_ms) for name, row in checks.items()}
    assert found == {"good": ("up", 200, None), "bad": ("down", 500, None)}
    assert checks["bad"].attempt == 3


def test_foreign_requests_are_left_alone(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/delay/0")))
    foreign = health_checks.value("select net.http_get(%s)", web.url("/status/418"))
    assert health_checks.run_round()["api"].status == "up"
    answered = "select count(*) from net._http_response where id = %s and status_code = 418"
    wait_until(lambda: health_checks.value(answered, foreign) == 1, what="the foreign answer")


def test_replicas_that_start_together_make_one_round(
    health_checks: HealthChecks, web: Target, database_url: str
) -> None:
    health_checks.set_targets(*(health_checks.target(f"t{number}", web.url("/delay/0")) for number in range(20)))
    moment = datetime.now(UTC).replace(second=0, microsecond=0)

    def start(_replica: int) -> int:
        with psycopg.connect(database_url, autocommit=True) as connection:
            row = connection.execute("select monitoring.start_round(%s)", (moment,)).fetchone()
            return 0 if row is None else int(row[0])

    health_checks.unlock_rounds()
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(start, range(8))) == [0] * 7 + [20]
    wait_until(lambda: health_checks.judge() == 0, what="the end of the round")
    assert len(web.paths) == 20


def test_reports_and_judgements_do_not_deadlock(health_checks: HealthChecks, web: Target, database_url: str) -> None:
    """Both open and fold incidents at the same time. A report does not reach the incident whose name it gives."""
    names = [f"t{number}" for number in range(10)]
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        health_checks.target("alive", web.url("/status/200")),
        *(health_checks.target(name, web.url("/status/500")) for name in names),
    )
    events = [
        {"error": {"message": f"m {name}"}, "fingerprint": f"health-check:target:{health_checks.name(name)}"}
        for name in names
    ]

    def report(_turn: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(10):
                connection.execute("select public.ingest_events(%s)", (Jsonb(events),))

    with ThreadPoolExecutor(4) as pool:
        reports = [pool.submit(report, turn) for turn in range(4)]
        for _ in range(3):
            health_checks.run_round()
        for done in reports:
            done.result()
    for name in names:
        (incident,) = health_checks.incidents(name)
        assert (incident.occurrence_count, incident.sender) == (3, "health-check")
        reported = "select sum(occurrence_count) from public.incidents where context ->> 'fingerprint' = %s"
        assert health_checks.value(reported, f"health-check:target:{health_checks.name(name)}") == 40


@pytest.mark.skipif("STACK_POSTGRES_URL" in os.environ, reason="the server of STACK_POSTGRES_URL is not killed")
def test_a_crash_during_a_round_leaves_unknown(state: Path, web: Target) -> None:
    """Both of pg_net's tables are empty after it, and its request numbers start again at 1."""
    with Stack.start(StackSettings(state, testing=True)) as stack:
        with (
            psycopg.connect(stack.database_url, autocommit=True) as connection,
            psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
        ):
            health_checks = HealthChecks(connection, superuser, "crash")
            health_checks.switch_jobs(JOBS, active=False)
            health_checks.set_policy(allow_private=True, attempts=1)
            health_checks.set_targets(health_checks.target("api", web.url("/now"), "backend"))
            web.now = "/hold"
            moment = health_checks.start_round()
            wait_until(lambda: web.paths != [], what="the request")
        stack.kill_postgres()
        stack.start_postgres()
        with (
            psycopg.connect(stack.database_url, autocommit=True) as connection,
            psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
        ):
            health_checks = HealthChecks(connection, superuser, "crash", rounds=1)
            # Another request has the number that the lost one had.
            lost = health_checks.checks(moment)["api"].request_id
            assert health_checks.value("select net.http_get(%s)", web.url("/status/418")) <= lost
            make_answers_due(health_checks)
            assert health_checks.judge() == 0
            assert health_checks.checks(moment)["api"].status == "unknown"
            assert (health_checks.incidents("api"), health_checks.live("prober")) == ([], [])
            web.now = "/status/200"
            assert health_checks.run_round()["api"].status == "up"
