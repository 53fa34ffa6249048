"""Polling with a generous deadline: on a slow machine a test waits longer instead of failing."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_SECONDS = 180.0
"""Long enough for any machine. A passing test never waits that long."""

INSTALL_SECONDS = 900.0
"""The same for a command that downloads and installs packages."""


def wait_until(condition: Callable[[], bool], seconds: float = DEADLINE_SECONDS, what: str = "the condition") -> None:
    """Returns as soon as the condition holds; fails if it does not hold before the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)
