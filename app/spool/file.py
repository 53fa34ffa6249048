"""The spool's SQLite file: spooled reports, and dead letters: reports that were given up, with the reason."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

_BATCH_BYTES = 2 * 1024 * 1024
# Keeps at most this many dead letters: they share the size limit with the spooled reports.
_DEAD_LETTERS = 10_000
_LOCK_TIMEOUT_SECONDS = 5.0

_SCHEMA = """
create table if not exists spooled (
  id integer primary key autoincrement,
  kind text not null,
  payload blob not null,
  spooled_at real not null
);
create index if not exists spooled_by_kind on spooled (kind);
create table if not exists dead_letters (
  id integer primary key,
  kind text not null,
  payload blob not null,
  spooled_at real not null,
  reason text not null,
  rejected_at real not null
);
"""


_logger = logging.getLogger(__name__)


class SpoolError(Exception):
    """The file cannot be used. The message names the remedy."""


class SpoolFullError(Exception):
    """The report cannot be stored: the size limit is reached, the disk is full, or the file is locked."""


@dataclass(frozen=True)
class Spooled:
    """One spooled report."""

    id: int
    kind: str
    payload: bytes


@dataclass(frozen=True)
class SpoolCounts:
    """Numbers of spooled reports by kind, and of dead letters. oldest_at is in seconds since 1970."""

    depths: Mapping[str, int] = field(default_factory=dict)
    oldest_at: float | None = None
    dead_letters: int = 0

    @property
    def depth(self) -> int:
        """The number of spooled reports of all kinds."""
        return sum(self.depths.values())

    def oldest_seconds(self) -> float | None:
        """The age of the oldest report; 0 if the clock was set back."""
        return None if self.oldest_at is None else round(max(0.0, time.time() - self.oldest_at), 1)


class SpoolFile:
    """Blocking calls. Each is a transaction that is on the disk when the call returns."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Reports are stored as received, before redaction: only the owner may read the file.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._connection = sqlite3.connect(path, _LOCK_TIMEOUT_SECONDS, check_same_thread=False)
            self._connection.execute("pragma journal_mode = wal")
            # In WAL mode, NORMAL would leave the last transactions in the page cache.
            self._connection.execute("pragma synchronous = full")
            (page_size,) = self._connection.execute("pragma page_size").fetchone()
            self._connection.execute(f"pragma max_page_count = {max(16, max_bytes // page_size)}")
            self._connection.executescript(_SCHEMA)
            columns = {row[1] for row in self._connection.execute("pragma table_info(dead_letters)")}
            if "buried_at" in columns:  # a file of version 0.1
                self._connection.execute("alter table dead_letters rename column buried_at to rejected_at")
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(
                f"SPOOL_PATH {path} cannot be used ({error}). Name a file that the service may write."
            ) from error

    def insert(self, reports: Iterable[tuple[str, bytes]]) -> None:
        """Append (kind, payload) pairs. Raises SpoolFullError if there is no room, and then stores none of them."""
        now = time.time()
        rows = [(kind, payload, now) for kind, payload in reports]
        try:
            with self._connection:
                self._connection.executemany("insert into spooled (kind, payload, spooled_at) values (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise SpoolFullError(str(error)) from error

    def settle(self, stored: Iterable[int], rejected: Iterable[tuple[int, str]]) -> None:
        """Delete reports that the database has stored; move rejected ones, with their reasons, to the dead letters."""
        with self._connection:
            self._connection.executemany("delete from spooled where id = ?", [(each,) for each in stored])
        self._move(list(rejected))

    def _move(self, reasons: list[tuple[int, str]]) -> None:
        with self._connection as connection:
            for each, reason in reasons:
                query = "select id, kind, payload, spooled_at from spooled where id = ?"
                rows = [(*row, reason, time.time()) for row in connection.execute(query, [each])]
                # The delete frees the pages that the insert needs.
                connection.execute("delete from spooled where id = ?", [each])
                connection.executemany(
                    "insert or replace into dead_letters (id, kind, payload, spooled_at, reason, rejected_at)"
                    " values (?, ?, ?, ?, ?, ?)",
                    rows,
                )
            connection.execute(
                "delete from dead_letters where id <= (select max(id) from dead_letters) - ?", [_DEAD_LETTERS]
            )

    def read_oldest(self, kind: str, after_id: int, most: int) -> list[Spooled]:
        """The oldest reports of a kind with an id above after_id, at most `most` and at most 2 MiB."""
        found: list[Spooled] = []
        size = 0
        query = "select id, kind, payload from spooled where kind = ? and id > ? order by id limit ?"
        with closing(self._connection.execute(query, [kind, after_id, most])) as rows:
            for row in rows:
                size += len(row[2])
                if found and size > _BATCH_BYTES:
                    break
                found.append(Spooled(*row))
        return found

    def count(self) -> SpoolCounts:
        """The counts now, including what other processes wrote."""
        depths = dict(self._connection.execute("select kind, count(*) from spooled group by kind"))
        # The oldest by id: min(spooled_at) would read every row with its payload.
        query = """select
          (select spooled_at from spooled order by id limit 1), (select count(*) from dead_letters)"""
        return SpoolCounts(depths, *self._connection.execute(query).fetchone())

    def close(self) -> None:
        """Close the file; no other call may follow."""
        self._connection.close()
