"""Emulates pg_net's background worker (src/worker.c of pg_net 0.20).

A batch of at most 200 requests is one transaction: the worker takes the rows from the queue, sends all
requests at once, inserts each response when it is complete, and commits after the slowest request. A row
trigger on net._http_response can therefore measure the response time as `clock_timestamp() - created`. Any
database error, such as an exception in that trigger, ends the worker: the batch rolls back, and after a
second the worker starts again and sends the same requests again.

The worker has two connections. The batch runs on one. The other has the application name of the real worker
and receives wake and restart notifications; pg_terminate_backend() on it acts like SIGTERM on the real
worker: the running batch is finished and committed first. To simulate a crash in the middle of a batch,
terminate the first one, which has the application name BATCH_CONNECTION.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Any

import pycurl

from local.emulators.background_worker import (
    RESTART_SECONDS,
    Connection,
    WorkerError,
    connect,
    serve_forever,
    wait_for_table,
)
from local.emulators.pg_net.transfer import BODY_LIMIT, Request, Response, Transfers

logger = logging.getLogger(__name__)

WORKER_CONNECTION = "pg_net 0.20.4"
BATCH_CONNECTION = "emulated pg_net batch"
WAKE_CHANNEL = "pg_net_wake"
RESTART_CHANNEL = "pg_net_restart"
BETWEEN_BATCHES_SECONDS = 1.0
CHECK_CONNECTION_SECONDS = 60.0
"""How often an idle worker checks that its connection is alive."""

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
    select header.key || ': ' || header.value
    from jsonb_each_text(queued.headers) as header
    where header.value is not null
  ),
  queued.body
"""

INSERT_RESPONSE = """
insert into net._http_response (id, status_code, content, headers, content_type, timed_out, error_msg)
values (
  %s, %s, net._raw_text(%b, 1), net._raw_jsonb_object(%b::bytea[], %b::bytea[]), net._raw_text(%b, 1), %s, %s
)
"""


class HttpWorker:
    """`await HttpWorker(url).run()` works until cancelled, which aborts the running batch as a crash does."""

    def __init__(
        self,
        superuser_database_url: str,
        *,
        body_limit: int = BODY_LIMIT,
        pause_seconds: float = BETWEEN_BATCHES_SECONDS,
    ) -> None:
        self._url = superuser_database_url
        self._body_limit = body_limit
        self._pause_seconds = pause_seconds
        self._should_wake = True
        self._should_restart = False
        self._stopping = False
        self._between_batches = asyncio.Event()
        self._between_batches.set()

    async def run(self) -> None:
        await serve_forever(self._serve, logger, RESTART_SECONDS, RESTART_SECONDS)

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - the callers have nothing to add to a timeout
        """Starts no further batch and waits for the running one."""
        self._stopping = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._between_batches.wait(), timeout)

    async def _serve(self) -> None:
        """Returns when a restart was requested."""
        async with (
            connect(self._url, BATCH_CONNECTION) as batches,
            connect(self._url, WORKER_CONNECTION) as notifications,
        ):
            await wait_for_table(batches, "net._http_response", BETWEEN_BATCHES_SECONDS)
            await notifications.execute(f"listen {WAKE_CHANNEL}")
            await notifications.execute(f"listen {RESTART_CHANNEL}")
            self._should_wake = True  # requests may have been queued while no worker was running
            self._should_restart = False
            with Transfers(self._body_limit) as transfers:
                while not self._should_restart:
                    if self._should_wake:
                        self._should_wake = False
                        await self._work_until_idle(batches, notifications, transfers)
                    elif not await self._wait(notifications, CHECK_CONNECTION_SECONDS):
                        await notifications.execute("select")

    async def _work_until_idle(self, batches: Connection, notifications: Connection, transfers: Transfers) -> None:
        """Runs batches until there is neither a request nor an expired response."""
        busy = True
        while busy and not self._should_restart:
            busy = await self._run_batch(batches, transfers)
            await self._wait(notifications, self._pause_seconds)

    async def _wait(self, notifications: Connection, seconds: float) -> bool:
        """Waits for the time, or until a notification sets the latch of the real worker: then returns True.

        A wake sets the latch only if the worker has begun work since the last one, and it also ends the pause
        between two batches. Raises if the connection was terminated.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (remaining := deadline - loop.time()) > 0:
            latched = False
            async for notification in notifications.notifies(timeout=remaining, stop_after=1):
                # Not left early: several notifications may have arrived together.
                if notification.channel == RESTART_CHANNEL:
                    self._should_restart = latched = True
                elif not self._should_wake:
                    self._should_wake = latched = True
            if latched:
                return True
        return False

    async def _run_batch(self, connection: Connection, transfers: Transfers) -> bool:
        """Whether there was anything to do."""
        if self._stopping:
            await asyncio.Event().wait()  # until `run` is cancelled
        self._between_batches.clear()
        try:
            async with connection.transaction():
                expired = (await connection.execute(DELETE_EXPIRED)).rowcount
                cursor = await connection.execute(TAKE_REQUESTS)
                requests = [_request(row) for row in await cursor.fetchall()]
                async with aclosing(transfers.send(requests)) as responses:
                    async for response in responses:
                        await connection.execute(INSERT_RESPONSE, _row(response))
        except pycurl.error as error:
            raise WorkerError(f"libcurl: {error}") from error
        finally:
            self._between_batches.set()
        return expired > 0 or len(requests) > 0


def _request(row: tuple[Any, ...]) -> Request:
    request_id, method, url, timeout_milliseconds, headers, body = row
    return Request(request_id, method, url, timeout_milliseconds, headers, None if body is None else bytes(body))


def _row(response: Response) -> tuple[object, ...]:
    names, values = None, None
    if response.headers is not None:
        names = [name for name, _ in response.headers]
        values = [value for _, value in response.headers]
    return (
        response.request_id,
        response.status_code,
        response.content,
        names,
        values,
        response.content_type,
        response.timed_out,
        response.error_message,
    )
