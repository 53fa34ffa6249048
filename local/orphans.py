"""What a killed run leaves in a data directory: a live postmaster, its backends, a stale pid file.

Only called by the owner of the state's lock, so no living stack can be using the directory.
"""

# ruff: noqa: S607  # ps is where PATH says

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

FAST_SHUTDOWN_PATIENCE = 20.0
POLL_INTERVAL = 0.1


def clear(data: Path) -> list[str]:
    """Makes the directory startable; answers with a sentence for each thing that had to be done."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return []
    pid = _pid_in(pid_file)
    if pid is not None and _is_postgres_of(pid, data):
        _stop(pid)
        pid_file.unlink(missing_ok=True)
        return [f"An earlier run had left its PostgreSQL (process {pid}) behind; it was stopped."]
    _wait_for_backends(data)
    pid_file.unlink(missing_ok=True)
    return ["PostgreSQL had not been shut down cleanly; it recovers what was committed."]


def _pid_in(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text(encoding="utf-8").splitlines()[0])
    except (ValueError, IndexError):
        return None


def _is_postgres_of(pid: int, data: Path) -> bool:
    """Whether that process is a server of this directory: pids are used again."""
    return any(number == pid and f"-D {data} " in command for number, command in processes())


def _wait_for_backends(data: Path) -> None:
    """Backends notice a dead postmaster within moments; a new one must not start beside them."""
    deadline = time.monotonic() + FAST_SHUTDOWN_PATIENCE
    while _backends(data) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    for pid in _backends(data):
        _send(pid, signal.SIGKILL)


def _backends(data: Path) -> list[int]:
    """Their command line names no directory, but Linux tells where they work; elsewhere none are found."""
    return [
        number
        for number, command in processes()
        if command.startswith("postgres") and _works_in(number, data)
    ]


def _works_in(pid: int, data: Path) -> bool:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == data
    except OSError:
        return False


def processes() -> list[tuple[int, str]]:
    """Every process with its command line. A slim container has no ps, a Mac has no /proc."""
    if Path("/proc/self/cmdline").exists():
        return [
            (int(entry.name), _command_line(entry))
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit()
        ]
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    split = (line.strip().partition(" ") for line in listing.stdout.splitlines())
    return [(int(pid), command.strip()) for pid, _, command in split if pid.isdigit()]


def _command_line(process: Path) -> str:
    """Empty for a zombie, and for a process that ended meanwhile."""
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _stop(pid: int) -> None:
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        _send(pid, signal_number)
        deadline = time.monotonic() + FAST_SHUTDOWN_PATIENCE
        while time.monotonic() < deadline:
            if not any(number == pid and command for number, command in processes()):
                return
            time.sleep(POLL_INTERVAL)


def _send(pid: int, signal_number: signal.Signals) -> None:
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return
