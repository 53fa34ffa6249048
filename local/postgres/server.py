"""Our own PostgreSQL server: creates the cluster, cleans up after a killed run, starts and stops."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import psutil
import psycopg

from local.postgres.data_directory import DataDirectory
from local.system.errors import StackError, log_tail
from local.system.ports import LOOPBACK, free_port
from local.system.processes import ChildProcess, Command, ProcessSupervisor, run_to_completion
from local.system.progress import ProgressReporter

SUPERUSER = "supabase_admin"
DATABASE = "postgres"
START_TIMEOUT = 60.0
LEFTOVER_TIMEOUT = 20.0
"""How long a server or backend of a killed run may take to end after each signal."""
POLL_INTERVAL = 0.03
# fsync and synchronous_commit keep their defaults: a committed row has to survive a crash on a laptop as
# well.
SERVER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "logical",  # as on hosted Supabase; the publication supabase_realtime needs it
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


class PostgresServer:
    """The server of one data directory. The port is chosen once, so that a restart keeps the address."""

    def __init__(
        self,
        directory: DataDirectory,
        supervisor: ProcessSupervisor,
        log: Path,
        password: str,
        progress: ProgressReporter,
    ) -> None:
        self._directory = directory
        self._supervisor = supervisor
        self._log = log
        self._password = password
        self._progress = progress
        self._port = 0
        self.child: ChildProcess | None = None

    @property
    def superuser_url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self._port}/{DATABASE}"

    def start(self, preferred_port: int) -> None:
        """Creates the cluster if there is none, and waits until the server accepts connections."""
        self._check_version()
        if not self._directory.data.exists():
            self._create_cluster()
        for message in clean_up_after_kill(self._directory.data):
            self._progress.message(message)
        self._port = self._port or free_port(preferred_port)
        log_size = self._log.stat().st_size if self._log.exists() else 0
        self.child = self._supervisor.start(self._server_command())
        self._wait_until_ready(self.child, log_size)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def _check_version(self) -> None:
        version_file = self._directory.data / "PG_VERSION"
        if self._directory.data.exists() and not version_file.exists():
            raise StackError(f"{self._directory.data} contains no PostgreSQL cluster. `make reset` starts over.")
        major = str(self._directory.major)
        found = version_file.read_text().strip() if version_file.exists() else major
        if found != major:
            raise StackError(
                f"The data in {self._directory.data} are of PostgreSQL {found}, and the stack runs "
                f"{major}. `make reset` removes them and starts over."
            )

    def _create_cluster(self) -> None:
        """Runs initdb in a temporary folder, which is renamed when the cluster is complete."""
        partial = self._directory.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password_file = self._directory.home / "password"
        password_file.unlink(missing_ok=True)
        _write_for_server(password_file, self._password, self._directory)
        arguments = [
            str(self._directory.binaries / "initdb"),
            f"--pgdata={partial}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *self._locale_arguments(),
            "--no-instructions",
        ]
        try:
            code = run_to_completion(self._command("initdb", arguments))
        finally:
            password_file.unlink(missing_ok=True)
        if code != 0:
            raise StackError(f"initdb failed with exit code {code}:{log_tail(self._log)}")
        partial.rename(self._directory.data)

    def _locale_arguments(self) -> list[str]:
        """A locale that is the same on every machine; before PostgreSQL 17, the operating system's C.UTF-8."""
        if self._directory.major < 17:
            return ["--locale=C.UTF-8"]
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

    def _command(self, name: str, arguments: list[str]) -> Command:
        return Command(
            name=name,
            arguments=arguments,
            log=self._log,
            environment=self._environment(),
            directory=self._directory.home,
            stop_signal=signal.SIGINT,  # fast shutdown: ends open sessions and writes a checkpoint
            user=self._directory.user,
        )

    def _server_command(self) -> Command:
        options = {**SERVER_SETTINGS, "port": str(self._port)}
        if self._directory.major >= 18:
            options["extension_control_path"] = f"$system:{self._directory.share}"
        arguments = [str(self._directory.binaries / "postgres"), "-D", str(self._directory.data)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        return self._command("PostgreSQL", arguments)

    def _environment(self) -> dict[str, str]:
        """Without the caller's PG* variables, which would change what initdb and postgres do."""
        kept = ("PATH", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
        return {name: os.environ[name] for name in kept if name in os.environ} | {"TZ": "UTC"}

    def _wait_until_ready(self, child: ChildProcess, log_start: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if child.exit_code is not None:
                raise StackError(
                    f"PostgreSQL ended with exit code {child.exit_code} while starting. If its data are "
                    f"damaged, `make reset` removes them.{log_tail(self._log, since=log_start)}"
                )
            try:
                psycopg.connect(self.superuser_url, connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise StackError(
                        f"The cluster in {self._directory.data} does not have the stored password. "
                        "`make reset` starts over."
                    ) from error
                time.sleep(POLL_INTERVAL)
            else:
                return
        raise StackError(f"PostgreSQL did not respond within {START_TIMEOUT:.0f} s:{log_tail(self._log)}")


def _write_for_server(path: Path, text: str, directory: DataDirectory) -> None:
    """Writes a new file that only the server's user may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if directory.user is not None:
            owner = directory.home.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text)


def clean_up_after_kill(data: Path) -> list[str]:
    """Ends processes that a killed run left on the data directory and removes its pid file.

    Returns a message for each thing done. The caller holds the lock of the state directory, so the processes
    belong to no running stack.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return []
    server = _server_of(data, pid_file)
    if server is not None:
        _stop_server(server)
        pid_file.unlink(missing_ok=True)
        return [f"An earlier run had left its PostgreSQL (process {server.pid}) running; it was stopped."]
    _end_backends(data)
    pid_file.unlink(missing_ok=True)
    return ["PostgreSQL had not been shut down cleanly; it recovers the committed data."]


def _server_of(data: Path, pid_file: Path) -> psutil.Process | None:
    """The process named in the pid file, if it is a server of this directory: pids are reused."""
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8").splitlines()[0]))
        return process if f"-D {data} " in " ".join(process.cmdline()) + " " else None
    except (ValueError, IndexError, psutil.Error):
        return None


def _stop_server(server: psutil.Process) -> None:
    for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            server.send_signal(signal_number)
            server.wait(LEFTOVER_TIMEOUT)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return


def _end_backends(data: Path) -> None:
    """Waits for the backends of a dead server, which end by themselves, and then kills those that remain."""
    _, remaining = psutil.wait_procs(_backends(data), timeout=LEFTOVER_TIMEOUT)
    for process in remaining:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _backends(data: Path) -> list[psutil.Process]:
    """Processes of PostgreSQL whose working directory is the data directory, as every backend's is."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(data) and " ".join(process.info["cmdline"] or []).startswith("postgres")
    ]
