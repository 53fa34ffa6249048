"""Pairs of calls that lock the same rows: they take turns, whichever comes first, and none is ended by a deadlock.

A third session holds a known fix that one of the two needs in the middle, so that it stops there. Deadlocks are not
looked for in the two, so that a function which would try again after one does not pass.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.support import monitor_bodies
from tests.support.waiting import wait_until

Connection = psycopg.Connection[Any]

STORE_FIX = """
insert into public.error_knowledge (pattern, signature, category, severity, solution)
values (%(name)s, %(name)s, 'backend', 'LOW', 's') returning id
"""
STORE_INCIDENT = """
insert into public.incidents (
  fingerprint, title, message, severity, category, rule, sender, status, first_seen, last_seen, resolved_at
)
values (
  %(fingerprint)s, 't', 'm', 'LOW', 'backend', 'r', %(sender)s, 'resolved',
  now() - %(age)s - interval '1 hour', now() - %(age)s - interval '1 hour', now() - %(age)s
)
returning id
"""
STORE_OUTCOME = """
insert into monitoring.fix_outcomes (knowledge_id, incident_id, caller, has_worked) values (%s, %s, 'user:a', true)
"""
FORGET = """
with doomed as (
  select id from public.incidents where fingerprint like '%%' || %(name)s || '%%'
),

outcomes as (
  delete from monitoring.fix_outcomes where incident_id in (select id from doomed)
),

notifications as (
  delete from monitoring.notifications where incident_id in (select id from doomed)
),

hours as (
  delete from monitoring.incident_hours where incident_id in (select id from doomed)
),

actions as (
  delete from public.agent_actions where incident_id in (select id from doomed)
),

heads as (
  delete from monitoring.audit_heads where chain in (select id from doomed)
),

fixes as (
  delete from public.error_knowledge where pattern like %(name)s || '%%'
)

delete from public.incidents where id in (select id from doomed)
"""
REOPENED = timedelta(hours=1)
NEW = timedelta(days=3)
"""Ages of resolutions: a repeat reopens the incident, or opens a new one."""
DUE = timedelta(days=500)
PAUSE = """
create function public.pause_at(incident_id text) returns boolean language plpgsql as $$
begin
  perform pg_advisory_lock_shared(hashtext(incident_id));
  perform pg_advisory_unlock_shared(hashtext(incident_id));
  return true;
