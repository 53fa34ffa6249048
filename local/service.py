"""The service of `app/` as a child process, with the environment that Railway would give it."""

from __future__ import annotations

import os
import sys
import time

import httpx
import psutil

from local.errors import StackError, log_tail
from local.ports import LOOPBACK, is_free, listening_socket
from local.processes import Child, Command, Nursery
from local.settings import PROJECT
from local.stack import Stack
from local.steps import Steps

USUAL_PORT = 3000
START_PATIENCE = 30.0
POLL_INTERVAL = 0.05


class Service:
    """Can be started again after it died; address and environment stay."""

    def __init__(self, stack: Stack, nursery: Nursery, port: int) -> None:
        self._nursery = nursery
        self._port = port
        self._environment = _environment(stack, port)
        self.log = stack.settings.log_directory / "service.log"
        self.url = f"http://{LOOPBACK}:{port}"
        self.child: Child | None = None

    def start(self) -> None:
        self.child = self._nursery.start(
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
        """Ready is /health/db: the service answers, and the database answers it."""
        deadline = time.monotonic() + START_PATIENCE
        last = "no answer"
        while time.monotonic() < deadline:
            if self.child is None or self.child.exit_code is not None:
                raise StackError(
                    f"The service ended while starting. The end of {self.log}:{log_tail(self.log)}"
                )
            try:
                answer = httpx.get(f"{self.url}/health/db", timeout=5, trust_env=False)
            except httpx.TransportError:
                time.sleep(POLL_INTERVAL)
                continue
            if answer.status_code == httpx.codes.OK and self._is_listening(self.child):
                return
            last = f"{answer.status_code} {answer.text[:500]}"
            time.sleep(POLL_INTERVAL)
        raise StackError(
            f"{self.url}/health/db was not 200 within {START_PATIENCE:.0f} s (last: {last}). "
            f"The end of {self.log}:{log_tail(self.log)}"
        )

    def _is_listening(self, child: Child) -> bool:
        """Whether it is ours that answers: two `make dev` that start together may choose one port."""
        try:
            connections = psutil.Process(child.pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        return any(
            each.status == psutil.CONN_LISTEN and each.laddr.port == self._port for each in connections
        )


def requested_port() -> int | None:
    """PORT, where it is set."""
    wanted = os.environ.get("PORT")
    if not wanted:
        return None
    if not wanted.isdigit() or not 0 < int(wanted) < 65536:
        raise StackError(f"PORT is {wanted!r}, which is no port.")
    return int(wanted)


def choose_port(steps: Steps) -> int:
    """PORT where it is set, else 3000, else any that is free."""
    wanted = requested_port()
    if wanted is not None:
        if not is_free(wanted):
            raise StackError(
                f"Port {wanted}, which PORT asks for, is taken. Choose another one, or unset PORT."
            )
        return wanted
    with listening_socket(USUAL_PORT) as bound:
        port: int = bound.getsockname()[1]
    if port != USUAL_PORT:
        steps.say(f"Port {USUAL_PORT} is taken; the service gets {port}.")
    return port


def _environment(stack: Stack, port: int) -> dict[str, str]:
    """What the caller set for the service stays (LOG_LEVEL, say); addresses and secrets are the stack's."""
    defaults = {"ADMIN_CONSOLE_URL": "http://localhost:5173"}
    return {
        **defaults,
        **os.environ,
        "HOST": LOOPBACK,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "INGEST_TOKEN": stack.secrets.ingest_token,
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
        "OPERATOR_TOKEN": stack.secrets.operator_token,
        "SPOOL_PATH": str(stack.settings.state_directory / "spool.sqlite3"),
    }
