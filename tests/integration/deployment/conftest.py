"""A stack that these tests may break, and the doctor's output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import Stack, StackSettings
from tests.conftest import fresh_state
from tests.support.service_process import PROJECT, service_variables
from tests.support.waiting import DEADLINE_SECONDS


@pytest.fixture(scope="session")
def breakable_stack() -> Iterator[Stack]:
    """A stack of its own, which tests misconfigure and restore."""
    with fresh_state() as directory, Stack.start(StackSettings(directory)) as own:
        yield own


@pytest.fixture
def variables(breakable_stack: Stack, tmp_path: Path) -> dict[str, str]:
    """The variables of a service on that stack."""
    return {**service_variables(breakable_stack), "SPOOL_PATH": str(tmp_path / "spool.sqlite3")}


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor printed: the lines by the name of the check, in the form "result: sentence"."""

    exit_code: int
    lines: Mapping[str, str]
    output: str

    def failed(self) -> list[str]:
        """The names of the checks that failed."""
        return [name for name, line in self.lines.items() if line.startswith("failed")]


Doctor = Callable[[Mapping[str, str]], Diagnosis]


@pytest.fixture
def doctor() -> Doctor:
    """Runs `python -m app.doctor` with these variables and no others. It prints no traceback and no secret."""

    def run(variables: Mapping[str, str]) -> Diagnosis:
        ended = subprocess.run(
            [sys.executable, "-m", "app.doctor"],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert ended.stderr == ""
        secrets = [value for name, value in variables.items() if name.endswith(("_KEY", "_TOKEN"))]
        assert [secret for secret in secrets if secret in ended.stdout] == []
        *lines, empty, _summary = ended.stdout.splitlines()
        assert empty == ""
        parsed = {}
        for line in lines:
            result, rest = line[:8].strip(), line[9:]
            assert result in ("ok", "warning", "failed")
            name, _, sentence = rest.partition(": ")
            parsed[name] = f"{result}: {sentence}"
            assert sentence.endswith((".", "?", ";"))
        return Diagnosis(ended.returncode, parsed, ended.stdout)

    return run
