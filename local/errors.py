"""What can go wrong in the stack, worded for the person in front of the terminal."""

from pathlib import Path


class StackError(Exception):
    """A failure that is explained in full by its message: what happened, and what to do about it."""


def log_tail(path: Path, lines: int = 15, since: int = 0) -> str:
    """The end of a log, indented: the part that says why a program stopped. Not from before `since` bytes."""
    if not path.exists():
        return ""
    text = path.read_bytes()[since:].decode("utf-8", "replace").splitlines()[-lines:]
    return "".join(f"\n    {line}" for line in text)
