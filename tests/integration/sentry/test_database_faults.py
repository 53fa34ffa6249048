"""A fault of the database fails the whole call, so that the service keeps the deliveries; a bad body fails alone.

Each fault is a real one, injected into a transaction that is rolled back.
"""

from __future__ import annotations

import concurrent.futures
import json
import secrets
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from local import Stack
from tests.integration.sentry.conftest import Sentry
from tests.support import sentry_bodies as bodies
from tests.support.waiting import wait_until

# Raises the SQLSTATE in test.code, unless that is empty, for the incident with the fingerprint, or for all.
RAISE_ON_INCIDENT: LiteralString = """
create function monitoring.test_fault() returns trigger language plpgsql as $$
begin
  if current_setting('test.code') <> '' then
    raise exception using errcode = current_setting('test.code'), message = 'injected';
  end if;
  return new;
end
$$;
create trigger test_fault before insert or update on public.incidents
for each row when (new.fingerprint like {fingerprint}) execute function monitoring.test_fault();
set local test.code = {code};
"""

DATABASE_FAULTS: dict[str, tuple[str, LiteralString]] = {
    "missing function": ("42883", "alter function monitoring.apply_intent rename to test_apply"),
    "missing function of the parser": ("42883", "alter function monitoring.read_sentry_event rename to test_read"),
    "missing column": ("42703", "alter table public.incidents rename column external_id to test_id"),
    "missing table": ("42P01", "alter table public.agent_actions rename to test_actions"),
    "missing privilege": ("42501", "alter table public.incidents owner to supabase_admin; set role service_role"),
    "full sequence": (
        "2200H",
        "do $$ begin execute format('alter sequence public.incident_number maxvalue %s',"
        " nextval('public.incident_number')); end $$",
    ),
    # A body that cannot be sanitized is not stored: the service keeps it.
    "broken sanitizer": (
        "XX000",
        "create or replace function monitoring.trim_sentry_body(body jsonb) returns jsonb language sql immutable"
        " set search_path = '' as $$ select 'x'::text::jsonb $$",
    ),
    "read-only": ("25006", "set local transaction_read_only = on"),
}
RAISED = ("XX000", "XX001", "58030", "53100", "53200", "55P03", "57P03", "23505", "40001", "40P01", "P0001", "0A000")
BODY_FAULTS = ("22P02", "22003", "23514", "23502", "PT409", "54001")


