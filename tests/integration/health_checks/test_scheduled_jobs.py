"""The jobs as pg_cron runs them, in their own time."""

from __future__ import annotations

import time
from contextlib import ExitStack

from tests.support.health_checks import JOBS, HealthChecks
from tests.support.http_target import http_target
from tests.support.waiting import wait_until


def test_a_server_that_dies_is_an_incident_within_a_minute_and_its_return_closes_it(
    health_checks: HealthChecks,
) -> None:
    timeout = 5
    health_checks.set_policy(allow_private=True, successes_to_close=1)
    with ExitStack() as server, http_target() as steady:
        target = server.enter_context(http_target())
        health_checks.set_targets(
            health_checks.target("api", target.url("/status/200"), "backend"),
            health_checks.target("steady", steady.url("/status/200")),
        )
        assert health_checks.value("select public.start_health_check_round()") == 2
        wait_until(lambda: health_checks.judge() == 0, what="the first round")

        server.close()
        health_checks.switch_jobs(JOBS, active=True)
        died = time.monotonic()
        wait_until(lambda: health_checks.incidents("api") != [], 60 + timeout, "the incident")
        assert health_checks.incidents("api")[0].severity == "CRITICAL"
        print(f"open {time.monotonic() - died:.1f} s after the death")

        with http_target(target.port):
            returned = time.monotonic()
            wait_until(
                lambda: health_checks.incidents("api")[0].status == "resolved", 60 + timeout, "the resolution"
            )
            print(f"resolved {time.monotonic() - returned:.1f} s after the return")
    assert health_checks.incidents("steady") == []
    runs = health_checks.rows(
        "select return_message from cron.job_run_details join cron.job using (jobid)"
        " where jobname = any(%s) and status = 'failed' and return_message <> 'job canceled'",
        list(JOBS),
    )
    assert runs == []
