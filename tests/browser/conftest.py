"""A seeded database, the service in front of it, and a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local import Stack, StackSettings
from local.system import programs
from tests.browser import seed
from tests.conftest import fresh_state
from tests.support.rounds import continual_judgement, note_round
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import DEADLINE_SECONDS

VISIT = Path(__file__).with_name("visit.mjs")
OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class PageSnapshot:
    """The structure of the page at the end of a visit."""

    title: str
    text: str
    bars: list[int]
    lines: int
    isTooWide: bool  # noqa: N815 - as JavaScript spells it
    reloads: bool
    warnings: list[str]
    background: str
    results: list[Any]
    requests: list[str]
    errors: list[str]
    violations: list[Any]


@dataclass(frozen=True)
class Browser:
    """Chromium, visiting the pages of one service."""

    program: str
    url: str
    database: psycopg.Connection = field(repr=False)

    def start(self, **options: Any) -> subprocess.Popen[str]:
        """Starts a visit that goes on while the test does something else."""
        defaults = {
            "chromium": self.program,
            "url": self.url,
            "width": 1280,
            "scheme": "light",
            "hasScripts": True,
            "steps": [],
            "timeout": DEADLINE_SECONDS * 1000,
        }
        return run_script(VISIT, {**defaults, **options})

    def visit(self, **options: Any) -> PageSnapshot:
        return finish(self.start(**options))


def run_script(script: Path, options: Mapping[str, Any]) -> subprocess.Popen[str]:
    """Starts one of our scripts for Chromium."""
    return subprocess.Popen(  # noqa: S603 - our own script
        [programs.node(), script, json.dumps(options)],
        env={**os.environ, "NODE_MODULES": str(programs.NODE_MODULES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_pause(visit: subprocess.Popen[str]) -> None:
    """Returns when the visit has reached its next step `pause`."""
    assert visit.stderr is not None
    line = visit.stderr.readline()
    assert line == "ready\n", line + visit.stderr.read()


def go_on(visit: subprocess.Popen[str]) -> None:
    """Ends the pause."""
    assert visit.stdin is not None
    visit.stdin.write("\n")
    visit.stdin.flush()


def finish(visit: subprocess.Popen[str]) -> PageSnapshot:
    return PageSnapshot(**read_output(visit))


def read_output(script: subprocess.Popen[str]) -> dict[str, Any]:
    """What a script prints at its end."""
    out, err = script.communicate(timeout=DEADLINE_SECONDS * 3)
    assert script.returncode == 0, err
    printed: dict[str, Any] = json.loads(out)
    return printed


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("Chromium is not installed: `apt install chromium`")
    return found


@pytest.fixture(scope="session")
def seeded_stack(chromium: str) -> Iterator[Stack]:
    """Used by these tests alone: what other tests leave in a database would be on the page."""
    with fresh_state() as directory, Stack.start(StackSettings(directory, testing=True)) as own:
        yield own


@pytest.fixture(scope="session")
def browser(seeded_stack: Stack, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    environ = {
        **service_variables(seeded_stack),
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
    }
    with psycopg.connect(seeded_stack.superuser_database_url, autocommit=True) as database:
        seed.fill(database)
        with (
            continual_judgement(seeded_stack),
            running_service(environ, tmp_path_factory.mktemp("page") / "log", budgets=UNHURRIED) as service,
        ):
            note_round(seeded_stack, service.url)
            yield Browser(chromium, f"{service.url}/status", database)
