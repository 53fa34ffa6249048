"""How long each function of the API, each view and each job takes on a large database."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import psycopg

from local import Stack
from tests.sql.plans import large_database
from tests.sql.plans.calls import CALLS, JOBS, VIEWS, Call
from tests.sql.plans.session import become, prepare
from tests.support.projects import new_project

TIMES = 10
"""A million incidents and ten million checks."""
REPETITIONS = 5


def measure_calls(stack: Stack, directory: Path, times: int = TIMES) -> None:
    """Prints the median of five calls, each of which is taken back."""
    with new_project(stack, directory) as project:
        project.push()
        started = time.monotonic()
        with psycopg.connect(project.superuser_url, autocommit=True) as session:
            large_database.fill(session, times)
        print(f"\n{100_000 * times:,} incidents, {times} million checks, filled in {time.monotonic() - started:.0f} s:")
        statements = {
            **{f"{name}()": (call,) for name, call in CALLS.items()},
            **{f"view {name}": (call,) for name, call in VIEWS.items()},
            **JOBS,
        }
        with psycopg.connect(project.superuser_url) as session:
            for name, calls in statements.items():
                print(f"  {name:<48} {sum(_milliseconds(session, call) for call in calls):9.1f} ms", flush=True)


def _milliseconds(connection: psycopg.Connection[Any], call: Call) -> float:
    try:
        parameters = prepare(connection, call)
        return statistics.median(_run(connection, call, parameters) for _ in range(REPETITIONS))
    finally:
        connection.rollback()


def _run(connection: psycopg.Connection[Any], call: Call, parameters: dict[str, object]) -> float:
    connection.execute("savepoint call")
    become(connection, call.role)
    started = time.perf_counter()
    connection.execute(call.statement.encode(), parameters or None)
    cost = (time.perf_counter() - started) * 1000
    connection.execute("rollback to savepoint call")
    return cost
