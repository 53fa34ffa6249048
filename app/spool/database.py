"""Opens the spool's database: its tables, its limits, and the checks that it is a whole one."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

_LOCK_TIMEOUT_SECONDS = 5.0
# Small, so that a full disk leaves little in the log that has no room in the file.
_CHECKPOINT_PAGES = 128
_VERSION = 3

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

TABLES = {
    "spooled": ("id", "kind", "payload", "spooled_at"),
    "dead_letters": ("id", "kind", "spooled_at", "reason", "rejected_at", "payload"),
}


def _counting_triggers(table: str) -> str:
    return f"""
create trigger if not exists {table}_added after insert on {table} begin
  insert into amounts values ('{table}', new.kind, 1, length(new.payload))
  on conflict (place, kind) do update set reports = reports + 1, bytes = bytes + excluded.bytes;
end;
create trigger if not exists {table}_removed after delete on {table} begin
  update amounts set reports = reports - 1, bytes = bytes - length(old.payload)
  where place = '{table}' and kind = old.kind;
end;
"""  # noqa: S608 - fixed names


# autoincrement: an id is never used again, even if its row is the last and is deleted.
# amounts: how many rows of a kind a table has, and the bytes of their payloads. Counting would read the whole file.
_SCHEMA = f"""
begin immediate;
create table if not exists spooled (
  id integer primary key autoincrement,
  kind text not null,
  payload blob not null,
  spooled_at real not null
);
create index if not exists spooled_by_kind on spooled (kind);
create table if not exists dead_letters (
  id integer primary key autoincrement,
  kind text not null,
  spooled_at real not null,
  reason text not null,
  rejected_at real not null,
  payload blob not null
);
create table if not exists amounts (
  place text not null,
  kind text not null,
  reports integer not null,
  bytes integer not null,
  primary key (place, kind)
) without rowid;
{"".join(_counting_triggers(table) for table in TABLES)}
delete from amounts;
insert into amounts select 'spooled', kind, count(*), sum(length(payload)) from spooled group by kind;
insert into amounts select 'dead_letters', kind, count(*), sum(length(payload)) from dead_letters group by kind;
pragma user_version = {_VERSION};
commit;
"""  # noqa: S608 - fixed names


class DamagedError(Exception):
    """The file is no spool, or not a whole one."""


def is_damage(error: Exception) -> bool:
    """Whether the file is damaged, as opposed to locked or without room."""
    code = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, DamagedError) or code & 0xFF in _DAMAGED or code in _DAMAGED_READS


def open_database(path: Path, max_bytes: int) -> sqlite3.Connection:
    """Open the file, or create it. Raises DamagedError, or the error of SQLite or of the system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # An empty directory is what a container runtime makes of a file that does not exist. Others may hold anything.
    if path.is_dir() and not any(path.iterdir()):
        raise DamagedError("it is a directory")
    # Reports are stored as received, before redaction: only the owner may read the file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    connection = sqlite3.connect(path, _LOCK_TIMEOUT_SECONDS, check_same_thread=False)
    try:
        _prepare(connection, max_bytes)
    except BaseException:
        connection.close()
        raise
    return connection


def is_damaged(path: Path) -> bool:
    """Whether a new connection finds damage: an open one may have parts of the file in memory."""
    try:
        with closing(sqlite3.connect(path, _LOCK_TIMEOUT_SECONDS)) as connection:
            return bool(connection.execute("pragma quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as error:
        return is_damage(error)


def open_existing(path: Path) -> sqlite3.Connection:
    """Open a file that a running service may use. Raises DamagedError, or the error of SQLite."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", _LOCK_TIMEOUT_SECONDS, uri=True)
    try:
        connection.execute("pragma synchronous = full")
        for table in TABLES:
            _check_table(connection, table)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, max_bytes: int) -> None:
    # Before the first table is created: only then can the file become shorter.
    connection.execute("pragma auto_vacuum = incremental")
    connection.execute("pragma journal_mode = wal")
    # In WAL mode, NORMAL would leave the last transactions in the page cache.
    connection.execute("pragma synchronous = full")
    connection.execute(f"pragma wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    (page_size,) = connection.execute("pragma page_size").fetchone()
    connection.execute(f"pragma max_page_count = {max(16, max_bytes // page_size)}")
    problem = connection.execute("pragma quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise DamagedError(" ".join(problem.split()))
    (version,) = connection.execute("pragma user_version").fetchone()
    if version != _VERSION:
        if _columns(connection, "spooled"):
            _check_table(connection, "spooled")
        _upgrade_dead_letters(connection)
        connection.executescript(_SCHEMA)
        _copy_earlier_dead_letters(connection)
    for table in TABLES:
        _check_table(connection, table)


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"pragma table_info({table})")}


def _check_table(connection: sqlite3.Connection, table: str) -> None:
    if _columns(connection, table) != set(TABLES[table]):
        raise DamagedError(f"its table {table} is another one")


def _upgrade_dead_letters(connection: sqlite3.Connection) -> None:
    """A file of version 0.1: its dead letters have the ids of the reports, which may be used again."""
    if _columns(connection, "dead_letters"):
        connection.execute("alter table dead_letters rename to earlier_dead_letters")


def _copy_earlier_dead_letters(connection: sqlite3.Connection) -> None:
    columns = _columns(connection, "earlier_dead_letters")
    if not columns:
        return
    rejected_at = "buried_at" if "buried_at" in columns else "rejected_at"
    try:
        with connection:
            query = f"select kind, spooled_at, reason, {rejected_at}, payload from earlier_dead_letters order by id"  # noqa: S608
            connection.execute(f"insert into dead_letters (kind, spooled_at, reason, rejected_at, payload) {query}")
            connection.execute("drop table earlier_dead_letters")
    except sqlite3.OperationalError as error:
        raise DamagedError(f"its table dead_letters is another one ({error})") from error
