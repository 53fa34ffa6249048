"""The real PostgREST, configured as on hosted Supabase."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from local.system.errors import StackError, log_tail
from local.system.ports import LOOPBACK, free_port
from local.system.processes import ChildProcess, Command, ProcessSupervisor

START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0
POLL_INTERVAL = 0.03


@dataclass(frozen=True)
class PostgrestSettings:
    binary: Path
    database_url: str
    """As the role authenticator."""
    jwt_secret: str
    """A secret, or a JSON Web Key Set."""
    log: Path


class Postgrest:
    """One PostgREST process. The port is chosen once, so that a restart keeps the address."""

    def __init__(self, settings: PostgrestSettings, supervisor: ProcessSupervisor) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._port = 0
        self._admin_port = 0
        self.child: ChildProcess | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        self._port = self._port or free_port()
        self._admin_port = self._admin_port or free_port()
        self.child = self._supervisor.start(self._command())
        self.wait_until_ready()

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(STOP_TIMEOUT)

    def wait_until_ready(self) -> None:
        """Waits until /ready answers 200, which means connected and schema cache loaded."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self.child is None or self.child.exit_code is not None:
                raise StackError(f"PostgREST ended while starting:{log_tail(self._settings.log)}")
            if self._is_ready():
                return
            time.sleep(POLL_INTERVAL)
        raise StackError(f"PostgREST was not ready within {START_TIMEOUT:.0f} s:{log_tail(self._settings.log)}")

    def _is_ready(self) -> bool:
        try:
            response = httpx.get(f"http://{LOOPBACK}:{self._admin_port}/ready", timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return response.status_code == httpx.codes.OK

    def _command(self) -> Command:
        return Command(
            name="PostgREST",
            arguments=[str(self._settings.binary)],
            log=self._settings.log,
            environment={**_inherited_environment(), **self._configuration()},
            directory=self._settings.log.parent,
        )

    def _configuration(self) -> dict[str, str]:
        return {
            "PGRST_DB_URI": self._settings.database_url,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public, extensions",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_POOL": "15",
            "PGRST_DB_CHANNEL_ENABLED": "true",  # `notify pgrst, 'reload schema'`
            "PGRST_JWT_SECRET": self._settings.jwt_secret,
            "PGRST_OPENAPI_MODE": "follow-privileges",
            "PGRST_SERVER_HOST": LOOPBACK,
            "PGRST_SERVER_PORT": str(self._port),
            "PGRST_ADMIN_SERVER_PORT": str(self._admin_port),
            "PGRST_LOG_LEVEL": "error",
        }


def _inherited_environment() -> dict[str, str]:
    """Without the caller's PGRST_* and PG* variables, which would override this configuration."""
    kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}
