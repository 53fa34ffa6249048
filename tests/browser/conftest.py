"""A stack with the day of `make demo`, the service in front of it, and a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest

from local import Stack, StackSettings
from local.stack import dev_file
from local.system import programs
from tests.browser import seed
from tests.conftest import fresh_state
from tests.support.rounds import continual_judgement, note_round
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import free_port, running_service, service_variables
from tests.support.waiting import DEADLINE_SECONDS

VISIT = Path(__file__).with_name("visit.mjs")
OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
OPERATOR_NAME = "Olga of operations"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

Steps = list[list[Any]]
Reader = Literal["user", "operator"]


@dataclass(frozen=True)
class PageSnapshot:
    """The page at the end of a visit."""

    url: str
    title: str
    text: str
    isTooWide: bool  # noqa: N815 - as JavaScript spells it
    reloads: bool
    warnings: list[str]
    background: str
    counts: dict[str, int]
    """How many elements each of the selectors `counted` finds."""
    unreadable: list[str]
    """Texts that are cut off or on top of each other."""
    results: list[Any]
    requests: list[str]
    errors: list[str]
    violations: list[Any]


@dataclass
class Chromium:
    """visit.mjs with a Chromium: one for all visits, one after the other."""

    program: str
    _process: subprocess.Popen[str] | None = None
    _is_visiting: bool = False

    def begin(self, options: Mapping[str, Any]) -> Visit:
        if self._is_visiting:
            self.end()  # a test failed in the middle of its visit
        if self._process is None:
            self._process = run_script(VISIT, {"chromium": self.program, "timeout": DEADLINE_SECONDS * 1000})
        self._is_visiting = True
        self.send(json.dumps(options))
        return Visit(self)

    def send(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """The next line that the script prints: a pause, or the end of the visit."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate(timeout=DEADLINE_SECONDS)[1]
        printed: dict[str, Any] = json.loads(line)
        self._is_visiting = "isPaused" in printed
        assert "failure" not in printed, printed["failure"]
        return printed

    def end(self) -> None:
        process, self._process, self._is_visiting = self._process, None, False
        if process is not None:
            process.terminate()
            process.communicate(timeout=DEADLINE_SECONDS)


@dataclass(frozen=True)
class Visit:
    """A visit that has begun."""

    chromium: Chromium

    def await_pause(self) -> None:
        """Returns when the visit has reached its next step `pause`."""
        assert self.chromium.read() == {"isPaused": True}

    def go_on(self) -> None:
        """Ends the pause."""
        self.chromium.send("")

    def finish(self) -> PageSnapshot:
        return PageSnapshot(**self.chromium.read())


@dataclass(frozen=True)
class Browser:
    """Chromium, visiting the pages of one service as anybody or signed in."""

    url: str
    """Of the service, without a path."""
    user: tuple[str, str] = field(repr=False)
    """E-mail and password."""
    incidents: Mapping[str, str]
    """The demo's incidents of today: ids by source."""
    sessions: Path
    """Where sessions are kept between visits: people do not sign in for each page either."""
    database: psycopg.Connection = field(repr=False)
    chromium: Chromium = field(repr=False)

    def start(self, path: str = "/status", reader: Reader | None = None, **options: Any) -> Visit:
        """Starts a visit that goes on while the test does something else, and must be finished."""
        state = self._session(reader) if reader else None
        return self._begin(path, {"state": str(state) if state else None, **options})

    def visit(self, path: str = "/status", reader: Reader | None = None, **options: Any) -> PageSnapshot:
        return self.start(path, reader, **options).finish()

    def sign_in_steps(self, reader: Reader) -> Steps:
        """The steps on the sign-in page, by keyboard only."""
        if reader == "user":
            email, password = self.user
            return [["tabTo", "E-mail"], ["enter", email], ["tabTo", "Password"], ["enter", password], ["submit", ""]]
        return [
            ["tabTo", "Operator"],
            ["press", "Enter"],
            ["tabTo", "Operator token"],
            ["enter", OPERATOR_TOKEN],
            ["tabTo", "Your name"],
            ["enter", OPERATOR_NAME],
            ["submit", ""],
        ]

    def _session(self, reader: Reader) -> Path:
        """The cookies of a reader who has signed in at this service."""
        file = self.sessions / f"{reader}-{self.url.rpartition(':')[2]}.json"
        if not file.exists():
            self._begin("/sign-in", {"signIn": self.sign_in_steps(reader), "saveState": str(file)}).finish()
        return file

    def _begin(self, path: str, options: Mapping[str, Any]) -> Visit:
        defaults = {
            "url": f"{self.url}{path}",
            "width": 1280,
            "scheme": "light",
            "timezone": "UTC",
            "hasScripts": True,
            "signIn": None,
            "steps": [],
            "counted": [],
            "timeout": DEADLINE_SECONDS * 1000,
        }
        return self.chromium.begin({**defaults, **options})


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


def read_output(script: subprocess.Popen[str]) -> dict[str, Any]:
    """What a script prints at its end."""
    out, err = script.communicate(timeout=DEADLINE_SECONDS * 3)
    assert script.returncode == 0, err
    printed: dict[str, Any] = json.loads(out)
    return printed


def find_chromium() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def service_environment(stack: Stack) -> dict[str, str]:
    """The variables of a service that the demo can fill and that an operator can sign in to."""
    return {
        **service_variables(stack),
        **dev_file.sender_variables(stack.secrets),
        "INGEST_TOKEN": stack.secrets.ingest_token,
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
    }


@contextmanager
def seeded_browser(stack: Stack, chromium: str, directory: Path) -> Iterator[Browser]:
    """A browser for a service on this stack, which is filled."""
    port = free_port()
    environ = {**service_environment(stack), "SERVICE_URL": f"http://127.0.0.1:{port}"}
    with (
        psycopg.connect(stack.superuser_database_url, autocommit=True) as database,
        running_service(environ, directory / "log", port, budgets={**UNHURRIED, "public_status": 1.0}) as service,
    ):
        values = dev_file.variables(stack, service.url)
        incidents = seed.fill(values, database)
        with continual_judgement(stack):
            note_round(stack, service.url)
            user = values["USER_EMAIL"], values["USER_PASSWORD"]
            process = Chromium(chromium)
            try:
                yield Browser(service.url, user, incidents, directory, database, process)
            finally:
                process.end()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        pytest.skip("Chromium is not installed: `apt install chromium`")
    return found


@pytest.fixture(scope="session")
def seeded_stack(chromium: str) -> Iterator[Stack]:
    """Used by these tests alone: what other tests leave in a database would be on the page."""
    with fresh_state() as directory, Stack.start(StackSettings(directory, testing=True)) as own:
        yield own


@pytest.fixture(scope="session")
def filled_browser(seeded_stack: Stack, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with seeded_browser(seeded_stack, chromium, tmp_path_factory.mktemp("page")) as filled:
        seed.report_long_word(filled.database)
        yield filled


@pytest.fixture
def browser(filled_browser: Browser, seeded_stack: Stack) -> Browser:
    """No job runs, and a page says so after three minutes: each test begins with a fresh round."""
    note_round(seeded_stack, filled_browser.url)
    return filled_browser
