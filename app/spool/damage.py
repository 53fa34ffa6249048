"""A damaged spool file: how it is recognized, set aside and read, and the incident that says so."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.spool.database import TABLES

# Results of SQLite that are about the file, and not about the room on the disk or a lock.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DAMAGED_READS = frozenset(
    {
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_VNODE,
        sqlite3.SQLITE_IOERR_DATA,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
    }
)
_COPIED_ROWS = 200


Row = tuple[object, ...]


@dataclass
class Damage:
    """What happened to a file. known is the number of reports that the service knew to wait in it."""

    reason: str
    known: int | None = None
    aside: Path | None = None
    recovered: int = 0

    def __str__(self) -> str:
        known = "" if self.known is None else f" {self.known} reports were known to wait in it."
        aside = "" if self.aside is None else f" It is kept as {self.aside.name}."
        return f"The spool file was lost: {self.reason}.{known} {self.recovered} were copied to a new file.{aside}"


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is damaged, as opposed to locked or without room."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in _DAMAGED or code in _DAMAGED_READS)


def set_aside(path: Path) -> Path | None:
    """Rename the file and its log to a name that says so. Returns the new name, or None if there was no file."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside, number = path.with_name(f"{path.name}.damaged-{moment}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{moment}-{number}")
    is_there = path.exists()
    if is_there:
        path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside if is_there else None


def copy_rows(source: sqlite3.Connection, target: sqlite3.Connection) -> int:
    """Copy what can be read from a damaged file. Returns the number of spooled reports that were copied."""
    copied = 0
    for table, columns in TABLES.items():
        names = ", ".join(columns[1:])
        marks = ", ".join("?" * len(columns[1:]))
        insert = f"insert into {table} ({names}) values ({marks})"  # noqa: S608
        for rows in _read_from_both_ends(source, table, names):
            try:
                with target:
                    target.executemany(insert, rows)
            except sqlite3.Error:
                break  # there is no room: the rest stays in the file that is kept
            copied += len(rows) if table == "spooled" else 0
    return copied


def _read_from_both_ends(source: sqlite3.Connection, table: str, names: str) -> Iterator[list[Row]]:
    """A damaged page ends a scan; what is behind it can be read from the other end."""
    scan = _Scan(source, f"select id, {names} from {table} order by id")  # noqa: S608 - fixed names
    for rows in scan:
        yield [row[1:] for row in rows]
    if scan.is_complete:
        return
    behind = _Scan(source, f"select id, {names} from {table} where id > {scan.last_id} order by id desc")  # noqa: S608
    found = [row[1:] for rows in behind for row in rows]
    found.reverse()  # in the order of arrival
    for start in range(0, len(found), _COPIED_ROWS):
        yield found[start : start + _COPIED_ROWS]


class _Scan:
    """The rows of a query, some at a time, as far as they can be read."""

    def __init__(self, source: sqlite3.Connection, query: str) -> None:
        self._source = source
        self._query = query
        self.last_id: object = 0
        self.is_complete = False

    def __iter__(self) -> Iterator[list[Row]]:
        rows: list[Row] = []
        try:
            for row in self._source.execute(self._query):
                rows.append(row)
                if len(rows) == _COPIED_ROWS:
                    self.last_id = rows[-1][0]
                    yield rows
                    rows = []
            self.is_complete = True
        except sqlite3.Error:
            pass  # the damaged page
        if rows:
            self.last_id = rows[-1][0]
            yield rows


def describe_incident(damage: Damage) -> bytes:
    """The report of the service about itself, as an element of ingest_events()."""
    event = {
        "error": {"message": str(damage), "type": "SpoolDamaged"},
        "severity": "HIGH",
        "category": "infrastructure",
        "source": "monitoring",
        "fingerprint": "service:spool-damaged",
        "idempotency_key": uuid4().hex,
        "context": {
            "known": damage.known,
            "recovered": damage.recovered,
            "file": damage.aside.name if damage.aside else None,
        },
    }
    return json.dumps({"sender": "service", "event": event}, ensure_ascii=False, separators=(",", ":")).encode()
