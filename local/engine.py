"""`make test-engine`: the tests on PostgreSQL 17 with the real pg_cron, and the Supabase CLI's linters.

`python -m local.engine <pytest's arguments>` runs a choice of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from local import engine_tree
from local.engine_server import EngineServer
from local.errors import StackError
from local.launch import follow_parent
from local.lock import StateLock, StateLockedError
from local.processes import LAUNCHER, Nursery
from local.settings import LOCAL, PROJECT
from local.steps import PrintedSteps

CRASH_LOG = LOCAL / "crash.log"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What depends on the version of the database. `make test` runs these and all others on PostgreSQL 18.
TESTS = [
    "tests/sql",
    "tests/integration/agents",
    "tests/integration/health_checks",
    "tests/integration/sentry",
    "tests/integration/test_ingest_concurrency.py",
    "tests/integration/test_report.py",
    "tests/faults/test_call_faults.py",
    "tests/faults/test_crashes.py",
    "tests/faults/test_outages.py",
    # Random bodies, which meet the same SQL on either version.
    "--ignore=tests/integration/sentry/test_fuzz.py",
]


def main() -> int:
    parent = os.getppid()
    follow_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return 1
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return run(sys.argv[1:] or TESTS)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; everything has ended.", file=sys.stderr)
        return 130
    except Exception as error:  # a bug of ours still owes the person a sentence; the trace is for us
        CRASH_LOG.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"\nThis should not have happened: {error!r}. The trace is in {CRASH_LOG}.", file=sys.stderr)
        return 1


def run(arguments: Sequence[str]) -> int:
    """pytest's exit code."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise StackError("make test-engine runs PostgreSQL 17 by chroot, which takes root on Linux.")
    steps = PrintedSteps()
    with ExitStack() as exits:
        try:
            exits.enter_context(StateLock(engine_tree.FOLDER))
        except StateLockedError as error:
            raise StackError(f"make test-engine is already running ({error}).") from error
        tree = engine_tree.provide(steps)
        nursery = Nursery()
        exits.callback(nursery.close)
        log = engine_tree.FOLDER / "logs" / "postgres.log"
        log.unlink(missing_ok=True)
        server = EngineServer(tree, nursery, log)
        exits.callback(server.stop)
        with steps.step("Starting PostgreSQL 17 with pg_cron"):
            server.start()
        return _pytest(server.superuser_url, arguments)


def _pytest(url: str, arguments: Sequence[str]) -> int:
    """In a session of its own: of a Ctrl-C it hears by us, once, and then cleans up undisturbed."""
    orders = json.dumps({"user": None, "signal": signal.SIGINT, "parent": os.getpid()})
    environment = {**os.environ, "STACK_POSTGRES_URL": url, "STACK_ENGINE": "17"}
    process = subprocess.Popen(  # noqa: S603  # every argument is ours
        [sys.executable, "-I", "-S", str(LAUNCHER), orders, sys.executable, "-m", "pytest", *arguments],
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
    """The first signal interrupts whatever is under way; later ones wait for the orderly end."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
