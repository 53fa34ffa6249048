"""Child processes that end with this process: started, stopped in order, and killed if this process is
killed.

No library does all of this. None of circus, supervisor, honcho and mirakuru sets the parent-death signal, so that a
killed `make dev` would leave PostgreSQL running. circus drops privileges in `preexec_fn`, which is unsafe in a process
with threads; supervisor runs as a daemon of its own; honcho has neither an order nor a change of user; mirakuru starts
and waits for a program, which is the smaller part.
"""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")
KILL_TIMEOUT = 10.0


@dataclass(frozen=True)
class Command:
    """A program with its arguments, log file, environment, working directory, user and stop signal."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    directory: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


class ProcessSupervisor:
    """Starts child processes from one thread that lives as long as the supervisor.

    The parent-death signal refers to the thread that forked, not to the process.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="process-supervisor")

    def start(self, command: Command) -> ChildProcess:
        return ChildProcess(command, self._thread.submit(_spawn, command).result())

    def close(self) -> None:
        self._thread.shutdown()


class ChildProcess:
    """A running program that this process started."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes]) -> None:
        self.command = command
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while the program runs."""
        return self._process.poll()

    def stop(self, timeout: float = 15.0) -> None:
        """Sends the stop signal, waits, and kills the program at the timeout.

        PostgreSQL needs the time for its shutdown checkpoint.
        """
        if self.exit_code is None:
            self._process.send_signal(self.command.stop_signal)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """Simulates a crash, for the tests."""
        self._process.kill()
        self._process.wait()

    def send(self, signal_number: signal.Signals) -> None:
        self._process.send_signal(signal_number)


def run_to_completion(command: Command) -> int:
    """Runs the program and returns its exit code. An interruption kills the program and its children."""
    process = _spawn(command)
    try:
        return process.wait()
    except BaseException:
        _kill_group(process)
        raise


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills the child's process group until no process is left in it."""
    deadline = time.monotonic() + KILL_TIMEOUT
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            process.poll()
            time.sleep(0.01)


def launch_arguments(arguments: Sequence[str], *, user: str | None, signal_number: signal.Signals) -> list[str]:
    """The command line that runs `arguments` by the launcher, as a child of this process."""
    options = json.dumps({"user": user, "signal": signal_number, "parent": os.getpid()})
    return [sys.executable, "-I", "-S", str(LAUNCHER), options, *arguments]


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return subprocess.Popen(
            launch_arguments(command.arguments, user=command.user, signal_number=command.stop_signal),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(command.environment),
            cwd=command.directory,
            start_new_session=True,  # Ctrl-C reaches only this process, which stops its children in order
        )
