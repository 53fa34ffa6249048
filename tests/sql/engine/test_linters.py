"""The Supabase CLI's linters, as a deploy pipeline would run them, on the schema that was just pushed."""

# ruff: noqa: S603  # all arguments are fixed

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg

from local import Stack
from local.postgres.external_server import parse
from local.stack.supabase_cli import QUIET
from local.system import programs
from local.system.paths import PROJECT
from tests.support import findings

LINT = ("lint", "--level", "warning", "--fail-on", "warning")
ADVISORS = ("advisors", "--level", "info", "--fail-on", "info")


def run_cli(stack: Stack, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    address = parse(stack.database_url)
    address_without_password = address.url(address.user) + "?sslmode=disable"
    command = ["db", *arguments, f"--remote={address_without_password}", "--output-format=json"]
    return subprocess.run(
        [programs.supabase_cli(), *command, f"--workdir={PROJECT}"],
        env={**os.environ, **QUIET, "SUPABASE_HOME": str(home), "PGPASSWORD": address.password or ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_db_lint_has_nothing_to_say(stack: Stack, tmp_path: Path) -> None:
    done = run_cli(stack, tmp_path, *LINT)
    assert "Linting schema: monitoring" in done.stderr
    found = list(findings.of_lint(done.stdout))
    assert findings.objections(found, findings.accepted("lint")) == []
    assert done.returncode == (1 if found else 0)


def test_db_advisors_have_nothing_to_say(stack: Stack, tmp_path: Path) -> None:
    done = run_cli(stack, tmp_path, *ADVISORS)
    found = list(findings.of_advisors(done.stdout))
    assert findings.objections(found, findings.accepted("advisors")) == []
    assert done.returncode == (1 if found else 0)


def test_the_linters_see_what_is_wrong(stack: Stack, tmp_path: Path) -> None:
    """Else silence would prove nothing. One of splinter's lints that needs pgrst.db_schemas is among them."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("create schema faulty")
        try:
            connection.execute(
                "create function faulty.broken() returns integer language plpgsql as 'begin return nowhere; end'"
            )
            connection.execute("create table public.faulty (id integer)")
            lint = findings.of_lint(run_cli(stack, tmp_path, *LINT).stdout)
            advice = findings.of_advisors(run_cli(stack, tmp_path, *ADVISORS).stdout)
        finally:
            connection.execute("drop schema faulty cascade")
            connection.execute("drop table if exists public.faulty")
    assert "faulty.broken" in {finding.about for finding in lint}
    assert {"rls_disabled_in_public", "no_primary_key"} <= {
        finding.name for finding in advice if finding.about == "public.faulty"
    }
