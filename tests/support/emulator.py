"""A separate database with an emulated extension, in which the stack's own workers do not run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import conninfo, sql

from tests.support.waiting import DEADLINE_SECONDS

EMULATORS = Path(__file__).parents[2] / "local" / "emulators"

Value = TypeVar("Value")


def poll_until(read: Callable[[], Value], accept: Callable[[Value], Any], what: str) -> Value:
    """Reads until the value is accepted; at the timeout, fails with the last value."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        value = read()
        if accept(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_SECONDS} s for {what}; the last value was {value!r}")
        time.sleep(0.02)


@contextmanager
def scratch_database(superuser_url: str, name: str, extension: str) -> Iterator[str]:
    """Creates the database, runs the install script of an emulated extension in it, and yields its URL."""
    identifier = sql.Identifier(name)
    drop = sql.SQL("drop database if exists {} with (force)").format(identifier)
    with psycopg.connect(superuser_url, autocommit=True) as admin:
        admin.execute(drop)
        admin.execute(sql.SQL("create database {}").format(identifier))
        url = conninfo.make_conninfo(superuser_url, dbname=name)
        with psycopg.connect(url, autocommit=True) as connection:
            (script,) = (EMULATORS / extension / "extension").glob("*.sql")
            connection.execute(script.read_text(encoding="utf-8"))
        try:
            yield url
        finally:
            admin.execute(drop)


@contextmanager
def worker_running(run: Callable[[], Awaitable[None]]) -> Iterator[asyncio.AbstractEventLoop]:
    """Runs a worker in a thread with an event loop, which it yields, and cancels the worker at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(_call(run))

    async def stop(task: asyncio.Task[None]) -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    try:
        task = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield loop
        finally:
            asyncio.run_coroutine_threadsafe(stop(task), loop).result(timeout=DEADLINE_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _call(run: Callable[[], Awaitable[None]]) -> None:
    await run()


class Database:
    """Short queries over one autocommit connection."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description is not None else []

    def value(self, query: str, *parameters: Any) -> Any:
        return self.rows(query, *parameters)[0][0]
