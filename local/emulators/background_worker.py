"""What the emulated background workers share: database connections, restarts after errors, orderly stop."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

RESTART_SECONDS = 1.0
"""How long the postmaster waits before it restarts a worker (bgw_restart_time of pg_cron and pg_net)."""
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 2.0
SETTLED_SECONDS = 5.0
"""A worker that ran this long has recovered: its next failure waits the first delay again."""
CONNECT_TIMEOUT_SECONDS = 10


class BackgroundWorker(Protocol):
    """A worker that runs in the stack's event loop."""

    async def run(self) -> None:
        """Works until cancelled."""

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - the callers have nothing to add to a timeout
        """Finishes what the real worker finishes after SIGTERM. The caller then cancels `run`."""


class WorkerError(Exception):
    """An error that ends the worker as an ERROR ends a background worker; the worker starts again."""


@asynccontextmanager
async def connect(url: str, application_name: str, **options: Any) -> AsyncIterator[Connection]:
    """A connection in autocommit mode without prepared statements, which would need a constant search_path.

    It is closed without a rollback, which the server does itself, so that a cancelled worker does not wait.
    """
    connection = await psycopg.AsyncConnection.connect(
        url,
        autocommit=True,
        prepare_threshold=None,
        application_name=application_name,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        **options,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def wait_for_table(connection: Connection, table: str, interval: float) -> None:
    """Waits until the table exists: the extension is created after the worker has started."""
    while True:
        cursor = await connection.execute("select to_regclass(%s) is not null", (table,))
        row = await cursor.fetchone()
        if row is not None and row[0]:
            return
        await asyncio.sleep(interval)


async def serve_forever(
    serve: Callable[[], Awaitable[None]],
    logger: logging.Logger,
    first_delay: float = FIRST_DELAY_SECONDS,
    longest_delay: float = LONGEST_DELAY_SECONDS,
) -> None:
    """Calls `serve` again whenever it returns or raises a database, network or worker error."""
    loop = asyncio.get_running_loop()
    delay = first_delay
    while True:
        started = loop.time()
        try:
            await serve()
        except (psycopg.Error, OSError, WorkerError) as error:
            logger.warning("starting again in %.1f s: %s", delay, str(error).strip())
        if loop.time() - started > SETTLED_SECONDS:
            delay = first_delay
        await asyncio.sleep(delay)
        delay = min(delay * 2, longest_delay)


async def keep_running(worker: BackgroundWorker, log: Path) -> None:
    """Restarts the worker after any error, as the postmaster does, and logs the traceback."""
    while True:
        try:
            await worker.run()
        except Exception:  # an unexpected error, which `serve_forever` does not handle
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exc(file=file)
        await asyncio.sleep(RESTART_SECONDS)
