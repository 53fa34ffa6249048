"""Drives the health checks from a test: sets targets, runs rounds, reads rows and incidents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from tests.support.waiting import wait_until

JOBS = (
    "monitoring-health-checks",
    "monitoring-confirm-failures",
    "monitoring-judge-health-checks",
    # It would open an incident when a test judges nothing for a minute.
    "monitoring-watch-jobs",
)
ROLL_UP = "monitoring-roll-up-checks"


@dataclass
class HealthChecks:
    """Names of targets get a suffix, so that no other test's incident is found again."""

    connection: psycopg.Connection[Any]
    superuser: psycopg.Connection[Any]
    suffix: str
    rounds: int = 0
    first_round: datetime | None = None

    def name(self, short: str) -> str:
        return f"{short}-{self.suffix}"

    def target(self, short: str, url: str, kind: str = "other", **fields: object) -> dict[str, object]:
        if "depends_on" in fields:
            fields["depends_on"] = self.name(str(fields["depends_on"]))
        return {"name": self.name(short), "type": kind, "url": url, **fields}

    def set_targets(self, *targets: dict[str, object]) -> None:
        self._configure("health_check_targets", list(targets))

    def set_policy(self, **fields: object) -> None:
        """Attempts follow each other at once, and the service does not confirm failures, unless the fields say so."""
        defaults = {"retry_interval_seconds": 0, "confirm_from_service": False}
        self._configure("health_check_policy", defaults | fields)

    def switch_jobs(self, names: Sequence[str], *, active: bool) -> None:
        """As superuser, which the real pg_cron requires. Hosted Supabase lets postgres do it as well.

        A run that pg_cron had started before it read that its job is off would check the targets of the test, and
        the test's own round of that minute would check nothing. Therefore this connection holds the lock of rounds
        while the jobs are off.
        """
        if active:
            self.unlock_rounds()
        self.superuser.execute(
            "select cron.alter_job(jobid, active => %s) from cron.job where jobname = any(%s)",
            (active, list(names)),
        )
        if not active:
            self.connection.execute("select pg_advisory_lock(20261123, 1800)")

    def unlock_rounds(self) -> None:
        """Lets other connections start and judge rounds, although the jobs are off."""
        self.connection.execute("select pg_advisory_unlock_all()")

    def judge(self) -> int:
        """Judges the checks that were answered or are overdue. Returns how many are still pending."""
        return int(self.value("select monitoring.judge_health_checks()"))

    def start_round(self) -> datetime:
        """Starts the round of a minute that had none: each call takes the minute after the last one."""
        if self.first_round is None:
            self.first_round = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
        moment = self.first_round + timedelta(minutes=self.rounds)
        self.rounds += 1
        self.connection.execute("select monitoring.start_round(%s)", (moment,))
        return moment

    def finish_round(self) -> None:
        wait_until(lambda: self.judge() == 0, what="the end of the round")

    def wait_for_answers(self, moment: datetime) -> dict[str, Any]:
        """Waits until each target of a round has answered. Returns the rows before they are judged."""

        def are_answered() -> bool:
            return all(check.answered_at is not None for check in self.checks(moment).values())

        wait_until(are_answered, what="the answers")
        return self.checks(moment)

    def run_round(self) -> dict[str, Any]:
        """Runs a round to its end. Returns the row of each target, by its short name."""
        moment = self.start_round()
        self.finish_round()
        return self.checks(moment)

    def checks(self, moment: datetime) -> dict[str, Any]:
        """The row of each target, by its short name: in flight, with the status pending, or judged."""
        rows = self.rows("select * from public.monitoring_checks where scheduled_at = %s", moment)
        rows += self.rows(
            "select probes.*, 'pending' as status, null as incident_id from monitoring.probes where scheduled_at = %s",
            moment,
        )
        return {row.target.removesuffix(f"-{self.suffix}"): row for row in rows}

    def incidents(self, short: str) -> list[Any]:
        """The incidents of a target, the oldest first."""
        return self.rows(
            "select * from public.incidents where fingerprint = %s order by first_seen",
            f"health-check:target:{self.name(short)}",
        )

    def live(self, what: str) -> list[Any]:
        """Unresolved incidents about the prober itself, or about the connectivity."""
        return self.rows(
            "select * from public.incidents where fingerprint = %s and status <> 'resolved'",
            f"health-check:{what}",
        )

    def rows(self, query: str, *parameters: object) -> list[Any]:
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()

    def value(self, query: str, *parameters: object) -> Any:
        return self.rows(query, *parameters)[0][0]

    def _configure(self, key: str, value: object) -> None:
        self.connection.execute("update public.system_config set value = %s where key = %s", (json.dumps(value), key))
