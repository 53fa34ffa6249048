"""`make test-engine`: the tests on PostgreSQL 17 with the real pg_cron, and the Supabase CLI's linters.

`python -m local engine <pytest arguments>` runs some of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from local.commands.engine_tests import handle_stop_signals, run_tests
from local.postgres import debian_tree
from local.postgres.debian_server import DebianServer
from local.stack.state_directory import StateLock, StateLockedError
from local.system.errors import StackError
from local.system.processes import ProcessSupervisor
from local.system.progress import ConsoleProgress

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
    handle_stop_signals()
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
        return run_tests(server.superuser_url, pytest_arguments or TESTS, engine="17")
