"""Asynchronous interface of the spool. A report is fsynced before it is acknowledged.

Group commit: writes that arrive during a transaction share the next one, so that many reports cost few fsyncs.
Several processes may share the file; only the one that holds the lock file beside it replays.
"""

import asyncio
import fcntl
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.logs import log_context
from app.spool.file import ReportId, SpoolCounts, Spooled, SpoolFile, SpoolFullError

_WAITING_LIMIT = 16 * 1024 * 1024
_COMMIT_BYTES = 2 * 1024 * 1024

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class _Write:
    kind: str
    payload: bytes
    done: asyncio.Future[None]


class Spool:
    """All calls to SQLite run in one thread of their own."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._path = path
        self._file = SpoolFile(path, max_bytes)
        self._lock_file = path.with_name(f"{path.name}.lock").open("a")
        self._thread = ThreadPoolExecutor(1, "spool")
        self._writes: deque[_Write] = deque()
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._holds_replay_lock = False
        self.counts = self._file.counts  # the last known
        self.dropped = 0  # reports refused since the start for lack of room

    async def put(self, kind: str, payload: bytes) -> None:
        """Store a report; returns when it is on the disk. Raises SpoolFullError."""
        if self._waiting_bytes + len(payload) > _WAITING_LIMIT:
            self.dropped += 1
            raise SpoolFullError("too many bytes are waiting to be written")
        write = _Write(kind, payload, asyncio.get_running_loop().create_future())
        self._writes.append(write)
        self._waiting_bytes += len(payload)
        if self._writer is None or self._writer.done():
            with log_context():  # the task writes for many requests
                self._writer = asyncio.create_task(self._write_waiting())
        # If the caller is cancelled, the report is stored all the same.
        await asyncio.shield(write.done)

    async def oldest(self, kind: str, after: ReportId, most: int) -> list[Spooled]:
        """The next reports of a kind to replay after an id, oldest first."""
        return await self._run(partial(self._file.read_oldest, kind, after, most))

    async def settle(self, kind: str, stored: Sequence[ReportId], rejected: Sequence[tuple[ReportId, str]]) -> None:
        """Delete reports that the database has stored; move permanently rejected ones to the dead letters."""
        await self._run(partial(self._file.settle, kind, stored, rejected))

    def depth(self, kind: str) -> int:
        """How many reports of a kind wait."""
        return self.counts.depths.get(kind, 0)

    def size_bytes(self) -> int:
        """The size of the file and of SQLite's log beside it."""
        return sum(_size(each) for each in (self._path, self._path.with_name(f"{self._path.name}-wal")))

    def is_replaying(self, kind: str) -> bool:
        """Whether reports of a kind wait that this process replays."""
        return self._holds_replay_lock and self.depth(kind) > 0

    def acquire_replay_lock(self) -> bool:
        """Whether this process holds the replay lock. Once acquired, it is held until the process ends."""
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        self._holds_replay_lock = True
        return True

    async def refresh(self) -> SpoolCounts:
        """Read the counts from the file: another process may have changed it."""
        return await self._run(self._file.count)

    async def close(self) -> None:
        """Complete the pending writes, then close the file."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._run(self._file.close)
        self._thread.shutdown()
        self._lock_file.close()

    async def _run(self, call: Callable[[], Result]) -> Result:
        try:
            # With the context of the caller: a log line of the thread has the same fields.
            return await asyncio.get_running_loop().run_in_executor(self._thread, copy_context().run, call)
        finally:
            self.counts = self._file.counts

    async def _write_waiting(self) -> None:
        while self._writes:
            batch = self._next_writes()
            failure: Exception | None = None
            try:
                await self._run(partial(self._file.insert, [(each.kind, each.payload) for each in batch]))
            except Exception as error:  # the callers wait for an answer, whatever failed
                failure = error if isinstance(error, SpoolFullError) else SpoolFullError(repr(error))
                self.dropped += len(batch)
            self._waiting_bytes -= sum(len(write.payload) for write in batch)
            for write in batch:
                if failure is None:
                    write.done.set_result(None)
                else:
                    write.done.set_exception(failure)

    def _next_writes(self) -> list[_Write]:
        """The writes of the next transaction: few enough to fit into the write-ahead log of a nearly full disk."""
        batch: list[_Write] = []
        size = 0
        while self._writes:
            size += len(self._writes[0].payload)
            if batch and size > _COMMIT_BYTES:
                break
            batch.append(self._writes.popleft())
        return batch


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # SQLite's log does not always exist
        return 0
