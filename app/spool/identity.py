"""Whether the files on disk are still those that the open database uses."""

import os
from contextlib import suppress
from pathlib import Path

# The files of a database in WAL mode, by their ending.
_NAMES = {"": "it", "-wal": "its write-ahead log", "-shm": "the index of its write-ahead log"}


class FileIdentity:
    """Which files on disk an open database uses: the file itself, its write-ahead log and the log's index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, os.stat_result] = {}
        self.update()

    def update(self) -> None:
        """After a call of our own: the log exists from the first write on, and grows."""
        for suffix in _NAMES:
            with suppress(FileNotFoundError):
                now = os.stat(f"{self._path}{suffix}")
                if os.path.samestat(now, self._known.get(suffix, now)):
                    self._known[suffix] = now

    def remaining(self) -> list[Path]:
        """Those of the open files that are still at their paths; the file itself, if it is there, is the first."""
        paths = {Path(f"{self._path}{suffix}"): known for suffix, known in self._known.items()}
        return [path for path, known in paths.items() if _is_same(path, known)]

    def find_change(self) -> str | None:
        """What others did to the files, as the end of a sentence about the file."""
        for suffix, known in self._known.items():
            name = _NAMES[suffix]
            try:
                now = os.stat(f"{self._path}{suffix}")
            except FileNotFoundError:
                return f"{name} was deleted"
            if not os.path.samestat(now, known):
                return f"{name} was replaced"
        return None

    def has_shrunk(self) -> bool:
        """Whether a file is shorter than it was: another process has made room, or somebody has cut it."""
        for suffix, known in self._known.items():
            with suppress(FileNotFoundError):
                if suffix != "-shm" and os.stat(f"{self._path}{suffix}").st_size < known.st_size:
                    return True
        return False


def _is_same(path: Path, known: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), known)
    except FileNotFoundError:
        return False
