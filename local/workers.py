"""Keeps the stand-ins of pg_cron's and pg_net's workers going, as the postmaster keeps the real ones."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Protocol

RESTART_DELAY = 1.0  # bgw_restart_time of both


class Worker(Protocol):
    async def run(self) -> None:
        """Works until it is cancelled."""


async def keep_running(worker: Worker, log: Path) -> None:
    """Starts it again whenever it ends: a dead connection, a trigger that raised, whatever it was."""
    while True:
        try:
            await worker.run()
        except Exception:  # the postmaster asks no reasons either; they are in the log
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exc(file=file)
        await asyncio.sleep(RESTART_DELAY)