@pytest.fixture
def transaction(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of the owner of the functions that is rolled back, and sees no waiting delivery of other tests."""
    with (
        psycopg.connect(stack.superuser_database_url) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("delete from monitoring.deliveries where effect in ('deferred', 'failed')")
        yield connection


def delivery(issue_id: str, event_id: str = "e1") -> dict[str, object]:
    return {"resource": "error", "body_hash": secrets.token_hex(32), "body": bodies.error(issue_id, event_id)}


def ingest(connection: psycopg.Connection[Any], deliveries: list[dict[str, object]]) -> list[Any]:
    row = connection.execute("select public.ingest_deliveries(%s::jsonb)", [json.dumps(deliveries)]).fetchone()
    assert row is not None
    return list(row[0])


def effects(connection: psycopg.Connection[Any], deliveries: list[dict[str, object]]) -> list[str]:
    return [answer["effect"] for answer in ingest(connection, deliveries)]


def refused(
    connection: psycopg.Connection[Any], fault: sql.SQL | sql.Composed, deliveries: list[dict[str, object]]
) -> str | None:
    """The SQLSTATE with which the call fails under the fault. Afterwards the fault is gone."""
    with connection.transaction(force_rollback=True):
        connection.execute(fault)
        try:
            ingest(connection, deliveries)
        except psycopg.Error as error:
            return error.sqlstate
    return None


@pytest.mark.parametrize("fault", DATABASE_FAULTS)
def test_a_fault_of_the_database_fails_the_call(
    transaction: psycopg.Connection[Any], issue_id: str, fault: str
) -> None:
    code, statement = DATABASE_FAULTS[fault]
    deliveries = [delivery(issue_id), delivery(issue_id, "e2")]
    assert refused(transaction, sql.SQL(statement), deliveries) == code
    assert effects(transaction, deliveries) == ["opened", "counted"]


@pytest.mark.parametrize("code", RAISED)
def test_other_errors_fail_the_call(transaction: psycopg.Connection[Any], issue_id: str, code: str) -> None:
    deliveries = [delivery(issue_id), delivery(issue_id, "e2")]
    fault = sql.SQL(RAISE_ON_INCIDENT).format(code=sql.Literal(code), fingerprint=sql.Literal("%"))
    assert refused(transaction, fault, deliveries) == code
    assert effects(transaction, deliveries) == ["opened", "counted"]


@pytest.mark.parametrize("code", BODY_FAULTS)
def test_one_bad_body_fails_alone_and_is_retried(
    transaction: psycopg.Connection[Any], issue_id: str, code: str
) -> None:
    """The cause may be the database after all, such as a changed constraint."""
    bad = issue_id + "0"
    deliveries = [delivery(f"{issue_id}1", f"e{number}") for number in range(50)]
    deliveries[20] = delivery(bad)
    fault = sql.SQL(RAISE_ON_INCIDENT).format(code=sql.Literal(code), fingerprint=sql.Literal(f"sentry:issue:{bad}"))
    transaction.execute(fault)
    answers = ingest(transaction, deliveries)
    assert [number for number, each in enumerate(answers) if each["effect"] == "failed"] == [20]

    def stored() -> tuple[Any, ...]:
        row = transaction.execute(
            "select effect, error, attempts, next_attempt_at > clock_timestamp()"
            " from monitoring.deliveries where id = %s",
            [answers[20]["delivery_id"]],
        ).fetchone()
        assert row is not None
        return tuple(row)

    def retry() -> None:
        transaction.execute(
            "update monitoring.deliveries set next_attempt_at = clock_timestamp() where id = %s",
            [answers[20]["delivery_id"]],
        )
        transaction.execute("select monitoring.retry_deliveries()")

    assert stored() == ("failed", f"{code}: injected", 1, True)
    retry()
    assert stored() == ("failed", f"{code}: injected", 2, True)
    transaction.execute("set local test.code = ''")
    retry()
    assert stored()[:3] == ("opened", None, 3)


def test_a_body_that_cannot_be_read_is_kept_and_read_again(transaction: psycopg.Connection[Any], issue_id: str) -> None:
    parser = transaction.execute("select pg_get_functiondef('monitoring.read_sentry_event'::regproc)").fetchone()
    assert parser is not None
    transaction.execute(
        "create or replace function monitoring.read_sentry_event(event jsonb, rule text)"
        " returns monitoring.delivery_intent language sql stable set search_path = '' as $$"
        ' select jsonb_populate_record(null::monitoring.delivery_intent, \'{"severity": "x"}\') $$'
    )
    (answer,) = ingest(transaction, [delivery(issue_id)])
    assert answer["effect"] == "failed"
    query = "select public.replay_delivery(%s) ->> 'result'"
    again = transaction.execute(query, [answer["delivery_id"]]).fetchone()
    assert again is not None
    assert again[0].startswith("It failed again: 22P02:")
    transaction.execute(parser[0])
    assert transaction.execute(query, [answer["delivery_id"]]).fetchone() == ("It was applied now.",)


def test_deliveries_are_spooled_while_a_function_is_missing_and_then_applied_once(
    sentry: Sentry, issue_id: str
) -> None:
    sentry.connection.execute("alter function monitoring.apply_intent rename to test_apply")
    try:
        for number in range(20):
            answer = sentry.post("error", bodies.encode(bodies.error(issue_id, f"e{number}")))
            assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
    finally:
        sentry.connection.execute("alter function monitoring.test_apply rename to apply_intent")
    wait_until(lambda: sentry.http.get("/health").json()["spool"]["depth"] == 0, what="the replay")
    assert sentry.incident(f"sentry:issue:{issue_id}").occurrence_count == 20
    stored = sentry.rows(
        "select effect, count(*) from monitoring.deliveries where fingerprint = %s group by 1 order by 1",
        f"sentry:issue:{issue_id}",
    )
    assert [tuple(row) for row in stored] == [("counted", 19), ("opened", 1)]


def test_the_status_counts_failed_and_deferred_deliveries(sentry: Sentry, stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
    before = sentry.http.get("/status", headers=headers).json()["sentry"]
    waiting = ["failed", "failed", "deferred"]
    for effect in waiting:
        sentry.connection.execute(
            "insert into monitoring.deliveries (resource, body_hash, sent_at, effect)"
            " values ('issue', gen_random_uuid(), now(), %s)",
            [effect],
        )
    try:
        after = sentry.http.get("/status", headers=headers).json()["sentry"]
        assert (after["failed"] - before["failed"], after["deferred"] - before["deferred"]) == (2, 1)
        page = sentry.http.get("/status", headers={**headers, "Accept": "text/html"}).text
        assert f"; {after['failed']} failed; {after['deferred']} deferred" in page
    finally:
        sentry.connection.execute("delete from monitoring.deliveries where resource = 'issue' and verb is null")


def test_no_delivery_reads_the_whole_table(transaction: psycopg.Connection[Any]) -> None:
    """Whatever a delivery is compared with is found by an index, however many are stored."""
    transaction.execute("""
        insert into monitoring.deliveries (
          resource, body_hash, occurrence_key, fingerprint, verb, sent_at, effect, next_attempt_at
        )
        select
          'error', 'b' || n, 'o' || n, 'sentry:issue:' || n % 50, case when n % 7 = 0 then 'resolve' else 'count' end,
          now() - n * interval '1 s', effect, case when effect in ('failed', 'deferred') then now() end
        from generate_series(1, 50000) as n
        cross join lateral (
          select case
            when n % 500 = 0 then 'failed'
            when n % 501 = 0 then 'deferred'
            when n % 13 = 0 then 'repeated'
            else 'counted'
          end as effect
        ) as chosen
    """)
    transaction.execute("analyze monitoring.deliveries")

    def count_read_rows() -> int:
        row = transaction.execute(
            "select seq_tup_read + idx_tup_fetch from pg_catalog.pg_stat_xact_user_tables"
            " where relid = 'monitoring.deliveries'::regclass"
        ).fetchone()
        assert row is not None
        return int(row[0])

    before = count_read_rows()
    for issue_id in ("7", "1007"):
        for action in ("created", "resolved", "unresolved", "ignored"):
            body = bodies.issue(action, issue_id)
            ingest(transaction, [{"resource": "issue", "body_hash": secrets.token_hex(32), "body": body}])
        ingest(transaction, [delivery(issue_id, secrets.token_hex(16))])
    transaction.execute("select monitoring.retry_deliveries()")
    transaction.execute("select public.service_health()")
    read = count_read_rows() - before
    transaction.execute("select count(error) from monitoring.deliveries")
    scanned = count_read_rows() - before - read
    assert read < 2_000 < 50_000 <= scanned


def test_the_job_does_not_deadlock_with_deliveries(sentry: Sentry, stack: Stack, issue_id: str) -> None:
    """A call holds the lock of an issue and the quota, while the job waits for the quota with other rows."""
    issues = [f"{issue_id}{number}" for number in range(3)]
    sentry.connection.execute("delete from monitoring.deliveries where effect in ('deferred', 'failed')")
    for number in issues[1:]:
        sentry.connection.execute(
            "insert into monitoring.deliveries (resource, body_hash, fingerprint, verb, sent_at, effect,"
            " next_attempt_at, body) values ('error', %s, %s, 'count', now(), 'deferred', now(), %s)",
            [secrets.token_hex(32), f"sentry:issue:{number}", json.dumps(bodies.error(number, "e1"))],
        )
    resolution: dict[str, object] = {
        "resource": "issue",
        "body_hash": secrets.token_hex(32),
        "body": bodies.issue("resolved", issues[1]),
    }
    blocked = "select cardinality(pg_blocking_pids(pid)) from pg_stat_activity where query like '%retry_deliveries()%'"
    with psycopg.connect(stack.superuser_database_url) as call, concurrent.futures.ThreadPoolExecutor(1) as pool:
        call.execute("select pg_advisory_xact_lock(20261124, hashtext('sentry:issue:' || %s))", [issues[1]])
        assert effects(call, [delivery(issues[0])]) == ["opened"]
        job = pool.submit(sentry.rows, "select monitoring.retry_deliveries()")
        wait_until(lambda: any(row[0] > 0 for row in read_rows(stack, blocked)), what="the job to wait for the quota")
        assert effects(call, [resolution]) == ["recorded"]
        call.commit()
        job.result()

    def stored() -> list[str]:
        fingerprints = [f"sentry:issue:{number}" for number in issues[1:]]
        query = "select effect from monitoring.deliveries where fingerprint = any(%s) and verb = 'count' order by id"
        return [row.effect for row in sentry.rows(query, fingerprints)]

    # pg_cron may have run the job at the same time.
    wait_until(lambda: stored() == ["late", "opened"], what="the deferred deliveries")


def read_rows(stack: Stack, query: str) -> list[Any]:
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()
