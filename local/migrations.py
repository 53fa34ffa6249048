"""Pushes supabase/migrations with the real Supabase CLI, as the role that hosted Supabase uses."""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from local import tools
from local.errors import StackError

QUIET = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "SUPABASE_NO_UPDATE_NOTIFIER": "1"}


def push(database_url: str, project: Path, home: Path) -> list[str]:
    """Applies what is missing; answers with the names of the migrations that were applied."""
    command = ["db", "push", "--yes", f"--workdir={project}"]
    done = _run_cli(command, database_url, home, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise StackError(
            f"`supabase db push` failed:\n{_reason(done.stdout)}\n"
            "Were migrations edited after these data were made? `make reset` starts over."
        )
    applying = (line.strip() for line in done.stdout.splitlines())
    prefix = "Applying migration "
    return [line.removeprefix(prefix).rstrip(".") for line in applying if line.startswith(prefix)]


def generate_types(database_url: str, home: Path) -> str:
    """TypeScript types of the public schema, as the CLI writes them."""
    command = ["gen", "types", "typescript", "--schema=public"]
    done = _run_cli(command, database_url, home, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise StackError(f"`supabase gen types` failed:\n{done.stderr}")
    return done.stdout.strip() + "\n"


def _run_cli(
    command: list[str], database_url: str, home: Path, stderr: int
) -> subprocess.CompletedProcess[str]:
    url, password = _without_password(database_url)
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [str(tools.supabase_cli()), *command, f"--remote={url}"],
        env={**os.environ, **QUIET, "SUPABASE_HOME": str(home), "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
    )


def _reason(output: str) -> str:
    """The file, the error and the beginning of the statement: the CLI prints the statement to its end."""
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Applying migration")]
    first = starts[-1] if starts else max(0, len(lines) - 12)
    return "\n".join(f"    {line}" for line in lines[first : first + 12])


def _without_password(url: str) -> tuple[str, str]:
    """An argument is visible to every user of the machine, the environment is not."""
    parts = urlsplit(url)
    password = unquote(parts.password or "")
    place = parts.netloc.rpartition("@")[2]
    query = parts.query or "sslmode=disable"  # else the CLI tries TLS first and warns that there is none
    bare = urlunsplit((parts.scheme, f"{parts.username}@{place}", parts.path, query, ""))
    return bare, password
