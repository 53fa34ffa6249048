"""`make bench`: throughput and latency, as ratios within one run.

The two sides of a ratio alternate, so that other load on the machine affects both; the median counts.
`python -m benchmarks budgets` runs a choice of the measurements. `--baseline PATH` compares the functions of this
checkout with those of another one.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from benchmarks.budgets import measure_budgets
from benchmarks.calls import measure_calls
from benchmarks.envelopes import measure_envelopes
from benchmarks.functions import measure_functions
from benchmarks.growth import measure_growth
from benchmarks.health_checks import measure_rounds, measure_target_status
from benchmarks.ingest import measure_connections, measure_pgbench
from benchmarks.load import LoadResult, make_distinct, make_post, run_load
from benchmarks.notifications import measure_notifications
from benchmarks.outages import measure_health_checks
from benchmarks.pages import measure_pages
from benchmarks.peers import measure_peers
from benchmarks.purges import measure_purges
from benchmarks.reading import measure_reading, measure_retrieval
from local import Stack, StackSettings
from local.stack.state_directory import remove_state
from local.system.paths import LOCAL
from tests.support.report_load import lift_limit_of_new_incidents
from tests.support.service_process import INGEST_TOKEN, ServiceProcess, running_service, service_variables

ROUNDS = 5
SECONDS = 4.0
CONNECTIONS = 64
ERRORS = 100
PARTS = (
    "batches",
    "functions",
    "service",
    "peers",
    "connections",
    "envelopes",
    "budgets",
    "pgbench",
    "rounds",
    "health_checks",
    "notifications",
    "target-status",
    "retrieval",
    "reading",
    "growth",
    "calls",
    "purges",
    "pages",
)


@dataclass(frozen=True)
class Arguments:
    """What to measure, and the checkout to compare with."""

    parts: tuple[str, ...]
    baseline: Path | None


def read_arguments(values: Sequence[str]) -> Arguments:
    """Ends the process with a message if a part is unknown, or if the baseline is no checkout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures throughput and latency.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(PARTS)}; all without one")
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="PATH",
        help="another checkout, whose functions and service are measured in turn",
    )
    given = parser.parse_args(values)
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    if given.baseline is not None and not (given.baseline / "supabase" / "migrations").is_dir():
        parser.error(
            f"--baseline: {given.baseline} has no folder supabase/migrations: name a checkout of this repository"
        )
    parts = tuple(part for part in PARTS if part in given.parts) or PARTS
    return Arguments(parts, given.baseline.resolve() if given.baseline else None)


def make_event(number: int) -> dict[str, Any]:
    """One of ERRORS errors, as a browser reports it: about 1.2 kB."""
    kind = "".join(chr(97 + int(digit)) for digit in str(number % ERRORS))
    frames = "\n".join(f"    at render{kind} (https://shop.example/assets/app.js:{line}:17)" for line in range(15))
    return {
        "error": {
            "message": f"Cannot read properties of undefined in {kind}",
            "type": "TypeError",
            "stack": frames,
        },
        "source": "bench",
        "environment": "production",
        "release": "1.42.0",
        "url": f"https://shop.example/cart/{number}",
        "context": {"browser": "Firefox 140", "session": str(uuid.uuid4()), "step": number % 7},
    }


def through_service(service: ServiceProcess) -> tuple[str, int, Callable[[int], bytes]]:
    """The service with one event a request, as any program would call it."""
    address = urlsplit(service.url)
    headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
    requests = [
        make_post(address.netloc, "/api/autonomous/error", headers, json.dumps(make_event(n)).encode())
        for n in range(1000)
    ]
    return str(address.hostname), int(address.port or 80), lambda count: requests[count % len(requests)]


def through_postgrest(stack: Stack) -> tuple[str, int, Callable[[int], bytes]]:
    """PostgREST itself, without the gateway, with one event a call."""
    address = urlsplit(stack.postgrest_url)
    headers = {"Authorization": f"Bearer {stack.service_role_key}"}
    requests = [
        make_post(address.netloc, "/rpc/ingest_events", headers, json.dumps({"events": [make_event(n)]}).encode())
        for n in range(1000)
    ]
    return str(address.hostname), int(address.port or 80), lambda count: requests[count % len(requests)]


def median(results: list[LoadResult], figure: Callable[[LoadResult], float]) -> float:
    return statistics.median(figure(result) for result in results)


def print_load(name: str, results: list[LoadResult]) -> None:
    print(
        f"  {name:<28} {median(results, lambda r: r.rate):8,.0f} events/s"
        f"   p50 {median(results, lambda r: r.percentile(0.50)):6.1f} ms"
        f"   p99 {median(results, lambda r: r.percentile(0.99)):6.1f} ms"
    )


