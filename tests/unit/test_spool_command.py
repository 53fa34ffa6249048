"""`python -m app.spool`: dead letters are listed, exported and requeued while the service has the file open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.spool.file import FIRST, SpoolFile
from tests.support.service_process import PROJECT

MEGABYTE = 2**20


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """In an environment without any of the service's variables."""
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "app.spool", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite3"


@pytest.fixture
def spool(path: Path) -> SpoolFile:
    """An open file with two dead letters and two reports that wait."""
    file = SpoolFile(path, MEGABYTE)
    file.insert([("events", b'{"number": 1}'), ("events", b"\xff not JSON"), ("events", b"3"), ("deliveries", b"4")])
    first, second, *_ = file.read_oldest("events", FIRST, 10)
    file.settle("events", [], [(first.id, "one\nreason"), (second.id, "another \x1b[31m reason")])
    return file


def test_list(path: Path, spool: SpoolFile) -> None:
    lines = run("list", SPOOL_PATH=str(path)).stdout.splitlines()
    assert lines[0] == "2 reports wait, 2 dead letters"
    assert [line.split()[0] for line in lines[2:]] == ["1", "2"]
    assert lines[2].endswith("one reason")
    assert lines[3].endswith("another \ufffd[31m reason")
    waiting = run("list", "--spooled", "--spool-path", str(path)).stdout.splitlines()
    assert [line.split()[:2] for line in waiting[2:]] == [["3", "events"], ["4", "deliveries"]]
    spool.close()


def test_export(path: Path, spool: SpoolFile) -> None:
    letters = [json.loads(line) for line in run("export", "--spool-path", str(path)).stdout.splitlines()]
    assert [(letter["reason"], letter["payload"]) for letter in letters] == [
        ("one\nreason", {"number": 1}),
        ("another \x1b[31m reason", "\ufffd not JSON"),
    ]
    assert set(letters[0]) == {"id", "kind", "spooled_at", "rejected_at", "reason", "payload"}
    waiting = [json.loads(line) for line in run("export", "--spooled", "--spool-path", str(path)).stdout.splitlines()]
    assert [(each["kind"], each["payload"]) for each in waiting] == [("events", 3), ("deliveries", 4)]
    spool.close()


def test_requeue_by_id_and_all(path: Path, spool: SpoolFile) -> None:
    missing = run("requeue", "2", "7", "--spool-path", str(path))
    assert (missing.returncode, missing.stderr) == (1, "error: there is no dead letter 7; none was requeued\n")
    assert run("requeue", "2", "--spool-path", str(path)).stdout == "requeued: 1\n"
    assert spool.count().dead_letters == 1
    assert [each.payload for each in spool.read_oldest("events", FIRST, 10)] == [b"3", b"\xff not JSON"]
    assert run("requeue", "--all", "--spool-path", str(path)).stdout == "requeued: 1\n"
    assert (spool.count().depths, spool.count().dead_letters) == ({"events": 3, "deliveries": 1}, 0)
    # Their ids are not used again.
    last = spool.read_oldest("events", FIRST, 10)[-1]
    spool.settle("events", [], [(last.id, "again")])
    assert run("list", "--spool-path", str(path)).stdout.splitlines()[2].split()[0] == "3"
    spool.close()


@pytest.mark.parametrize("arguments", [["list"], ["export"], ["requeue", "--all"]])
def test_without_a_file_it_says_so_and_creates_none(path: Path, arguments: list[str]) -> None:
    ended = run(*arguments, SPOOL_PATH=str(path))
    assert ended.returncode == 1
    assert ended.stderr == f"error: there is no file {path}. Name it with --spool-path or SPOOL_PATH.\n"
    assert list(path.parent.iterdir()) == []


def test_a_file_that_is_no_spool_is_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    ended = run("list", SPOOL_PATH=str(path))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {path} cannot be read as a spool: ")
    assert path.read_bytes() == b"not a database" * 100


def test_requeue_needs_ids_or_all(path: Path, spool: SpoolFile) -> None:
    assert run("requeue", SPOOL_PATH=str(path)).returncode != 0
    assert run("requeue", "1", "--all", SPOOL_PATH=str(path)).returncode == 2
    assert run("requeue", "x", SPOOL_PATH=str(path)).returncode == 2
    spool.close()


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    assert all(command in text for command in ("list", "export", "requeue"))
    assert "SPOOL_PATH" in run("list", "--help").stdout
