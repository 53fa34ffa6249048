"""One owner a state directory, by a lock that the kernel drops with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from local.errors import StackError


class StateLockedError(Exception):
    """Somebody else holds the directory; the message is what they left in the lock file."""


def refuse_foreign(directory: Path) -> None:
    """Raises a StackError, before anything is touched, where another user made the directory."""
    if not directory.exists() or directory.stat().st_uid == os.geteuid():
        return
    try:
        owner = directory.owner()
    except KeyError:
        owner = f"the user {directory.stat().st_uid}"
    raise StackError(
        f"{directory} belongs to {owner}: run make as {owner}, or drop it with `sudo make reset`."
    )


class StateLock:
    """An advisory lock on `<directory>/lock`, which also says who holds it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            note = os.read(self._descriptor, 1000).decode("utf-8", "replace")
            os.close(self._descriptor)
            raise StateLockedError(note) from error
        self.describe(f"process {os.getpid()}")

    def describe(self, note: str) -> None:
        """Leaves a note for whoever finds the directory taken."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, note.encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> StateLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
