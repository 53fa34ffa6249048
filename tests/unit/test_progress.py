"""What a long run of the tests says about itself: its length before it starts, where it is, and what took long."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.system.paths import PROJECT
from tests.support.progress import Estimate, in_words, seconds_per_test

CONFTEST = """
from pathlib import Path
from tests.support.progress import Progress

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config, Path("durations.json"), interval=0.2))
"""
QUICK = "def test_passes():\n    pass\n\n\ndef test_fails():\n    assert False\n"
SLOW = "import time\n\n\ndef test_takes_long():\n    time.sleep(4)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_quick.py").write_text(QUICK)
    (tmp_path / "test_slow.py").write_text(SLOW)
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    environ = {"PYTHONPATH": str(PROJECT), "PATH": ""}
    return subprocess.run(  # noqa: S603 - pytest itself
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize("arguments", [(), ("--numprocesses=2", "--dist=loadfile")])
def test_a_run_says_how_long_it_takes_and_where_it_is(folder: Path, arguments: tuple[str, ...]) -> None:
    output = run(folder, *arguments)
    processes = "2 processes" if arguments else "1 process"
    assert re.search(rf"^3 tests in 2 files, with {processes}: about \d+ s\.$", output, re.MULTILINE)
    line = r"^\d+ s: 2 of 3 tests, 1 failed, about \d+ s left; running test_slow\.py$"
    assert re.search(line, output, re.MULTILINE), output
    assert re.search(r"^  test_slow\.py::test_takes_long has run for \d+ s$", output, re.MULTILINE)
    assert re.search(r"3 tests took \d+ s\. Slowest files:\n +\d+ s  test_slow\.py\n", output)


def test_the_next_run_knows_the_durations(folder: Path) -> None:
    run(folder)
    assert set(json.loads((folder / "durations.json").read_text())) == {"test_quick.py", "test_slow.py"}
    (folder / "durations.json").write_text(json.dumps({"test_quick.py": 60, "test_slow.py": 600}))
    assert "3 tests in 2 files, with 1 process: about 11 min." in run(folder)
    # A part of a file says nothing about the whole, and a damaged file of durations nothing at all.
    (folder / "durations.json").write_text("{")
    run(folder, "-k", "passes")
    assert (folder / "durations.json").read_text() == "{"


def test_the_estimate_counts_the_work_of_a_file_as_one_piece() -> None:
    tests = ["a.py::one", "a.py::two", "b.py::one", "new.py::one"]
    estimate = Estimate(tests, {"a.py": 100, "b.py": 10}, processes=2)
    assert estimate.total() == 100
    assert Estimate(tests[2:], {"b.py": 10}, processes=1).total() == 10 + seconds_per_test("a.py")
    assert estimate.left({}, 40) == 60
    assert estimate.left({"a.py": 1, "b.py": 1}, 60) == pytest.approx(60 * (50 + seconds_per_test("a.py")) / 60)


def test_times_are_in_words() -> None:
    assert [in_words(seconds) for seconds in (3.4, 89, 90, 960)] == ["3 s", "89 s", "2 min", "16 min"]
