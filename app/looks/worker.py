"""Takes looks from the database, and records what was seen. Which looks, and what follows, is decided in SQL."""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import httpx

from app.looks.vantage import Order, Sighting, look, read_order
from app.metrics import Metrics
from app.supabase.errors import ErrorKind, SupabaseError, UnreachableError, error_kind
from app.supabase.retry import deadline_after, retry

MOST_LOOKS = 20
_INTERVAL_SECONDS = 2.0
# While more looks wait than were taken.
_SHORT_INTERVAL_SECONDS = 0.2
_LONGEST_INTERVAL_SECONDS = 60.0
_RECORD_SECONDS = 5.0
_BATCH_BYTES = 2 * 1024 * 1024
_NO_SUCH_FUNCTION = "PGRST202"

_logger = logging.getLogger(__name__)

Look = Callable[[Order, ssl.SSLContext], Awaitable[Sighting]]


class Database(Protocol):
    """The two calls to the database. Each raises SupabaseError."""

    async def take_looks(self, max_looks: int) -> object: ...

    async def record_looks(self, looks: Sequence[Mapping[str, Any]]) -> object: ...


class LookWorker:
    """Takes at most 20 looks at a time. Several replicas may run: the database leases each look to one of them."""

    def __init__(self, database: Database, metrics: Metrics, look: Look = look) -> None:
        self._database = database
        self._metrics = metrics
        self._look_at = look
        self._pause = _INTERVAL_SECONDS
        self._logged: dict[str, str | None] = {}

    async def run(self) -> None:
        """Look until cancelled, which ends the looks in progress: their leases expire."""
        certificates = httpx.create_ssl_context()  # SSL_CERT_FILE may add private authorities
        seen: asyncio.Queue[Sighting] = asyncio.Queue()
        running: set[int] = set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record_all(seen))
            while True:
                free = MOST_LOOKS - len(running) - seen.qsize()
                for order in await self._take(free) if free > 0 else ():
                    if order.id not in running:  # leased again, because it takes long
                        running.add(order.id)
                        task = group.create_task(self._look(order, certificates, seen))
                        task.add_done_callback(lambda _, done=order.id: running.discard(done))  # type: ignore[misc]
                await asyncio.sleep(self._pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    async def _take(self, free: int) -> list[Order]:
        """The next orders; none while the database is away. Sets the pause until the next call."""
        try:
            rows = await self._database.take_looks(free)
            if not isinstance(rows, list):
                raise UnreachableError("the response is not that of take_looks()")
        except SupabaseError as error:
            is_old = error.code == _NO_SUCH_FUNCTION
            self._pause = _LONGEST_INTERVAL_SECONDS if is_old else min(self._pause * 2, _LONGEST_INTERVAL_SECONDS)
            self._log(
                "take", "the database has no take_looks()" if is_old else f"the database is unavailable ({error})"
            )
            return []
        self._log("take", None)
        self._pause = _SHORT_INTERVAL_SECONDS if len(rows) >= free else _INTERVAL_SECONDS
        orders = []
        for row in rows:
            try:
                orders.append(read_order(row))
            except ValueError as error:
                self._log("read", f"an order cannot be read: {error}")
        return orders

    async def _look(self, order: Order, certificates: ssl.SSLContext, seen: asyncio.Queue[Sighting]) -> None:
        try:
            sighting = await self._look_at(order, certificates)
        except Exception as error:  # of one target: the looks at others go on
            # Only the class: the text may quote the request, and with it a secret.
            _logger.error("a look failed: %s", type(error).__name__, extra={"fields": {"look": order.id}})
            sighting = Sighting(order.id, error_kind="protocol", problem=f"the look failed: {type(error).__name__}")
        self._metrics.count_look(sighting.error_kind)
        seen.put_nowait(sighting)

    async def _record_all(self, seen: asyncio.Queue[Sighting]) -> None:
        """Record in batches what was seen, until cancelled."""
        while True:
            batch = [await seen.get()]
            while not seen.empty() and sum(len(each.body or "") for each in batch) < _BATCH_BYTES:
                batch.append(seen.get_nowait())
            await self._record(batch)

    async def _record(self, batch: Sequence[Sighting]) -> None:
        """Record a batch, each alone if something in one of them cannot be stored; what fails is lost."""
        looks = [asdict(sighting) for sighting in batch]
        try:
            results = await retry(lambda: self._database.record_looks(looks), deadline_after(_RECORD_SECONDS))
        except SupabaseError as error:
            if error_kind(error) in (ErrorKind.DATA, ErrorKind.OTHER) and len(batch) > 1:
                for sighting in batch:
                    await self._record([sighting])
                return
            self._log("record", f"results are lost ({error})")
            self._metrics.count_look_results("lost", len(batch))
            return
        self._log("record", None)
        for result in results if isinstance(results, list) else []:
            outcome = result.get("result") if isinstance(result, Mapping) else None
            self._metrics.count_look_results(str(outcome))
            if outcome == "refused":
                _logger.warning(
                    "the result of a look was refused", extra={"fields": {"problem": result.get("problem")}}
                )

    def _log(self, step: str, problem: str | None) -> None:
        """One line for each change: not for each call."""
        if self._logged.get(step) != problem:
            self._logged[step] = problem
            if problem is None:
                _logger.info("looks at targets go on")
            else:
                _logger.warning("looks at targets: %s", problem)
