"""Calls that read a whole table that grows, and why. A call that is within its budget must not be here."""

EXPECTED: dict[str, str] = {}
