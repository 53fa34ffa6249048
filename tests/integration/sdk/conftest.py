"""Programs with unmodified SDKs of Sentry, and what the database has of their reports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from local.system import programs
from tests.support.service_process import PUBLIC_KEY, ServiceProcess
from tests.support.waiting import DEADLINE_SECONDS

FOLDER = Path(__file__).parent
Run = Callable[[str, str, str], int]


def run_python(dsn: str, name: str, scenario: str) -> int:
    """The exit code of program.py."""
    return _run([sys.executable, FOLDER / "program.py", dsn, name, scenario])


def run_node(dsn: str, name: str, scenario: str) -> int:
    """The exit code of program.mjs."""
    return _run([programs.node(), FOLDER / "program.mjs", dsn, name, scenario])


def _run(command: list[Path | str]) -> int:
    environment = {"PATH": os.environ["PATH"], "NODE_MODULES": str(programs.NODE_MODULES)}
    return subprocess.run(  # noqa: S603 - our own programs
        command, env=environment, capture_output=True, timeout=DEADLINE_SECONDS, check=False
    ).returncode


def dsn_of(service: ServiceProcess) -> str:
    """The DSN of the service's public key."""
    return f"{service.url.replace('://', f'://{PUBLIC_KEY}@')}/1"


@pytest.fixture
def dsn(service: ServiceProcess) -> str:
    return dsn_of(service)


@pytest.fixture(params=[run_python, run_node], ids=["python", "node"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a scenario with either SDK."""
    found: Run = request.param
    return found


Incidents = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def incidents(database: psycopg.Connection) -> Incidents:
    """Reads the incidents of a program, oldest first."""

    def read(name: str) -> list[dict[str, Any]]:
        with database.cursor(row_factory=dict_row) as cursor:
            query = "select * from public.incidents where release = %s order by first_seen, id"
            return cursor.execute(query, [f"{name}@1.2.3"]).fetchall()

    return read
