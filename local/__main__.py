"""`python -m local dev`, `demo`, `docs`, `reset` and `types`, for the Makefile."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from pathlib import Path

from local import demo, dev, reset, types_file
from local.commands import docs
from local.errors import StackError
from local.launch import follow_parent
from local.settings import LOCAL

CRASH_LOG = LOCAL / "crash.log"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="The embedded Supabase.")
    parser.add_argument("command", choices=["dev", "demo", "docs", "reset", "types"])
    parser.add_argument(
        "--state", type=Path, default=LOCAL / "dev", help="where data, secrets and logs are kept"
    )
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the starting process dies (Linux)"
    )
    arguments = parser.parse_args()
    parent = os.getppid()
    if arguments.with_parent:
        follow_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return 1
    try:
        commands = {
            "dev": dev.run,
            "demo": demo.run,
            "docs": docs.run,
            "reset": reset.run,
            "types": types_file.run,
        }
        commands[arguments.command](arguments.state.resolve())
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped before it was ready.", file=sys.stderr)
        return 130
    except Exception as error:  # a bug of ours still owes the person a sentence; the trace is for us
        CRASH_LOG.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"\nThis should not have happened: {error!r}. The trace is in {CRASH_LOG}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
