"""The emulated pg_cron against the observed behaviour of the real one (1.6.5 on PostgreSQL 17)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import psycopg
import pytest
from croniter import croniter

from local import Stack
from local.emulators.pg_cron import scheduler
from local.emulators.pg_cron.job_run import Job, RunLog, run_job
from local.emulators.pg_cron.schedule import Schedule
from local.emulators.pg_cron.scheduler import Scheduler
from tests.support.emulator import Database, poll_until, scratch_database, worker_running

HINT = "Use cron format (e.g. 5 4 * * *), or interval format '[1-59] seconds'"


@pytest.fixture(scope="module")
def cron_url(stack: Stack) -> Iterator[str]:
    with scratch_database(stack.superuser_database_url, "emulated_pg_cron", "pg_cron") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for role in ("emulated_alice", "emulated_bob"):
                connection.execute(f"drop role if exists {role}")
                connection.execute(f"create role {role} login")
                connection.execute(f"grant usage on schema cron to {role}")
        yield url
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute("drop role emulated_alice, emulated_bob")


@pytest.fixture
def database(cron_url: str) -> Iterator[Database]:
    with psycopg.connect(cron_url, autocommit=True) as connection:
        connection.execute("delete from cron.job")
        connection.execute("delete from cron.job_run_details")
        connection.execute("create table if not exists public.marks (mark text, at timestamptz default now())")
        connection.execute("truncate public.marks")
        connection.execute("grant all on public.marks to public")
        yield Database(connection)


@pytest.fixture
def running(database: Database, cron_url: str) -> Iterator[Database]:
    with worker_running(Scheduler(cron_url).run):
        yield database


def finished_runs(database: Database, command: str) -> list[tuple[Any, ...]]:
    return database.rows(
        "select status, return_message, username, job_pid is not null and start_time <= end_time"
        " from cron.job_run_details where command = %s and end_time is not null order by runid",
        command,
    )


ACCEPTED = [
    *("30 seconds", "1 second", " 1 second", "5 SECONDS", "  7  seconds  ", "9seconds", "59 second"),
    *("* * * * *", "59 23 31 12 7", "* * * * 0-7", "* * $ * *", "* * * jan-mar mon,WED", "* * * 1,jan *"),
    *("10-5 * * * *", "* * * * sat-sun", "*/59 * * * *", "1-5/59 * * * *", "* */23 * * *", "* * */31 * *"),
    *(
        "  0  0 * *\t*  ",
        "\n* * * * *",
        "* * * * *\n",
        "* * * * * *",
        "* * * * *x",
        "*x * * * *",
        "1.5 * * * *",
    ),
    *("*,5 * * * *", "1,* * * * *", "1-3,5-9/2 * * * *", "*-5 * * * *", "1-5-9 * * * *", "00059 * * * *"),
    *("@reboot", "@restart", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"),
]

REFUSED = [
    *(
        "1 second ",
        "0 seconds",
        "60 seconds",
        "1 minute",
        "5 secondsx",
        "5 seconds x",
        "-5 seconds",
        "",
        "   ",
    ),
    *(
        "* * * *",
        "*/0 * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
    ),
    *(
        "* * $x * *",
        "* * $/2 * *",
        "* * 1,$ * *",
        "* * $,1 * *",
        "$ * * * *",
        "* * 1-$ * *",
        "* * * january *",
    ),
    *("1/20 * * * *", "5-64/30 * * * *", "*/60 * * * *", "1-5/60 * * * *", "* */24 * * *", "* * * */13 *"),
    *(
        "@Hourly",
        "@foo",
        "@",
        "@every 1m",
        "# * * * *",
        "* *\n* * *",
        "1x * * * *",
        "1-3x * * * *",
        "1- * * * *",
    ),
    *("-1 * * * *", "1, * * * *", ",1 * * * *", "1,,2 * * * *", "?? * * * *", "* * l * *", "*/5x * * * *"),
]


def test_it_accepts_the_schedules_that_pg_cron_accepts(database: Database) -> None:
    refused = [text for text in ACCEPTED if database.value("select cron._parse_schedule(%s)", text) is None]
    accepted = [text for text in REFUSED if database.value("select cron._parse_schedule(%s)", text) is not None]
    assert (refused, accepted) == ([], [])


def test_an_invalid_schedule_is_rejected_with_pg_crons_error(database: Database) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as refusal:
        database.rows("select cron.schedule('job', '61 * * * *', 'select 1')")
    assert (refusal.value.diag.message_primary, refusal.value.diag.message_hint) == (
        "invalid schedule: 61 * * * *",
        HINT,
    )


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("cron.schedule(null, '* * * * *', 'x')", "XX000", "job_name can not be NULL"),
        ("cron.schedule('n', null, 'x')", "XX000", "schedule can not be NULL"),
        ("cron.schedule('n', '* * * * *', null)", "XX000", "command can not be NULL"),
        ("cron.unschedule(999999)", "XX000", "could not find valid entry for job 999999"),
        ("cron.unschedule('nope')", "XX000", "could not find valid entry for job 'nope'"),
        ("cron.alter_job(999999, active := false)", "XX000", "Job 999999 does not exist or you don't own it"),
        ("cron.alter_job(null)", "XX000", "job_id can not be NULL"),
        ("cron.alter_job(1)", "XX000", "no updates specified"),
        ("cron.alter_job(1, username := 'nobody')", "XX000", 'role "nobody" does not exist'),
        (
            "cron.schedule_in_database('d', '* * * * *', 'x', 'nowhere')",
            "3D000",
            'database "nowhere" does not exist',
        ),
    ],
)
def test_errors_are_those_of_pg_cron(database: Database, call: str, code: str, message: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        database.rows(f"select {call}")
    assert (refusal.value.diag.sqlstate, refusal.value.diag.message_primary) == (code, message)


def test_scheduling_a_name_again_changes_the_same_job(database: Database) -> None:
    first = database.value("select cron.schedule('job', '1 1 * * *', 'select 1')")
    database.rows("select cron.alter_job(%s, active := false)", first)
    second = database.value("select cron.schedule('job', '2 2 * * *', 'select 2')")
    rows = database.rows("select jobid, schedule, command, active from cron.job")
    assert (second, rows) == (first, [(first, "2 2 * * *", "select 2", False)])


def test_a_role_sees_and_changes_only_its_own_jobs(database: Database) -> None:
    job_id = database.value("select cron.schedule('job', '1 1 * * *', 'select 1')")
    database.rows("set role emulated_alice")
    own = database.value("select cron.schedule('job', '1 1 * * *', 'select 1')")
    assert database.rows("select jobid, username from cron.job") == [(own, "emulated_alice")]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table job"):
        database.rows("select cron.unschedule(%s::bigint)", job_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function alter_job"):
        database.rows("select cron.alter_job(%s, active := false)", own)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table job"):
        database.rows("update cron.job set active = false")
    assert database.value("select cron.unschedule('job')") is True


def test_an_internal_function_rejects_a_direct_call(database: Database) -> None:
    database.rows("set role emulated_bob")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.rows("select cron._save_job('emulated_alice', 'x', '* * * * *', 'select 1', null, null, null)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.rows(
            "do $$ begin perform '\nPL/pgSQL function cron.schedule(' ||"
            " cron._save_job('emulated_alice', 'x', '* * * * *', 'select 1', null, null, null); end $$"
        )


def test_a_job_runs_as_the_user_who_scheduled_it_with_the_settings_of_that_user(running: Database) -> None:
    running.rows("alter role emulated_alice set statement_timeout = '77s'")
    running.rows("set role emulated_alice")
    command = "insert into public.marks select current_user || session_user || current_setting('statement_timeout')"
    running.rows("select cron.schedule('who', '1 second', %s)", command)
    mark = poll_until(lambda: running.rows("select mark from public.marks"), bool, "a run")[0]
    runs = poll_until(lambda: finished_runs(running, command), bool, "its row")
    assert mark == ("emulated_aliceemulated_alice77s",)
    assert runs[0] == ("succeeded", "INSERT 0 1", "emulated_alice", True)


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("select 1", "succeeded", "1 row"),
        ("select 1 from generate_series(1, 3)", "succeeded", "3 rows"),
        ("select 1; insert into public.marks values ('%s')", "succeeded", "INSERT 0 1"),
        ("", "succeeded", "0 rows"),
        ("vacuum public.marks", "succeeded", "VACUUM"),
        ("insert into public.marks values ('lost'); select 1/0", "failed", "ERROR:  division by zero\n"),
        ("copy public.marks to stdout", "failed", "COPY not supported"),
        (
            "select pg_terminate_backend(pg_backend_pid())",
            "failed",
            "server closed the connection unexpectedly\n"
            "\tThis probably means the server terminated abnormally\n"
            "\tbefore or while processing the request.\n",
        ),
    ],
)
def test_the_result_is_recorded_as_by_pg_cron(running: Database, command: str, status: str, message: str) -> None:
    running.rows("select cron.schedule('outcome', '1 second', %s)", command)
    runs = poll_until(lambda: finished_runs(running, command), bool, "a finished run")
    assert runs[0][:2] == (status, message)
    assert running.rows("select from public.marks where mark = 'lost'") == []


def gaps(runs: list[tuple[Any, ...]]) -> list[timedelta]:
    """The time from the end of each run to the start of the next one."""
    return [next_start - end for _start, end, next_start in runs if end and next_start]


def test_a_job_runs_once_at_a_time_and_a_due_run_waits(running: Database) -> None:
    running.rows("select cron.schedule('slow', '1 second', 'select pg_sleep(1.5)')")
    runs = poll_until(
        lambda: running.rows(
            "select start_time, end_time, lead(start_time) over (order by runid)"
            " from cron.job_run_details order by runid"
        ),
        # A run that does not wait would start half a second later. A busy machine may delay any start, but not all.
        lambda rows: any(gap < timedelta(seconds=0.4) for gap in gaps(rows)) and len(gaps(rows)) >= 4,
        "five runs, one of which starts as soon as the one before it ends",
    )
    assert min(gaps(runs)) >= timedelta(0)


def test_a_changed_job_is_reloaded_and_its_running_job_is_abandoned(running: Database) -> None:
    job_id = running.value("select cron.schedule('long', '1 second', 'select pg_sleep(60)')")
    state = "select status, return_message from cron.job_run_details where jobid = %s"
    poll_until(lambda: running.rows(state, job_id), lambda rows: rows == [("running", None)], "a running job")
    running.rows("select cron.unschedule('long')")
    poll_until(lambda: running.rows(state, job_id), lambda rows: rows == [("failed", "job canceled")], "its end")


def test_an_abandoned_run_that_does_not_end_delays_no_other_job(
    running: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real scheduler closes the connection of an abandoned run; here its end takes up to 5 seconds.

    While the scheduler waited for it, a job that was deactivated in the meantime was started once more.
    """
    is_cancelled, may_end = Event(), Event()

    async def run(job: Job, superuser_url: str, log: RunLog) -> None:
        try:
            await run_job(job, superuser_url, log)
        except asyncio.CancelledError:
            is_cancelled.set()
            await asyncio.to_thread(may_end.wait)
            raise

    monkeypatch.setattr(scheduler, "run_job", run)
    running.rows("select cron.schedule('long', '1 second', 'select pg_sleep(60)')")
    state = "select status from cron.job_run_details"
    poll_until(lambda: running.rows(state), lambda rows: rows == [("running",)], "a running job")
    running.rows("select cron.unschedule('long')")
    poll_until(is_cancelled.is_set, bool, "its cancellation")
    try:
        running.rows("select cron.schedule('other', '1 second', 'select 8')")
        poll_until(lambda: finished_runs(running, "select 8"), bool, "a run of the other")
    finally:
        may_end.set()


