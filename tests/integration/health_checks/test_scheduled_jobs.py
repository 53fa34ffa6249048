"""The jobs as pg_cron runs them, on their own schedule."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

from tests.support.health_checks import JOBS, HealthChecks
from tests.support.http_target import http_target
from tests.support.waiting import DEADLINE_SECONDS, wait_until

# A round starts each minute.
PATIENCE = 2 * DEADLINE_SECONDS


def test_an_incident_opens_in_the_first_round_after_a_server_stops_and_closes_after_its_return(
    health_checks: HealthChecks,
) -> None:
    health_checks.set_policy(allow_private=True, successes_to_close=1)
    with ExitStack() as server, http_target() as steady:
        target = server.enter_context(http_target())
        health_checks.set_targets(
            health_checks.target("api", target.url("/status/200"), "backend"),
            health_checks.target("steady", steady.url("/status/200")),
        )
        assert health_checks.value("select public.start_health_check_round()") == 2
        health_checks.finish_round()

        server.close()
        stopped_at = health_checks.value("select clock_timestamp()")
        health_checks.switch_jobs(JOBS, active=True)
        wait_until(lambda: health_checks.incidents("api") != [], PATIENCE, "the incident")
        (incident,) = health_checks.incidents("api")
        assert incident.severity == "CRITICAL"
        first_round = health_checks.rows(
            "select incident_id from public.monitoring_checks where target = %s and scheduled_at > %s"
            " order by scheduled_at limit 1",
            health_checks.name("api"),
            stopped_at,
        )
        assert [row.incident_id for row in first_round] == [incident.id]

        with http_target(target.port):
            wait_until(lambda: health_checks.incidents("api")[0].status == "resolved", PATIENCE, "the resolution")
    assert health_checks.incidents("steady") == []
    runs = health_checks.rows(
        "select return_message from cron.job_run_details join cron.job using (jobid)"
        " where jobname = any(%s) and status = 'failed' and return_message <> 'job canceled' and start_time >= %s",
        list(JOBS),
        stopped_at,
    )
    assert runs == []


def test_the_judging_job_judges_each_second_and_ends_within_its_minute(health_checks: HealthChecks) -> None:
    """pg_cron skips a run while the one before still runs."""
    (command,) = health_checks.rows(
        "select command from monitoring.list_jobs() where name = 'monitoring-confirm-failures'"
    )[0]
    health_checks.connection.execute(
        "insert into monitoring.probes (target, target_type, scheduled_at, sent_at, answer_due_at)"
        " values (%s, 'other', now(), now(), now() + interval '1 hour')",
        (health_checks.name("silent"),),
    )
    judged = "select succeeded_at from monitoring.job_runs where job = 'monitoring-judge-health-checks'"
    minute = health_checks.value("select date_trunc('minute', clock_timestamp())")

    def is_early() -> bool:
        nonlocal minute
        minute, second = health_checks.rows(
            "select date_trunc('minute', clock_timestamp()) as minute, extract(second from clock_timestamp()) as second"
        )[0]
        return bool(40 <= second < 50)

    wait_until(is_early, PATIENCE, "the last seconds of a minute")
    with ThreadPoolExecutor(max_workers=1) as pool:
        run = pool.submit(health_checks.connection.execute, command.encode())
        seen = set()
        while not run.done():
            row = health_checks.superuser.execute(judged.encode()).fetchone()
            assert row is not None
            seen.add(row[0])
        run.result()
    assert len(seen) > 3, "each judgement was committed"
    assert sorted(seen)[-2] < minute + timedelta(seconds=58), "after second 58 no other judgement begins"
    assert health_checks.judge() == 1, "although a check is pending"


def test_the_judging_job_ends_when_nothing_is_pending(health_checks: HealthChecks) -> None:
    (command,) = health_checks.rows(
        "select command from monitoring.list_jobs() where name = 'monitoring-confirm-failures'"
    )[0]
    health_checks.connection.execute(command.encode())
    assert health_checks.judge() == 0
