"""`make test-postgres15`: pushes the migrations to PostgreSQL 15 and runs the tests of the database there.

`python -m local postgres15 <pytest arguments>` runs some of them.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from contextlib import ExitStack

from local.commands.engine_tests import handle_stop_signals, run_tests
from local.postgres import postgres15
from local.postgres.data_directory import provide_data_directory, remove_external_home
from local.postgres.server import PostgresServer, clean_up_after_kill
from local.stack.state_directory import StateLock, StateLockedError
from local.system.errors import StackError
from local.system.paths import PROJECT
from local.system.processes import ProcessSupervisor
from local.system.progress import ConsoleProgress

TESTS = ["tests/sql"]


def run(pytest_arguments: Sequence[str]) -> int:
    """Starts the server with a new cluster, runs pytest, and returns pytest's exit code."""
    handle_stop_signals()
    progress = ConsoleProgress()
    with ExitStack() as exits:
        try:
            exits.enter_context(StateLock(postgres15.FOLDER))
        except StateLockedError as error:
            raise StackError(f"make test-postgres15 is already running ({error}).") from error
        state = postgres15.FOLDER / "state"
        directory = provide_data_directory(state, PROJECT, postgres15.provide_binaries(progress))
        clean_up_after_kill(directory.data)
        shutil.rmtree(directory.data, ignore_errors=True)
        supervisor = ProcessSupervisor()
        exits.callback(supervisor.close)
        exits.callback(remove_external_home, state)
        log = postgres15.FOLDER / "logs" / "postgres.log"
        log.unlink(missing_ok=True)
        server = PostgresServer(directory, supervisor, log, secrets.token_hex(16), progress)
        exits.callback(server.stop)
        with progress.step("Starting PostgreSQL 15"):
            server.start(preferred_port=0)
        return run_tests(server.superuser_url, pytest_arguments or TESTS)
