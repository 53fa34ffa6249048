"""The spool's SQLite file: spooled reports, and dead letters: reports that were given up, with the reason.

A file that is damaged, deleted or replaced, also while the service runs, is followed by a new one, into which every
report that can still be read is copied.
"""

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from app.spool.damage import Damage, copy_rows, describe_incident, set_aside
from app.spool.database import DamagedError, is_damage, is_damaged, open_database
from app.spool.identity import FileIdentity
from app.spool.reserve import Reserve

_BATCH_BYTES = 2 * 1024 * 1024
# Keeps at most this many dead letters: they share the size limit with the spooled reports.
DEAD_LETTERS = 10_000
# Reports that one transaction deletes; fewer where the disk is full, so that each needs little room.
_CHUNK = 400
_SMALL_CHUNK = 20
# Pages by which the file is shortened at a time while the disk is full.
_VACUUMED_PAGES = 1000

_ROW_BYTES = 100  # what a row takes besides its payload, about
# The oldest dead letters of a kind, beyond so many bytes of newer ones.
_DELETE_LETTERS = """
delete from dead_letters where kind = :kind and id in (
  select id from (
    select id, sum(length(payload)) over newest_first as bytes, row_number() over newest_first as place
    from dead_letters where kind = :kind window newest_first as (order by id desc)
  ) where bytes > :most and place > 1
)"""

Result = TypeVar("Result")

_logger = logging.getLogger(__name__)


class SpoolError(Exception):
    """The file cannot be used. The message names the remedy."""


class SpoolFullError(Exception):
    """The report cannot be stored: the size limit is reached, the disk is full, or the file is locked."""


class ReportId(NamedTuple):
    """A row of one file: the id of a report in an earlier file means nothing in its successor."""

    file: int
    row: int


FIRST = ReportId(0, 0)


def size_of(payload: bytes) -> int:
    """The bytes that a report takes in the file, about."""
    return len(payload) + _ROW_BYTES


@dataclass(frozen=True)
class Spooled:
    """One spooled report."""

    id: ReportId
    kind: str
    payload: bytes


@dataclass(frozen=True)
class SpoolCounts:
    """Numbers of spooled reports by kind, and of dead letters. Times are in seconds since 1970."""

    depths: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)  # bytes of a kind in the file, dead letters included
    oldest_at: float | None = None
    dead_letters: int = 0
    oldest_dead_letter_at: float | None = None
    newest_reason: str | None = None

    @property
    def depth(self) -> int:
        """The number of spooled reports of all kinds."""
        return sum(self.depths.values())

    def oldest_seconds(self) -> float | None:
        """The age of the oldest report; 0 if the clock was set back."""
        return None if self.oldest_at is None else round(max(0.0, time.time() - self.oldest_at), 1)


@dataclass(frozen=True)
class _Settled:
    """A report that needs no replay any more; with a reason, it becomes a dead letter."""

    kind: str
    reason: str | None


