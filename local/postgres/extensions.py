"""Creates the extensions that the migrations use: the real one if the server runs it, else the emulator.

The migrations run as a role that may not create these extensions; after this module has run, their
`create extension if not exists` does nothing.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from local import emulators
from local.system import programs
from local.system.errors import StackError
from local.system.progress import ProgressReporter

EMULATORS = Path(emulators.__file__).parent
PRELOADED = ("pg_cron", "pg_net")
"""Extensions with a background worker, which need an entry in shared_preload_libraries."""
SCHEMAS = {"pg_net": "extensions"}
"""The schema on hosted Supabase. pg_cron's control file requires pg_catalog."""

# Statements that add to the extension the objects that its script created in the current transaction.
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
class ExtensionFiles:
    """The control file and install script of one extension."""

    name: str
    control: Path
    script: Path

    @property
    def version(self) -> str:
        return self._option("default_version") or "1.0"

    @property
    def schema(self) -> str | None:
        """The schema that the control file requires, if any."""
        return self._option("schema")

    @property
    def fingerprint(self) -> str:
        """A hash of the files, to detect that they changed after the extension was created."""
        return hashlib.sha256(self.control.read_bytes() + self.script.read_bytes()).hexdigest()[:12]

    def script_for(self, schema: str) -> str:
        """The script as `create extension` runs it."""
        text = self.script.read_text(encoding="utf-8")
        text = re.sub(r"^\\.*$", "", text, flags=re.MULTILINE)  # the line that stops psql from running the script
        return text.replace("@extschema@", schema)

    def _option(self, name: str) -> str | None:
        pattern = rf"^\s*{name}\s*=\s*'?([^'\s]+)'?"
        found = re.search(pattern, self.control.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return found[1] if found else None


def collect_extension_files(share: Path, with_pgtap: bool) -> dict[str, ExtensionFiles]:
    """Copies the extension files, at each start, to `<share>/extension`, where PostgreSQL looks for them."""
    folder = share / "extension"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in (*EMULATORS.rglob("*.control"), *EMULATORS.rglob("*.sql")):
        shutil.copyfile(source, folder / source.name)
    if with_pgtap:
        _unpack_pgtap(folder)
    for path in (share, folder):
        path.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return {control.stem: _files_of(control) for control in folder.glob("*.control")}


def _files_of(control: Path) -> ExtensionFiles:
    version = ExtensionFiles(control.stem, control, control).version
    script = control.with_name(f"{control.stem}--{version}.sql")
    if not script.exists():
        raise StackError(f"{control.name} has default_version {version}, but {script.name} is missing.")
    return ExtensionFiles(control.stem, control, script)


def _unpack_pgtap(folder: Path) -> None:
    with tarfile.open(programs.pgtap_archive()) as archive:
        for member in archive.getmembers():
            name = Path(member.name).name
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and re.fullmatch(r"pgtap(\.control|--[\d.]+\.sql)", name):
                (folder / name).write_bytes(content.read())


@dataclass(frozen=True)
class EmulatedExtensions:
    """The extensions whose workers the stack has to run."""

    pg_cron: bool
    pg_net: bool


class ExtensionSetup:
    """Works in one database, over a superuser's connection in autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection,
        files: dict[str, ExtensionFiles],
        *,
        own_server: bool,
        progress: ProgressReporter,
    ) -> None:
        self._connection = connection
        self._files = files
        self._own_server = own_server
        self._progress = progress

    def create_all(self, *, testing: bool) -> EmulatedExtensions:
        if not self._is_available("vector"):
            raise StackError(
                "The server has no pgvector. Install it on the server (on Debian: postgresql-NN-pgvector)."
            )
        self._create("vector", "extensions")
        real = {name: self._is_real(name) for name in PRELOADED}
        if real["pg_cron"]:
            self._check_cron_database()
        for name in PRELOADED:
            if real[name]:
                self._create(name, SCHEMAS.get(name))
            else:
                self._create_emulator(name)
        if testing:
            self._create_test_helpers()
        return EmulatedExtensions(pg_cron=not real["pg_cron"], pg_net=not real["pg_net"])

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
        """Raises StackError if pg_cron works in another database: it works in exactly one of a server."""
        configured = self._value("select current_setting('cron.database_name', true)") or "postgres"
        current = self._value("select current_database()")
        if configured != current:
            raise StackError(
                f"pg_cron on that server works in database {configured}, not in {current}. "
                f"Use {configured} in STACK_POSTGRES_URL, or set cron.database_name = '{current}' there."
            )

    def _create(self, name: str, schema: str | None) -> None:
        statement = sql.SQL("create extension if not exists {}").format(sql.Identifier(name))
        if schema is not None:
            statement += sql.SQL(" with schema {}").format(sql.Identifier(schema))
        self._connection.execute(statement)

    def _create_emulator(self, name: str) -> None:
        files = self._files[name]
        comment = self._value(
            "select obj_description(oid, 'pg_extension') from pg_catalog.pg_extension where extname = %s",
            name,
        )
        note = f"Emulator of the local stack, version {files.fingerprint}."
        if comment is not None:
            if comment != note:
                self._progress.message(
                    f"The emulator of {name} has changed since its installation: `make reset` updates it."
                )
            return
        if self._own_server:
            self._create(name, SCHEMAS.get(name))
        else:
            self._install_by_script(files, files.schema or SCHEMAS[name])
        statement = sql.SQL("comment on extension {} is {}")
        self._connection.execute(statement.format(sql.Identifier(name), sql.Literal(note)))

    def _install_by_script(self, files: ExtensionFiles, schema: str) -> None:
        """Runs the script and registers the extension in the catalog, for a server whose files we cannot
        change.

        A superuser may do that. Afterwards `create extension if not exists` finds the extension.
        """
        if self._value("select exists (select from pg_catalog.pg_extension where extname = %s)", files.name):
            return
        with self._connection.transaction():
            if not self._value("select to_regnamespace(%s) is not null", schema):
                self._connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
            path = sql.SQL("set local search_path = {}, pg_catalog").format(sql.Identifier(schema))
            self._connection.execute(path)
            self._register(files, schema)
            self._connection.execute(files.script_for(schema))
            self._connection.execute("set local search_path to default")
            for (statement,) in self._connection.execute(MEMBERSHIP, {"extension": files.name}).fetchall():
                self._connection.execute(statement)

    def _register(self, files: ExtensionFiles, schema: str) -> None:
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
