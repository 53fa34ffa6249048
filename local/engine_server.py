"""PostgreSQL 17 inside the Debian tree, with the real pg_cron: a new cluster a run, nothing left behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from local.engine_tree import BINARIES, SYSTEM_PATH
from local.errors import StackError, log_tail
from local.ports import LOOPBACK, free_port
from local.postgres import DATABASE, SERVER_SETTINGS, SUPERUSER
from local.processes import Child, Command, Nursery, run_to_end

HOME = Path("/var/lib/postgresql/engine")
"""As the tree sees it."""
PATIENCE = 60.0
POLL_INTERVAL = 0.03
SETTINGS = {
    **SERVER_SETTINGS,
    "shared_preload_libraries": "pg_cron",
    "cron.database_name": DATABASE,
    # pg_cron logs in for each job without a password. So the socket trusts, and only its owner can reach it.
    "cron.host": str(HOME),
    "unix_socket_directories": str(HOME),
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # in the cluster, and gone with it; the tree's /dev/shm is no tmpfs
}


class EngineServer:
    """The server of one run."""

    def __init__(self, tree: Path, nursery: Nursery, log: Path) -> None:
        self._tree = tree
        self._nursery = nursery
        self._log = log
        self._password = secrets.token_hex(16)
        self._port = 0
        self._child: Child | None = None

    @property
    def superuser_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self._port}/{DATABASE}"

    def start(self) -> None:
        self.drop()
        self._make_cluster()
        self._port = free_port()
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(self._port)}.items()]
        self._child = self._nursery.start(self._command("postgres", ["-D", f"{HOME}/data", *options]))
        self._wait_until_ready(self._child)

    def stop(self) -> None:
        """Writes its last checkpoint and ends; then its cluster goes."""
        if self._child is not None:
            self._child.stop()
        self.drop()

    def drop(self) -> None:
        """Ends what a killed run left, too: all that lives in the tree is ours while the lock is."""
        deadline = time.monotonic() + PATIENCE
        while (pids := inhabitants(self._tree)) and time.monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_INTERVAL)
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def _home(self) -> Path:
        """As we see it."""
        return self._tree / HOME.relative_to("/")

    def _make_cluster(self) -> None:
        owner = self._home.parent.stat()
        self._home.mkdir(mode=0o700)
        password = self._home / "password"
        password.write_text(self._password, encoding="utf-8")  # in a folder that nobody else may enter
        for path in (self._home, password):
            os.chown(path, owner.st_uid, owner.st_gid)
        arguments = [f"--pgdata={HOME}/data", f"--username={SUPERUSER}", f"--pwfile={HOME}/password"]
        arguments += ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        code = run_to_end(self._command("initdb", arguments))
        password.unlink()
        if code != 0:
            raise StackError(f"initdb failed with {code}:{log_tail(self._log)}")

    def _command(self, program: str, arguments: list[str]) -> Command:
        """Each of these programs becomes the next. setpriv ties it to us again: a new user cuts that."""
        into = ["chroot", str(self._tree), "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        return Command(
            name=program,
            arguments=[*into, "--pdeathsig=INT", str(BINARIES / program), *arguments],
            log=self._log,
            environment={"PATH": SYSTEM_PATH, "TZ": "UTC"},
            directory=self._tree,
            stop_signal=signal.SIGINT,
        )

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and child.exit_code is None:
            try:
                psycopg.connect(self.superuser_url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(POLL_INTERVAL)
            else:
                return
        raise StackError(f"PostgreSQL 17 did not start:{log_tail(self._log)}")


def inhabitants(tree: Path) -> list[int]:
    """Processes whose root is the tree."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _lives_in(entry, tree)
    ]


def _lives_in(process: Path, tree: Path) -> bool:
    try:
        return Path(os.readlink(process / "root")) == tree
    except OSError:
        return False
