"""PostgreSQL 17 with the real pg_cron, run by chroot in the Debian tree, with a new cluster for each run."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from local.postgres.debian_tree import BINARIES, SYSTEM_PATH
from local.postgres.server import DATABASE, SERVER_SETTINGS, SUPERUSER
from local.system.errors import StackError, log_tail
from local.system.ports import LOOPBACK, free_port
from local.system.processes import ChildProcess, Command, ProcessSupervisor, run_to_completion

HOME = Path("/var/lib/postgresql/engine")
"""Path inside the tree."""
TIMEOUT = 60.0
POLL_INTERVAL = 0.03
SETTINGS = {
    **SERVER_SETTINGS,
    "shared_preload_libraries": "pg_cron",
    "cron.database_name": DATABASE,
    # pg_cron connects without a password. So socket connections are trusted, and only the owner can reach the
    # socket.
    "cron.host": str(HOME),
    "unix_socket_directories": str(HOME),
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # files in the cluster: the tree's /dev/shm is not a tmpfs
}


class DebianServer:
    """The server of one run of `make test-engine`."""

    def __init__(self, tree: Path, supervisor: ProcessSupervisor, log: Path) -> None:
        self._tree = tree
        self._supervisor = supervisor
        self._log = log
        self._password = secrets.token_hex(16)
        self._port = 0
        self._child: ChildProcess | None = None

    @property
    def superuser_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self._port}/{DATABASE}"

    def start(self) -> None:
        self.remove_cluster()
        self._create_cluster()
        self._port = free_port()
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(self._port)}.items()]
        self._child = self._supervisor.start(self._command("postgres", ["-D", f"{HOME}/data", *options]))
        self._wait_until_ready(self._child)

    def stop(self) -> None:
        """Stops the server and removes its cluster."""
        if self._child is not None:
            self._child.stop()
        self.remove_cluster()

    def remove_cluster(self) -> None:
        """Kills every process in the tree, including those of a killed run, and removes the cluster.

        The caller holds the lock on the tree.
        """
        deadline = time.monotonic() + TIMEOUT
        while (pids := processes_in(self._tree)) and time.monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_INTERVAL)
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def _home(self) -> Path:
        """Path outside the tree."""
        return self._tree / HOME.relative_to("/")

    def _create_cluster(self) -> None:
        owner = self._home.parent.stat()
        self._home.mkdir(mode=0o700)
        password = self._home / "password"
        password.write_text(self._password, encoding="utf-8")  # in a folder that no other user may enter
        for path in (self._home, password):
            os.chown(path, owner.st_uid, owner.st_gid)
        arguments = [f"--pgdata={HOME}/data", f"--username={SUPERUSER}", f"--pwfile={HOME}/password"]
        arguments += ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        code = run_to_completion(self._command("initdb", arguments))
        password.unlink()
        if code != 0:
            raise StackError(f"initdb failed with exit code {code}:{log_tail(self._log)}")

    def _command(self, program: str, arguments: list[str]) -> Command:
        """Each program executes the next. setpriv restores the parent-death signal for the new user."""
        prefix = [
            "chroot",
            str(self._tree),
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
        ]
        return Command(
            name=program,
            arguments=[*prefix, "--pdeathsig=INT", str(BINARIES / program), *arguments],
            log=self._log,
            environment={"PATH": SYSTEM_PATH, "TZ": "UTC"},
            directory=self._tree,
            stop_signal=signal.SIGINT,
        )

    def _wait_until_ready(self, child: ChildProcess) -> None:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline and child.exit_code is None:
            try:
                psycopg.connect(self.superuser_url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(POLL_INTERVAL)
            else:
                return
        raise StackError(f"PostgreSQL 17 did not start:{log_tail(self._log)}")


def processes_in(tree: Path) -> list[int]:
    """Processes whose root is the tree."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _has_root(entry, tree)]


def _has_root(process: Path, tree: Path) -> bool:
    try:
        return Path(os.readlink(process / "root")) == tree
    except OSError:
        return False
