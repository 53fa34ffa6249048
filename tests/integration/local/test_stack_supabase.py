"""The database looks like hosted Supabase to a migration, to a role and to the CLI."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from local import Stack


@pytest.fixture
def postgres(database_url: str) -> Iterator[psycopg.Connection]:
    """A session of the role that pushes migrations, rolled back at the end."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def test_the_pushing_role_has_exactly_the_attributes_of_hosted_postgres(postgres: psycopg.Connection) -> None:
    row = postgres.execute(
        """
        select rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
        from pg_catalog.pg_roles where rolname = current_user
        """
    ).fetchone()
    assert row == ("postgres", False, True, True, True, True)


@pytest.mark.parametrize(
    ("role", "can_login", "inherits", "bypasses"),
    [
        ("anon", False, True, False),
        ("authenticated", False, True, False),
        ("service_role", False, True, True),
        ("authenticator", True, False, False),
    ],
)
def test_api_roles_have_hosted_attributes(
    postgres: psycopg.Connection, role: str, can_login: bool, inherits: bool, bypasses: bool
) -> None:
    row = postgres.execute(
        "select rolcanlogin, rolinherit, rolbypassrls, rolsuper from pg_catalog.pg_roles where rolname = %s",
        (role,),
    ).fetchone()
    assert row == (can_login, inherits, bypasses, False)


@pytest.mark.parametrize(("role", "timeout"), [("anon", "3s"), ("authenticated", "8s"), ("authenticator", "8s")])
def test_api_roles_have_hosted_timeouts(postgres: psycopg.Connection, role: str, timeout: str) -> None:
    row = postgres.execute("select rolconfig from pg_catalog.pg_roles where rolname = %s", (role,)).fetchone()
    assert row is not None
    assert f"statement_timeout={timeout}" in row[0]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_default_privileges_grant_everything_new_in_public_to_the_api_roles(
    postgres: psycopg.Connection, role: str
) -> None:
    """Without these defaults a test of a revoke proves nothing."""
    postgres.execute("create table public.fresh (id bigserial primary key)")
    postgres.execute("create function public.fresh_function() returns integer language sql as 'select 1'")
    row = postgres.execute(
        """
        select
          has_table_privilege(%(role)s, 'public.fresh', 'select, insert, update, delete, truncate'),
          has_function_privilege(%(role)s, 'public.fresh_function()', 'execute'),
          has_sequence_privilege(%(role)s, 'public.fresh_id_seq', 'usage, select, update')
        """,
        {"role": role},
    ).fetchone()
    assert row == (True, True, True)


def test_default_privileges_of_the_superuser_are_the_same(superuser_database_url: str) -> None:
    with psycopg.connect(superuser_database_url) as connection:
        connection.execute("create table public.fresh (id integer)")
        row = connection.execute("select has_table_privilege('anon', 'public.fresh', 'insert')").fetchone()
        connection.rollback()
    assert row == (True,)


def test_auth_functions_read_the_claims_that_postgrest_sets(postgres: psycopg.Connection) -> None:
    postgres.execute(
        "select set_config('request.jwt.claims', %s, true)",
        ('{"sub": "6e0a3f0a-5a3f-4b6e-9df5-2f4b8b4a3c11", "role": "authenticated", "email": "a@example.com"}',),
    )
    row = postgres.execute("select auth.uid()::text, auth.role(), auth.email(), auth.jwt() ->> 'role'").fetchone()
    assert row == ("6e0a3f0a-5a3f-4b6e-9df5-2f4b8b4a3c11", "authenticated", "a@example.com", "authenticated")


def test_auth_functions_return_null_without_claims(postgres: psycopg.Connection) -> None:
    assert postgres.execute("select auth.uid(), auth.role(), auth.jwt()").fetchone() == (None, None, None)


def test_postgres_may_add_a_table_to_the_realtime_publication(postgres: psycopg.Connection) -> None:
    postgres.execute("create table public.fresh (id integer primary key)")
    postgres.execute("alter publication supabase_realtime add table public.fresh")
    row = postgres.execute("select count(*) from pg_catalog.pg_publication_tables where tablename = 'fresh'").fetchone()
    assert row == (1,)


def test_postgres_reads_cron_job_but_cannot_write_it(postgres: psycopg.Connection) -> None:
    postgres.execute("select count(*) from cron.job")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("delete from cron.job")


def test_creating_an_existing_extension_is_a_no_op_for_a_non_superuser(
    postgres: psycopg.Connection,
) -> None:
    for name in ("pg_cron", "pg_net", "vector", "pgtap"):
        postgres.execute(f"create extension if not exists {name}".encode())


def test_objects_of_an_extension_belong_to_it(postgres: psycopg.Connection) -> None:
    """Catalog tests exclude them by this dependency, also on an external server."""
    strangers = postgres.execute(
        """
        select pg_proc.oid::regprocedure::text
        from pg_catalog.pg_proc
        where
          pronamespace::regnamespace::text in ('cron', 'net', 'extensions')
          and proname not like 'pgrst%watch'
          and not exists (
            select from pg_catalog.pg_depend
            where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
          )
        """
    ).fetchall()
    assert strangers == []


def test_names_resolve_in_public_and_then_in_extensions(postgres: psycopg.Connection) -> None:
    assert postgres.execute("show search_path").fetchone() == ('"$user", public, extensions',)


def test_a_second_push_changes_nothing(stack: Stack) -> None:
    assert stack.applied_migrations != []
    assert stack.push() == []
