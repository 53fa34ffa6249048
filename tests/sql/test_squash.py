"""A squashed set of migrations installs what the files install, with one more line.

`supabase migration squash` needs Docker. It writes one file with the schema as pg_dump shows it, which this test does
with the same options.
"""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from local import Stack
from local.postgres.data_directory import packaged_binaries
from local.postgres.external_server import parse
from local.system.paths import PROJECT
from tests.support.projects import Project, list_objects, new_project

pytestmark = pytest.mark.skipif(
    "STACK_ENGINE" in os.environ, reason="the real pg_cron works in only one database of a server"
)
INSTALL = "\nselect monitoring.install();\n"
# Lines that only psql understands, a setting that an older server does not know, and what only a superuser may set.
# The Supabase CLI leaves them out too.
NOT_FOR_A_MIGRATION = re.compile(
    r"^(\\(un)?restrict .*|SET transaction_timeout = 0;|ALTER DEFAULT PRIVILEGES FOR ROLE \"supabase_admin\".*)$",
    re.MULTILINE,
)
EXISTING_SCHEMA = re.compile(r'^CREATE SCHEMA "(public|monitoring)";$', re.MULTILINE)
JOBS = "select jobname, schedule, command, active, username from cron.job order by jobname"


def dump_schema(project: Project) -> str:
    address = parse(project.superuser_url)
    command = [str(packaged_binaries().programs / "pg_dump"), "--schema-only", "--quote-all-identifiers"]
    command += ["--schema=public", "--schema=monitoring", f"--dbname={address.url(address.user)}"]
    environment = {"PGPASSWORD": address.password or "", "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = NOT_FOR_A_MIGRATION.sub("", done.stdout)
    # As `supabase db dump` does.
    return EXISTING_SCHEMA.sub(r'CREATE SCHEMA IF NOT EXISTS "\1";', text)


def squashed_set(project: Project, folder: Path) -> Path:
    migrations = folder / "squashed" / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    shutil.copy(PROJECT / "supabase" / "config.toml", migrations.parent)
    (migrations / "20270101000000_squashed.sql").write_text(dump_schema(project) + INSTALL, encoding="utf-8")
    return folder / "squashed"


SECRET_COLUMNS = {"monitoring.secrets": "{value}", "monitoring.event_keys": "{secret}"}


def list_rows(project: Project) -> dict[str, list[Any]]:
    """The rows of each table of ours, without the times at which they were written and the values of secrets."""
    rows = {}
    tables = "select format('%I.%I', schema, name) as name from monitoring.list_own_objects() where kind = 'relation'"
    query = f"select name from ({tables}) as own join pg_class on pg_class.oid = name::regclass where relkind = 'r'"  # noqa: S608
    for (name,) in project.run(query):
        # The keys of hash_user() and of remembered events are random in each installation.
        left_out = SECRET_COLUMNS.get(name, "{created_at,updated_at,ran_at}")
        statement = sql.SQL("select to_jsonb(t) - {}::text[] from {} as t order by 1").format(left_out, sql.SQL(name))
        rows[name] = project.run(statement.as_string(None))
    return rows


def test_a_squashed_set_installs_the_same(stack: Stack, tmp_path: Path) -> None:
    with new_project(stack, tmp_path) as pushed, new_project(stack, tmp_path) as squashed:
        pushed.push()
        squashed.push(squashed_set(pushed, tmp_path))
        assert list_objects(pushed) - list_objects(squashed) == set()
        assert list_objects(squashed) - list_objects(pushed) == set()
        rows = list_rows(pushed)
        assert len(rows["monitoring.config_field"]) > 40
        assert len(rows["public.system_config"]) == 9
        assert list_rows(squashed) == rows
        assert squashed.run(JOBS) == pushed.run(JOBS)
        assert len(pushed.run(JOBS)) == 30


def test_without_the_line_rows_and_jobs_are_missing(stack: Stack, tmp_path: Path) -> None:
    """Else the line would be for nothing. Run later, in the SQL editor, it completes the installation as well."""
    with new_project(stack, tmp_path) as pushed, new_project(stack, tmp_path) as squashed:
        pushed.push()
        folder = squashed_set(pushed, tmp_path)
        (file,) = folder.rglob("*_squashed.sql")
        file.write_text(file.read_text(encoding="utf-8").removesuffix(INSTALL), encoding="utf-8")
        squashed.push(folder)
        assert squashed.run("select count(*) from monitoring.config_field") == [(0,)]
        assert squashed.run(JOBS) == []
        squashed.run(INSTALL)
        assert list_rows(squashed) == list_rows(pushed)
        assert squashed.run(JOBS) == pushed.run(JOBS)
