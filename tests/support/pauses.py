"""Replaces asyncio.sleep() in the event loop of a test only.

A test's process has other event loops, in threads: emulators and proxies, which go on for the whole session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest


def replace_sleep(monkeypatch: pytest.MonkeyPatch, pause: Callable[[float], Awaitable[None]]) -> None:
    """From now on asyncio.sleep(seconds) in the running loop is pause(seconds)."""
    loop, sleep = asyncio.get_running_loop(), asyncio.sleep

    async def replaced(seconds: float) -> None:
        await (pause if asyncio.get_running_loop() is loop else sleep)(seconds)

    monkeypatch.setattr(asyncio, "sleep", replaced)
