"""A damaged spool file: how it is set aside and read, and the incident that says so."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from app.spool.database import TABLES

_COPIED_ROWS = 200
# More damaged places than this are not worth the time.
_GAPS = 1000


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
        insert = f"insert into {table} ({names}) values ({marks})"  # noqa: S608 - fixed names
        for rows in _read_rows(source, table, names):
            try:
                with target:
                    target.executemany(insert, rows)
            except sqlite3.Error:
                break  # there is no room: the rest stays in the file that is kept
            copied += len(rows) if table == "spooled" else 0
    return copied


def _read_rows(source: sqlite3.Connection, table: str, names: str) -> Iterator[list[Row]]:
    """The rows that can be read, some at a time, in the order of their ids."""
    last: int | None = 0
    for _ in range(_GAPS):
        rows: list[Row] = []
        try:
            # The names are fixed ones.
            for row in source.execute(f"select id, {names} from {table} where id > ? order by id", [last]):  # noqa: S608
                rows.append(row[1:])
                last = row[0]
                if len(rows) == _COPIED_ROWS:
                    yield rows
                    rows = []
            yield rows
            return
        except sqlite3.Error:
            yield rows
        last = _find_end_of_gap(source, table, last)
        if last is None:
            return


def _find_end_of_gap(source: sqlite3.Connection, table: str, last: int | None) -> int | None:
    """The last id that cannot be read, after one that could; None if nothing behind it can be read."""
    with suppress(sqlite3.Error):
        # If its id can be read, only the payload is damaged.
        row = source.execute(f"select id from {table} where id > ? order by id limit 1", [last]).fetchone()  # noqa: S608
        return None if row is None else int(row[0])
    lowest: int | None = None
    with suppress(sqlite3.Error):
        for row in source.execute(f"select id from {table} where id > ? order by id desc", [last]):  # noqa: S608
            lowest = int(row[0])
    return None if lowest is None else lowest - 1


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
    envelope = {"sender": "service", "received_at": datetime.now(UTC).isoformat(), "event": event}
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
