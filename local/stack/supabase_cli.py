"""The real Supabase CLI: pushes supabase/migrations as hosted Supabase's role, and generates types."""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from local.system import programs
from local.system.errors import StackError

QUIET = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "SUPABASE_NO_UPDATE_NOTIFIER": "1"}
ERROR_LINES = 12


def push(database_url: str, project: Path, home: Path) -> list[str]:
    """Applies the missing migrations and returns their file names."""
    command = ["db", "push", "--yes", f"--workdir={project}"]
    done = _run(command, database_url, home, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise StackError(
            f"`supabase db push` failed:\n{_error_excerpt(done.stdout)}\n"
            "If a migration was edited after it had been applied to these data, `make reset` starts over."
        )
    lines = (line.strip() for line in done.stdout.splitlines())
    prefix = "Applying migration "
    return [line.removeprefix(prefix).rstrip(".") for line in lines if line.startswith(prefix)]


def generate_types(database_url: str, home: Path) -> str:
    """TypeScript types of the public schema."""
    command = ["gen", "types", "typescript", "--schema=public"]
    done = _run(command, database_url, home, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise StackError(f"`supabase gen types` failed:\n{done.stderr}")
    return done.stdout.strip() + "\n"


def _run(command: list[str], database_url: str, home: Path, stderr: int) -> subprocess.CompletedProcess[str]:
    url, password = _split_password(database_url)
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [str(programs.supabase_cli()), *command, f"--remote={url}"],
        env={**os.environ, **QUIET, "SUPABASE_HOME": str(home), "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
    )


def _error_excerpt(output: str) -> str:
    """The migration's name, the error and the beginning of the statement, which the CLI prints in full."""
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Applying migration")]
    first = starts[-1] if starts else max(0, len(lines) - ERROR_LINES)
    return "\n".join(f"    {line}" for line in lines[first : first + ERROR_LINES])


def _split_password(url: str) -> tuple[str, str]:
    """The URL without its password, and the password: every user of the machine can read arguments."""
    parts = urlsplit(url)
    password = unquote(parts.password or "")
    host = parts.netloc.rpartition("@")[2]
    query = parts.query or "sslmode=disable"  # otherwise the CLI tries TLS first and warns that there is none
    stripped = urlunsplit((parts.scheme, f"{parts.username}@{host}", parts.path, query, ""))
    return stripped, password
