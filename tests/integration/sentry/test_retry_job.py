"""The job that retries deliveries is scheduled while deliveries wait, whatever sessions do at the same time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from local import Stack
from tests.support.waiting import wait_until

STORE = (
    "insert into monitoring.deliveries (resource, body_hash, sent_at, effect, next_attempt_at)"
    " values ('issue', %s, now(), 'failed', now() + interval '1 hour')"
)
APPLY = "update monitoring.deliveries set next_attempt_at = null where body_hash like 'retry job %'"
IS_SCHEDULED = "select exists (select from cron.job where jobname = 'monitoring-retry-deliveries')"


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection]:
    """A session that sees no waiting delivery, and no job for one."""
    with psycopg.connect(stack.database_url, autocommit=True) as opened:
        opened.execute("delete from monitoring.deliveries where next_attempt_at is not null")
        opened.execute("select monitoring.unschedule_retries()")
        yield opened
        opened.execute("delete from monitoring.deliveries where body_hash like 'retry job %%'")
        opened.execute("select monitoring.unschedule_retries()")


def store(session: psycopg.Connection) -> None:
    session.execute(STORE, [f"retry job {secrets.token_hex(6)}"])


def is_scheduled(connection: psycopg.Connection) -> bool:
    row = connection.execute(IS_SCHEDULED).fetchone()
    assert row is not None
    return bool(row[0])


def test_the_job_is_not_unscheduled_while_a_session_stores_a_waiting_delivery(
    stack: Stack, connection: psycopg.Connection
) -> None:
    store(connection)
    connection.execute(APPLY)
    with psycopg.connect(stack.database_url) as session:
        store(session)  # it sees the job, and is not committed
        connection.execute("select monitoring.retry_deliveries()")
        assert is_scheduled(connection)
        session.commit()
    connection.execute("select monitoring.retry_deliveries()")
    assert is_scheduled(connection)


def test_a_delivery_that_is_stored_while_the_job_is_unscheduled_schedules_it_again(
    stack: Stack, connection: psycopg.Connection
) -> None:
    store(connection)
    connection.execute(APPLY)
    with psycopg.connect(stack.database_url) as job, psycopg.connect(stack.database_url) as session:
        job.execute("select monitoring.retry_deliveries()")  # unscheduled, and not committed
        with ThreadPoolExecutor(1) as pool:
            storing = pool.submit(store, session)
            waits = "select cardinality(pg_blocking_pids(%s)) > 0"
            wait_until(
                lambda: connection.execute(waits, [session.info.backend_pid]).fetchone() == (True,),
                what="the delivery to wait for the job",
            )
            job.commit()
            storing.result()
        session.commit()
    assert is_scheduled(connection)


def test_sessions_that_store_the_first_waiting_deliveries_do_not_wait_for_each_other(
    stack: Stack, connection: psycopg.Connection
) -> None:
    assert not is_scheduled(connection)
    with psycopg.connect(stack.database_url) as first, psycopg.connect(stack.database_url) as second:
        store(first)
        second.execute("set lock_timeout = '5s'")
        store(second)
        second.commit()
        first.commit()
    assert is_scheduled(connection)


def test_the_hourly_job_replaces_one_that_its_scheduler_rolled_back(
    stack: Stack, connection: psycopg.Connection
) -> None:
    with psycopg.connect(stack.database_url) as first, psycopg.connect(stack.database_url) as second:
        store(first)
        store(second)
        second.commit()
        first.rollback()
    assert not is_scheduled(connection)
    query = "select command from monitoring.list_jobs() where name = 'monitoring-restore-missing'"
    row = connection.execute(query).fetchone()
    assert row is not None
    connection.execute(row[0])
    assert is_scheduled(connection)
