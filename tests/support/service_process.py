"""The real service in a process of its own: `python -m app` under uvicorn, on a free port."""

import json
import os
import random
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
from tests.support import http_client, service_budgets
from tests.support.waiting import DEADLINE_SECONDS, wait_until

PROJECT = Path(__file__).resolve().parents[2]
# For a client that threads share: httpcore closes surplus idle connections, now and then one in use.
KEPT_ALIVE = httpx.Limits(max_connections=None, max_keepalive_connections=None)
# Below the ports that Linux gives to outgoing connections, so that no connection takes one of them. Each process of a
# run has its own, so that none takes a port that another one is about to use.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
PORTS = range(20_000 + 3_000 * _WORKER, 23_000 + 3_000 * _WORKER)
INGEST_TOKEN = "test-ingest-token-0123456789"  # noqa: S105 - of a service that lives as long as a test
# The keys of the other senders of such a service.
PUBLIC_NAME = "shop"
PUBLIC_KEY = "test_public_key_of_the_shop"
ALERTMANAGER_KEY = "test-key-of-alertmanager"
GRAFANA_KEY = "test-key-of-grafana"
UPTIME_KUMA_KEY = "test-key-of-uptime-kuma"
GITHUB_KEY = "test-key-of-github"
GENERIC_NAME = "custom"
GENERIC_KEY = "test-key-of-a-generic-monitor"


@dataclass(frozen=True)
class ServiceProcess:
    """A running service and its log."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    def logs(self) -> list[dict[str, Any]]:
        """Its log lines so far. Each must be JSON."""
        return [cast(dict[str, Any], json.loads(line)) for line in self.log_path.read_text().splitlines()]

    def stop(self) -> int:
        """Sends SIGTERM and waits for the end of the process. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE_SECONDS)


def service_variables(stack: Stack) -> dict[str, str]:
    """The variables that a service on this stack needs."""
    return {
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "INGEST_TOKEN": INGEST_TOKEN,
        "PUBLIC_KEYS": f"{PUBLIC_NAME}:{PUBLIC_KEY}",
        "ALERTMANAGER_KEY": ALERTMANAGER_KEY,
        "GRAFANA_KEY": GRAFANA_KEY,
        "UPTIME_KUMA_KEY": UPTIME_KUMA_KEY,
        "GITHUB_KEY": GITHUB_KEY,
        "GENERIC_KEYS": f"{GENERIC_NAME}:{GENERIC_KEY}",
    }


def is_drained(url: str) -> bool:
    """Whether the service's spool is empty and reports go straight to the database."""
    try:
        health = http_client.get(f"{url}/health").json()
    except httpx.TransportError:
        return False
    return bool(health["spool"]["depth"] == 0 and set(health["breakers"].values()) == {"closed"})


def free_port() -> int:
    """A port on which nobody listens now, and which nobody is likely to take before the caller does."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - a port, no secret
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections for as long as the context lasts: it is bound, but nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield cast(int, bound.getsockname()[1])


@contextmanager
def running_service(
    environ: Mapping[str, str],
    log_path: Path,
    port: int | None = None,
    *,
    budgets: Mapping[str, float] | None = None,
    checkout: Path = PROJECT,
) -> Iterator[ServiceProcess]:
    """The service with these variables and no others, ready to answer; on a free port unless one is given.

    `checkout` is the one whose service runs.
    `budgets` replaces the service's own time budgets: see tests/support/service_budgets.py.
    """
    port = port or free_port()
    module = "app" if budgets is None else service_budgets.__name__
    variables = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SPOOL_PATH": str(log_path.with_name(f"{log_path.name}.spool")),
        service_budgets.VARIABLE: json.dumps(dict(budgets or {})),
        **environ,
    }
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module], cwd=checkout, env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    service = ServiceProcess(f"http://127.0.0.1:{port}", process, log_path)
    try:
        wait_until(lambda: _answers(service), what="the service")
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _answers(service: ServiceProcess) -> bool:
    """Whether the service has asked the database, which may refuse it, and serves."""
    if service.process.poll() is not None:
        raise AssertionError(f"the service ended at once:\n{service.log_path.read_text()}")
    try:
        answer = http_client.get(f"{service.url}/health")
    except httpx.TransportError:
        return False
    return answer.status_code == 200 or answer.json()["code"] == "misconfigured"
