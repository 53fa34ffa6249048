"""Faults of the real database and of the spool, as context managers: enter injects the fault, exit heals it.

Each fault reaches the service the way it would in production: PostgreSQL raises the error inside the functions that the
service calls, or PostgREST does because of its schema cache. Nothing between the service and the database is simulated.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local import Stack
from tests.support import http_client
from tests.support.waiting import wait_until

Injection = Callable[[Stack], AbstractContextManager[None]]

POISON = "poisonedbody"
"""A word in a report or delivery that makes the database fail on it, and on it only: see `poisoned`."""

# Where both feeds write. `agent_actions` is written by triggers of incidents.
INCIDENTS = "public.incidents"
RECEIPTS = "monitoring.event_receipts"
DELIVERIES = "monitoring.deliveries"


@dataclass(frozen=True)
class DatabaseFault:
    """One row of the matrix."""

    name: str
    inject: Injection
    hold_seconds: float = 0.0
    """How long the fault lasts at least after everything was sent."""
    restarts_postgres: bool = False

    def __str__(self) -> str:
        return self.name


def connect(stack: Stack) -> psycopg.Connection[Any]:
    """As superuser, every statement in a transaction of its own."""
    return psycopg.connect(stack.superuser_database_url, autocommit=True)


def run(stack: Stack, *statements: str) -> None:
    """Runs statements, which wait for the locks of calls in flight. One that deadlocks with them is tried again."""
    with connect(stack) as connection:
        for statement in statements:
            while True:
                with suppress(psycopg.errors.DeadlockDetected):
                    connection.execute(statement.encode())
                    break


@contextmanager
def changed(stack: Stack, inject: Sequence[str], heal: Sequence[str]) -> Iterator[None]:
    """Runs the statements of `inject`, and those of `heal` at the end, whatever happens in between."""
    try:
        run(stack, *inject)
        yield
    finally:
        run(stack, *heal)


# Errors that a trigger raises.


def raising(
    code: str, table: str = INCIDENTS, *, event: str = "insert or update", at_commit: bool = False, when: str = "true"
) -> Injection:
    """Every write of the table that meets `when` raises this SQLSTATE, at once or when the transaction commits."""
    name = f"a_fault_{code.lower()}_{secrets.token_hex(3)}"
    timing = f"after {event}" if at_commit else f"before {event}"
    kind, deferral = ("constraint trigger", "deferrable initially deferred") if at_commit else ("trigger", "")
    create = (
        f"create schema {name}",
        f"""create function {name}.fail() returns trigger language plpgsql set search_path = '' as $$
        begin
          raise exception using errcode = '{code}', message = 'injected fault {code}';
        end $$""",
        # By its name the first of the triggers of the table.
        f"create {kind} {name} {timing} on {table} {deferral}"
        f" for each row when ({when}) execute function {name}.fail()",
    )
    return lambda stack: changed(stack, create, [f"drop schema if exists {name} cascade"])


def poisoned(code: str) -> Injection:
    """Only reports and deliveries that contain POISON raise this SQLSTATE."""
    return raising(code, when=f"concat(new.title, new.message) like '%{POISON}%'")


# Objects that the functions need and do not find.


def renamed(kind: str, name: str, *, column: str = "") -> Injection:
    """A function, a table or a column of a table has another name for a while."""
    schema, plain = name.split(".")
    if column:
        there = f"alter {kind} {name} rename column {column} to {column}_renamed"
        back = f"alter {kind} {name} rename column {column}_renamed to {column}"
    else:
        there = f"alter {kind} {name} rename to {plain}_renamed"
        back = f"alter {kind} {schema}.{plain}_renamed rename to {plain}"
    return lambda stack: changed(stack, [there], [back])


@contextmanager
def without_rpcs(stack: Stack) -> Iterator[None]:
    """The functions of both feeds are away, and PostgREST knows: PGRST202."""
    with renamed("function", "public.ingest_events")(stack), renamed("function", "public.ingest_deliveries")(stack):
        _wait_for_rpcs(stack, "PGRST202")
        yield
    _wait_for_rpcs(stack, None)


@contextmanager
def stale_schema_cache(stack: Stack) -> Iterator[None]:
    """The functions of both feeds exist, and PostgREST does not know: PGRST202 until its schema cache is reloaded."""
    watches = ("pgrst_ddl_watch", "pgrst_drop_watch")
    try:
        # Without the watches PostgREST reloads exactly once, while the functions are away.
        run(stack, *(f"alter event trigger {watch} disable" for watch in watches))
        with renamed("function", "public.ingest_events")(stack), renamed("function", "public.ingest_deliveries")(stack):
            run(stack, "notify pgrst, 'reload schema'")
            _wait_for_rpcs(stack, "PGRST202")
        yield
    finally:
        run(stack, *(f"alter event trigger {watch} enable" for watch in watches), "notify pgrst, 'reload schema'")
        _wait_for_rpcs(stack, None)


def _wait_for_rpcs(stack: Stack, code: str | None) -> None:
    """Waits until PostgREST answers an empty batch of each feed with this error code, or stores it."""

    def has_code() -> bool:
        calls = (("ingest_events", "events"), ("ingest_deliveries", "deliveries"))
        return {_call(stack, function, {parameter: []}) for function, parameter in calls} == {code}

    wait_until(has_code, what=f"{code or 'no error'} from both functions")


def _call(stack: Stack, function: str, body: dict[str, object]) -> str | None:
    """The error code. (Without a function, PostgREST answers 404 with 42883 until it has reloaded.)"""
    headers = {"apikey": stack.service_role_key}
    answer = http_client.post(f"{stack.supabase_url}/rest/v1/rpc/{function}", json=body, headers=headers)
    return None if answer.is_success else str(answer.json().get("code"))


# States of the server and of the role.


def full_sequence(name: str) -> Injection:
    """The sequence is at its end: 2200H."""
    return lambda stack: _full_sequence(stack, name)


@contextmanager
def _full_sequence(stack: Stack, name: str) -> Iterator[None]:
    with connect(stack) as connection:
        row = connection.execute(
            "select seqmax from pg_catalog.pg_sequence where seqrelid = %s::regclass", [name]
        ).fetchone()
        assert row is not None
        try:
            (last,) = connection.execute(f"select last_value from {name}".encode()).fetchone() or (0,)  # noqa: S608
            connection.execute(f"alter sequence {name} maxvalue {last + 2}".encode())
            with suppress(psycopg.errors.SequenceGeneratorLimitExceeded):
                while True:
                    connection.execute("select nextval(%s::regclass)", [name])
            yield
        finally:
            connection.execute(f"alter sequence {name} maxvalue {row[0]}".encode())


def role_setting(name: str, value: str) -> Injection:
    """A setting of service_role, which PostgREST applies to each call: read at its start and with `reload config`.

    Such as transaction_read_only: 25006. (PostgREST begins transactions `read write`, which overrules the default of a
    database or role, such as a hosted project has whose disk is full.)
    """
    return lambda stack: _role_setting(stack, name, value)


@contextmanager
def _role_setting(stack: Stack, name: str, value: str) -> Iterator[None]:
    with connect(stack) as connection:
        identifier, literal = sql.Identifier(name), sql.Literal(value)
        try:
            connection.execute(sql.SQL("alter role service_role set {} = {}").format(identifier, literal))
            connection.execute(b"notify pgrst, 'reload config'")
            yield
        finally:
            # Not `reset` of the one name, which some parameters refuse. The migrations set none for this role.
            connection.execute(b"alter role service_role reset all")
            connection.execute(b"notify pgrst, 'reload config'")


@contextmanager
def required_column(stack: Stack) -> Iterator[None]:
    """The incidents have a column that needs a value, and the functions do not know it: 23502.

    A delivery may be `failed` for that: a body could be the cause. The job applies it, here at once.
    """
    with changed(
        stack,
        [
            f"alter table {INCIDENTS} add column injected text not null default ''",
            f"alter table {INCIDENTS} alter column injected drop default",
        ],
        [f"alter table {INCIDENTS} drop column if exists injected"],
    ):
        yield
    run(
        stack,
        f"update {DELIVERIES} set next_attempt_at = clock_timestamp() where effect = 'failed'",  # noqa: S608
        "do $$ begin while monitoring.retry_deliveries() > 0 loop end loop; end $$",
    )


@contextmanager
def revoked(stack: Stack) -> Iterator[None]:
    """service_role may not call the functions of the feeds: 42501."""
    functions = "public.ingest_events(jsonb), public.ingest_deliveries(jsonb)"
    with changed(
        stack,
        [f"revoke execute on function {functions} from service_role"],
        [f"grant execute on function {functions} to service_role"],
    ):
        yield


@contextmanager
def share_lock(stack: Stack) -> Iterator[None]:
    """Another session has locked the incidents, as `create index` does: every write waits until its timeout."""
    with psycopg.connect(stack.superuser_database_url) as connection:
        connection.execute(b"lock table public.incidents in share mode")
        yield
        connection.rollback()


@contextmanager
def slow_writes(stack: Stack) -> Iterator[None]:
    """Each incident takes 10 ms and a call may take 150 ms: small batches get through, large ones are cancelled."""
    sleep = (
        "create schema injected_sleep",
        """create function injected_sleep.sleep() returns trigger language plpgsql set search_path = '' as $$
        begin
          perform pg_catalog.pg_sleep(0.01);
          return new;
        end $$""",
        f"create trigger a_sleep before insert or update on {INCIDENTS}"
        " for each row execute function injected_sleep.sleep()",
    )
    with (
        changed(stack, sleep, ["drop schema if exists injected_sleep cascade"]),
        role_setting("statement_timeout", "150ms")(stack),
    ):
        yield


@contextmanager
def short_share_lock(stack: Stack) -> Iterator[None]:
    """The same with a lock timeout of 0.2 s instead of 8: many calls fail in a short time, with 55P03."""
    with role_setting("lock_timeout", "200ms")(stack), share_lock(stack):
        yield


@contextmanager
def standby(stack: Stack) -> Iterator[None]:
    """The server is a standby, as during a failover, until it is promoted: it answers reads, and refuses PostgREST's
    `begin … read write` with 0A000.
    """
    with connect(stack) as connection:
        (row,) = connection.execute("show data_directory").fetchall()
    signal_file = Path(row[0]) / "standby.signal"
    owner = signal_file.parent.stat()
    try:
        stack.stop_postgres()
        signal_file.touch()
        os.chown(signal_file, owner.st_uid, owner.st_gid)
        stack.start_postgres()
        yield
    finally:
        with connect(stack) as connection:
            connection.execute("select pg_promote(true, 120)")
            wait_until(
                lambda: connection.execute("select pg_is_in_recovery()").fetchone() == (False,), what="the promotion"
            )


# The volume and the file of the spool.


@contextmanager
def filled(volume: Path) -> Iterator[None]:
    """Not a byte is left on the volume."""
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()


@dataclass(frozen=True)
class SpoolDamage:
    """What happens to the spool's files, while the service runs or while it does not."""

    name: str
    inflict: Callable[[Path], None]
    needs_log: bool = False
    """The service must be killed before: when it stops, SQLite's write-ahead log is merged into the file."""

    def __str__(self) -> str:
        return self.name


