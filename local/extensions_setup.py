"""Creates the extensions that the migrations name: the real one where the server runs it, else our stand-in.

Migrations are pushed by a role that may not create them; `create extension if not exists` is then a no-op.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from local.errors import StackError
from local.extension_files import ExtensionFiles
from local.steps import Steps

PRELOADED = ("pg_cron", "pg_net")
"""Extensions with a background worker: without shared_preload_libraries they are only half there."""
SCHEMAS = {"pg_net": "extensions"}
"""Where hosted Supabase registers them; pg_cron's control file insists on pg_catalog by itself."""

# What the script has made in this very transaction, as statements that give it to the extension.
MEMBERSHIP = """
select format(
  'alter extension %%I add %%s %%s',
  %(extension)s::text,
  case prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
  oid::regprocedure
)
from pg_catalog.pg_proc
where xmin = pg_current_xact_id()::xid
union all
select format(
  'alter extension %%I add %%s %%s',
  %(extension)s::text,
  case relkind when 'v' then 'view' when 'S' then 'sequence' when 'c' then 'type' else 'table' end,
  oid::regclass
)
from pg_catalog.pg_class
where xmin = pg_current_xact_id()::xid and relkind in ('r', 'v', 'S', 'c')
union all
select format(
  'alter extension %%I add %%s %%s',
  %(extension)s::text,
  case typtype when 'd' then 'domain' else 'type' end,
  oid::regtype
)
from pg_catalog.pg_type
where xmin = pg_current_xact_id()::xid and typtype in ('d', 'e')
"""


@dataclass(frozen=True)
class ExtensionChoice:
    """Which workers of ours have to run."""

    cron_stand_in: bool
    net_stand_in: bool


class ExtensionSetup:
    """Works in one database, over a superuser's connection in autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection,
        files: dict[str, ExtensionFiles],
        *,
        own_server: bool,
        steps: Steps,
    ) -> None:
        self._connection = connection
        self._files = files
        self._own_server = own_server
        self._steps = steps

    def create_all(self, *, testing: bool) -> ExtensionChoice:
        if not self._is_available("vector"):
            raise StackError(
                "The server has no pgvector. Install it there (on Debian: postgresql-NN-pgvector)."
            )
        self._create("vector", "extensions")
        real = {name: self._is_real(name) for name in PRELOADED}
        if real["pg_cron"]:
            self._check_cron_database()
        for name in PRELOADED:
            if real[name]:
                self._create(name, SCHEMAS.get(name))
            else:
                self._create_stand_in(name)
        if testing:
            self._create_test_helpers()
        return ExtensionChoice(cron_stand_in=not real["pg_cron"], net_stand_in=not real["pg_net"])

    def _create_test_helpers(self) -> None:
        if self._is_available("plpgsql_check"):
            self._create("plpgsql_check", "extensions")
        if self._is_available("pgtap"):
            self._create("pgtap", "extensions")
        else:
            self._install_by_script(self._files["pgtap"], "extensions")

    def _is_available(self, name: str) -> bool:
        query = "select exists (select from pg_catalog.pg_available_extensions where name = %s)"
        return bool(self._value(query, name))

    def _is_real(self, name: str) -> bool:
        libraries = str(self._value("select current_setting('shared_preload_libraries')"))
        loaded = {library.strip().strip('"').rpartition("/")[2] for library in libraries.split(",")}
        return name in loaded and self._is_available(name)

    def _check_cron_database(self) -> None:
        """pg_cron works in exactly one database of a server."""
        chosen = self._value("select current_setting('cron.database_name', true)") or "postgres"
        here = self._value("select current_database()")
        if chosen != here:
            raise StackError(
                f"pg_cron on that server works in database {chosen}, and STACK_POSTGRES_URL names {here}. "
                f"Name {chosen} in the URL, or set cron.database_name = '{here}' and restart the server."
            )

    def _create(self, name: str, schema: str | None) -> None:
        statement = sql.SQL("create extension if not exists {}").format(sql.Identifier(name))
        if schema is not None:
            statement += sql.SQL(" with schema {}").format(sql.Identifier(schema))
        self._connection.execute(statement)

    def _create_stand_in(self, name: str) -> None:
        files = self._files[name]
        remembered = self._value(
            "select obj_description(oid, 'pg_extension') from pg_catalog.pg_extension where extname = %s",
            name,
        )
        note = f"Stand-in of the local stack, made from {files.fingerprint}."
        if remembered is not None:
            if remembered != note:
                self._steps.say(
                    f"The stand-in for {name} has changed since these data were made: `make reset` takes it."
                )
            return
        if self._own_server:
            self._create(name, SCHEMAS.get(name))
        else:
            self._install_by_script(files, files.schema or SCHEMAS[name])
        comment = sql.SQL("comment on extension {} is {}").format(sql.Identifier(name), sql.Literal(note))
        self._connection.execute(comment)

    def _install_by_script(self, files: ExtensionFiles, schema: str) -> None:
        """For a server whose disk is not ours: runs the script and enters the extension in the catalog.

        A superuser may; afterwards `create extension if not exists` finds it, whoever runs it.
        """
        if self._value("select exists (select from pg_catalog.pg_extension where extname = %s)", files.name):
            return
        with self._connection.transaction():
            if not self._value("select to_regnamespace(%s) is not null", schema):
                self._connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
            path = sql.SQL("set local search_path = {}, pg_catalog").format(sql.Identifier(schema))
            self._connection.execute(path)
            self._enter_in_catalog(files, schema)
            self._connection.execute(files.script_for(schema))
            self._connection.execute("set local search_path to default")
            for (statement,) in self._connection.execute(MEMBERSHIP, {"extension": files.name}).fetchall():
                self._connection.execute(statement)

    def _enter_in_catalog(self, files: ExtensionFiles, schema: str) -> None:
        self._connection.execute(
            """
            insert into pg_catalog.pg_extension
              (oid, extname, extowner, extnamespace, extrelocatable, extversion)
            values (
              pg_catalog.pg_nextoid('pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'),
              %s, session_user::regrole, %s::regnamespace, false, %s
            )
            """,
            (files.name, schema, files.version),
        )

    def _value(self, query: str, *parameters: str) -> object:
        row = self._connection.execute(query, parameters or None).fetchone()
        return None if row is None else row[0]
