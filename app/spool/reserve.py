"""Keeps some room on the volume of the spool: deleting from a full volume needs room too."""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

# More than the write-ahead log can hold that has no place in the file yet: one transaction and what is not copied.
_MOST_BYTES = 4 * 1024 * 1024
_LARGEST_SHARE = 0.25  # of a small volume

_logger = logging.getLogger(__name__)


class Reserve:
    """A file beside the spool that takes up the room. It is deleted when the room is needed, and then made again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_released = False
        self._is_logged = False
        self.is_kept = False

    def keep(self) -> bool:
        """Take up the room, if it is there."""
        try:
            volume_bytes = shutil.disk_usage(self._path.parent).total
            size = min(_MOST_BYTES, int(volume_bytes * _LARGEST_SHARE))
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self.is_kept = False
            return False
        self.is_kept, self._is_released = True, False
        return True

    def release(self) -> bool:
        """Give up the room. Returns whether there was any."""
        self.is_kept = False
        try:
            self._path.unlink()
        except OSError:
            return False
        if not self._is_logged:
            _logger.warning("the volume of the spool is full: its reserve is used to delete what is stored")
        self._is_released = self._is_logged = True
        return True

    def regain(self) -> bool:
        """Take up the room again after release(). Returns False as long as it is not there."""
        return self.is_kept or not self._is_released or self.keep()
