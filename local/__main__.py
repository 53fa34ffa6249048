"""`python -m local dev`, `demo`, `reset`, `types`, `engine` and others: the entry point for the Makefile."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from local.commands import demo, dev, docs, engine, names, postgres15, reset, types
from local.system.errors import StackError
from local.system.launcher import set_parent_death_signal
from local.system.paths import LOCAL

CRASH_LOG = LOCAL / "crash.log"
COMMANDS = {
    "dev": dev.run,
    "demo": demo.run,
    "docs": docs.run,
    "names": names.run,
    "reset": reset.run,
    "types": types.run,
}


TESTING_COMMANDS = {"engine": engine.run, "postgres15": postgres15.run}
"""Their arguments are pytest's."""


def main() -> int:
    if sys.argv[1:2] and sys.argv[1] in TESTING_COMMANDS:
        run_tests = TESTING_COMMANDS[sys.argv[1]]
        return _run(lambda: run_tests(sys.argv[2:]), with_parent=True)
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="The local stack.",
        epilog="`python -m local engine <pytest arguments>` runs tests on PostgreSQL 17, `postgres15` on 15.",
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--state", type=Path, default=LOCAL / "dev", help="directory for data, secrets and logs")
    parser.add_argument("--with-parent", action="store_true", help="stop when the parent process ends (Linux)")
    arguments = parser.parse_args()
    command = COMMANDS[arguments.command]
    return _run(lambda: command(arguments.state.resolve()), with_parent=arguments.with_parent)


def _run(command: Callable[[], int | None], *, with_parent: bool) -> int:
    """Runs the command and returns the exit code. Prints errors as a sentence."""
    parent = os.getppid()
    if with_parent:
        set_parent_death_signal(signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the signal was set
        return 1
    try:
        return command() or 0
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before it was ready; all processes have ended.", file=sys.stderr)
        return 130
    except Exception as error:  # a bug: the user gets one line, and the traceback goes to a file
        CRASH_LOG.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"\nUnexpected error: {error!r}. The traceback is in {CRASH_LOG}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
