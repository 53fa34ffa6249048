"""The real pg_cron runs our jobs as the role postgres, which is no superuser."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.waiting import wait_until

JOB = "engine-test"


@pytest.fixture
def postgres(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
        connection.execute("select cron.unschedule(jobid) from cron.job where jobname = %s", (JOB,))


def our_jobs(postgres: psycopg.Connection) -> list[tuple[int, str, str]]:
    query = "select jobid, command, schedule from cron.job where jobname like 'monitoring-%' order by jobid"
    return postgres.execute(query).fetchall()


def run_every_second(postgres: psycopg.Connection, command: str) -> str:
    """Returns status, message and user of the first finished run."""
    row = postgres.execute("select cron.schedule(%s, '1 second', %s)", (JOB, command)).fetchone()
    assert row is not None
    said: list[str] = []

    def has_finished() -> bool:
        query = (
            "select status, return_message, username from cron.job_run_details"
            " where jobid = %s and end_time is not null order by runid limit 1"
        )
        said.extend(" ".join(run) for run in postgres.execute(query, row).fetchall())
        return said != []

    wait_until(has_finished, what=f"a run of {command}")
    return said[0]


def test_this_is_postgres_17_with_the_real_pg_cron(postgres: psycopg.Connection) -> None:
    row = postgres.execute(
        """
        select
          current_setting('server_version_num')::integer / 10000,
          (select lanname from pg_catalog.pg_language where oid = prolang),
          (select count(*) from pg_catalog.pg_stat_activity where backend_type = 'pg_cron launcher'),
          (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
        from pg_catalog.pg_proc
        where oid = 'cron.schedule(text, text, text)'::regprocedure
        """
    ).fetchone()
    assert row == (17, "c", 1, False)


def test_our_jobs_belong_to_postgres_and_are_active(postgres: psycopg.Connection) -> None:
    query = "select distinct username, database, active from cron.job where jobname like 'monitoring-%'"
    assert postgres.execute(query).fetchall() == [("postgres", "postgres", True)]


def test_scheduling_again_changes_nothing(postgres: psycopg.Connection) -> None:
    before = our_jobs(postgres)
    postgres.execute("select monitoring.schedule_jobs()")
    assert our_jobs(postgres) == before
    assert before != []


def test_every_command_of_ours_succeeds_under_the_real_pg_cron(postgres: psycopg.Connection) -> None:
    for _, command, _ in our_jobs(postgres):
        said = run_every_second(postgres, command)
        # The one that commits between its looks is no select.
        assert said == f"succeeded {'DO' if command.startswith('do ') else '1 row'} postgres"
        postgres.execute("select cron.unschedule(%s)", (JOB,))


def test_old_receipts_are_purged_by_a_run(postgres: psycopg.Connection) -> None:
    key = "engine test, long ago"
    postgres.execute(
        "insert into monitoring.event_receipts (idempotency_key, answer, created_at)"
        " values (%s, '{}', now() - interval '1 year')",
        (key,),
    )
    run_every_second(postgres, "select monitoring.purge_receipts(100)")
    left = sql.SQL("select count(*) from monitoring.event_receipts where idempotency_key = {}")
    assert postgres.execute(left.format(key)).fetchone() == (0,)


def test_a_failing_job_is_recorded_and_does_not_stop_pg_cron(postgres: psycopg.Connection) -> None:
    said = run_every_second(postgres, "select monitoring.no_such_function()")
    assert said.startswith("failed ERROR:  function monitoring.no_such_function() does not exist")
    assert run_every_second(postgres, "select 1") != ""
