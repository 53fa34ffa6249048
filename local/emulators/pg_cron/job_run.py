"""One run of a pg_cron job: a new connection as the job's user, and a row in cron.job_run_details."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus

from local.emulators.background_worker import Connection, connect
from local.emulators.pg_cron.schedule import Schedule

SERVER_CLOSED = (
    "server closed the connection unexpectedly\n"
    "\tThis probably means the server terminated abnormally\n"
    "\tbefore or while processing the request.\n"
)
"""libpq's message when the backend of a job ends, which pg_cron stores as return_message."""

CAN_LOGIN = "select rolcanlogin from pg_catalog.pg_roles where rolname = %s"

BECOME_USER = """
select
  pg_catalog.set_config(
    split_part(setting.entry, '=', 1), substr(setting.entry, strpos(setting.entry, '=') + 1), false
  )
from pg_catalog.pg_db_role_setting as role_setting
join pg_catalog.pg_roles as role on role.oid = role_setting.setrole
cross join lateral unnest(role_setting.setconfig) as setting (entry)
where
  role.rolname = %s
  and role_setting.setdatabase in (
    0, (select database.oid from pg_catalog.pg_database as database where datname = current_database())
  )
order by role_setting.setdatabase
"""
"""Applies the settings of `alter role … set …`, which a connection as that user would have."""


@dataclass(frozen=True)
class Job:
    """A row of cron.job."""

    job_id: int
    schedule: Schedule
    command: str
    database: str
    username: str


class RunLog:
    """Writes cron.job_run_details, over a separate connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def mark_interrupted(self) -> None:
        """Marks the runs that an earlier scheduler did not finish."""
        await self._connection.execute(
            "update cron.job_run_details set status = 'failed', return_message = 'server restarted'"
            " where status in ('starting', 'connecting', 'sending', 'running')"
        )

    async def starting(self, job: Job) -> int:
        cursor = await self._connection.execute(
            "insert into cron.job_run_details (jobid, database, username, command, status)"
            " values (%s, %s, %s, %s, 'starting') returning runid",
            (job.job_id, job.database, job.username, job.command),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 # a successful insert … returning returns a row
        return int(row[0])

    async def running(self, run_id: int, pid: int) -> None:
        await self._connection.execute(
            "update cron.job_run_details set status = 'running', job_pid = %s, start_time = clock_timestamp()"
            " where runid = %s",
            (pid, run_id),
        )

    async def finished(self, run_id: int, *, succeeded: bool, message: str) -> None:
        await self._connection.execute(
            "update cron.job_run_details set status = %s, return_message = %s, end_time = clock_timestamp()"
            " where runid = %s",
            ("succeeded" if succeeded else "failed", message, run_id),
        )


class JobFailedError(Exception):
    """A failed run; the message becomes return_message."""


async def run_job(job: Job, superuser_url: str, log: RunLog) -> None:
    """Runs the command once. Records a failure of the job; raises a failure of the run log.

    On cancellation psycopg also cancels the statement, while the real scheduler only closes the connection.
    """
    run_id = await log.starting(job)
    try:
        message = await _execute(job, superuser_url, log, run_id)
    except JobFailedError as failure:
        await log.finished(run_id, succeeded=False, message=str(failure))
    except asyncio.CancelledError:
        await _record_cancellation(log, run_id)
        raise
    else:
        await log.finished(run_id, succeeded=True, message=message)


async def _record_cancellation(log: RunLog, run_id: int) -> None:
    """Does nothing if the log's connection is closed (at shutdown): the next scheduler marks the run."""
    try:
        await log.finished(run_id, succeeded=False, message="job canceled")
    except psycopg.Error:
        return


async def _execute(job: Job, superuser_url: str, log: RunLog, run_id: int) -> str:
    try:
        context = connect(superuser_url, "pg_cron", dbname=job.database)
        async with context as connection:
            await _become(connection, job.username)
            await log.running(run_id, connection.info.backend_pid)
            return await _run_command(connection, job.command)
    except psycopg.OperationalError as error:
        raise JobFailedError("connection failed") from error


async def _become(connection: Connection, username: str) -> None:
    """Turns a superuser's session into one of the user, as whom pg_cron connects: the password is not known
    here.

    The difference: `reset session authorization` in a job returns to the superuser.
    """
    cursor = await connection.execute(CAN_LOGIN, (username,))
    row = await cursor.fetchone()
    if row is None or not row[0]:
        raise JobFailedError("connection failed")
    await connection.execute(BECOME_USER, (username,))
    await connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(username)))


async def _run_command(connection: Connection, command: str) -> str:
    """Sends the text as one simple query, as pg_cron does, so that several statements are one transaction."""
    cursor = connection.cursor()
    try:
        await cursor.execute(command.encode())
    except psycopg.Error as error:
        raise JobFailedError(_failure_text(connection, error)) from error
    while cursor.nextset():
        pass
    result = cursor.pgresult
    if result is not None and result.status == ExecStatus.COMMAND_OK and result.command_status is not None:
        return result.command_status.decode()
    count = 0 if result is None else result.ntuples
    return f"{count} {'row' if count == 1 else 'rows'}"


def _failure_text(connection: Connection, error: psycopg.Error) -> str:
    if connection.broken or connection.closed:
        return SERVER_CLOSED
    if error.pgresult is not None:
        return error.pgresult.error_message.decode(errors="replace")
    # psycopg refuses only COPY to or from the client. The real launcher waits for ever on it.
    return "COPY not supported"
