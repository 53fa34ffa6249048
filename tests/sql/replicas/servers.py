"""Further PostgreSQL servers beside that of a stack: a physical replica of it, and an empty one for analytics."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from local import Stack
from local.postgres.data_directory import DataDirectory, provide_data_directory, remove_external_home
from local.postgres.server import PostgresServer
from local.stack.postgrest import Postgrest, PostgrestSettings
from local.system import programs
from local.system.paths import PROJECT
from local.system.processes import ProcessSupervisor
from local.system.progress import RecordedProgress

# What a replica makes by itself or must not have; see "Making an Exclusive Low-Level Backup" in PostgreSQL's docs.
_LEFT_OUT = ("postmaster.pid", "postmaster.opts", "pg_replslot", "pg_wal", "pg_stat_tmp", "pg_dynshmem", "pg_notify")
_SLOT = "replica_of_tests"


@contextmanager
def empty_server(folder: Path) -> Iterator[PostgresServer]:
    """A server with an empty cluster, whose files are in the folder."""
    with _server(_provide(folder), folder, "analytics") as server:
        yield server


@contextmanager
def read_replica(stack: Stack, folder: Path) -> Iterator[PostgresServer]:
    """A hot standby of the stack's server, which streams what the server writes."""
    directory = _provide(folder)
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as primary:
        primary.execute("select pg_create_physical_replication_slot(%s, true)", [_SLOT])
        try:
            _copy_cluster(primary, directory)
            password = str(psycopg.conninfo.conninfo_to_dict(stack.superuser_database_url)["password"])
            with _server(directory, folder, password) as server:
                yield server
        finally:
            # The sender of a server that was just stopped may hold the slot for another moment.
            primary.execute(
                "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots where slot_name = %s"
                " and active",
                [_SLOT],
            )
            primary.execute("select pg_drop_replication_slot(%s)", [_SLOT])


class ReplicaPostgrest(Postgrest):
    """PostgREST as on a replica, which cannot listen to notifications."""

    def _configuration(self) -> dict[str, str]:
        return {**super()._configuration(), "PGRST_DB_CHANNEL_ENABLED": "false"}


@contextmanager
def postgrest_of(stack: Stack, server: PostgresServer, folder: Path) -> Iterator[str]:
    """The URL of a PostgREST that reads from the server, and takes the tokens of the stack."""
    parts = psycopg.conninfo.conninfo_to_dict(server.superuser_url)
    password = stack.secrets.authenticator_password
    settings = PostgrestSettings(
        binary=programs.postgrest(),
        database_url=f"postgresql://authenticator:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}",
        jwt_secret=json.dumps(stack.signing_keys.key_set),
        log=folder / "postgrest.log",
    )
    supervisor = ProcessSupervisor()
    postgrest = ReplicaPostgrest(settings, supervisor)
    try:
        postgrest.start()
        yield postgrest.url
    finally:
        postgrest.stop()
        supervisor.close()


def _provide(folder: Path) -> DataDirectory:
    folder.mkdir(parents=True, exist_ok=True)
    return provide_data_directory(folder, PROJECT)


@contextmanager
def _server(directory: DataDirectory, folder: Path, password: str) -> Iterator[PostgresServer]:
    supervisor = ProcessSupervisor()
    server = PostgresServer(directory, supervisor, folder / "postgres.log", password, RecordedProgress())
    try:
        server.start(0)
        yield server
    finally:
        server.stop()
        supervisor.close()
        remove_external_home(folder)


def _copy_cluster(primary: psycopg.Connection[tuple[object, ...]], directory: DataDirectory) -> None:
    """What pg_basebackup does, which is not shipped with the embedded PostgreSQL."""
    (source,) = primary.execute("show data_directory").fetchone() or ("",)
    primary.execute("select pg_backup_start('replica', fast => true)")
    shutil.copytree(str(source), directory.data, ignore=_ignored)
    row = primary.execute("select labelfile, spcmapfile from pg_backup_stop(wait_for_archive => false)").fetchone()
    assert row is not None
    for name in ("pg_wal", "pg_replslot", "pg_stat_tmp", "pg_dynshmem", "pg_notify"):
        (directory.data / name).mkdir(exist_ok=True)
    for name in ("archive_status", "summaries"):
        (directory.data / "pg_wal" / name).mkdir()
    (directory.data / "backup_label").write_text(str(row[0]), encoding="utf-8")
    (directory.data / "standby.signal").touch()
    with (directory.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        info = primary.info
        conninfo = f"host={info.host} port={info.port} user={info.user} password={info.password}"
        file.write(f"primary_conninfo = '{conninfo}'\nprimary_slot_name = '{_SLOT}'\n")
    _hand_over(directory)


def _ignored(folder: str, names: list[str]) -> set[str]:
    is_root = "PG_VERSION" in names and "global" in names
    return {name for name in names if is_root and name in _LEFT_OUT}


def _hand_over(directory: DataDirectory) -> None:
    """Makes the server's user the owner of the copy. PostgreSQL refuses a data directory that others may read."""
    if directory.user is not None:
        entry = pwd.getpwnam(directory.user)
        for path in (directory.data, *directory.data.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    directory.data.chmod(0o700)
