"""Makes a stack wrong in the ways in which a deployment is, for as long as a context lasts.

Each context begins when PostgREST shows the fault, and at its end waits until PostgREST works again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg

from local import Stack
from tests.support import http_client
from tests.support.waiting import wait_until

OLD_HEALTH = """
create function public.service_health()
returns jsonb
language sql
as $$ select '{"status": "ok", "server_time": "2026-01-01T00:00:00+00:00"}'::jsonb $$
"""


def call(stack: Stack, function: str, **arguments: object) -> Any:
    """The answer of a function to the secret key, or the code of the error, or the status of one without a code."""
    headers = {"apikey": stack.secret_key, "Content-Profile": "public"}
    answer = http_client.post(f"{stack.supabase_url}/rest/v1/rpc/{function}", headers=headers, json=arguments)
    if answer.is_success:
        return answer.json()
    try:
        return cast(dict[str, object], answer.json()).get("code") or answer.status_code
    except ValueError:
        return answer.status_code


@contextmanager
def _changed(stack: Stack, break_it: list[str], mend_it: list[str], is_broken: Callable[[], bool]) -> Iterator[None]:
    """Executes statements as the superuser, each in a transaction of its own."""
    reload = ["notify pgrst, 'reload config'", "notify pgrst, 'reload schema'"]

    def execute(statements: list[str]) -> None:
        with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
            for statement in (*statements, *reload):
                connection.execute(statement.encode())

    execute(break_it)
    try:
        wait_until(is_broken, what="the fault, as PostgREST shows it")
        yield
    finally:
        execute(mend_it)
        _wait_for_the_end(stack)


def _wait_for_the_end(stack: Stack) -> None:
    def is_mended() -> bool:
        health = call(stack, "service_health", service_version="0.1.0")
        return isinstance(health, dict) and isinstance(call(stack, "check_installation"), list)

    wait_until(is_mended, what="the end of the fault")


@contextmanager
def missing_functions(stack: Stack) -> Iterator[None]:
    """The database has none of the functions, as before the first migration."""
    renamed = "public.service_health_renamed(text)"
    with _changed(
        stack,
        ["alter function public.service_health(text) rename to service_health_renamed"],
        [f"alter function {renamed} rename to service_health"],
        lambda: call(stack, "service_health") == "PGRST202",
    ):
        yield


@contextmanager
def schema_without_handshake(stack: Stack) -> Iterator[None]:
    """service_health() has no parameter, and check_installation() does not exist: a schema before both."""
    with _changed(
        stack,
        [
            "alter function public.service_health(text) rename to service_health_renamed",
            "alter function public.check_installation() rename to check_installation_renamed",
            OLD_HEALTH,
            "revoke all on function public.service_health() from public, anon, authenticated",
        ],
        [
            "drop function public.service_health()",
            "alter function public.service_health_renamed(text) rename to service_health",
            "alter function public.check_installation_renamed() rename to check_installation",
        ],
        lambda: (
            call(stack, "service_health", service_version="0.1.0") == "PGRST202"
            and isinstance(call(stack, "service_health"), dict)
        ),
    ):
        yield


@contextmanager
def schema_version(stack: Stack, version: str) -> Iterator[None]:
    """The schema is that of another version."""
    form = "create or replace function monitoring.schema_version() returns text language sql immutable as"
    with _changed(
        stack,
        [f"{form} $$ select '{version}' $$"],
        [f"{form} $$ select '0.1.0' $$"],
        lambda: call(stack, "service_health")["schema_version"] == version,
    ):
        yield


@contextmanager
def unexposed_schema(stack: Stack) -> Iterator[None]:
    """The Data API exposes another schema. Hosted Supabase sets it in the same way."""
    with _changed(
        stack,
        ["create schema elsewhere", "alter role authenticator set pgrst.db_schemas = 'elsewhere'"],
        ["alter role authenticator set pgrst.db_schemas = 'public'", "drop schema elsewhere"],
        lambda: call(stack, "service_health") == "PGRST106",
    ):
        yield


@contextmanager
def missing_grant(stack: Stack) -> Iterator[None]:
    """service_role may not call service_health()."""
    with _changed(
        stack,
        ["revoke execute on function public.service_health(text) from service_role"],
        ["grant execute on function public.service_health(text) to service_role"],
        lambda: call(stack, "service_health") == "42501",
    ):
        yield


@contextmanager
def read_only_database(stack: Stack) -> Iterator[None]:
    """New transactions are read-only by default, as on hosted Supabase while the disk is nearly full."""
    end_sessions = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'"

    def is_read_only() -> bool:
        rows = call(stack, "check_installation")
        return isinstance(rows, list) and {row["name"]: row["result"] for row in rows}["writing"] == "failed"

    with _changed(
        stack,
        ["alter role authenticator set default_transaction_read_only = on", end_sessions],
        ["alter role authenticator reset default_transaction_read_only", end_sessions],
        is_read_only,
    ):
        yield


@contextmanager
def read_replica(stack: Stack) -> Iterator[None]:
    """PostgreSQL runs as a hot standby, as a read replica does, until the end of the context promotes it."""
    with psycopg.connect(stack.superuser_database_url) as connection:
        row = connection.execute("show data_directory").fetchone()
    assert row is not None
    stack.stop_postgres()
    (Path(row[0]) / "standby.signal").touch()
    stack.start_postgres()
    try:
        wait_until(lambda: call(stack, "service_health") == "0A000", what="the answer of a standby")
        yield
    finally:
        with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
            connection.execute("select pg_promote()")
        _wait_for_the_end(stack)
