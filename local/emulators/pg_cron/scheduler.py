"""Emulates pg_cron's background worker.

As in the real one: minutes are those of the clock in GMT; intervals count from the previous start; a job runs
once at a time; at most 32 jobs run together; runs of a crontab line that became due in the meantime wait and
are not lost (of an interval, only one waits). A run is abandoned when its job is unscheduled or deactivated.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local.emulators.background_worker import Connection, connect, serve_forever, wait_for_table
from local.emulators.pg_cron.job_run import Job, RunLog, run_job
from local.emulators.pg_cron.schedule import ONE_MINUTE, Schedule, minute_of

logger = logging.getLogger(__name__)

MAX_RUNNING_JOBS = 32
LONGEST_WAIT_SECONDS = 1.0

WAITING_RUN_SECONDS = 0.05
"""How often to check whether a waiting run can start."""

LOAD_JOBS = """
select job.jobid, cron._parse_schedule(job.schedule), job.command, job.database, job.username
from cron.job as job
where job.active
"""


@dataclass
class _Task:
    """A job with its waiting and running runs."""

    job: Job
    last_start: datetime
    pending: int = 0
    running: asyncio.Task[None] | None = field(default=None, repr=False)


class Scheduler:
    """`await Scheduler(url).run()` works until it is cancelled."""

    def __init__(self, superuser_database_url: str) -> None:
        self._url = superuser_database_url
        self._tasks: dict[int, _Task] = {}
        self._abandoned: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await serve_forever(self._serve, logger)

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - the signature of BackgroundWorker
        """Nothing to finish: after SIGTERM, the real scheduler abandons its runs."""

    async def _serve(self) -> None:
        async with (
            connect(self._url, "pg_cron scheduler") as jobs,
            connect(self._url, "pg_cron scheduler") as details,
        ):
            await wait_for_table(jobs, "cron.job_run_details", LONGEST_WAIT_SECONDS)
            log = RunLog(details)
            await log.mark_interrupted()
            await jobs.execute("listen pg_cron_jobs")
            try:
                await self._schedule(jobs, log)
            finally:
                await self._stop_all()

    async def _schedule(self, connection: Connection, log: RunLog) -> None:
        await self._reload(connection)
        for task in self._tasks.values():
            task.pending += int(task.job.schedule.at_start)
        last_minute = minute_of(datetime.now(UTC))
        while True:
            now = datetime.now(UTC)
            this_minute = minute_of(now)
            self._add_pending_runs(last_minute, this_minute, now)
            last_minute = this_minute
            self._start_pending_runs(log, now)
            if await self._jobs_have_changed(connection):
                await self._reload(connection)

    async def _jobs_have_changed(self, connection: Connection) -> bool:
        """Waits until a run is due or cron.job was changed, at most a second; returns True for a change."""
        timeout = self._seconds_until_due(datetime.now(UTC))
        changed = False
        async for _ in connection.notifies(timeout=timeout, stop_after=1):
            changed = True
        return changed

    def _seconds_until_due(self, now: datetime) -> float:
        if any(task.pending for task in self._tasks.values()):
            return WAITING_RUN_SECONDS
        moments = [minute_of(now) + ONE_MINUTE]
        moments += [
            task.last_start + timedelta(seconds=task.job.schedule.seconds)
            for task in self._tasks.values()
            if task.job.schedule.seconds
        ]
        return min(LONGEST_WAIT_SECONDS, max(0.001, (min(moments) - now).total_seconds()))

    async def _reload(self, connection: Connection) -> None:
        cursor = await connection.execute(LOAD_JOBS)
        rows = await cursor.fetchall()
        jobs = {row[0]: Job(row[0], Schedule.from_parsed(row[1]), *row[2:]) for row in rows}
        for job_id in self._tasks.keys() - jobs.keys():
            self._abandon(self._tasks.pop(job_id))
        now = datetime.now(UTC)
        for job_id, job in jobs.items():
            task = self._tasks.setdefault(job_id, _Task(job, last_start=now))
            task.job = job

    def _add_pending_runs(self, last_minute: datetime, this_minute: datetime, now: datetime) -> None:
        for task in self._tasks.values():
            schedule = task.job.schedule
            if schedule.seconds:
                is_due = now - task.last_start >= timedelta(seconds=schedule.seconds)
                task.pending = max(task.pending, int(is_due))
            elif last_minute != this_minute:
                task.pending += schedule.runs_between(last_minute, this_minute)

    def _start_pending_runs(self, log: RunLog, now: datetime) -> None:
        for task in self._tasks.values():
            if task.running is not None and task.running.done():
                # Raises an error of the run log, whose connection is then broken: the scheduler starts again.
                task.running.result()
                task.running = None
            free = sum(other.running is not None for other in self._tasks.values()) < MAX_RUNNING_JOBS
            if task.pending and task.running is None and free:
                task.pending -= 1
                task.last_start = now
                task.running = asyncio.create_task(run_job(task.job, self._url, log))

    def _abandon(self, task: _Task) -> None:
        """Does not wait for the end of the run, which can take seconds: the jobs as loaded would be out of date."""
        if task.running is not None:
            task.running.cancel()
            self._abandoned.add(task.running)
            task.running.add_done_callback(self._abandoned.discard)

    async def _stop_all(self) -> None:
        for task in self._tasks.values():
            self._abandon(task)
        self._tasks.clear()
        await asyncio.gather(*self._abandoned, return_exceptions=True)
