"""Figures of the health checks as pg_cron runs them: how soon an outage is an incident, and thousands of targets."""

from __future__ import annotations

import json
import random
import secrets
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg

from benchmarks.notifications import PATH, percentile
from local import Stack
from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target, http_target
from tests.support.notification_receiver import notification_receiver
from tests.support.notifications import notifications_running
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import wait_until

KINDS = ("refused", "silent", "500")
DEATHS = 8
DEATHS_WITHIN_SECONDS = 180.0
TARGETS = 5000
SILENT_SHARE = 0.02
DEADLINE_SECONDS = 600.0

INCIDENTS = """
select split_part(fingerprint, ':', 3), id, extract(epoch from first_seen)::double precision
from public.incidents
where sender = 'health-check' and fingerprint like %s
"""
ROUNDS = """
select
  scheduled_at,
  extract(epoch from max(completed_at) - scheduled_at)::double precision,
  count(*) filter (where status = 'down'),
  count(*) filter (where status = 'unknown')
from public.monitoring_checks
where target like %s
group by scheduled_at
having count(*) = %s
order by scheduled_at
"""


def measure_health_checks(stack: Stack, directory: Path) -> None:
    """Both figures, which take 15 minutes."""
    _measure_outages(stack, directory)
    _measure_thousands(stack)


def _measure_outages(stack: Stack, directory: Path) -> None:
    """With the defaults of the policy, the service running, and each server dying at a random moment."""
    with (
        ExitStack() as servers,
        running_service(service_variables(stack), directory / "outages.log") as _,
        notification_receiver() as receiver,
        notifications_running(stack, receiver) as notifications,
        _watching(stack) as health_checks,
    ):
        notifications.set_channels("ops", sources=["health-check"])
        notifications.switch_job(active=True)
        names = [(kind, f"{kind}-{number}") for kind in KINDS for number in range(DEATHS)]
        running: dict[str, tuple[Target, ExitStack]] = {}
        for _, name in names:
            server = servers.enter_context(ExitStack())
            running[name] = server.enter_context(http_target()), server
        health_checks.set_targets(*(health_checks.target(name, running[name][0].url("/now")) for _, name in names))
        _wait_for_rounds(health_checks, len(names), 1)
        died = _let_die(names, running)
        wait_until(lambda: len(_incidents(health_checks)) == len(names), DEADLINE_SECONDS, "the incidents")
        wait_until(lambda: len(receiver.at(PATH)) >= len(names), DEADLINE_SECONDS, "the messages")
        incidents = _incidents(health_checks)
        arrived: dict[str, float] = {}
        for request in receiver.at(PATH):
            arrived.setdefault(request.json["data"]["id"], request.at)
    print(f"\nSeconds from a server's death to its incident and its first message, {DEATHS} at random moments each:")
    for kind in KINDS:
        mine = [name for each, name in names if each == kind]
        opened = [incidents[health_checks.name(name)][1] - died[name] for name in mine]
        told = [arrived[incidents[health_checks.name(name)][0]] - died[name] for name in mine]
        print(
            f"  {kind:<10} incident p50 {statistics.median(opened):5.0f} s   p95 {percentile(opened, 0.95):5.0f} s"
            f"   message p50 {statistics.median(told):5.0f} s   p95 {percentile(told, 0.95):5.0f} s"
        )


def _measure_thousands(stack: Stack) -> None:
    """Rounds of one-minute targets as pg_cron starts them. In the first one, no target is known to be slow."""
    with _watching(stack) as health_checks, http_target() as web:
        step = round(1 / SILENT_SHARE)
        health_checks.set_targets(
            *(
                health_checks.target(f"t{number}", web.url("/silent" if number % step == 7 else "/delay/5"))
                for number in range(TARGETS)
            )
        )
        rounds = _wait_for_rounds(health_checks, TARGETS, 3)
    print(f"\n{TARGETS:,} targets of one minute, {SILENT_SHARE:.0%} of them silent, defaults of the policy:")
    for name, (_, seconds, down, unknown) in zip(("first round", "second round", "third round"), rounds, strict=False):
        print(
            f"  {name:<14} settled after {seconds:5.1f} s, {seconds / 60:4.2f} of its minute"
            f"   down {down:,}   unknown {unknown:,}"
        )


@contextmanager
def _watching(stack: Stack) -> Iterator[HealthChecks]:
    """Targets on this machine, with the defaults of the policy and the scheduled jobs running."""
    with (
        psycopg.connect(stack.database_url, autocommit=True) as connection,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
    ):
        health_checks = HealthChecks(connection, superuser, secrets.token_hex(3))
        _set_policy(connection, {"allow_private": True})
        try:
            yield health_checks
        finally:
            health_checks.set_targets()
            health_checks.judge()
            superuser.execute("delete from monitoring.probes")
            superuser.execute("delete from public.monitoring_checks")
            _set_policy(connection, {})


def _set_policy(connection: psycopg.Connection[tuple[object, ...]], policy: dict[str, object]) -> None:
    connection.execute(
        "update public.system_config set value = %s where key = 'health_check_policy'", (json.dumps(policy),)
    )


def _let_die(names: list[tuple[str, str]], running: dict[str, tuple[Target, ExitStack]]) -> dict[str, float]:
    """Lets each server die in its way. Returns the moments, as time.time() returns them."""
    died: dict[str, float] = {}
    moments = sorted(
        (time.time() + random.uniform(0, DEATHS_WITHIN_SECONDS), kind, name)  # noqa: S311 - a pause, no secret
        for kind, name in names
    )
    for moment, kind, name in moments:
        time.sleep(max(0.0, moment - time.time()))
        target, server = running[name]
        if kind == "refused":
            server.close()
        else:
            target.now = "/silent" if kind == "silent" else f"/status/{kind}"
        died[name] = time.time()
    return died


def _incidents(health_checks: HealthChecks) -> dict[str, tuple[str, float]]:
    """The id of the incident of each target, and when it was opened."""
    rows = health_checks.connection.execute(INCIDENTS, (f"health-check:target:%-{health_checks.suffix}",)).fetchall()
    return {target: (incident_id, opened) for target, incident_id, opened in rows}


def _wait_for_rounds(health_checks: HealthChecks, size: int, count: int) -> list[tuple[datetime, float, int, int]]:
    """Waits until this number of rounds of so many targets is judged. Returns moment, seconds, down and unknown."""

    def rounds() -> list[tuple[datetime, float, int, int]]:
        return health_checks.connection.execute(ROUNDS, (f"%-{health_checks.suffix}", size)).fetchall()

    wait_until(lambda: len(rounds()) >= count, DEADLINE_SECONDS, "the rounds")
    return rounds()
