"""The state directory of a stack: its lock, its owner, and its removal."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType

from local.postgres.data_directory import remove_external_home
from local.system.errors import StackError


class StateLockedError(Exception):
    """Another process uses the directory; the message is that process's description in the lock file."""


class StateLock:
    """An advisory lock on `<directory>/lock`, whose content describes the holder.

    The kernel releases the lock when the process ends, however it ends.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            description = os.read(self._descriptor, 1000).decode("utf-8", "replace")
            os.close(self._descriptor)
            raise StateLockedError(description) from error
        self.describe(f"process {os.getpid()}")

    def describe(self, description: str) -> None:
        """Writes the text that a StateLockedError in another process contains."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, description.encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> StateLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def check_owner(directory: Path) -> None:
    """Raises StackError, before anything is changed, if the directory belongs to another user."""
    if not directory.exists() or directory.stat().st_uid == os.geteuid():
        return
    try:
        owner = directory.owner()
    except KeyError:
        owner = f"the user {directory.stat().st_uid}"
    raise StackError(f"{directory} belongs to {owner}: run make as {owner}, or remove it with `sudo make reset`.")


def environment_file(directory: Path) -> Path:
    """`.local/dev.env` for the state directory `.local/dev`."""
    return directory.with_name(f"{directory.name}.env")


def remove_state(directory: Path) -> None:
    """Removes the directory and its files elsewhere. Raises StateLockedError while it is in use."""
    with StateLock(directory):
        remove_external_home(directory)
        environment_file(directory).unlink(missing_ok=True)  # left behind if the last run was killed
        shutil.rmtree(directory)
