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
    url, password = _without_password(database_url)
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [str(tools.supabase_cli()), "db", "push", f"--remote={url}", "--yes", f"--workdir={project}"],
        env={**os.environ, **QUIET, "SUPABASE_HOME": str(home), "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(
            f"`supabase db push` failed:\n{_reason(done.stdout)}\n"
            "Were migrations edited after these data were made? `make reset` starts over."
        )
    applying = (line.strip() for line in done.stdout.splitlines())
    prefix = "Applying migration "
    return [line.removeprefix(prefix).rstrip(".") for line in applying if line.startswith(prefix)]


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
