"""Incidents about ourselves: jobs that fail again and again, and health checks that nobody judges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.support.health_checks import HealthChecks
from tests.support.waiting import DEADLINE_SECONDS, wait_until

JOB = "monitoring-anchor-audit"
"""It runs at night only, so that its runs are those that a test writes."""

FINGERPRINT = f"health-check:job:{JOB}"

LOGGED = """
insert into cron.job_run_details (jobid, database, username, command, status, return_message, start_time, end_time)
select
  job.jobid, current_database(), 'postgres', job.command, %(status)s, %(message)s, clock_timestamp(),
  case when %(status)s in ('succeeded', 'failed') then clock_timestamp() end
from cron.job
where job.jobname = %(job)s
"""


class JobLog:
    """pg_cron's log within a transaction that is rolled back."""

    def __init__(self, superuser: psycopg.Connection[Any]) -> None:
        self._superuser = superuser

    def add(self, *statuses: str, message: str = "ERROR: out of range", job: str = JOB) -> None:
        for status in statuses:
            text = {"failed": message, "succeeded": "1 row"}.get(status)
            self._superuser.execute(LOGGED, {"status": status, "message": text, "job": job})

    def watch(self) -> None:
        self._superuser.execute("set local role postgres")
        self._superuser.execute("select monitoring.watch_jobs()")
        self._superuser.execute("reset role")

    def run(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = self._superuser.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def failures(self) -> int:
        ((count,),) = self.run("select failed_runs from monitoring.watched_jobs where job = %s", JOB)
        return int(count)

    def incidents(self) -> list[tuple[str, str, int]]:
        return [
            (severity, status, count)
            for severity, status, count in self.run(
                "select severity::text, status::text, occurrence_count from public.incidents"
                " where fingerprint = %s order by first_seen",
                FINGERPRINT,
            )
        ]

    def incident(self) -> tuple[str, str, str]:
        """Title, message and resolution."""
        ((title, message, resolution),) = self.run(
            "select title, message, resolution from public.incidents where fingerprint = %s", FINGERPRINT
        )
        return title, message, resolution


@pytest.fixture
def log(superuser_database_url: str) -> Iterator[JobLog]:
    with psycopg.connect(superuser_database_url) as connection:
        log = JobLog(connection)
        # What the jobs of this stack did before does not count.
        log.run("delete from public.incidents where fingerprint = %s", FINGERPRINT)
        log.run("delete from monitoring.watched_jobs where job = %s", JOB)
        log.watch()
        yield log
        connection.rollback()


def test_the_third_failure_in_a_row_opens_an_incident(log: JobLog) -> None:
    log.add("succeeded", "failed", "failed")
    log.watch()
    assert (log.incidents(), log.failures()) == ([], 2)
    log.add("failed", message="ERROR: no partition for password=hunter2secret\n")
    log.watch()
    assert log.incidents() == [("HIGH", "open", 1)]
    title, message, _ = log.incident()
    assert title == f"The job {JOB} fails"
    assert "failed in its last 3 runs. The last one: ERROR: no partition for password=" in message
    assert "check_installation()" in message
    assert "hunter2" not in message


def test_a_look_counts_each_run_once(log: JobLog) -> None:
    log.add("failed", "failed", "failed")
    log.watch()
    log.watch()
    assert log.incidents() == [("HIGH", "open", 1)]
    log.add("failed")
    log.watch()
    assert log.incidents() == [("HIGH", "open", 2)]


def test_a_success_resolves_the_incident(log: JobLog) -> None:
    log.add("failed", "failed", "failed")
    log.watch()
    log.add("succeeded")
    log.watch()
    assert (log.incidents(), log.failures()) == ([("HIGH", "resolved", 1)], 0)
    log.add("failed", "failed")
    log.watch()
    assert log.incidents() == [("HIGH", "resolved", 1)]


def test_a_success_between_failures_starts_the_count_anew(log: JobLog) -> None:
    log.add("failed", "failed", "succeeded", "failed", "failed")
    log.watch()
    assert (log.incidents(), log.failures()) == ([], 2)


@pytest.mark.parametrize("message", ["job canceled", "server restarted"])
def test_a_run_that_was_ended_says_nothing_about_the_job(log: JobLog, message: str) -> None:
    log.add("failed", "failed")
    log.add("failed", "failed", message=message)
    log.watch()
    assert (log.incidents(), log.failures()) == ([], 2)
    log.add("failed")
    log.watch()
    assert log.incidents() == [("HIGH", "open", 1)]


def test_a_run_counts_when_it_ends(log: JobLog) -> None:
    """A long run ends after later runs of other jobs."""
    log.add("failed", "failed", "running")
    log.add("succeeded", job="monitoring-roll-up-checks")
    log.watch()
    assert log.failures() == 2
    log.run(
        "update cron.job_run_details set status = 'failed', end_time = now() where status = 'running'"
        " and jobid = (select jobid from cron.job where jobname = %s)",
        JOB,
    )
    log.add("succeeded", job="monitoring-roll-up-checks")
    log.watch()
    assert log.incidents() == [("HIGH", "open", 1)]


def test_a_job_that_is_unscheduled_resolves_its_incident(log: JobLog) -> None:
    log.add("failed", "failed", "failed")
    log.watch()
    log.run("select cron.unschedule(jobid) from cron.job where jobname = %s", JOB)
    log.watch()
    assert log.incidents() == [("HIGH", "resolved", 1)]
    assert log.run("select from monitoring.watched_jobs where job = %s", JOB) == []


def test_ids_of_runs_may_begin_anew(log: JobLog) -> None:
    """As they do when the extension is created again."""
    log.run("update monitoring.watched_jobs set last_run_id = last_run_id + 1000000000")
    log.add("failed", "failed", "failed")
    log.watch()
    assert ("HIGH", "open", 1) in log.incidents()


def test_without_the_log_nothing_is_raised_and_nothing_stays_open(log: JobLog) -> None:
    log.add("failed", "failed", "failed")
    log.watch()
    log.run("alter table cron.job_run_details rename to other_details")
    log.run("update monitoring.job_runs set succeeded_at = null where job = 'monitoring-watch-jobs'")
    log.watch()
    assert log.incidents() == [("HIGH", "resolved", 1)]
    assert "not logged any more" in log.incident()[2]
    assert log.run("select succeeded_at from monitoring.job_runs where job = 'monitoring-watch-jobs'") != [(None,)]


def test_a_job_that_fails_for_real(superuser: psycopg.Connection[Any], health_checks: HealthChecks) -> None:
    """The job of the audit trail runs once a night; here it runs each second, and divides by zero."""
    job = "monitoring-anchor-audit"
    found = "select status, message, resolution from public.incidents where fingerprint = %s order by first_seen desc"

    def change(command: str) -> None:
        superuser.execute(
            "select cron.alter_job(jobid, schedule => '1 second', command => %s) from cron.job where jobname = %s",
            (command, job),
        )

    def last_incident() -> Any:
        health_checks.connection.execute("select monitoring.watch_jobs()")
        return next(iter(health_checks.rows(found, f"health-check:job:{job}")), None)

    change("select 1 / 0")
    try:
        wait_until(lambda: (last := last_incident()) is not None and last.status == "open", what="the incident")
        assert "division by zero" in last_incident().message
        change("select 1")
        wait_until(lambda: last_incident().status == "resolved", what="the resolution")
        assert "succeeded" in last_incident().resolution
    finally:
        health_checks.connection.execute("select cron.unschedule(%s)", (job,))
        health_checks.connection.execute("select monitoring.schedule_jobs()")


@contextmanager
def broken(connection: psycopg.Connection[Any], function: str, message: str) -> Iterator[None]:
    """Replaces a function without arguments by one that raises, until the end of the block."""
    row = connection.execute("select pg_get_functiondef(%s::regprocedure)", (f"{function}()",)).fetchone()
    assert row is not None
    definition = str(row[0])
    head = definition[: definition.index("AS $")]
    try:
        connection.execute(
            (head.replace("LANGUAGE sql", "LANGUAGE plpgsql") + f"as $$ begin raise '{message}'; end $$").encode()
        )
        yield
    finally:
        connection.execute(definition.encode())


def test_a_judgement_that_fails_makes_the_state_unknown_and_is_an_incident(health_checks: HealthChecks) -> None:
    """As when one answer made each judgement fail: nobody knew of it, and everything was said to be operational."""

    def overall() -> str:
        return str(health_checks.value("select public.service_health() ->> 'overall'"))

    def make_time_pass(seconds: int) -> None:
        health_checks.connection.execute(
            "update monitoring.job_runs set succeeded_at = succeeded_at - make_interval(secs => %s)"
            " where job = 'monitoring-judge-health-checks'",
            (seconds,),
        )

    health_checks.judge()
    health_checks.connection.execute("select monitoring.watch_jobs()")
    assert health_checks.live("judgement") == []
    with broken(health_checks.connection, "monitoring.remove_stale_target_states", "one bad byte"):
        with pytest.raises(psycopg.Error, match="one bad byte"):
            health_checks.judge()
        make_time_pass(61)
        assert overall() in ("unknown", "outage")
        assert health_checks.value("select public.service_health() #>> '{judgement,is_late}'") == "true"

        def is_open() -> bool:
            # In the first minute after the start of the server the watch waits.
            health_checks.connection.execute("select monitoring.watch_jobs()")
            return health_checks.live("judgement") != []

        wait_until(is_open, 2 * DEADLINE_SECONDS, "the incident")
        (incident,) = health_checks.live("judgement")
        assert (incident.severity, incident.sender) == ("HIGH", "health-check")
        assert "outages are not noticed" in incident.message

    health_checks.judge()
    health_checks.connection.execute("select monitoring.watch_jobs()")
    assert health_checks.live("judgement") == []
    assert health_checks.value("select public.service_health() #>> '{judgement,is_late}'") == "false"
