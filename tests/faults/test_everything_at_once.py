"""Everything that locks rows, at once: no session waits for another one that waits for it.

Each worker does what one kind of caller does, in an order of its own, on incidents that all of them share. The workers
call the functions themselves, so that each statement is a transaction, as a call of PostgREST is.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from local import Stack
from tests.support import monitor_bodies, sentry_bodies

SECONDS = 25.0
"""How long everything goes on at least; then until each of NEEDED was called."""
PATIENCE = 300.0
"""How long it may go on, in seconds: a slow machine gets time for a call of each kind."""
CALL_SECONDS = 120
"""A call that lasts longer hangs. Deadlocks are found long before."""
ERRORS = 12
ISSUES = 8
HEARTBEATS = 6
AGENTS = 4
PERSON = "Ada Byron Lovelace"

Work = Callable[["Session"], None]

LIVE_INCIDENT = """
select id from public.incidents where status <> 'resolved' and occurrence_count > 1 order by random() limit 1
"""
OLD_ACTIONS = """
insert into public.agent_actions (agent, action, created_at)
select 'a', 'looked', '2001-01-01' from generate_series(1, 20)
"""


@dataclass
class Tally:
    """What the workers did."""

    name: str
    began: float = field(default_factory=time.monotonic)
    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def is_over(self) -> bool:
        """Whether it lasted long enough, and each call that is needed was made; or a call failed, or too long."""
        seconds = time.monotonic() - self.began
        with self.guard:
            return seconds > SECONDS and bool(self.failures or seconds > PATIENCE or not self.missing())

    def missing(self) -> list[str]:
        return [needed for needed in NEEDED if not any(needed in call for call in self.calls)]

    def describe(self) -> str:
        """What is needed to find out why it failed."""
        longest = sorted(self.longest.items(), key=lambda pair: -pair[1])[:12]
        return "\n".join(
            [
                f"after {time.monotonic() - self.began:.1f} s, with a load of {os.getloadavg()[0]:.1f}",
                *self.failures[:20],
                f"{len(self.failures)} failures; never called: {self.missing()}",
                "longest calls: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in longest),
                f"calls: {dict(self.calls.most_common())}",
                f"refusals: {dict(self.refusals.most_common())}",
            ]
        )


@dataclass
class Session:
    """A connection of one worker, with its own random numbers."""

    connection: psycopg.Connection[Any]
    random: random.Random
    number: int
    tally: Tally

    def act_as(self, role: str, subject: str = "") -> None:
        claims = {"role": role} | ({"sub": subject} if subject else {})
        self.call("select set_config('request.jwt.claims', %s, false)", json.dumps(claims))

    def call(self, query: str, *parameters: object) -> Any:
        """The first value of a statement; None when it was refused: PT4xx, or PT503, is an answer to the caller."""
        name = " ".join(query.split("(")[0].split())[-60:]
        began = time.monotonic()
        try:
            cursor = self.connection.execute(query.encode(), parameters)
            row = cursor.fetchone() if cursor.description else None
        except psycopg.Error as error:
            state = error.sqlstate or "none"
            with self.tally.guard:
                if state.startswith("PT4") or state == "PT503":
                    self.tally.refusals[f"{name} {state}"] += 1
                else:
                    self.tally.failures.append(
                        f"{datetime.now(UTC):%H:%M:%S.%f} after {time.monotonic() - began:.1f} s, process"
                        f" {self.connection.info.backend_pid}, {work_name(self.number)}: {name}: {state} {error}"
                        f" {error.diag.context or ''}"
                    )
            return None
        with self.tally.guard:
            self.tally.calls[name] += 1
            self.tally.longest[name] = max(self.tally.longest.get(name, 0.0), time.monotonic() - began)
        return row[0] if row else None

    def expect(self, answers: list[dict[str, Any]] | None, is_stored: Callable[[dict[str, Any]], bool]) -> None:
        """What is refused locks nothing, so that the test would prove nothing."""
        if refused := [answer for answer in answers or () if not is_stored(answer)]:
            with self.tally.guard:
                self.tally.failures.append(f"{work_name(self.number)}: {len(refused)} were refused: {refused[0]}")

    def shuffled(self, size: int) -> list[int]:
        return self.random.sample(range(size), size)

    def incident(self) -> Any:
        """The id of one of the live incidents that all workers share."""
        return self.call(LIVE_INCIDENT)


def report(session: Session) -> None:
    """Batches of the same errors in any order, some of them resolved, and new ones."""
    session.act_as("service_role")
    batch = [
        {
            "sender": f"server:{session.random.randrange(3)}",
            "event": {
                "error": {"message": f"{PERSON} failed {number}"},
                "fingerprint": f"{session.tally.name} {number}",
                "source": session.tally.name,
                "status": "resolved" if session.random.random() < 0.1 else "firing",
            },
        }
        for number in session.shuffled(ERRORS)
    ]
    new = {"error": {"message": "new"}, "fingerprint": secrets.token_hex(6), "source": session.tally.name}
    reports = json.dumps([*batch, {"sender": "server:0", "event": new}])
    session.expect(session.call("select public.ingest_events(%s)", reports), lambda answer: answer["success"])


def deliver_of_sentry(session: Session) -> None:
    session.act_as("service_role")
    deliveries = []
    for number in session.shuffled(ISSUES):
        issue_id = f"{abs(hash(session.tally.name)) % 10**6}{number}"
        if session.random.random() < 0.3:
            body, resource = sentry_bodies.issue("resolved", issue_id, status="resolved"), "issue"
        else:
            body, resource = sentry_bodies.error(issue_id, secrets.token_hex(16)), "error"
        deliveries.append({"resource": resource, "body_hash": secrets.token_hex(32), "body": body})
    answers = session.call("select public.ingest_deliveries(%s)", json.dumps(deliveries))
    session.expect(answers, lambda answer: answer["effect"] != "failed")


def deliver_of_alertmanager(session: Session) -> None:
    session.act_as("service_role")
    now = datetime.now(UTC)
    alerts = [
        monitor_bodies.alert(
            f"{session.tally.name}-{number}", now - timedelta(minutes=5), now if session.random.random() < 0.4 else None
        )
        for number in session.shuffled(ISSUES)
    ]
    deliveries = [
        {
            "kind": "alertmanager",
            "resource": "alertmanager",
            "body_hash": secrets.token_hex(32),
            "body": monitor_bodies.alertmanager(alert),
        }
        for alert in alerts
    ]
    answers = session.call("select public.ingest_deliveries(%s)", json.dumps(deliveries))
    session.expect(answers, lambda answer: answer["effect"] != "failed")
    session.call("select monitoring.retry_deliveries()")


def send_heartbeats(session: Session) -> None:
    session.act_as("service_role")
    for number in session.shuffled(HEARTBEATS)[:3]:
        name, signal = f"{session.tally.name}-{number}", session.random.choice(["ok", "1"])
        session.call("select public.record_heartbeat(%s, %s)", name, signal)


def judge(session: Session) -> None:
    session.call("select set_config('request.jwt.claims', '', false)")
    session.call("select monitoring.judge_health_checks()")
    if session.random.random() < 0.1:
        session.call("select monitoring.run_health_checks()")
        session.call("select monitoring.watch_jobs()")


def act(session: Session) -> None:
    """An agent takes an incident, acts, records what worked, and resolves it."""
    session.act_as("authenticated", f"{session.tally.name}-{session.number}")
    claimed = session.call("select public.claim_next_incident('agent', 900)")
    incident_id = claimed["id"] if claimed else session.incident()
    if not incident_id:
        return
    begun = session.call("select public.begin_agent_action('agent', 'investigate', %s)", incident_id)
    session.call("select public.add_incident_note(%s, 'looked')", incident_id)
    session.call("select public.remember_fix('restart it', incident_id => %s)", incident_id)
    if begun and begun.get("action_id") and session.random.random() < 0.7:
        session.call("select public.finish_agent_action(%s, true)", begun["action_id"])
    fix = session.call("select id from public.error_knowledge order by random() limit 1")
    if fix:
        worked = session.random.random() < 0.8
        session.call("select public.record_fix_outcome(%s::bigint, %s, %s)", fix, worked, incident_id)
    if session.random.random() < 0.6:
        session.call("select public.resolve_incident(%s, 'restarted', %s::bigint, true)", incident_id, fix)
    else:
        session.call("select public.release_claim(%s, 'nothing helps')", incident_id)


def stop_agents(session: Session) -> None:
    session.act_as("service_role")
    session.call("select public.set_kill_switch(true, 'a test of everything at once')")
    time.sleep(0.2)
    session.call("select public.set_kill_switch(false, 'a test of everything at once')")
    time.sleep(0.8)


def operate(session: Session) -> None:
    """A person changes incidents, the configuration and deployments."""
    session.act_as("service_role")
    if incident_id := session.incident():
        session.call("select public.acknowledge_incident(%s)", incident_id)
        severity = session.random.choice(["LOW", "HIGH", "CRITICAL"])
        session.call("select public.set_incident_severity(%s, %s, 'asked for')", incident_id, severity)
        session.call("update public.incidents set title = 'edited' where id = %s", incident_id)
    session.call("select public.record_deployment_started(%s, '1.0.0')", session.tally.name)
    name = f"{session.tally.name}-{session.random.randrange(HEARTBEATS)}"
    session.call("select public.mute_target(%s, 5, 'a test')", name)
    session.call("select public.unmute_target(%s)", name)
    session.call("select public.pause_target(%s, 5, 'a test')", name)
    session.call("select public.resume_target(%s)", name)


def keep_house(session: Session) -> None:
    """The jobs one after the other, as often as they can."""
    session.call("select set_config('request.jwt.claims', '', false)")
    for (command,) in session.connection.execute(
        "select command from monitoring.list_jobs() where name <> 'monitoring-confirm-failures' order by random()"
    ).fetchall():
        session.call(command)


def purge(session: Session) -> None:
    session.act_as("authenticated", f"aged {session.number}")
    session.call(OLD_ACTIONS)
    session.act_as(*session.random.choice([("service_role",), ("authenticated", "aged 0")]))
    session.call("select monitoring.purge_agent_actions(15)")
    day = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=session.tally.calls["select monitoring.write_audit_anchor"])
    session.call("select monitoring.write_audit_anchor(%s)", day.date())


def erase(session: Session) -> None:
    session.act_as("service_role")
    session.call("select public.erase_personal_data(%s, 20)", PERSON)


WORKERS: list[Work] = [
    *[report] * 4,
    *[deliver_of_sentry] * 2,
    deliver_of_alertmanager,
    send_heartbeats,
    *[judge] * 2,
    *[act] * AGENTS,
    stop_agents,
    operate,
    keep_house,
    *[purge] * 2,
    erase,
]


NEEDED = (
    "ingest_events",
    "ingest_deliveries",
    "claim_next_incident",
    "set_kill_switch",
    "erase_personal_data",
    "purge_agent_actions",
    "write_audit_anchor",
    "judge_health_checks",
    "record_heartbeat",
    "remember_fix",
    "record_fix_outcome",
    "resolve_incident",
    "set_incident_severity",
    "pause_target",
    "retry_deliveries",
    "end_suppressions",
)


@contextmanager
def prepared(stack: Stack, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Heartbeats as targets, limits that nobody reaches, and the configuration as it was at the end."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        before = connection.execute("select key, value::text from public.system_config").fetchall()
        targets = [
            {"name": f"{name}-{number}", "type": "heartbeat", "period_minutes": 60} for number in range(HEARTBEATS)
        ]
        limits = dict.fromkeys(
            ("new_incidents_per_minute", "agent_actions_per_hour", "all_agent_actions_per_hour"), 100000
        ) | {"claims_per_agent": 3}
        settings = {"health_check_targets": targets, "rate_limits": limits}
        for key, value in settings.items():
            connection.execute(
                "update public.system_config set value = case jsonb_typeof(value) when 'object' then value || %(value)s"
                " else %(value)s end where key = %(key)s",
                {"value": json.dumps(value), "key": key},
            )
        yield connection
        for key, text in before:
            connection.execute("update public.system_config set value = %s where key = %s", [text, key])


def run(stack: Stack, tally: Tally, work: Work, number: int) -> None:
    connection = psycopg.connect(
        stack.superuser_database_url,
        autocommit=True,
        # Deadlocks are found early, and a call that hangs fails.
        options=f"-c deadlock_timeout=100ms -c statement_timeout={CALL_SECONDS}s -c role=postgres",
    )
    with closing(connection):
        session = Session(connection, random.Random(number), number, tally)  # noqa: S311 - no secret
        while not tally.is_over() and not connection.closed:
            try:
                work(session)
            except psycopg.Error as error:
                with tally.guard:
                    tally.failures.append(f"{work_name(number)}: {error!r}")


def work_name(number: int) -> str:
    return WORKERS[number].__name__


def find_deadlocks(log: str) -> list[str]:
    """What PostgreSQL logged of each deadlock: who waited for whom, and the functions in which the victim was."""
    lines = log.splitlines()
    found = []
    for number, line in enumerate(lines):
        if "deadlock detected" in line:
            end = next(
                (later for later in range(number + 1, len(lines)) if " STATEMENT: " in lines[later]), number + 40
            )
            found.append("\n".join(lines[number : min(end + 3, number + 40)]))
    return found


def deadlocks(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_nobody_waits_for_who_waits_for_him(disposable_stack: Stack) -> None:
    name = f"at-once-{secrets.token_hex(3)}"
    log = disposable_stack.settings.log_directory / "postgres.log"
    with prepared(disposable_stack, name) as connection:
        before = deadlocks(connection)
        logged = log.stat().st_size if log.exists() else 0
        tally = Tally(name)
        with ThreadPoolExecutor(len(WORKERS)) as pool:
            running = [pool.submit(run, disposable_stack, tally, work, number) for number, work in enumerate(WORKERS)]
            for each in running:
                each.result()
        # Those that a function noticed and tried again are counted, and logged, too.
        connection.execute("select pg_stat_clear_snapshot()")
        found = deadlocks(connection) - before
        logged_deadlocks = find_deadlocks(log.read_bytes()[logged:].decode(errors="replace")) if log.exists() else []
        why = "\n".join([tally.describe(), f"{found} deadlocks", *logged_deadlocks])
        assert tally.failures == [], why
        assert found == 0, why
        assert logged_deadlocks == [], why
        assert tally.missing() == [], why
        row = connection.execute("select public.verify_audit()").fetchone()
        assert row is not None
        assert row[0]["problems"] == [], f"{row[0]}\n{why}"