def _write_garbage(spool: Path, start: float, share: float) -> None:
    """Overwrites a share of the file from a position that is a share of its size too."""
    size = spool.stat().st_size
    with spool.open("r+b", buffering=0) as file:
        file.seek(int(size * start))
        file.write(secrets.token_bytes(max(100, int(size * share))))


def _cut_log(spool: Path) -> None:
    # Its header and ten pages with theirs. The rest of the file may be room that is kept.
    os.truncate(spool.with_name(f"{spool.name}-wal"), 32 + 10 * (24 + 4096))


def _delete(spool: Path) -> None:
    for file in spool.parent.glob(f"{spool.name}*"):
        file.unlink()


GARBAGE_IN_THE_MIDDLE = SpoolDamage("garbage in the middle", lambda spool: _write_garbage(spool, 0.4, 0.2))
CUT_LOG = SpoolDamage("a cut log", _cut_log, needs_log=True)
DELETED = SpoolDamage("deleted", _delete)
GARBAGE_ELSEWHERE = [
    SpoolDamage("garbage in the header", lambda spool: _write_garbage(spool, 0, 0)),
    SpoolDamage("garbage everywhere", lambda spool: _write_garbage(spool, 0, 1)),
]


# What must be as before when a test has ended.

_PRISTINE = """
  select 'function', p.oid::regprocedure::text, p.proacl::text from pg_catalog.pg_proc as p
  where p.pronamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
  union all
  select 'column', a.attrelid::regclass || '.' || a.attname, '' from pg_catalog.pg_attribute as a
  join pg_catalog.pg_class as c on c.oid = a.attrelid
  where c.relnamespace in ('public'::regnamespace, 'monitoring'::regnamespace) and a.attnum > 0 and not a.attisdropped
  union all
  select 'trigger', t.tgrelid::regclass || '.' || t.tgname, t.tgenabled::text from pg_catalog.pg_trigger as t
  where not t.tgisinternal
  union all
  select 'event trigger', e.evtname, e.evtenabled::text from pg_catalog.pg_event_trigger as e
  union all
  select 'sequence', s.seqrelid::regclass::text, s.seqmax::text from pg_catalog.pg_sequence as s
  union all
  select 'setting', s.setdatabase || ' ' || s.setrole, s.setconfig::text from pg_catalog.pg_db_role_setting as s
  union all
  select 'schema', n.nspname, '' from pg_catalog.pg_namespace as n where n.nspname not like 'pg_%'
  union all
  select 'recovery', pg_is_in_recovery()::text, ''
"""


def read_pristine_state(stack: Stack) -> set[tuple[str, str, str | None]]:
    """Everything that a fault of this module changes; two equal states mean that all faults were healed."""
    with connect(stack) as connection:
        return set(connection.execute(_PRISTINE.encode()).fetchall())
