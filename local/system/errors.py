"""The error whose message is printed to the user without a traceback."""

from pathlib import Path


class StackError(Exception):
    """A failure that its message explains completely: what happened, and how to fix it."""


def log_tail(path: Path, lines: int = 15, since: int = 0) -> str:
    """The last lines of a log, indented, to append to an error message. Ignores the first `since` bytes."""
    if not path.exists():
        return ""
    text = path.read_bytes()[since:].decode("utf-8", "replace").splitlines()[-lines:]
    return "".join(f"\n    {line}" for line in text)
