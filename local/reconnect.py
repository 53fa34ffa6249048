"""Connections of the background workers: named, closed for sure, made again after the database was away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 2.0
SETTLED_SECONDS = 5.0
"""Whoever served for this long has recovered: the next failure waits the first delay again."""

CONNECT_TIMEOUT_SECONDS = 10


@asynccontextmanager
async def connect(url: str, application_name: str, **options: Any) -> AsyncIterator[Connection]:
    """Autocommit, and without server-side prepared statements, which would need a settled search_path.

    Closed without a rollback first: the server does that, and a cancelled worker must not wait for an answer.
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


async def serve_for_ever(
    serve: Callable[[], Awaitable[None]],
    logger: logging.Logger,
    first_delay: float = FIRST_DELAY_SECONDS,
    longest_delay: float = LONGEST_DELAY_SECONDS,
) -> None:
    """Calls `serve` again and again; a database error is no reason to stop, a bug of ours is."""
    loop = asyncio.get_running_loop()
    delay = first_delay
    while True:
        started = loop.time()
        try:
            await serve()
        except (psycopg.Error, OSError) as error:
            logger.warning("starting again in %.1f s: %s", delay, str(error).strip())
        if loop.time() - started > SETTLED_SECONDS:
            delay = first_delay
        await asyncio.sleep(delay)
        delay = min(delay * 2, longest_delay)
