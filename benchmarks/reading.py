"""What reading costs on a large database, and how good and fast the search for known fixes is."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from benchmarks.seed import CHECKS, INCIDENTS, seed
from local import Stack

ENTRIES = 5_000
PAGES = {
    "open_incidents": "select * from public.open_incidents order by severity desc, opened_at desc limit 100",
    "incident_timeline": "select * from public.incident_timeline where incident_id = %(incident)s",
    "incident_timeline, newest": "select * from public.incident_timeline order by id desc limit 100",
    "incident_stats": "select * from public.incident_stats order by day desc limit 100",
    "deployment_impact": "select * from public.deployment_impact order by started_at desc limit 100",
    "target_status": "select * from public.target_status order by target limit 100",
    "target_history": "select * from public.target_history order by hour desc limit 100",
    "target_days": "select * from public.target_days order by day desc, target limit 100",
    "target_panels": "select * from public.target_panels order by target limit 100",
    "status_page()": "select public.status_page()",
    "incident_context": "select public.incident_context(%(incident)s)",
}


def milliseconds(run: Callable[[], object], times: int = 9) -> float:
    """The median of so many runs."""
    costs = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        costs.append((time.perf_counter() - started) * 1000)
    return statistics.median(costs)


def measure_reading(stack: Stack, incidents: int = INCIDENTS, checks: int = CHECKS, *, explain: bool = False) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        print(f"\nfirst pages as an agent, {incidents:,} incidents and {checks:,} checks:")
        seed(connection, incidents, checks)
        row = connection.execute("select id from public.incidents where source = 'seed 7' limit 1").fetchone()
        assert row is not None
        values = {"incident": row[0]}
        connection.execute("set role authenticated")
        for name, query in PAGES.items():
            cost = milliseconds(partial(_read, connection, query, values))
            print(f"  {name:<28} {cost:8.1f} ms")
            if explain:
                plan = _read(connection, f"explain (analyze, buffers) {query}", values)
                print("\n".join(f"      {line}" for (line,) in plan))


def _read(connection: psycopg.Connection[Any], query: str, values: dict[str, Any]) -> list[Any]:
    return connection.execute(query.encode(), values).fetchall()


def measure_retrieval(stack: Stack) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("set search_path = ''")  # as in our functions: no direct edit
        connection.execute(
            """
            insert into public.error_knowledge (pattern, signature, category, severity, solution, embedding)
            select 'seeded ' || number, 'seed-' || number, 'backend', 'LOW', 'none', vector
            from generate_series(1, %s) as numbers (number)
            cross join lateral (
              select array_agg(random() - 0.5)::extensions.vector as vector
              from generate_series(1, 1536)
              where number > 0 -- another vector for each
            ) as vectors
            """,
            [ENTRIES],
        )
        connection.execute("reset search_path")
        connection.execute("analyze public.error_knowledge")
        row = connection.execute(
            "select json_agg(vector) from (select embedding::text as vector from public.error_knowledge"
            " where signature like 'seed-%' order by signature limit 50) as probes"
        ).fetchone()
        assert row is not None
        probes = [_nudged(text) for text in row[0]]

        def find(probe: str) -> list[int]:
            query = "select id from public.match_error_knowledge(%s, -1, 10)"
            return [each for (each,) in connection.execute(query, [probe])]

        def find_exactly(probe: str) -> list[int]:
            query = (
                "select id from public.error_knowledge where embedding is not null"
                " order by (embedding operator(extensions.<=>) %s::extensions.vector) + 0 limit 10"
            )
            return [each for (each,) in connection.execute(query, [probe])]

        found = [len(set(find(probe)) & set(find_exactly(probe))) / 10 for probe in probes]
        costs = [milliseconds(partial(find, probe), 3) for probe in probes]
    print(f"\nmatch_error_knowledge, {ENTRIES:,} entries in 1,536 dimensions:")
    print(f"  recall@10 against exact search {statistics.mean(found):6.3f}")
    print(f"  median {statistics.median(costs):.1f} ms, slowest {max(costs):.1f} ms")


def _nudged(text: str) -> str:
    """A vector near an entry's, as a similar text would give."""
    values = json.loads(text)
    return json.dumps([value + 0.2 * ((index * 7919) % 13 - 6) / 13 for index, value in enumerate(values)])
