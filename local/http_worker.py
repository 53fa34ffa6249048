"""What pg_net's background worker does, for a server that does not have it.

A batch of at most 200 requests is one transaction: it takes the rows from the queue, sends all requests at
once, inserts each answer as it comes, so that `clock_timestamp() - created` in a row trigger is the response
time, and commits after the slowest. Whatever fails in the database (a trigger that raises) kills the worker:
the batch rolls back, the worker starts again after a second and sends the same requests again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio.lowlevel
from psycopg.types.json import Jsonb

from local.http_transfer import Client, Request, Response
from local.reconnect import Connection, connect, serve_for_ever

logger = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
BETWEEN_BATCHES_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
"""How long to sleep without having looked whether the connection still lives."""

WAKE_CHANNEL = "pg_net_wake"
RESTART_CHANNEL = "pg_net_restart"

DELETE_EXPIRED = """
with expired as (
  select response.ctid
  from net._http_response as response
  where
    response.created
    < now() - coalesce(nullif(current_setting('pg_net.ttl', true), ''), '6 hours')::interval
  order by response.created
  limit coalesce(nullif(current_setting('pg_net.batch_size', true), ''), '200')::integer
)
delete from net._http_response as response
using expired
where response.ctid = expired.ctid
"""

TAKE_REQUESTS = """
with taken as (
  select queued.id
  from net.http_request_queue as queued
  order by queued.id
  limit coalesce(nullif(current_setting('pg_net.batch_size', true), ''), '200')::integer
)
delete from net.http_request_queue as queued
using taken
where queued.id = taken.id
returning
  queued.id,
  queued.method::text,
  queued.url,
  queued.timeout_milliseconds,
  array(
    select array[header.key, header.value]
    from jsonb_each_text(queued.headers) as header
    where header.value is not null
  ),
  queued.body
"""

INSERT_RESPONSE = """
insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
values (%s, %s, %s, %s, net._raw_text(%s, 1), %s, %s)
"""


class HttpWorker:
    """`await HttpWorker(url).run()` works until it is cancelled."""

    def __init__(self, superuser_database_url: str) -> None:
        self._url = superuser_database_url

    async def run(self) -> None:
        # Loads the network backend now: 200 ms that the first response time would contain.
        await anyio.lowlevel.checkpoint()
        with Client() as client:
            await serve_for_ever(lambda: self._serve(client), logger, RESTART_SECONDS, RESTART_SECONDS)

    async def _serve(self, client: Client) -> None:
        """Returns when a restart was asked for."""
        async with connect(self._url, "pg_net 0.20.4") as batches, connect(self._url, "pg_net wake") as wakes:
            await self._wait_for_extension(batches)
            await wakes.execute(f"listen {WAKE_CHANNEL}")
            await wakes.execute(f"listen {RESTART_CHANNEL}")
            # Whatever was queued while nobody listened.
            await self._work_until_idle(batches, client)
            while await self._sleep_until_woken(wakes):
                await self._work_until_idle(batches, client)

    async def _wait_for_extension(self, connection: Connection) -> None:
        while True:
            cursor = await connection.execute("select to_regclass('net._http_response') is not null")
            row = await cursor.fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(BETWEEN_BATCHES_SECONDS)

    async def _sleep_until_woken(self, connection: Connection) -> bool:
        """True for work, False for a restart. A broken connection raises."""
        while True:
            waiting = connection.notifies(timeout=LONGEST_WAIT_SECONDS, stop_after=1)
            channels = [notification.channel async for notification in waiting]
            if channels:
                return RESTART_CHANNEL not in channels
            await connection.execute("select")

    async def _work_until_idle(self, connection: Connection, client: Client) -> None:
        """Batches with a second between them. Expired answers go only here: an idle worker sleeps."""
        busy = True
        while busy:
            expired = (await connection.execute(DELETE_EXPIRED)).rowcount
            sent = await self._run_batch(connection, client)
            busy = expired > 0 or sent > 0
            await asyncio.sleep(BETWEEN_BATCHES_SECONDS)

    async def _run_batch(self, connection: Connection, client: Client) -> int:
        async with connection.transaction():
            cursor = await connection.execute(TAKE_REQUESTS)
            requests = [_request_of(row) for row in await cursor.fetchall()]
            await _send_all(requests, connection, client)
        return len(requests)


async def _send_all(requests: list[Request], connection: Connection, client: Client) -> None:
    """The first answer that the database refuses ends all transfers."""
    tasks = [asyncio.create_task(_send(request, connection, client)) for request in requests]
    try:
        for finished in asyncio.as_completed(tasks):
            await finished
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(request: Request, connection: Connection, client: Client) -> None:
    response = await client.transfer(request)
    await connection.execute(INSERT_RESPONSE, _row_of(response))


def _request_of(row: tuple[Any, ...]) -> Request:
    request_id, method, url, timeout_milliseconds, headers, body = row
    pairs = [(name, value) for name, value in headers]
    # libcurl takes the body as a C string.
    text = None if body is None else bytes(body).partition(b"\0")[0]
    return Request(request_id, method, url, timeout_milliseconds, pairs, text)


def _row_of(response: Response) -> tuple[object, ...]:
    return (
        response.request_id,
        response.status_code,
        response.content_type,
        None if response.headers is None else Jsonb(response.headers),
        response.content,
        response.timed_out,
        response.error_message,
    )
