"""The monitoring service (`app/`) as a child process, with the environment variables that Railway sets."""

from __future__ import annotations

import os
import sys
import time

import httpx
import psutil

from local.stack.dev_file import sender_variables
from local.stack.stack import Stack
from local.system.errors import StackError, log_tail
from local.system.paths import PROJECT
from local.system.ports import LOOPBACK, is_free, listening_socket
from local.system.processes import ChildProcess, Command, ProcessSupervisor
from local.system.progress import ProgressReporter

DEFAULT_PORT = 3000
START_TIMEOUT = 30.0
POLL_INTERVAL = 0.05
# Of the keys: another project's would contradict the stack's keys.
OLD_NAMES = frozenset({"SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"})


class Service:
    """One process of the service. A restart keeps address and environment."""

    def __init__(self, stack: Stack, supervisor: ProcessSupervisor, port: int) -> None:
        self._supervisor = supervisor
        self._port = port
        self._environment = _environment(stack, port)
        self.log = stack.settings.log_directory / "service.log"
        self.url = f"http://{LOOPBACK}:{port}"
        self.child: ChildProcess | None = None

    def start(self) -> None:
        self.child = self._supervisor.start(
            Command(
                name="the service",
                arguments=[sys.executable, "-m", "app"],
                log=self.log,
                environment=self._environment,
                directory=PROJECT,
            )
        )

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def wait_until_ready(self) -> None:
        """Waits until /health/db answers 200: the service serves, and the database answers the service."""
        deadline = time.monotonic() + START_TIMEOUT
        last = "no response"
        while time.monotonic() < deadline:
            if self.child is None or self.child.exit_code is not None:
                raise StackError(f"The service ended while starting. The end of {self.log}:{log_tail(self.log)}")
            try:
                response = httpx.get(f"{self.url}/health/db", timeout=5, trust_env=False)
            except httpx.TransportError:
                time.sleep(POLL_INTERVAL)
                continue
            if response.status_code == httpx.codes.OK and self._is_listening(self.child):
                return
            last = f"{response.status_code} {response.text[:500]}"
            time.sleep(POLL_INTERVAL)
        raise StackError(
            f"{self.url}/health/db did not answer 200 within {START_TIMEOUT:.0f} s (last: {last}). "
            f"The end of {self.log}:{log_tail(self.log)}"
        )

    def _is_listening(self, child: ChildProcess) -> bool:
        """Whether our child owns the port: two `make dev` that start together may choose the same one."""
        try:
            connections = psutil.Process(child.pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == self._port for each in connections)


def requested_port() -> int | None:
    """The value of PORT, or None if unset."""
    value = os.environ.get("PORT")
    if not value:
        return None
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise StackError(f"PORT is {value!r}, which is not a port number.")
    return int(value)


def choose_port(progress: ProgressReporter) -> int:
    """PORT if set, else 3000 if free, else any free port."""
    requested = requested_port()
    if requested is not None:
        if not is_free(requested):
            raise StackError(f"Port {requested} (PORT) is in use. Choose another port, or unset PORT.")
        return requested
    with listening_socket(DEFAULT_PORT) as listener:
        port: int = listener.getsockname()[1]
    if port != DEFAULT_PORT:
        progress.message(f"Port {DEFAULT_PORT} is in use; the service listens on {port}.")
    return port


def _environment(stack: Stack, port: int) -> dict[str, str]:
    """The caller's variables (LOG_LEVEL, for example), with the stack's addresses and secrets on top."""
    defaults = {"ADMIN_CONSOLE_URL": "http://localhost:5173", "SERVICE_URL": f"http://{LOOPBACK}:{port}"}
    inherited = {name: value for name, value in os.environ.items() if name not in OLD_NAMES}
    return {
        **defaults,
        **inherited,
        "HOST": LOOPBACK,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "INGEST_TOKEN": stack.secrets.ingest_token,
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
        "OPERATOR_TOKEN": stack.secrets.operator_token,
        **sender_variables(stack.secrets),
        "SPOOL_PATH": str(stack.settings.state_directory / "spool.sqlite3"),
    }