def test_an_inactive_job_does_not_run(running: Database) -> None:
    idle = running.value("select cron.schedule('idle', '1 second', 'select 5')")
    running.rows("select cron.alter_job(%s, active := false)", idle)
    running.rows("delete from cron.job_run_details")
    running.rows("select cron.schedule('busy', '1 second', 'select 6')")
    poll_until(lambda: finished_runs(running, "select 6"), lambda rows: len(rows) >= 2, "two runs of the other")
    assert finished_runs(running, "select 5") == []


def test_the_scheduler_recovers_from_closed_connections(running: Database) -> None:
    running.rows("select cron.schedule('again', '1 second', 'select 7')")
    poll_until(lambda: finished_runs(running, "select 7"), bool, "a run")
    running.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'pg_cron scheduler' and datname = current_database()"
    )
    seen = len(finished_runs(running, "select 7"))
    poll_until(lambda: finished_runs(running, "select 7"), lambda rows: len(rows) > seen, "a run after the cut")


def test_it_leaves_no_connection_open_and_marks_interrupted_runs(database: Database, cron_url: str) -> None:
    stale = "insert into cron.job_run_details (jobid, status) values (1, 'running')"
    sessions = (
        "select count(*) from pg_stat_activity where application_name like 'pg_cron%' and datname = current_database()"
    )
    database.rows(stale)
    with worker_running(Scheduler(cron_url).run):
        poll_until(
            lambda: database.rows("select status, return_message from cron.job_run_details"),
            lambda rows: rows == [("failed", "server restarted")],
            "the mark",
        )
    poll_until(lambda: database.value(sessions), lambda count: count == 0, "closed connections")


