"""Installs the package as Railway does: with pip, in a new virtual environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from app.settings import Settings
from local.system.paths import PROJECT
from tests.support.waiting import DEADLINE_SECONDS


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # Without the service's variables, which may be set where the tests run.
    ours = {name.upper() for name in Settings.model_fields}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS * 5,
        check=False,
    )


def test_the_installed_package_starts_outside_of_the_checkout(tmp_path: Path) -> None:
    """It contains its templates, and names the variables that are missing."""
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(PROJECT / "app", source / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source / name)
    made = run([sys.executable, "-m", "venv", str(tmp_path / "venv")], tmp_path)
    assert made.returncode == 0, made.stderr
    python = str(tmp_path / "venv" / "bin" / "python")
    installed = run([python, "-m", "pip", "install", "-q", "-c", "constraints.txt", "."], source)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    started = run([python, "-m", "app"], elsewhere)
    assert started.returncode == 1
    assert started.stderr.startswith("SUPABASE_URL is missing.")
    rendered = run([python, "-c", "import app.status.page"], elsewhere)
    assert rendered.returncode == 0, rendered.stderr
