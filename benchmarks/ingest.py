"""The cost of an event: by connections, for distinct errors, with pgbench, for Sentry, and by growth."""

import asyncio
import json
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from app.web.auth import sign
from benchmarks.load import LoadResult, make_distinct, make_post, run_load
from local import Stack
from local.postgres.data_directory import packaged_binaries
from tests.support import sentry_bodies as bodies
from tests.support.service_process import INGEST_TOKEN, ServiceProcess, running_service, service_variables

SECRET = "client-secret-of-the-bench"  # noqa: S105 - of a service that lives as long as the bench
SECONDS = 3.0
_HEADERS = {"Authorization": f"Bearer {INGEST_TOKEN}"}

MakeRequest = Callable[[int], bytes]


def measure_connections(stack: Stack, directory: Path, make_event: Callable[[int], dict[str, object]]) -> None:
    """Measurements over HTTP."""
    environ = {
        **service_variables(stack),
        "SENTRY_CLIENT_SECRET": SECRET,
        "LOG_LEVEL": "WARNING",
    }
    with running_service(environ, directory / "connections.log") as service:
        requests = [_report(service, make_event(number)) for number in range(1000)]
        print("\nthe service by connections, 100 distinct errors:")
        for connections in (1, 8, 64, 256):
            _print(f"{connections} connections", _run(service, _repeat(requests), connections))
        print("\nthe service, 64 connections:")
        one = [requests[0]]
        _print("repeats of one error", _run(service, _repeat(one), 64))
        _print("all distinct", _run(service, lambda number: _report(service, make_distinct(make_event(number))), 64))
        print("\nSentry's webhooks of 50 kB, 16 connections:")
        _print("signed deliveries", _run(service, lambda number: _delivery(service, number), 16))


def measure_pgbench(stack: Stack, directory: Path, make_event: Callable[[int], dict[str, object]]) -> None:
    """The function without anything before it: pgbench with one event a call, 64 clients."""
    script = directory / "ingest.sql"
    event = json.dumps([make_event(1)]).replace("'", "''")
    script.write_text(f"select public.ingest_events('{event}');\n")
    pgbench = packaged_binaries().programs / "pgbench"
    command = [str(pgbench), "-n", "-c", "64", "-j", "2", "-T", "5", "-f", str(script), stack.database_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    rate = next((line for line in done.stdout.splitlines() if line.startswith("tps")), done.stderr[-300:])
    print(f"\npgbench on ingest_events, 64 clients, one event a call: {rate}")


def _run(service: ServiceProcess, make_request: MakeRequest, connections: int) -> LoadResult:
    address = urlsplit(service.url)
    load = run_load(
        str(address.hostname), int(address.port or 80), make_request, connections=connections, seconds=SECONDS
    )
    return asyncio.run(load)


def _repeat(requests: list[bytes]) -> MakeRequest:
    return lambda number: requests[number % len(requests)]


def _report(service: ServiceProcess, event: dict[str, object]) -> bytes:
    return make_post(urlsplit(service.url).netloc, "/api/autonomous/error", _HEADERS, json.dumps(event).encode())


def _delivery(service: ServiceProcess, number: int) -> bytes:
    crumbs = [{"message": "x" * 80, "category": "console", "level": "info"} for _ in range(350)]
    body = bodies.error(str(10**9 + number % 100), uuid.uuid4().hex, breadcrumbs={"values": crumbs})
    raw = bodies.encode(body)
    headers = {"Sentry-Hook-Resource": "error", "Sentry-Hook-Signature": sign(raw, SECRET)}
    return make_post(urlsplit(service.url).netloc, "/webhooks/sentry", headers, raw)


def _print(name: str, load: LoadResult) -> None:
    refused = sum(count for status, count in load.statuses.items() if status >= 300)
    print(
        f"  {name:<28} {load.rate:8,.0f} events/s   p50 {load.percentile(0.50):6.1f} ms"
        f"   p99 {load.percentile(0.99):6.1f} ms   refused {refused}"
    )
