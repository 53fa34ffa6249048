"""Asynchronous interface of the spool. A report is fsynced before it is acknowledged.

Group commit: writes that arrive during a transaction share the next one, so that many reports cost few fsyncs.
Several processes may share the file; only the one that holds the lock file beside it replays.
"""

import asyncio
import fcntl
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.logs import log_context
from app.spool.file import ReportId, SpoolCounts, Spooled, SpoolFile, SpoolFullError, size_of

_WAITING_LIMIT = 16 * 1024 * 1024
_COMMIT_BYTES = 2 * 1024 * 1024
_LETTERS_SHARE = 4

Result = TypeVar("Result")


@dataclass(frozen=True)
class Share:
    """How much of the spool the reports of one kind may take, as a part of 1, and those of one of its senders."""

    of_kind: float
    of_sender: float


@dataclass(frozen=True, eq=False)
class _Write:
    kind: str
    payload: bytes
    done: asyncio.Future[None]


class Spool:
    """All calls to SQLite run in one thread of their own.

    Reports of a kind in `shares` take no more than their share, so that whoever sends them leaves room for the others.
    """

    def __init__(self, path: Path, max_bytes: int, shares: Mapping[str, Share] | None = None) -> None:
        self.max_bytes = max_bytes
        self._shares = shares or {}
        self._path = path
        letter_bytes = {kind: self.limit(kind) // _LETTERS_SHARE for kind in self._shares}
        self._file = SpoolFile(path, max_bytes, letter_bytes)
        self._lock_file = path.with_name(f"{path.name}.lock").open("a")
        self._thread = ThreadPoolExecutor(1, "spool")
        self._writes: deque[_Write] = deque()
        self._waiting_bytes: Counter[str] = Counter()  # by kind
        self._sent_bytes: Counter[tuple[str, str]] = Counter()  # by kind and sender, since no report of the kind waited
        self._writer: asyncio.Task[None] | None = None
        self._holds_replay_lock = False
        self.counts = self._file.counts  # the last known
        self.dropped = Counter(dict.fromkeys(self._shares, 0))
        """By kind: reports refused since the start for lack of room."""

    async def put(self, kind: str, payload: bytes, sender: str = "") -> None:
        """Store a report; returns when it is on the disk. Raises SpoolFullError."""
        self._take_room(kind, sender, size_of(payload))
        write = _Write(kind, payload, asyncio.get_running_loop().create_future())
        self._writes.append(write)
        if self._writer is None or self._writer.done():
            with log_context():  # the task writes for many requests
                self._writer = asyncio.create_task(self._write_waiting())
        # If the caller is cancelled, the report is stored all the same.
        await asyncio.shield(write.done)

    def limit(self, kind: str) -> int:
        """How many bytes the reports of a kind may take."""
        return int(self.max_bytes * self._shares[kind].of_kind) if kind in self._shares else self.max_bytes

    def _take_room(self, kind: str, sender: str, size: int) -> None:
        share = self._shares.get(kind)
        reason = None
        if self._waiting_bytes.total() + size > _WAITING_LIMIT or (
            share is not None and self._waiting_bytes[kind] + size > _WAITING_LIMIT * share.of_kind
        ):
            reason = "too many bytes are waiting to be written"
        elif share is not None:
            if not self.depth(kind) and not self._waiting_bytes[kind]:
                self._sent_bytes = Counter({key: each for key, each in self._sent_bytes.items() if key[0] != kind})
            if self.counts.sizes.get(kind, 0) + self._waiting_bytes[kind] + size > self.limit(kind):
                reason = f"{kind} has used its share"
            elif self._sent_bytes[kind, sender] + size > self.limit(kind) * share.of_sender:
                reason = f"{sender} has used its share"
        if reason is not None:
            self.dropped[kind] += 1
            raise SpoolFullError(reason)
        self._waiting_bytes[kind] += size
        if share is not None:
            self._sent_bytes[kind, sender] += size

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
                self.dropped.update(write.kind for write in batch)
            for write in batch:
                self._waiting_bytes[write.kind] -= size_of(write.payload)
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