# ---- when a crontab line is due ----


def parsed(database: Database, text: str) -> Schedule:
    return Schedule.from_parsed(database.value("select cron._parse_schedule(%s)", text))


def due_minutes(schedule: Schedule, start: datetime, days: int) -> list[datetime]:
    return [
        moment
        for moment in (start + timedelta(minutes=minute) for minute in range(days * 24 * 60))
        if schedule.is_due(moment)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "*/15 * * * *",
        "0 3 * * 0",
        "0 3 * * 7",
        "5 4 1,15 * *",
        "0 0 13 * 5",
        "30 8-18/2 * * 1-5",
        "0 0 1 jan *",
    ],
)
def test_ordinary_lines_are_due_at_the_same_times_as_in_croniter(database: Database, text: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    expected = []
    times = croniter(text, start - timedelta(minutes=1))
    while (moment := times.get_next(datetime)) < start + timedelta(days=60):
        expected.append(moment)
    assert due_minutes(parsed(database, text), start, 60) == expected


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 13 * 5", [2, 9, 13, 16, 23, 30]),  # either day field
        ("0 0 */2 * 5", [9, 23]),  # a star at the beginning: both
        ("0 0 $ * *", [31]),
        ("0 0 10-5 * *", []),
        ("@weekly", [4, 11, 18, 25]),
    ],
)
def test_the_day_fields_combine_as_in_vixie_cron(database: Database, text: str, days: list[int]) -> None:
    start = datetime(2026, 10, 1, tzinfo=UTC)
    assert [moment.day for moment in due_minutes(parsed(database, text), start, 31)] == days


@pytest.mark.parametrize(
    ("text", "minutes_passed", "runs"),
    [
        ("* * * * *", 0, 0),
        ("* * * * *", 1, 1),
        ("* * * * *", 5, 5),
        ("* * * * *", 60, 1),  # a jump: wildcard jobs do not catch up
        ("30 12 * * *", 60, 1),  # but a fixed time that was jumped over runs
        ("30 12 * * *", 600, 0),  # unless the clock was changed
        ("* * * * *", -60, 1),
    ],
)
def test_runs_after_a_jump_of_the_clock(database: Database, text: str, minutes_passed: int, runs: int) -> None:
    noon = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert parsed(database, text).runs_between(noon, noon + timedelta(minutes=minutes_passed)) == runs
