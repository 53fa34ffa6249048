"""The jobs as pg_cron runs them, on their own schedule."""

from __future__ import annotations

from contextlib import ExitStack

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
        " where jobname = any(%s) and status = 'failed' and return_message <> 'job canceled'",
        list(JOBS),
    )
    assert runs == []
