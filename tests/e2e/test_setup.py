"""local/install/setup.py in a temporary project that needs no package index and no network."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.system.paths import PROJECT
from tests.support.waiting import DEADLINE_SECONDS

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "tiny"
version = "1.0"

[project.optional-dependencies]
dev = []
"""
BACKEND = """
import zipfile


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    return name
"""
FAKE_NPM = '#!/bin/sh\necho "$@" >> npm-calls\nmkdir -p node_modules\n'
FAKE_NODE = "#!/bin/sh\necho v22.0.0\n"


class Project:
    """A checkout whose path has a space in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a project"
        (self.folder / "local" / "install").mkdir(parents=True)
        for name in ("setup.py", "environment.py"):
            shutil.copy(PROJECT / "local" / "install" / name, self.folder / "local" / "install" / name)
        for name, text in {"pyproject.toml": PYPROJECT, "backend.py": BACKEND, "constraints.txt": ""}.items():
            (self.folder / name).write_text(text)
        for name in ("package.json", "package-lock.json"):
            (self.folder / name).write_text("{}")
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.provide("npm", FAKE_NPM)
        self.provide("node", FAKE_NODE)

    def provide(self, name: str, script: str) -> None:
        program = self.programs / name
        program.write_text(script)
        program.chmod(0o755)

    def start(self, user: str | None = None) -> subprocess.Popen[str]:
        python = sys.executable if user is None else "/usr/bin/python3"  # ours may be out of others' reach
        return subprocess.Popen(  # noqa: S603 - our own script
            [python, "local/install/setup.py"],
            cwd=self.folder,
            env={"PATH": f"{self.programs}{os.pathsep}/usr/bin{os.pathsep}/bin", "PIP_NO_INDEX": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
        )

    def set_up(self, user: str | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start(user)
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS * 3)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def npm_calls(self) -> list[str]:
        return (self.folder / ".local" / "node" / "npm-calls").read_text().splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_first_run_says_each_step_and_the_second_has_nothing_to_do(project: Project) -> None:
    first = project.set_up()
    assert (first.returncode, first.stderr) == (0, "")
    assert [line.split(" … ")[0] for line in first.stdout.splitlines()] == [
        "Creating the virtual environment",
        "Installing the Python packages",
        "Installing the tools from npm",
    ]
    second = project.set_up()
    assert (second.returncode, second.stdout) == (0, "")
    assert project.npm_calls() == ["ci --no-audit --no-fund --ignore-scripts --no-update-notifier"]
    assert not (project.folder / "node_modules").exists()


def test_a_failed_step_is_a_sentence_and_is_tried_again(project: Project) -> None:
    project.provide("npm", "#!/bin/sh\necho the registry is on fire\nexit 3\n")
    failed = project.set_up()
    assert failed.returncode == 1
    assert "Installing the tools from npm failed. Is the npm registry reachable?" in failed.stderr
    assert "the registry is on fire" in failed.stderr
    assert "Traceback" not in failed.stderr
    project.provide("npm", FAKE_NPM)
    repaired = project.set_up()
    assert repaired.returncode == 0
    assert repaired.stdout.startswith("Installing the tools from npm")  # and nothing that had worked before


def test_a_changed_lock_file_is_installed(project: Project) -> None:
    project.set_up()
    (project.folder / "package-lock.json").write_text('{"changed": true}')
    shutil.rmtree(project.folder / ".local" / "node" / "node_modules")
    assert project.set_up().stdout.startswith("Installing the tools from npm")


def test_an_unfinished_environment_is_made_again(project: Project) -> None:
    (project.folder / ".local" / "venv" / "bin").mkdir(parents=True)
    (project.folder / ".local" / "venv" / "bin" / "python").symlink_to(sys.executable)
    (project.folder / ".local" / "venv-unfinished").touch()
    done = project.set_up()
    assert done.returncode == 0
    assert done.stdout.startswith("Creating the virtual environment")
    assert not (project.folder / ".local" / "venv-unfinished").exists()


def test_a_moved_checkout_gets_an_environment_that_works_there(project: Project) -> None:
    project.set_up()
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    moved = project.set_up()
    assert moved.returncode == 0, moved.stderr
    assert moved.stdout.startswith("Creating the virtual environment")
    pip = project.folder / ".local" / "venv" / "bin" / "pip"
    assert str(project.folder) in pip.read_text().splitlines()[0]


def test_the_environment_of_a_running_stack_is_left_alone(project: Project) -> None:
    project.set_up()
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    held = project.folder / ".local" / "dev" / "lock"
    held.parent.mkdir()
    with held.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = project.set_up()
        assert refused.returncode == 1
        assert "`make dev` is running on another Python" in refused.stderr
        assert (project.folder / ".local" / "venv" / "bin" / "python").exists()
    assert project.set_up().returncode == 0


def test_a_second_setup_says_that_it_waits(project: Project) -> None:
    project.set_up()
    with (project.folder / ".local" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = project.start()
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "Another setup is running; waiting for it.\n"
    assert waiting.communicate(timeout=DEADLINE_SECONDS) == ("", "")
    assert waiting.returncode == 0


def test_a_full_disk_is_named(project: Project) -> None:
    project.provide("npm", "#!/bin/sh\necho 'npm error ENOSPC: no space left on device'\necho a notice\nexit 1\n")
    failed = project.set_up()
    assert "The disk is full." in failed.stderr
    assert "npm error ENOSPC" in failed.stderr
    assert "a notice" not in failed.stderr


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/bin/python3").exists(), reason="takes root and a Python for all users"
)
def test_a_folder_of_another_user_is_named_with_the_remedy(project: Project) -> None:
    for folder in (project.folder, *project.folder.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    (project.folder / ".local").mkdir(mode=0o755)
    refused = project.set_up(user="nobody")
    if "3.11 or newer is needed" in refused.stderr:
        pytest.skip("the system's own Python is too old, and ours may be out of reach for others")
    assert refused.returncode == 1
    assert "belongs to root" in refused.stderr
    assert "sudo chown" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_npm_node_comes_from_pypi(project: Project) -> None:
    """Here no index answers: what was tried and what to do instead are said."""
    (project.programs / "npm").unlink()
    project.provide("node", "#!/bin/sh\necho v12.0.0\n")
    done = project.set_up()
    assert done.returncode == 1
    assert "Installing Node.js from PyPI" in done.stdout
    assert "Install Node.js 20 or newer with npm, and run make again" in done.stderr


def test_an_incomplete_checkout_is_a_sentence(project: Project) -> None:
    (project.folder / "constraints.txt").unlink()
    done = project.set_up()
    assert done.returncode == 1
    assert "constraints.txt is missing" in done.stderr
