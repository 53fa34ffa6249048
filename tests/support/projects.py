"""Projects to push to: databases of their own on the server of a stack, each like hosted Supabase before the push."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from local import Stack
from local.postgres import bootstrap
from local.postgres.extensions import ExtensionSetup, collect_extension_files
from local.postgres.external_server import parse
from local.stack import supabase_cli
from local.system.paths import PROJECT
from local.system.progress import RecordedProgress


@dataclass(frozen=True)
class Project:
    """One database, and the folder in which the Supabase CLI keeps its files."""

    superuser_url: str
    database_url: str
    home: Path

    def run(self, statement: str, *, role: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs SQL in a new session of the role and returns the rows of the last statement."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            if role != "supabase_admin":
                connection.execute("set session authorization postgres")
            if role not in ("postgres", "supabase_admin"):
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            cursor = connection.execute(statement.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def push(self, folder: Path = PROJECT) -> list[str]:
        """Pushes the migrations in the folder with the Supabase CLI, as postgres."""
        return supabase_cli.push(self.database_url, folder, self.home)


@contextmanager
def new_project(stack: Stack, folder: Path, vector_schema: str = "extensions") -> Iterator[Project]:
    """Creates a project with Supabase's roles, privileges and extensions, and drops it at the end."""
    name = f"project_{secrets.token_hex(4)}"
    server, role = parse(stack.superuser_database_url), parse(stack.database_url)
    project = Project(server.url(database=name), role.url(database=name), folder / name)
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            _prepare(project, vector_schema, stack, folder)
            yield project
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _prepare(project: Project, vector_schema: str, stack: Stack, folder: Path) -> None:
    files = collect_extension_files(folder / "share", with_pgtap=False)
    with psycopg.connect(project.superuser_url, autocommit=True) as connection:
        bootstrap.reproduce_supabase(connection, {})
        schema = sql.Identifier(vector_schema)
        connection.execute(sql.SQL("create schema if not exists {}").format(schema))
        connection.execute(sql.SQL("grant usage on schema {} to public").format(schema))
        connection.execute(sql.SQL("create extension vector with schema {}").format(schema))
        own_server = stack.postgres is not None
        setup = ExtensionSetup(connection, files, own_server=own_server, progress=RecordedProgress())
        setup.create_all(testing=False)
        bootstrap.grant_extensions(connection)


# What a push could change about an object: its owner, privileges, settings, comment and definition.
OBJECTS: LiteralString = """
select
  'schema', nspname::text, nspowner::regrole::text,
  array(select unnest(coalesce(nspacl, acldefault('n', nspowner)))::text order by 1)::text,
  obj_description(oid, 'pg_namespace'), ''
from pg_catalog.pg_namespace
where nspname !~ '^pg_(toast|temp)'
union all
select
  'relation', oid::regclass::text, relowner::regrole::text,
  array(
    select unnest(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)))::text
    order by 1
  )::text,
  obj_description(oid, 'pg_class'),
  concat_ws(' ', relnamespace::regnamespace, relkind, relreplident, relrowsecurity)
from pg_catalog.pg_class
where relkind <> 'i' and relnamespace <> 'pg_toast'::regnamespace
union all
select
  'column', concat(attrelid::regclass, '.', attname), atttypid::regtype::text,
  array(select unnest(attacl)::text order by 1)::text,
  col_description(attrelid, attnum), concat_ws(' ', attnotnull, pg_get_expr(adbin, adrelid))
from pg_catalog.pg_attribute
left join pg_catalog.pg_attrdef on adrelid = attrelid and adnum = attnum
where attnum > 0 and attrelid::regclass::text !~ '^pg_toast'
union all
select
  'function', oid::regprocedure::text, proowner::regrole::text,
  array(select unnest(coalesce(proacl, acldefault('f', proowner)))::text order by 1)::text,
  obj_description(oid, 'pg_proc'),
  concat_ws(' ', proconfig, prosecdef, provolatile, md5(prosrc))
from pg_catalog.pg_proc
union all
select
  'type', oid::regtype::text, typowner::regrole::text,
  array(select unnest(coalesce(typacl, acldefault('T', typowner)))::text order by 1)::text,
  obj_description(oid, 'pg_type'), ''
from pg_catalog.pg_type
where typtype <> 'b'
union all
select 'policy', concat(polrelid::regclass, '.', polname), polcmd::text, polroles::regrole[]::text, '', ''
from pg_catalog.pg_policy
union all
select 'trigger', concat(tgrelid::regclass, '.', tgname), translate(pg_get_triggerdef(oid), '()', ''), '', '', ''
from pg_catalog.pg_trigger
where not tgisinternal
union all
select 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), '', '', ''
from pg_catalog.pg_index
where indrelid::regclass::text !~ '^pg_toast'
union all
select 'constraint', concat(conrelid::regclass, '.', conname), pg_get_constraintdef(oid), '', '', ''
from pg_catalog.pg_constraint
where conrelid <> 0
union all
select 'extension', extname::text, extnamespace::regnamespace::text, extversion, '', ''
from pg_catalog.pg_extension
union all
select 'publication', pubname::text, pubowner::regrole::text, puballtables::text, '', ''
from pg_catalog.pg_publication
union all
select 'published', pubname::text, concat(schemaname, '.', tablename), '', '', ''
from pg_catalog.pg_publication_tables
union all
select
  'default privileges', defaclrole::regrole::text, defaclnamespace::regnamespace::text, defaclobjtype::text,
  defaclacl::text, ''
from pg_catalog.pg_default_acl
union all
select 'database', '', datdba::regrole::text, datacl::text, '', ''
from pg_catalog.pg_database
where datname = current_database()
union all
select 'setting', setrole::regrole::text, setconfig::text, '', '', ''
from pg_catalog.pg_db_role_setting
where setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
"""


def list_objects(project: Project) -> set[tuple[Any, ...]]:
    """A row per object of the database, with all that a push could change about it."""
    return set(project.run(f"set search_path = ''; {OBJECTS}", role="supabase_admin"))
