"""Purges commit each batch, pass over what other sessions hold, and can be repeated at any time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from local import Stack

MANY = 500

STORE_RECEIPTS = """
insert into monitoring.event_receipts (idempotency_key, answer, created_at)
select %(name)s || ' ' || number, '{}', now() - interval '30 days'
from generate_series(1, %(count)s) as number
"""

STORE_INCIDENT = """
insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, status, first_seen, last_seen, resolved_at
)
values (
  %(id)s, %(id)s, 't', 'm', 'LOW', 'backend', 'r', %(status)s::public.incident_status, now() - interval '500 days',
  now() - interval '500 days', case when %(status)s = 'resolved' then now() - interval '499 days' end
)
"""


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def superuser(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def name() -> str:
    return f"purge {secrets.token_hex(6)}"


@pytest.fixture
def incident(superuser: psycopg.Connection) -> Iterator[str]:
    """An incident that is due: resolved long ago, and its actions are gone."""
    incident_id = f"INC-{secrets.token_hex(6)}"
    store_incident(superuser, incident_id, "resolved")
    yield incident_id
    superuser.execute("set session_replication_role = replica")
    superuser.execute("delete from public.agent_actions where incident_id = %s", (incident_id,))
    # A chain without its actions is not intact.
    superuser.execute("delete from monitoring.audit_heads where chain = %s", (incident_id,))
    superuser.execute("delete from public.incidents where id = %s", (incident_id,))


def store_incident(superuser: psycopg.Connection, incident_id: str, status: str) -> None:
    with superuser.transaction():
        superuser.execute("set local session_replication_role = replica")
        superuser.execute(STORE_INCIDENT, {"id": incident_id, "status": status})


def command(connection: psycopg.Connection, function_name: str, batch_size: int) -> bytes:
    call = f"{function_name}({batch_size})"
    row = connection.execute("select monitoring.write_purge_command(%s, %s)", (call, batch_size)).fetchone()
    assert row is not None
    return str(row[0]).encode()


def receipts(connection: psycopg.Connection, name: str) -> int:
    query = "select count(*) from monitoring.event_receipts where starts_with(idempotency_key, %s)"
    row = connection.execute(query, (name,)).fetchone()
    assert row is not None
    return int(row[0])


def status(connection: psycopg.Connection, incident_id: str) -> str | None:
    row = connection.execute("select status::text from public.incidents where id = %s", (incident_id,)).fetchone()
    return str(row[0]) if row else None


def test_every_job_of_retention_runs(connection: psycopg.Connection) -> None:
    jobs = connection.execute("select name, command from monitoring.list_retention_jobs()").fetchall()
    assert len(jobs) > 15
    for _, text in jobs:
        connection.execute(text.encode())


def test_a_cancelled_purge_keeps_the_batches_that_it_committed(connection: psycopg.Connection, name: str) -> None:
    connection.execute(STORE_RECEIPTS, {"name": name, "count": MANY})
    connection.execute("set statement_timeout = '1s'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(command(connection, "purge_receipts", 2))
    connection.execute("reset statement_timeout")
    assert receipts(connection, name) < MANY
    connection.execute(command(connection, "purge_receipts", 100))
    assert receipts(connection, name) == 0


def test_two_purges_at_once_share_the_rows(stack: Stack, connection: psycopg.Connection, name: str) -> None:
    connection.execute(STORE_RECEIPTS, {"name": name, "count": MANY})
    text = command(connection, "purge_receipts", 50)

    def purge(_: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as session:
            session.execute(text)

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(purge, range(4)))
    connection.execute(text)
    assert receipts(connection, name) == 0


def test_a_row_that_another_session_holds_is_left_to_the_next_run(
    stack: Stack, connection: psycopg.Connection, name: str
) -> None:
    connection.execute(STORE_RECEIPTS, {"name": name, "count": 10})
    with psycopg.connect(stack.database_url) as session:
        session.execute("select from monitoring.event_receipts where idempotency_key = %s for update", (f"{name} 3",))
        connection.execute(command(connection, "purge_receipts", 100))
        assert receipts(connection, name) == 1
    connection.execute(command(connection, "purge_receipts", 100))
    assert receipts(connection, name) == 0


def test_an_incident_stays_while_a_session_writes_an_action_of_it(
    stack: Stack, connection: psycopg.Connection, incident: str
) -> None:
    with psycopg.connect(stack.database_url) as session:
        session.execute(
            "insert into public.agent_actions (agent, action, incident_id) values ('a', 'noted', %s)", (incident,)
        )
        connection.execute(command(connection, "purge_incidents", 100))
        assert status(connection, incident) == "resolved", "it is skipped"
        session.commit()
    connection.execute(command(connection, "purge_incidents", 100))
    assert status(connection, incident) == "resolved", "its action is kept"


def test_an_incident_without_actions_is_purged(connection: psycopg.Connection, incident: str) -> None:
    connection.execute(command(connection, "purge_incidents", 100))
    assert status(connection, incident) is None


def test_a_reopened_incident_stays(stack: Stack, connection: psycopg.Connection, incident: str) -> None:
    with psycopg.connect(stack.database_url) as session:
        session.execute("update public.incidents set status = 'open', resolved_at = null where id = %s", (incident,))
        connection.execute(command(connection, "purge_incidents", 100))
        session.commit()
    connection.execute(command(connection, "purge_incidents", 100))
    assert status(connection, incident) == "open"


def test_a_quiet_incident_that_is_being_repeated_is_left_open(
    stack: Stack, connection: psycopg.Connection, superuser: psycopg.Connection
) -> None:
    incident_id = f"INC-{secrets.token_hex(6)}"
    store_incident(superuser, incident_id, "open")
    (text,) = connection.execute(
        "select command from monitoring.list_retention_jobs() where name = 'monitoring-close-quiet-incidents'"
    ).fetchone() or ("",)
    with psycopg.connect(stack.database_url) as session:
        session.execute("update public.incidents set last_seen = now() where id = %s", (incident_id,))
        connection.execute(text.encode())
        session.commit()
    connection.execute(text.encode())
    assert status(connection, incident_id) == "open"
    with superuser.transaction():
        superuser.execute("update public.incidents set last_seen = first_seen where id = %s", (incident_id,))
    connection.execute(text.encode())
    assert status(connection, incident_id) == "resolved"
