"""The spool's SQLite file: what waits for the database, and the dead letters that it will never take."""

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_BATCH_BYTES = 2 * 1024 * 1024
# Dead letters are for looking at; more than this nobody looks at, and they take the room of what waits.
_DEAD_LETTERS = 10_000
_LOCK_PATIENCE_SECONDS = 5.0

_SCHEMA = """
create table if not exists spooled (
  id integer primary key autoincrement,
  kind text not null,
  payload blob not null,
  spooled_at real not null
);
create table if not exists dead_letters (
  id integer primary key,
  kind text not null,
  payload blob not null,
  spooled_at real not null,
  reason text not null,
  buried_at real not null
);
"""


class SpoolError(Exception):
    """The file cannot be used at all. The message names the remedy."""


class SpoolFullError(Exception):
    """There is no room: the limit, or the disk's end."""


@dataclass(frozen=True)
class Spooled:
    """One report that waits."""

    id: int
    kind: str
    payload: bytes


@dataclass(frozen=True)
class SpoolCounts:
    """What is in the file. oldest_at is in seconds since 1970."""

    depth: int = 0
    oldest_at: float | None = None
    dead_letters: int = 0


class SpoolFile:
    """Blocking calls, each a transaction that is on the disk when it returns."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # It holds reports as they came, secrets and all: nobody else may read it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._connection = sqlite3.connect(path, _LOCK_PATIENCE_SECONDS, check_same_thread=False)
            self._connection.execute("pragma journal_mode = wal")
            # Not NORMAL, which in WAL mode leaves the last transactions to the page cache.
            self._connection.execute("pragma synchronous = full")
            (page_size,) = self._connection.execute("pragma page_size").fetchone()
            self._connection.execute(f"pragma max_page_count = {max(16, max_bytes // page_size)}")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(
                f"SPOOL_PATH {path} cannot be used ({error}). Name a file that the service may write."
            ) from error

    def insert(self, reports: Iterable[tuple[str, bytes]]) -> None:
        """Kinds and payloads. Raises SpoolFullError, and then none of them is in the file."""
        now = time.time()
        rows = [(kind, payload, now) for kind, payload in reports]
        try:
            with self._connection:
                self._connection.executemany(
                    "insert into spooled (kind, payload, spooled_at) values (?, ?, ?)", rows
                )
        except sqlite3.Error as error:
            raise SpoolFullError(str(error)) from error

    def remove(self, ids: Iterable[int]) -> None:
        """They have arrived."""
        with self._connection:
            self._connection.executemany("delete from spooled where id = ?", [(each,) for each in ids])

    def bury(self, reasons: Iterable[tuple[int, str]]) -> None:
        """Moves each to the dead letters, with why. Where there is no room for that, they are gone."""
        chosen = list(reasons)
        try:
            self._move_to_dead_letters(chosen)
        except sqlite3.Error:
            self.remove(each for each, _ in chosen)

    def _move_to_dead_letters(self, reasons: list[tuple[int, str]]) -> None:
        query = "select id, kind, payload, spooled_at from spooled where id = ?"
        with self._connection:
            for each, reason in reasons:
                row = self._connection.execute(query, [each]).fetchone()
                if row is None:
                    continue
                # First the room, then what is to take it.
                self._connection.execute("delete from spooled where id = ?", [each])
                self._connection.execute(
                    "insert or replace into dead_letters (id, kind, payload, spooled_at, reason, buried_at)"
                    " values (?, ?, ?, ?, ?, ?)",
                    [*row, reason, time.time()],
                )
            self._connection.execute(
                "delete from dead_letters where id <= (select max(id) from dead_letters) - ?", [_DEAD_LETTERS]
            )

    def read_oldest(self, after_id: int, most: int) -> list[Spooled]:
        """The reports that come next after one, as many as fit into one call."""
        found: list[Spooled] = []
        size = 0
        query = "select id, kind, payload from spooled where id > ? order by id limit ?"
        with closing(self._connection.execute(query, [after_id, most])) as rows:
            for row in rows:
                size += len(row[2])
                if found and size > _BATCH_BYTES:
                    break
                found.append(Spooled(*row))
        return found

    def count(self) -> SpoolCounts:
        """What is in the file now, whoever wrote it."""
        # The oldest by its id: the smallest spooled_at would be looked for behind every payload.
        query = """select (select count(*) from spooled),
          (select spooled_at from spooled order by id limit 1), (select count(*) from dead_letters)"""
        return SpoolCounts(*self._connection.execute(query).fetchone())

    def close(self) -> None:
        """No call may follow."""
        self._connection.close()
