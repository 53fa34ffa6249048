"""`make test-engine` itself, from inside of a run."""

# ruff: noqa: S603  # all arguments are fixed

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from local.commands import engine
from local.postgres import debian_tree
from local.postgres.debian_server import processes_in
from local.system.errors import StackError
from local.system.paths import PROJECT

TREE = debian_tree.FOLDER / "tree"


def test_a_second_one_says_that_the_first_is_running() -> None:
    command = [sys.executable, "-m", "local", "engine", "--version"]
    second = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "make test-engine is already running (process " in second.stderr
    assert "Traceback" not in second.stderr


def test_the_server_is_known_by_its_tree(superuser_database_url: str) -> None:
    """So that the next run can end what a killed one left."""
    with psycopg.connect(superuser_database_url) as connection:
        assert connection.info.backend_pid in processes_in(TREE)
    assert os.getpid() not in processes_in(TREE)


def test_elsewhere_than_as_root_on_linux_it_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StackError, match="needs root on Linux"):
        engine.run([])


def test_a_tree_with_something_mounted_in_it_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "rmtree", pytest.fail)
    with pytest.raises(StackError, match="/proc is still mounted"):
        debian_tree.remove(Path("/proc"))
