"""`make reset`: removes the data, secrets and logs of `make dev`."""

from __future__ import annotations

import os
from pathlib import Path

from local.stack.state_directory import StateLockedError, check_owner, remove_state
from local.system.errors import StackError


def run(state: Path) -> None:
    if not state.exists():
        print("Nothing to remove.")
        return
    if os.geteuid() != 0:
        check_owner(state)
    try:
        remove_state(state)
    except StateLockedError as error:
        raise StackError(f"`make dev` is running ({error}). Stop it first.") from error
    print("Removed the data of `make dev`. The next start creates an empty database and new secrets.")
