"""Children that never outlive us: started from one long-lived thread, stopped in order, killed with us."""

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

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Command:
    """What to start, and how it wants to be told to stop."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    directory: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


class Nursery:
    """Starts children. The kernel ties a child to the thread that forked it, so that thread stays."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nursery")

    def start(self, command: Command) -> Child:
        return Child(command, self._thread.submit(_spawn, command).result())

    def close(self) -> None:
        self._thread.shutdown()


class Child:
    """A running program of ours."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes]) -> None:
        self.command = command
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def stop(self, patience: float = 15.0) -> None:
        """Asks, waits, and only then kills: Postgres wants to write its shutdown checkpoint."""
        if self.exit_code is None:
            self._process.send_signal(self.command.stop_signal)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """What a crash looks like, for the tests."""
        self._process.kill()
        self._process.wait()

    def send(self, signal_number: signal.Signals) -> None:
        self._process.send_signal(signal_number)


def run_to_end(command: Command) -> int:
    """Its exit code. An interruption ends it with everything that it started itself."""
    process = _spawn(command)
    try:
        return process.wait()
    except BaseException:
        _end_group(process)
        raise


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """A child leads a group of its own; the group is gone when nobody is left to signal."""
    deadline = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            process.poll()
            time.sleep(0.01)


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    orders = json.dumps({"user": command.user, "signal": command.stop_signal, "parent": os.getpid()})
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), orders, *command.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(command.environment),
            cwd=command.directory,
            start_new_session=True,  # a Ctrl-C in the terminal reaches only us; we stop the children in order
        )
