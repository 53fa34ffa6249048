"""`make test-engine`: the tests on PostgreSQL 17 with the real pg_cron, and the Supabase CLI's linters.

`python -m local engine <pytest arguments>` runs some of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from local.postgres import debian_tree
from local.postgres.debian_server import DebianServer
from local.stack.state_directory import StateLock, StateLockedError
from local.system.errors import StackError
from local.system.paths import PROJECT
from local.system.processes import ProcessSupervisor, launch_arguments
from local.system.progress import ConsoleProgress

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What depends on the version of the database. `make test` runs these and all others on PostgreSQL 18.
TESTS = [
    "tests/sql",
    "tests/integration/agents",
    "tests/integration/health_checks",
    "tests/integration/sentry",
    "tests/integration/test_incident_reading.py",
    "tests/integration/test_ingest_concurrency.py",
    "tests/integration/test_report.py",
    "tests/faults/test_call_faults.py",
    "tests/faults/test_crashes.py",
    "tests/faults/test_outages.py",
    # Random bodies, which meet the same SQL on either version.
    "--ignore=tests/integration/sentry/test_fuzz.py",
]


def run(pytest_arguments: Sequence[str]) -> int:
    """Starts the server, runs pytest, and returns pytest's exit code."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise StackError("make test-engine runs PostgreSQL 17 by chroot, which needs root on Linux.")
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    progress = ConsoleProgress()
    with ExitStack() as exits:
        try:
            exits.enter_context(StateLock(debian_tree.FOLDER))
        except StateLockedError as error:
            raise StackError(f"make test-engine is already running ({error}).") from error
        tree = debian_tree.provide_tree(progress)
        supervisor = ProcessSupervisor()
        exits.callback(supervisor.close)
        log = debian_tree.FOLDER / "logs" / "postgres.log"
        log.unlink(missing_ok=True)
        server = DebianServer(tree, supervisor, log)
        exits.callback(server.stop)
        with progress.step("Starting PostgreSQL 17 with pg_cron"):
            server.start()
        return _pytest(server.superuser_url, pytest_arguments or TESTS)


def _pytest(url: str, arguments: Sequence[str]) -> int:
    """Runs pytest in a session of its own, so that Ctrl-C reaches it once, as the SIGINT sent here."""
    environment = {**os.environ, "STACK_POSTGRES_URL": url, "STACK_ENGINE": "17"}
    command = [sys.executable, "-m", "pytest", *arguments]
    process = subprocess.Popen(  # noqa: S603  # every argument is ours
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
