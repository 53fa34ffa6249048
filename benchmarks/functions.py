"""What the functions on the path of an event cost, and how that compares with another checkout.

Each checkout has a database of its own on the same server, with its own migrations. The rounds of both alternate, so
that other load on the machine affects both; the median of the ratios within a round counts.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local import Stack
from local.system.paths import PROJECT
from tests.support.projects import new_project

ROUNDS = 15
CALLS = 50
"""Calls of a function in a round, each with another text."""
SIZES = {"200 B": 200, "3 kB": 3000}
# No rule matches, so that classify_error tries all of them.
OPENING = (
    "order {number} of customer jane.doe@shop.example was not exported after 3 attempts of 250 ms: folder is full. "
)
FRAME = "    at exportOrder{line} (https://shop.example/assets/export.js:{line}:17)\n"
SENDER = "server:bench"

# What is passed for a parameter of each name, so that a checkout may have more parameters than another one.
ARGUMENTS: dict[str, sql.Composable] = {
    "message": sql.SQL("given.text"),
    "value": sql.SQL("given.text"),
    "error_type": sql.Literal("ExportError"),
    "source": sql.Literal("bench"),
    "environment": sql.Literal("production"),
    "max_bytes": sql.Literal(4096),
    "event": sql.SQL("given.text::jsonb"),
    "event_position": sql.Literal(1),
    "sender": sql.Literal(SENDER),
}
PARAMETERS = """
select proargnames[1:pronargs], pronargs - pronargdefaults from pg_catalog.pg_proc where oid = to_regproc(%s)
"""

Connection = psycopg.Connection[Any]
Measurement = Callable[[Connection], float]
"""Milliseconds of one call, in one round."""


def make_text(number: int, size: int) -> str:
    """An error message of so many bytes, with the kinds of values that the functions look for."""
    lines = "".join(FRAME.format(line=line) for line in range(size // 60))
    return (OPENING.format(number=number) + lines)[:size]


def make_event(number: int) -> dict[str, Any]:
    """An event as a browser reports it, about 1.5 kB."""
    return {
        "error": {
            "message": make_text(number, SIZES["200 B"]),
            "type": "ExportError",
            "stack": "".join(FRAME.format(line=line) for line in range(15)),
        },
        "source": "bench",
        "environment": "production",
        "release": "1.42.0",
        "url": f"https://shop.example/orders/{number}",
        "context": {"browser": "Firefox 140", "step": number},
    }


@dataclass
class Costs:
    """Milliseconds of one measurement, by checkout: a value per round."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, checkout: str, milliseconds: float) -> None:
        self.rounds.setdefault(checkout, []).append(milliseconds)

    def median(self, checkout: str) -> float:
        return statistics.median(self.rounds[checkout])

    def ratio(self, checkout: str, baseline: str) -> float:
        """The cost as a multiple of the baseline's."""
        pairs = zip(self.rounds[checkout], self.rounds[baseline], strict=True)
        return statistics.median(cost / base for cost, base in pairs)


def measure_functions(stack: Stack, directory: Path, baseline: Path | None = None, rounds: int = ROUNDS) -> None:
    """Prints what each function costs; with a baseline, also what it costs there, and the ratio."""
    checkouts = {"this checkout": PROJECT} if baseline is None else {"baseline": baseline, "this checkout": PROJECT}
    measurements = _list_measurements()
    costs = {name: Costs() for name in measurements}
    with ExitStack() as exits:
        connections = {
            checkout: exits.enter_context(_database_of(stack, directory, folder))
            for checkout, folder in checkouts.items()
        }
        for number in range(rounds + 1):
            for name, measure in measurements.items():
                for checkout in sorted(connections, reverse=number % 2 == 1):
                    milliseconds = measure(connections[checkout])
                    if number > 0:  # the first round fills caches
                        costs[name].add(checkout, milliseconds)
    _print(costs, list(checkouts))


@contextmanager
def _database_of(stack: Stack, directory: Path, checkout: Path) -> Iterator[Connection]:
    with new_project(stack, directory) as project:
        project.push(checkout)
        with psycopg.connect(project.superuser_url, autocommit=True) as connection:
            yield connection


def _list_measurements() -> dict[str, Measurement]:
    measurements: dict[str, Measurement] = {}
    for function in ("public.classify_error", "monitoring.fingerprint_error", "monitoring.sanitize_text"):
        for size, length in SIZES.items():
            texts = [make_text(number, length) for number in range(CALLS)]
            measurements[f"{function.partition('.')[2]}, {size}"] = _calls_of(function, texts)
    events = [json.dumps(make_event(number)) for number in range(CALLS)]
    measurements["prepare_event"] = _calls_of("monitoring.prepare_event", events)
    measurements["ingest_events, a repeat"] = _measure_repeats
    return measurements


def _calls_of(function: str, texts: list[str]) -> Measurement:
    """Calls the function once per text, in one statement, so that the time of the connection does not count."""

    def measure(connection: Connection) -> float:
        query = _compose_query(connection, function)
        started = time.perf_counter()
        row = connection.execute(query, [texts]).fetchone()
        took = time.perf_counter() - started
        assert row == (len(texts),), f"{function} returned null: add its new parameters to ARGUMENTS"
        return took * 1000 / len(texts)

    return measure


def _compose_query(connection: Connection, function: str) -> sql.Composed:
    row = connection.execute(PARAMETERS, [function]).fetchone()
    assert row is not None, f"{function} does not exist in this checkout, or more than once"
    names, required = row
    arguments = [
        sql.SQL("{} => {}").format(sql.Identifier(name), ARGUMENTS.get(name, sql.NULL))
        for position, name in enumerate(names)
        if name in ARGUMENTS or position < required
    ]
    return sql.SQL(
        "select count(result) from unnest(%s::text[]) as given (text) cross join lateral {}({}) as result"
    ).format(sql.Identifier(*function.split(".")), sql.SQL(", ").join(arguments))


def _measure_repeats(connection: Connection) -> float:
    """Reports one error again and again, a transaction each, as it arrives from a program that reports nothing else."""
    event = json.dumps([make_event(1)])
    started = time.perf_counter()
    for _ in range(CALLS):
        connection.execute("select public.ingest_events(%s)", [event])
    return (time.perf_counter() - started) * 1000 / CALLS


def _print(costs: dict[str, Costs], checkouts: list[str]) -> None:
    print("\nfunctions on the path of an event, milliseconds per call:")
    for name, cost in costs.items():
        figures = "".join(f"   {checkout} {cost.median(checkout):7.3f}" for checkout in checkouts)
        ratio = f"   {cost.ratio('this checkout', 'baseline'):6.2f}x" if "baseline" in checkouts else ""
        print(f"  {name:<28}{figures}{ratio}")
