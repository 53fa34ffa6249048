"""The real service in a process of its own: `python -m app` under uvicorn, on a free port."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from local import Stack
from tests.support.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]
# For a client that threads share: httpcore closes surplus idle connections, now and then one in use.
KEPT_ALIVE = httpx.Limits(max_connections=None, max_keepalive_connections=None)
INGEST_TOKEN = "test-ingest-token-0123456789"  # noqa: S105 - of a service that lives as long as a test


@dataclass(frozen=True)
class ServiceProcess:
    """A running service, and what it wrote."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    def logs(self) -> list[dict[str, Any]]:
        """Its log lines so far. Each must be JSON."""
        return [cast(dict[str, Any], json.loads(line)) for line in self.log_path.read_text().splitlines()]

    def stop(self) -> int:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


def service_variables(stack: Stack) -> dict[str, str]:
    """What a service on this stack needs."""
    return {
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "INGEST_TOKEN": INGEST_TOKEN,
    }


def is_drained(url: str) -> bool:
    """Whether nothing waits in the service's spool, and reports go straight to the database."""
    try:
        spool = httpx.get(f"{url}/health", timeout=5).json()["spool"]
    except httpx.TransportError:
        return False
    return bool(spool["depth"] == 0 and not spool["is_bridging"])


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return cast(int, listener.getsockname()[1])


@contextmanager
def running_service(environ: Mapping[str, str], log_path: Path, port: int | None = None) -> Iterator[ServiceProcess]:
    """The service with these variables and no others, ready to answer; on a free port unless one is given."""
    port = port or free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SPOOL_PATH": str(log_path.with_name(f"{log_path.name}.spool")),
        **environ,
    }
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=PROJECT, env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    service = ServiceProcess(f"http://127.0.0.1:{port}", process, log_path)
    try:
        wait_until(lambda: _answers(service), seconds=30, what="the service")
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _answers(service: ServiceProcess) -> bool:
    if service.process.poll() is not None:
        raise AssertionError(f"the service ended at once:\n{service.log_path.read_text()}")
    try:
        return httpx.get(f"{service.url}/health", timeout=1).status_code == 200
    except httpx.TransportError:
        return False