def count_stored(stack: Stack) -> int:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(
            "select coalesce(sum(occurrence_count), 0) from public.incidents where source = 'bench'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def measure_service(stack: Stack, directory: Path) -> None:
    environ = {
        **service_variables(stack),
        "LOG_LEVEL": "WARNING",
    }
    with running_service(environ, directory / "service.log") as service:
        ways = {"service": through_service(service), "PostgREST only": through_postgrest(stack)}
        results: dict[str, list[LoadResult]] = {name: [] for name in ways}
        for host, port, make_request in ways.values():
            asyncio.run(run_load(host, port, make_request, connections=CONNECTIONS, seconds=1))
        before = count_stored(stack)
        for _ in range(ROUNDS):
            for name, (host, port, make_request) in ways.items():
                load = run_load(host, port, make_request, connections=CONNECTIONS, seconds=SECONDS)
                results[name].append(asyncio.run(load))
        memory = psutil.Process(service.process.pid).memory_info().rss / 2**20

    print(f"\n{CONNECTIONS} connections, one event a request, {ERRORS} distinct errors:")
    for name, rounds in results.items():
        print_load(name, rounds)
    answered = sum(len(result.latencies) for rounds in results.values() for result in rounds)
    refused = sum(
        count for rounds in results.values() for r in rounds for status, count in r.statuses.items() if status >= 300
    )
    ratio = median(results["service"], lambda r: r.rate) / median(results["PostgREST only"], lambda r: r.rate)
    print(f"  service / PostgREST only     {ratio:8.2f}x")
    print(f"  resident memory of service   {memory:8.1f} MB")
    print(f"  acknowledged {answered:,}, refused {refused:,}, stored {count_stored(stack) - before:,}")


def measure_batches(stack: Stack) -> None:
    """What ingest_events costs by itself, in batches of 200, and against single calls."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def call(events: list[dict[str, Any]]) -> float:
            payload = json.dumps(events)
            started = time.perf_counter()
            connection.execute("select public.ingest_events(%s)", [payload])
            return (time.perf_counter() - started) * 1000 / len(events)

        def distinct() -> list[dict[str, Any]]:
            return [make_distinct(make_event(n)) for n in range(200)]

        def same() -> list[dict[str, Any]]:
            return [{**make_event(1), "idempotency_key": uuid.uuid4().hex} for _ in range(200)]

        for _ in range(3):
            call(distinct())
        figures: dict[str, list[float]] = {
            "200 distinct events": [],
            "200 repeats of one": [],
            "one event a call": [],
        }
        for _ in range(15):
            figures["200 distinct events"].append(call(distinct()))
            figures["200 repeats of one"].append(call(same()))
            figures["one event a call"].append(statistics.median(call([make_event(n)]) for n in range(20)))
    print("\ningest_events by itself, median of 15 calls:")
    for name, costs in figures.items():
        print(f"  {name:<28} {statistics.median(costs):8.3f} ms an event")


def main(arguments: Arguments) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        directory = Path(scratch)
        state = LOCAL / "bench" / "state"
        remove_state(state)
        with Stack.start(StackSettings(state)) as stack:
            lift_limit_of_new_incidents(stack)
            measurements: dict[str, Callable[[], object]] = {
                "batches": lambda: measure_batches(stack),
                "functions": lambda: measure_functions(stack, directory, arguments.baseline),
                "service": lambda: measure_service(stack, directory),
                "peers": lambda: measure_peers(stack, directory, make_event, arguments.baseline),
                "connections": lambda: measure_connections(stack, directory, make_event),
                "envelopes": lambda: measure_envelopes(stack, directory, make_event),
                "budgets": lambda: measure_budgets(stack, directory),
                "pgbench": lambda: measure_pgbench(stack, directory, make_event),
                "rounds": lambda: measure_rounds(stack),
                "health_checks": lambda: measure_health_checks(stack, directory),
                "notifications": lambda: measure_notifications(stack, directory),
                "target-status": lambda: measure_target_status(stack),
                "retrieval": lambda: measure_retrieval(stack),
                "reading": lambda: measure_reading(stack),
                "growth": lambda: measure_growth(stack, directory, make_event),
                "calls": lambda: measure_calls(stack, directory),
                "purges": lambda: measure_purges(stack, directory, through_service),
                "pages": lambda: measure_pages(stack, directory),
            }
            for part in arguments.parts:
                measurements[part]()
        remove_state(state)
    return 0


if __name__ == "__main__":
    sys.exit(main(read_arguments(sys.argv[1:])))