class SpoolFile:
    """Blocking calls. Each is a transaction that is on the disk when the call returns.

    Dead letters of a kind in letter_bytes are also limited in their bytes, at least one of them is kept.
    """

    def __init__(self, path: Path, max_bytes: int, letter_bytes: Mapping[str, int] | None = None) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._letter_bytes = letter_bytes or {}
        self._number = 0  # of the file, since the start
        # Reports that could not be deleted yet, because the disk is full: they are not replayed again.
        self._settled: dict[ReportId, _Settled] = {}
        self._is_undeleted_logged = False
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self.counts = SpoolCounts()  # the last known
        try:
            self._open_first()
            self._reserve.keep()
            self.count()
        except (OSError, sqlite3.Error, DamagedError) as error:
            raise SpoolError(
                f"SPOOL_PATH {path} cannot be used ({error}). Name a file that the service may write."
            ) from error

    def insert(self, reports: Iterable[tuple[str, bytes]]) -> None:
        """Append (kind, payload) pairs. Raises SpoolFullError if there is no room, and then stores none of them."""
        if not self._reserve.regain():
            # The room that was released is for deleting.
            raise SpoolFullError("the disk is full")
        now = time.time()
        rows = [(kind, payload, now) for kind, payload in reports]

        def insert() -> None:
            with self._connection:
                self._connection.executemany("insert into spooled (kind, payload, spooled_at) values (?, ?, ?)", rows)

        try:
            self._run(insert)
            # A report must not be acknowledged that is in a file which was deleted meanwhile.
            self._replace_if_gone()
        except (sqlite3.Error, OSError, DamagedError) as error:
            raise SpoolFullError(str(error)) from error
        for kind, number in Counter(kind for kind, _, _ in rows).items():
            self._adjust_counts(kind, number, sum(size_of(payload) for each, payload, _ in rows if each == kind))

    def settle(self, kind: str, stored: Sequence[ReportId], rejected: Sequence[tuple[ReportId, str]]) -> None:
        """Delete reports that the database has stored; move rejected ones, with their reasons, to the dead letters.

        What cannot be deleted now is remembered, not replayed, and deleted later.
        """
        settled = {each: _Settled(kind, None) for each in stored}
        settled |= {each: _Settled(kind, reason) for each, reason in rejected}
        # A row of an earlier file is in this one under another id, and is sent again, which counts nothing.
        current = {each: state for each, state in settled.items() if each.file == self._number}
        self._settled.update(current)
        self._adjust_counts(kind, -len(current))
        self._delete_settled()
        if rejected:
            self.count()

    def read_oldest(self, kind: str, after: ReportId, most: int) -> list[Spooled]:
        """The oldest reports of a kind after an id, at most `most` and at most 2 MiB."""

        def read() -> list[Spooled]:
            found: list[Spooled] = []
            size = 0
            first = after.row if after.file == self._number else 0
            query = "select id, payload from spooled where kind = ? and id > ? order by id"
            with closing(self._connection.execute(query, [kind, first])) as rows:
                for row, payload in rows:
                    report_id = ReportId(self._number, row)
                    if report_id in self._settled:
                        continue
                    size += len(payload)
                    if found and size > _BATCH_BYTES:
                        break
                    found.append(Spooled(report_id, kind, payload))
                    if len(found) == most:
                        break
            return found

        return self._run(read)

    def count(self) -> SpoolCounts:
        """The counts now, including what other processes wrote."""
        if self._settled:
            self._delete_settled()
        elif not self._reserve.is_kept:
            self._give_back_room()
            self._reserve.keep()
        self.counts = self._run(self._read_counts)
        return self.counts

    def close(self) -> None:
        """Close the file; no other call may follow."""
        self._connection.close()

    def _read_counts(self) -> SpoolCounts:
        depths: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for place, kind, reports, size in self._connection.execute("select place, kind, reports, bytes from amounts"):
            sizes[kind] += size + reports * _ROW_BYTES
            if place == "spooled":
                depths[kind] = reports
        depths.subtract(settled.kind for settled in self._settled.values())
        # The oldest by id: min(spooled_at) would read every row with its payload.
        query = """select
          (select spooled_at from spooled order by id limit 1),
          (select coalesce(sum(reports), 0) from amounts where place = 'dead_letters'),
          (select rejected_at from dead_letters order by id limit 1),
          (select reason from dead_letters order by id desc limit 1)"""
        oldest_at, *dead_letters = self._connection.execute(query).fetchone()
        return SpoolCounts(dict(depths), dict(sizes), oldest_at if depths.total() else None, *dead_letters)

    def _adjust_counts(self, kind: str, change: int, size_change: int = 0) -> None:
        """Without a query for each; count() corrects them, also the sizes after settle()."""
        depths = {**self.counts.depths, kind: max(0, self.counts.depths.get(kind, 0) + change)}
        sizes = {**self.counts.sizes, kind: self.counts.sizes.get(kind, 0) + size_change}
        oldest_at = (self.counts.oldest_at or time.time()) if any(depths.values()) else None
        self.counts = replace(self.counts, depths=depths, sizes=sizes, oldest_at=oldest_at)

    # ---- Deleting, also while the disk is full ----

    def _delete_settled(self) -> None:
        has_made_room = False
        while self._settled:
            size = _SMALL_CHUNK if has_made_room else _CHUNK
            chunk = list(self._settled.items())[:size]
            try:
                self._run(partial(self._delete, chunk))
            except sqlite3.Error as error:
                if has_made_room:
                    self._log_undeleted(str(error))
                    return
                self._make_room()
                has_made_room = True
                continue
            for report_id, _ in chunk:
                self._settled.pop(report_id, None)
        self._is_undeleted_logged = False

    def _log_undeleted(self, why: str) -> None:
        if not self._is_undeleted_logged:
            _logger.error("%s replayed reports cannot be deleted from the spool yet: %s", len(self._settled), why)
        self._is_undeleted_logged = True

    def _delete(self, settled: list[tuple[ReportId, _Settled]]) -> None:
        with self._connection as connection:
            for report_id, state in settled:
                if report_id.file != self._number:
                    continue  # the file was replaced just now
                query = "select kind, spooled_at, payload from spooled where id = ?"
                rows = connection.execute(query, [report_id.row]).fetchall() if state.reason is not None else []
                # The delete frees the pages that the insert needs.
                connection.execute("delete from spooled where id = ?", [report_id.row])
                connection.executemany(
                    "insert into dead_letters (kind, spooled_at, reason, rejected_at, payload) values (?, ?, ?, ?, ?)",
                    [(kind, spooled_at, state.reason, time.time(), payload) for kind, spooled_at, payload in rows],
                )
            connection.execute(
                "delete from dead_letters where id <= (select id from dead_letters order by id desc limit 1 offset ?)",
                [DEAD_LETTERS],
            )
            for kind in {state.kind for _, state in settled if state.reason is not None} & self._letter_bytes.keys():
                connection.execute(_DELETE_LETTERS, {"kind": kind, "most": self._letter_bytes[kind]})

    def _make_room(self) -> None:
        """Deleting needs room in the write-ahead log: release the reserve and empty the log."""
        self._reserve.release()
        with suppress(sqlite3.Error):
            self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        self._files.update()

    def _give_back_room(self) -> None:
        """Shorten the file by pages of deleted reports."""
        with suppress(sqlite3.Error):
            self._connection.execute(f"pragma incremental_vacuum({_VACUUMED_PAGES})").fetchall()
            self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        self._files.update()

    # ---- A file that is damaged, deleted or replaced ----

    def _run(self, operation: Callable[[], Result]) -> Result:
        """The result of an operation, on a new file if this one is damaged or gone."""
        self._replace_if_gone()
        try:
            result = operation()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._replace(f"it is damaged ({error})")
            result = operation()
        self._files.update()
        return result

    def _replace_if_gone(self) -> None:
        reason = self._files.find_change()
        if reason is None and self._files.has_shrunk() and is_damaged(self._path):
            reason = "it was cut"
        if reason is not None:
            self._replace(reason)

    def _open_first(self) -> None:
        try:
            self._use(open_database(self._path, self._max_bytes))
        except (sqlite3.DatabaseError, DamagedError) as error:
            if is_damage(error):
                aside = set_aside(self._path)
                earlier = sqlite3.connect(aside) if aside is not None and aside.is_file() else None
                self._begin_new(Damage(f"it is damaged ({error})", aside=aside), earlier)
            elif self._reserve.release():
                # On a full disk SQLite cannot create the files that it needs beside this one.
                self._use(open_database(self._path, self._max_bytes))
            else:
                raise

    def _replace(self, reason: str) -> None:
        """Continue with a new file, or with one that another process of the service has begun."""
        damage = Damage(reason, self.counts.depth)
        remaining = self._files.remaining()
        if self._path in remaining:
            damage.aside = set_aside(self._path)
        else:
            # SQLite must not take the log of the file that is gone for that of the next one.
            for log in remaining:
                log.unlink()
        self._begin_new(damage, self._connection)

    def _begin_new(self, damage: Damage, earlier: sqlite3.Connection | None) -> None:
        try:
            connection = open_database(self._path, self._max_bytes)
        except (sqlite3.DatabaseError, DamagedError) as error:
            if not is_damage(error):
                raise
            damage.aside = set_aside(self._path)  # what replaced the file is no spool
            connection = open_database(self._path, self._max_bytes)
        if earlier is not None:
            damage.recovered = copy_rows(earlier, connection)
            with suppress(sqlite3.Error):
                earlier.close()
        self._use(connection)
        _logger.error("%s", damage)
        with suppress(sqlite3.Error), connection:
            incident = ("events", describe_incident(damage), time.time())
            connection.execute("insert into spooled (kind, payload, spooled_at) values (?, ?, ?)", incident)
        self._files.update()
        self.counts = self._read_counts()

    def _use(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._number += 1
        self._settled.clear()
        self._files = FileIdentity(self._path)