end
$$
"""


@pytest.fixture
def name(superuser_database_url: str) -> Iterator[str]:
    chosen = f"order-{secrets.token_hex(6)}"
    yield chosen
    with psycopg.connect(superuser_database_url) as connection:
        connection.execute("set session_replication_role = replica; set lock_timeout = '60s'")
        connection.execute(FORGET, {"name": chosen})


@pytest.fixture
def connection(superuser_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(superuser_database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def sessions(superuser_database_url: str, name: str) -> Iterator[list[Connection]]:
    """Two that wait for each other for ever if they do, and one that holds a row; closed before rows are deleted."""
    with ExitStack() as stack:
        opened = [stack.enter_context(psycopg.connect(superuser_database_url)) for _ in range(3)]
        for session in opened:
            session.execute("set deadlock_timeout = '1h'; set lock_timeout = '30s'")
            session.commit()
        yield opened


@pytest.fixture
def fixes(connection: Connection, name: str) -> list[int]:
    """The ids of three known fixes, in order."""
    return sorted(int(value(connection, STORE_FIX, name=f"{name} {number}")) for number in range(3))


@pytest.fixture
def resolved(connection: Connection) -> Callable[..., str]:
    """Stores an incident that a fix has resolved, and returns its id."""

    def store(fingerprint: str, sender: str, age: timedelta, fix: int) -> str:
        incident_id = str(value(connection, STORE_INCIDENT, fingerprint=fingerprint, sender=sender, age=age))
        connection.execute(STORE_OUTCOME, [fix, incident_id])
        return incident_id

    return store


@contextmanager
def temporary_functions(connection: Connection, *definitions: str) -> Iterator[None]:
    """Functions that exist for the time of a test."""
    for definition in definitions:
        connection.execute(definition.encode())
    try:
        yield
    finally:
        connection.execute("drop function if exists public.claim_slowly, public.find_slowly, public.pause_at")


def value(connection: Connection, query: str, **parameters: object) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def is_waiting(connection: Connection, session: Connection) -> bool:
    return bool(value(connection, "select cardinality(pg_blocking_pids(%(id)s)) > 0", id=session.info.backend_pid))


def take_turns(
    connection: Connection, sessions: list[Connection], held: int, first: tuple[str, str], second: tuple[str, str]
) -> tuple[Any, Any]:
    """The answers of two calls, the second of which is made while the first one waits for a known fix."""
    one, other, holder = sessions
    holder.execute("select from public.error_knowledge where id = %s for no key update", [held])

    def call(session: Connection, function: str, argument: str) -> Any:
        answer = value(session, f"select public.{function}(%(argument)s)", argument=argument)
        session.commit()
        return answer

    with ThreadPoolExecutor(2) as pool:
        try:
            one_answer = pool.submit(call, one, *first)
            wait_until(lambda: is_waiting(connection, one) or one_answer.done(), what="the first call at the known fix")
            other_answer = pool.submit(call, other, *second)
            wait_until(lambda: is_waiting(connection, other) or other_answer.done(), what="the second call")
        finally:
            holder.rollback()
        return one_answer.result(), other_answer.result()


def fire(name: str, *numbers: int) -> str:
    """A call with a notification of Alertmanager about each of some alerts, in this order."""
    now = datetime.now(UTC)
    return json.dumps(
        [
            {
                "kind": "alertmanager",
                "resource": "alertmanager",
                "body_hash": secrets.token_hex(32),
                "body": monitor_bodies.alertmanager(monitor_bodies.alert(f"{name}-{number}", now)),
            }
            for number in numbers
        ]
    )


def report(name: str, *numbers: int) -> str:
    errors = [{"error": {"message": "m"}, "fingerprint": f"{name}-{number}"} for number in numbers]
    return json.dumps([{"sender": "service", "event": error} for error in errors])


def test_webhooks_that_reopen_incidents_lock_their_fixes_in_order(
    connection: Connection, sessions: list[Connection], fixes: list[int], resolved: Callable[..., str], name: str
) -> None:
    first, second, third = fixes
    for number, fix in enumerate([first, third, second, second, first]):
        resolved(f"alertmanager:{name}-{number}", "alertmanager", REOPENED, fix)
    answers = take_turns(
        connection,
        sessions,
        third,
        ("ingest_deliveries", fire(name, 0, 1, 2)),
        ("ingest_deliveries", fire(name, 3, 4)),
    )
    effects = [answer["effect"] for answered in answers for answer in answered]
    assert effects == ["reopened"] * 5


def test_webhooks_lock_the_quota_of_their_sender_before_fixes(
    connection: Connection, sessions: list[Connection], fixes: list[int], resolved: Callable[..., str], name: str
) -> None:
    first, _, third = fixes
    for number, fix in [(0, first), (1, third), (4, first)]:
        resolved(f"alertmanager:{name}-{number}", "alertmanager", REOPENED, fix)
    answers = take_turns(
        connection,
        sessions,
        third,
        ("ingest_deliveries", fire(name, 0, 1, 2)),
        ("ingest_deliveries", fire(name, 3, 4)),
    )
    effects = [answer["effect"] for answered in answers for answer in answered]
    assert effects == ["reopened", "reopened", "opened", "opened", "reopened"]


def test_reports_lock_the_fixes_of_new_and_of_reopened_incidents_in_order(
    connection: Connection, sessions: list[Connection], fixes: list[int], resolved: Callable[..., str], name: str
) -> None:
    first, second, third = fixes
    for number, (age, fix) in enumerate(
        [(REOPENED, first), (NEW, second), (NEW, third), (NEW, first), (REOPENED, second)]
    ):
        resolved(f"service:{name}-{number}", "service", age, fix)
    answers = take_turns(
        connection,
        sessions,
        third,
        ("ingest_events", report(name, 0, 1, 2)),
        ("ingest_events", report(name, 3, 4)),
    )
    assert [answer["status"] for answered in answers for answer in answered] == ["open"] * 5
    failures = "select array_agg(failure_count order by id) from public.error_knowledge where id = any(%(ids)s)"
    assert value(connection, failures, ids=fixes) == [2, 2, 1]


def test_a_purge_leaves_an_incident_whose_fix_is_being_changed(
    connection: Connection, sessions: list[Connection], fixes: list[int], resolved: Callable[..., str], name: str
) -> None:
    """A changed fix loses its outcomes, and a purge those of the incident: neither has what the other one needs."""
    fix = fixes[0]
    incident_id = resolved(name, "service", DUE, fix)
    connection.execute("set session_replication_role = replica")
    connection.execute("delete from public.agent_actions where incident_id = %s", [incident_id])
    # A chain without its actions is not intact.
    connection.execute("delete from monitoring.audit_heads where chain = %s", [incident_id])
    connection.execute("set session_replication_role = default")
    editor, purger, _ = sessions
    editor.execute("select public.approve_fix(%s, 1)", [fix])
    with ThreadPoolExecutor(1) as pool:
        try:
            purged = pool.submit(purger.execute, "select monitoring.purge_incidents(1000)")
            wait_until(lambda: purged.done() or is_waiting(connection, purger), what="the purge")
            editor.execute("update public.error_knowledge set solution = 'other' where id = %s", [fix])
            editor.commit()
        finally:
            editor.rollback()
        purged.result()
    purger.commit()
    kept = "select exists (select from public.incidents where id = %(id)s)"
    assert value(connection, kept, id=incident_id)
    connection.execute("select monitoring.purge_incidents(1000)")
    assert not value(connection, kept, id=incident_id)


def test_a_claim_that_finds_no_incident_has_locked_none(
    connection: Connection, sessions: list[Connection], name: str
) -> None:
    """PostgreSQL locks what another session has changed meanwhile, before it sees that it need not be locked."""
    agent, editor, holder = sessions
    incident_id = str(value(connection, STORE_INCIDENT, fingerprint=name, sender="service", age=NEW))
    connection.execute(
        "update public.incidents set status = 'open', resolved_at = null, source = %s where id = %s",
        [name, incident_id],
    )
    find, claim = (
        str(value(connection, "select pg_get_functiondef(%(name)s::regproc)", name=function))
        .replace("monitoring.find_claimable_incident", "public.find_slowly")
        .replace("find_claimable_incident.", "find_slowly.")
        .replace("public.claim_next_incident", "public.claim_slowly")
        .replace("claim_next_incident.", "claim_slowly.")
        for function in ("monitoring.find_claimable_incident", "public.claim_next_incident")
    )
    paused = find.replace("where incidents.status = 'open'", "where public.pause_at(incidents.id) and status = 'open'")
    assert (paused.count("pause_at"), claim.count("find_slowly")) == (1, 2)
    with temporary_functions(connection, PAUSE, paused, claim):
        editor.execute("select pg_advisory_lock(hashtext(%s))", [incident_id])
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(value, agent, "select public.claim_slowly('a', source => %(name)s)", name=name)
            wait_until(lambda: found.done() or is_waiting(connection, agent), what="the claim before the incident")
            connection.execute("select public.acknowledge_incident(%s)", [incident_id])
            editor.execute("select pg_advisory_unlock_all()")
            assert found.result() is None
        holder.execute("select from public.incidents where id = %s for no key update nowait", [incident_id])
        for session in (agent, editor, holder):
            session.rollback()
