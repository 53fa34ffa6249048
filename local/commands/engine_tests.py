"""Runs pytest on a server that `make test-engine` or `make test-postgres15` has started."""

# ruff: noqa: S603  # every argument is ours

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from local.system.paths import PROJECT
from local.system.processes import launch_arguments

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle_stop_signals() -> None:
    """From now on, a signal that stops the process raises KeyboardInterrupt, so that the server is stopped too."""
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)


def run_tests(superuser_url: str, arguments: Sequence[str], engine: str | None = None) -> int:
    """Runs pytest in a session of its own, so that Ctrl-C reaches it once, as the SIGINT sent here.

    `engine` names a server with the real extensions; tests/sql/engine runs only there.
    """
    environment = {**os.environ, "STACK_POSTGRES_URL": superuser_url}
    if engine is not None:
        environment["STACK_ENGINE"] = engine
    command = [sys.executable, "-m", "pytest", *arguments]
    process = subprocess.Popen(
        launch_arguments(command, user=None, signal_number=signal.SIGINT),
        cwd=PROJECT,
        env=environment,
        start_new_session=True,
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise


def _interrupt(number: int, frame: FrameType | None) -> None:
    """The first signal raises KeyboardInterrupt; later ones are ignored while everything is stopped."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
