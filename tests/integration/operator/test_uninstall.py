"""Uninstalling leaves the catalog as it was before the push, touches nothing of others, and a push works again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack, StackSettings
from tests.support.operator_tasks import task_blocks

SNIPPET = (Path(__file__).parents[3] / "supabase" / "snippets" / "uninstall.sql").read_text(encoding="utf-8")
# The CLI's own schema stays: it belongs to whoever pushes migrations.
CATALOG = {
    "schemas": """
        select nspname, nspowner::regrole::text, nspacl::text, obj_description(oid, 'pg_namespace')
        from pg_namespace where nspname !~ '^pg_(temp|toast_temp)' and nspname <> 'supabase_migrations'
    """,
    "relations": """
        select oid::regclass::text, relkind::text, relowner::regrole::text, relacl::text, relrowsecurity
        from pg_class where relnamespace::regnamespace::text !~ '^(pg_toast|pg_temp|supabase_migrations)'
    """,
    "columns": """
        select attrelid::regclass::text, attname, atttypid::regtype::text, attacl::text
        from pg_attribute join pg_class on pg_class.oid = attrelid
        where attnum > 0 and relnamespace::regnamespace::text !~ '^(pg_toast|pg_temp|supabase_migrations)'
    """,
    "routines": """
        select oid::regprocedure::text, proowner::regrole::text, proacl::text, proconfig::text, md5(prosrc) from pg_proc
    """,
    "types": """
        select oid::regtype::text, typowner::regrole::text, typacl::text
        from pg_type where typnamespace::regnamespace::text !~ '^(pg_toast|pg_temp|supabase_migrations)'
    """,
    "triggers": "select tgrelid::regclass::text, tgname, tgfoid::regprocedure::text from pg_trigger",
    "policies": "select schemaname, tablename, policyname from pg_policies",
    "constraints": "select conrelid::regclass::text, conname from pg_constraint where connamespace::regnamespace::text"
    " <> 'supabase_migrations'",
    "jobs": "select jobname, schedule, command from cron.job",
    "default privileges": "select defaclrole::regrole::text, defaclnamespace, defaclobjtype::text, defaclacl::text"
    " from pg_default_acl",
    "publications": "select pubname, puballtables, pubowner::regrole::text from pg_publication",
    "published tables": "select pubname, schemaname, tablename from pg_publication_tables",
    "extensions": "select extname, extversion, extnamespace::regnamespace::text from pg_extension",
    "event triggers": "select evtname, evtfoid::regprocedure::text from pg_event_trigger",
    "database": """
        select datdba::regrole::text, entry.grantee, entry.privilege_type
        from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) as entry
        where datname = current_database()
    """,
    "roles": "select rolname, rolsuper, rolbypassrls, rolconfig::text from pg_roles",
    "settings": "select setdatabase, setrole, setconfig::text from pg_db_role_setting",
    "memberships": "select roleid::regrole::text, member::regrole::text from pg_auth_members",
    "comments": "select pg_describe_object(classoid, objoid, objsubid), description from pg_description"
    " where pg_describe_object(classoid, objoid, objsubid) !~ 'supabase_migrations'",
}


@pytest.fixture
def stack(state: Path) -> Iterator[Stack]:
    """A stack of its own, without the migrations."""
    with Stack.start(StackSettings(state, push=False)) as running:
        yield running


def snapshot(stack: Stack) -> dict[str, set[tuple[Any, ...]]]:
    with psycopg.connect(stack.superuser_database_url) as connection:
        connection.execute("set search_path = ''")
        return {name: set(connection.execute(query.encode()).fetchall()) for name, query in CATALOG.items()}


def uninstall(stack: Stack, confirmation: str) -> list[str]:
    """As the SQL editor does: the text as one, as the role postgres."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        cursor = connection.execute(f"{confirmation}\n{SNIPPET}".encode())
        while cursor.nextset():
            pass
        return [line for (line,) in cursor.fetchall()]


def confirmed(stack: Stack) -> list[str]:
    (line,) = task_blocks("Uninstall", "sql")
    return uninstall(stack, line)


def execute(stack: Stack, statement: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def report_over_http(stack: Stack) -> int:
    headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    body = {"report": {"error": {"message": "uninstalled"}}}
    url = f"{stack.supabase_url}/rest/v1/rpc/report_error"
    return httpx.post(url, json=body, headers=headers, timeout=30).status_code


def test_everything_of_a_push_is_removed_and_a_push_works_again(stack: Stack) -> None:
    # The push creates the schema of the CLI's own bookkeeping.
    before = snapshot(stack)
    stack.push()
    assert report_over_http(stack) == 200
    execute(stack, "select monitoring.run_health_checks()")
    with psycopg.connect(stack.superuser_database_url) as connection:
        found = connection.execute("select tgname from pg_trigger where tgrelid = 'net._http_response'::regclass")
        assert ("monitoring_records_answers",) in found.fetchall()

    report = confirmed(stack)
    after = snapshot(stack)
    for name, rows in before.items():
        assert (name, after[name] - rows, rows - after[name]) == (name, set(), set())
    assert [line for line in report if line.startswith("left")] == [
        f"left the extension {name}: others may use it" for name in ("pg_cron", "pg_net", "vector")
    ]
    with psycopg.connect(stack.database_url) as connection:
        assert connection.execute("select version from supabase_migrations.schema_migrations").fetchall() == []
    assert confirmed(stack) == ["nothing: the monitoring agent is not installed"]

    assert len(stack.push()) > 50
    assert report_over_http(stack) == 200


def test_nothing_of_others_is_removed(stack: Stack) -> None:
    execute(
        stack,
        """
        create schema monitoring;
        create table monitoring.theirs (id integer primary key);
        create function public.theirs() returns integer language sql return 1;
        select cron.schedule('theirs', '0 0 * * *', 'select 1');
        """,
    )
    before = snapshot(stack)
    stack.push()

    pushed = snapshot(stack)
    lines = uninstall(stack, "")
    assert lines[0].startswith("nothing was removed: put the line set monitoring.confirm_uninstall")
    assert snapshot(stack) == pushed

    execute(stack, "create view public.their_view as select id from public.incidents")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match=r"nothing was removed.*public.their_view"):
        confirmed(stack)
    assert report_over_http(stack) == 200
    execute(stack, "drop view public.their_view")
    execute(stack, "create function public.report_error(report text) returns integer language sql return 1")
    with pytest.raises(psycopg.errors.AmbiguousFunction, match=r"public.report_error has several versions"):
        confirmed(stack)
    execute(stack, "drop function public.report_error(text)")

    assert "left the schema monitoring: it was there before" in confirmed(stack)
    after = snapshot(stack)
    for name, rows in before.items():
        assert (name, after[name] - rows, rows - after[name]) == (name, set(), set())
