"""Our own PostgreSQL server: made, recovered, started and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import psycopg

from local import orphans
from local.errors import StackError, log_tail
from local.placement import POSTGRES_VERSION, Placement
from local.ports import LOOPBACK, free_port
from local.processes import Child, Command, Nursery, run_to_end
from local.steps import Steps

SUPERUSER = "supabase_admin"
DATABASE = "postgres"
START_PATIENCE = 60.0
POLL_INTERVAL = 0.03
# Durability stays as shipped (fsync, synchronous_commit): "committed" has to be true here as well.
SERVER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "logical",  # as hosted: the publication supabase_realtime wants it
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


class Postgres:
    """A cluster in its placement. The port is chosen once, so that a restart comes back where it was."""

    def __init__(
        self, placement: Placement, nursery: Nursery, log: Path, password: str, steps: Steps
    ) -> None:
        self._placement = placement
        self._nursery = nursery
        self._log = log
        self._password = password
        self._steps = steps
        self._port = 0
        self.child: Child | None = None

    @property
    def superuser_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self._port}/{DATABASE}"

    def start(self, preferred_port: int) -> None:
        """Makes the cluster if there is none, and waits until it answers."""
        self._check_version()
        if not self._placement.data.exists():
            self._make_cluster()
        self._clear_leftovers()
        self._port = self._port or free_port(preferred_port)
        before = self._log.stat().st_size if self._log.exists() else 0
        self.child = self._nursery.start(self._server_command())
        self._wait_until_ready(self.child, before)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def _check_version(self) -> None:
        version_file = self._placement.data / "PG_VERSION"
        if self._placement.data.exists() and not version_file.exists():
            raise StackError(f"{self._placement.data} holds no PostgreSQL cluster. `make reset` starts over.")
        found = version_file.read_text().strip() if version_file.exists() else str(POSTGRES_VERSION)
        if found != str(POSTGRES_VERSION):
            raise StackError(
                f"The data in {self._placement.data} are of PostgreSQL {found}, and the stack runs "
                f"{POSTGRES_VERSION}. `make reset` drops them and starts over."
            )

    def _make_cluster(self) -> None:
        """initdb into a folder that gets its name only when it is whole."""
        partial = self._placement.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password_file = self._placement.home / "password"
        password_file.unlink(missing_ok=True)
        _write_for_user(password_file, self._password, self._placement)
        command = [
            str(self._placement.binaries / "initdb"),
            f"--pgdata={partial}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        try:
            self._run_as_user(command)
        finally:
            password_file.unlink(missing_ok=True)
        partial.rename(self._placement.data)

    def _run_as_user(self, arguments: list[str]) -> None:
        code = run_to_end(self._command(Path(arguments[0]).name, arguments))
        if code != 0:
            raise StackError(f"{Path(arguments[0]).name} failed with {code}:{log_tail(self._log)}")

    def _command(self, name: str, arguments: list[str]) -> Command:
        return Command(
            name=name,
            arguments=arguments,
            log=self._log,
            environment=self._environment(),
            directory=self._placement.home,
            stop_signal=signal.SIGINT,  # to a server "fast": open sessions are ended, everything is written
            user=self._placement.user,
        )

    def _clear_leftovers(self) -> None:
        """After a hard kill: the postmaster of that run may live on, or only its pid file."""
        for sentence in orphans.clear(self._placement.data):
            self._steps.say(sentence)

    def _server_command(self) -> Command:
        options = {**SERVER_SETTINGS, "port": str(self._port), "extension_control_path": self._control_path()}
        arguments = [str(self._placement.binaries / "postgres"), "-D", str(self._placement.data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        return self._command("PostgreSQL", arguments)

    def _control_path(self) -> str:
        return f"$system:{self._placement.share}"

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: PG* variables of the caller would change what initdb and postgres do."""
        kept = ("PATH", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
        return {name: os.environ[name] for name in kept if name in os.environ} | {"TZ": "UTC"}

    def _wait_until_ready(self, child: Child, log_start: int) -> None:
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            if child.exit_code is not None:
                raise StackError(
                    f"PostgreSQL ended with {child.exit_code} while starting. `make reset` drops its data, "
                    f"should they be damaged.{log_tail(self._log, since=log_start)}"
                )
            try:
                psycopg.connect(self.superuser_url, connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise StackError(
                        f"The cluster in {self._placement.data} has another password than the stored one. "
                        "`make reset` starts over."
                    ) from error
                time.sleep(POLL_INTERVAL)
            else:
                return
        raise StackError(f"PostgreSQL did not answer within {START_PATIENCE:.0f} s:{log_tail(self._log)}")


def _write_for_user(path: Path, text: str, placement: Placement) -> None:
    """A secret for the server's user alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if placement.user is not None:
            owner = placement.home.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text)
