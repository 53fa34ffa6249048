"""Servers of the stack stop or crash and start again; nothing that was committed is lost."""

# ruff: noqa: S603, S607  # all arguments are fixed, and sleep is found by PATH

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from local import Stack, StackSettings
from local.postgres.data_directory import provide_data_directory
from local.stack.state_directory import remove_state
from local.system.errors import StackError
from local.system.ports import free_port
from local.system.progress import RecordedProgress
from tests.support import http_client
from tests.support.waiting import DEADLINE_SECONDS, wait_until


@pytest.fixture
def settings(state: Path) -> StackSettings:
    """Without migrations, which these tests do not need."""
    return StackSettings(state, push=False)


def status(stack: Stack) -> int:
    return http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"apikey": stack.secret_key}).status_code


def test_postgrest_comes_back_at_the_same_address(settings: StackSettings) -> None:
    with Stack.start(settings) as stack:
        address = stack.postgrest_url
        stack.stop_postgrest()
        assert status(stack) == 502
        stack.start_postgrest()
        assert (status(stack), stack.postgrest_url) == (200, address)
        stack.kill_postgrest()
        assert status(stack) == 502
        stack.start_postgrest()
        assert status(stack) == 200


def test_committed_rows_survive_a_killed_postgres_and_postgrest_finds_it_again(
    settings: StackSettings,
) -> None:
    with Stack.start(settings) as stack:
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("create table public.kept as select 1 as id")
        stack.kill_postgres()
        stack.start_postgres()
        url = f"{stack.supabase_url}/rest/v1/kept"
        wait_until(lambda: http_client.get(url, headers={"apikey": stack.anon_key}).status_code == 200)


def test_a_second_start_finds_data_and_keys(settings: StackSettings) -> None:
    with Stack.start(settings) as first, psycopg.connect(first.database_url) as connection:
        connection.execute("create table public.kept as select 42 as id")
        roles_by_key, token = dict(first.roles_by_key), first.authenticated_jwt
    with Stack.start(settings) as second, psycopg.connect(second.database_url) as connection:
        assert connection.execute("select id from public.kept").fetchone() == (42,)
        assert second.roles_by_key == roles_by_key
        headers = {"apikey": second.secret_key, "Authorization": f"Bearer {token}"}
        assert http_client.get(f"{second.supabase_url}/rest/v1/", headers=headers).status_code == 200


def test_a_directory_in_use_is_refused_with_a_sentence(settings: StackSettings) -> None:
    with Stack.start(settings), pytest.raises(StackError, match="already running"):
        Stack.start(settings)


def test_a_bootstrap_never_puts_back_what_was_changed(settings: StackSettings) -> None:
    with Stack.start(settings) as first, psycopg.connect(first.superuser_database_url) as connection:
        connection.execute("alter role anon set statement_timeout = '1s'")
        connection.execute("alter default privileges for role postgres in schema public revoke all on tables from anon")
    with Stack.start(settings) as second, psycopg.connect(second.database_url) as connection:
        connection.execute("create table public.fresh (id integer)")
        query = "select has_table_privilege('anon', 'public.fresh', 'select')"
        assert connection.execute(query).fetchone() == (False,)
        assert connection.execute("select rolconfig from pg_catalog.pg_roles where rolname = 'anon'").fetchone() == (
            ["statement_timeout=1s"],
        )


def test_a_postgres_left_by_an_earlier_run_is_stopped(settings: StackSettings) -> None:
    Stack.start(settings).stop()
    orphan = start_orphan(settings)
    try:
        progress = RecordedProgress()
        with Stack.start(settings, progress):
            assert any("had left its PostgreSQL" in message for message in progress.reported)
            assert orphan.wait(timeout=DEADLINE_SECONDS) is not None
    finally:
        orphan.kill()
        orphan.wait()


def test_a_stale_pid_file_that_names_another_process_leaves_it_alone(settings: StackSettings) -> None:
    Stack.start(settings).stop()
    other_process = subprocess.Popen(["sleep", "3600"])
    try:
        pid_file = provide_data_directory(settings.state_directory, settings.project_directory).data / "postmaster.pid"
        pid_file.write_text(f"{other_process.pid}\n{pid_file.parent}\n")
        with Stack.start(settings) as stack:
            assert status(stack) == 200
        assert other_process.poll() is None
    finally:
        other_process.send_signal(signal.SIGKILL)
        other_process.wait()


def test_data_of_another_version_are_refused_with_a_sentence(settings: StackSettings) -> None:
    Stack.start(settings).stop()
    (provide_data_directory(settings.state_directory, settings.project_directory).data / "PG_VERSION").write_text(
        "12\n"
    )
    with pytest.raises(StackError, match="are of PostgreSQL 12"):
        Stack.start(settings)


def test_a_migration_that_fails_is_named_with_its_error(state: Path, tmp_path: Path) -> None:
    migrations = tmp_path / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (tmp_path / "supabase" / "config.toml").write_text('project_id = "broken"\n')
    (migrations / "20260101000000_broken.sql").write_text("create table public.fine (id nosuchtype);\n")
    with pytest.raises(StackError, match=r'_broken\.sql\.\.\.\s+ERROR: type "nosuchtype" does not exist'):
        Stack.start(StackSettings(state, project_directory=tmp_path))


def test_a_state_that_the_server_user_cannot_reach_is_kept_elsewhere_until_it_is_dropped(
    tmp_path: Path,
) -> None:
    """pytest's folder is private to its user, and for root the server runs as another user."""
    settings = StackSettings(tmp_path / "state", push=False)
    with Stack.start(settings) as stack:
        assert status(stack) == 200
        home = provide_data_directory(settings.state_directory, settings.project_directory).home
        assert (tmp_path in home.parents) == (os.geteuid() != 0)
    remove_state(settings.state_directory)
    assert not home.exists()


def test_a_narrow_umask_does_not_lock_out_the_server_user(tmp_path: Path) -> None:
    before = os.umask(0o077)
    settings = StackSettings(tmp_path / "state", push=False)
    try:
        with Stack.start(settings) as stack:
            assert status(stack) == 200
            assert stat.S_IMODE((settings.state_directory / "secrets.json").stat().st_mode) == 0o600
    finally:
        os.umask(before)
        remove_state(settings.state_directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_state_of_another_user_is_refused_unchanged(settings: StackSettings) -> None:
    folder = settings.state_directory
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    with pytest.raises(StackError, match=r"run make as .*, or remove it with `sudo make reset`"):
        Stack.start(settings)
    assert list(folder.iterdir()) == []


def start_orphan(settings: StackSettings) -> subprocess.Popen[bytes]:
    """A server on the data of a stack that no longer runs."""
    directory = provide_data_directory(settings.state_directory, settings.project_directory)
    command = [str(directory.binaries / "postgres"), "-D", str(directory.data)]
    for option in ("unix_socket_directories=", "listen_addresses=127.0.0.1", f"port={free_port()}"):
        command += ["-c", option]
    orphan = subprocess.Popen(
        command,
        user=directory.user,
        group=directory.user,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid_file = directory.data / "postmaster.pid"
    wait_until(lambda: pid_file.exists() and "ready" in pid_file.read_text())
    return orphan
