"""The programs in docs/sdk.md, with the DSN of a service: what they report arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from local.system import programs
from tests.integration.sdk.conftest import dsn_of
from tests.support.pages import blocks
from tests.support.service_process import ServiceProcess
from tests.support.waiting import DEADLINE_SECONDS

(PYTHON,) = [block.text for block in blocks("python") if block.page == "sdk.md"]
NODE, TUNNEL = [block.text for block in blocks("js") if block.page == "sdk.md"]


def count(database: psycopg.Connection, message: str) -> int:
    row = database.execute("select count(*) from public.incidents where message = %s", [message]).fetchone()
    assert row is not None
    return int(row[0])


def run(command: list[Path | str]) -> None:
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run(  # noqa: S603 - the documented program
        command, env=environment, capture_output=True, timeout=DEADLINE_SECONDS, check=False
    )


def with_dsn(code: str, service: ServiceProcess) -> str:
    dsn = "https://PUBLIC_KEY@monitor.example.com/1"
    assert dsn in code
    return code.replace(dsn, dsn_of(service)).replace('"/errors"', f'"{service.url}/api/1/envelope/"')


def test_python(service: ServiceProcess, database: psycopg.Connection, source: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"{with_dsn(PYTHON, service)}\nraise RuntimeError('{source} ended')\n")
    run([sys.executable, program])
    assert count(database, f"{source} ended") == 1


@pytest.mark.parametrize("is_tunneled", [False, True], ids=["direct", "tunnel"])
def test_node(
    service: ServiceProcess, database: psycopg.Connection, source: str, tmp_path: Path, is_tunneled: bool
) -> None:
    (tmp_path / "node_modules").symlink_to(programs.NODE_MODULES)
    program = tmp_path / "program.mjs"
    import_line = NODE.partition("\n")[0]
    code = f"{import_line}\n{TUNNEL}" if is_tunneled else NODE
    program.write_text(f"{with_dsn(code, service)}\nthrow new Error('{source} ended');\n")
    run([programs.node(), program])
    assert count(database, f"{source} ended") == 1
