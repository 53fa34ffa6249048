"""`make reset`: drops the data and secrets of `make dev`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from local.dev_file import environment_file
from local.errors import StackError
from local.lock import StateLock, StateLockedError, refuse_foreign
from local.placement import drop_outside_home


def run(state: Path) -> None:
    if not state.exists():
        print("There is nothing to drop.")
        return
    if os.geteuid() != 0:
        refuse_foreign(state)
    try:
        drop_state(state)
    except StateLockedError as error:
        raise StackError(f"`make dev` is running ({error}). Stop it first.") from error
    print("The data of `make dev` are gone; the next one starts with an empty database and new secrets.")


def drop_state(directory: Path) -> None:
    """Removes a state directory and what it keeps elsewhere. StateLockedError while somebody uses it."""
    with StateLock(directory):
        drop_outside_home(directory)
        environment_file(directory).unlink(missing_ok=True)  # there still, if the last run was killed
        shutil.rmtree(directory)
