"""Concurrent reports of the same errors: no deadlock, and nothing is lost or counted twice."""

import asyncio
import json
import random
import uuid
from collections import Counter
from typing import Any

import psycopg
import pytest

from local import Stack
from tests.support.new_incident_limit import limit_of_new_incidents
from tests.support.waiting import DEADLINE_SECONDS


def make_event(fingerprint: str, source: str, **fields: Any) -> dict[str, Any]:
    return {
        "error": {"message": f"failure of {fingerprint}"},
        "fingerprint": fingerprint,
        "source": source,
        **fields,
    }


async def ingest(connection: psycopg.AsyncConnection, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    cursor = await connection.execute("select public.ingest_events(%s)", [json.dumps(events)])
    row = await cursor.fetchone()
    assert row is not None
    answers: list[dict[str, Any]] = row[0]
    return answers


async def count_stored(connection: psycopg.AsyncConnection, source: str) -> list[tuple[str, int]]:
    cursor = await connection.execute(
        "select context ->> 'fingerprint', occurrence_count from public.incidents where source = %s", [source]
    )
    return list(await cursor.fetchall())


@pytest.fixture
def source() -> str:
    """A source that no other test uses."""
    return f"test {uuid.uuid4()}"


async def test_batches_in_different_order_open_one_incident_per_error(stack: Stack, source: str) -> None:
    errors = [f"{source} {number}" for number in range(10)]

    async def report(seed: int) -> list[dict[str, Any]]:
        shuffled = random.Random(seed).sample(errors * 5, 50)  # noqa: S311 - order, not secrets
        async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
            return await ingest(connection, [make_event(error, source) for error in shuffled])

    batches = await asyncio.gather(*(report(seed) for seed in range(20)))

    answers = [answer for batch in batches for answer in batch]
    assert len(answers) == 1000
    assert all(answer["success"] for answer in answers)
    assert sum(not answer["duplicate"] for answer in answers) == 10
    returned = Counter((answer["incident_id"], answer["occurrence_count"]) for answer in answers)
    assert set(returned.values()) == {1}, "two events returned the same count"
    async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
        assert sorted(await count_stored(connection, source)) == sorted((error, 100) for error in errors)


async def test_single_reports_through_many_connections_add_up(stack: Stack, source: str) -> None:
    async def report(worker: int) -> None:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            for number in range(25):
                await ingest(connection, [make_event(f"{source} {(worker + number) % 10}", source)])

    await asyncio.gather(*(report(worker) for worker in range(40)))

    async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
        stored = await count_stored(connection, source)
    assert len(stored) == 10
    assert sum(count for _, count in stored) == 1000


async def test_one_key_at_once_counts_once(stack: Stack, source: str) -> None:
    key = str(uuid.uuid4())

    async def report() -> dict[str, Any]:
        async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
            return (await ingest(connection, [make_event(source, source, idempotency_key=key)]))[0]

    answers = await asyncio.gather(*(report() for _ in range(30)))

    assert all(answer == answers[0] for answer in answers)
    async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
        assert await count_stored(connection, source) == [(source, 1)]


async def test_repeats_during_resolution_are_neither_lost_nor_duplicated(stack: Stack, source: str) -> None:
    errors = [f"{source} {number}" for number in range(3)]
    is_over = asyncio.Event()

    async def resolve() -> None:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            while not is_over.is_set():
                await connection.execute(
                    "update public.incidents set status = 'resolved', resolved_at = clock_timestamp()"
                    " where source = %s and context ->> 'fingerprint' = %s and status = 'open'",
                    [source, random.choice(errors)],  # noqa: S311 - order, not secrets
                )
                await asyncio.sleep(0.001)

    async def report(seed: int) -> int:
        counted = 0
        shuffled = random.Random(seed)  # noqa: S311 - order, not secrets
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            for _ in range(30):
                events = [make_event(error, source) for error in shuffled.sample(errors, 3)]
                counted += sum(answer["success"] for answer in await ingest(connection, events))
        return counted

    resolver = asyncio.create_task(resolve())
    counted = sum(await asyncio.gather(*(report(seed) for seed in range(8))))
    is_over.set()
    await resolver

    async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
        stored = await count_stored(connection, source)
    assert counted == 8 * 30 * 3
    assert sum(count for _, count in stored) == counted
    assert len(stored) == 3, "within the window a repeat reopens, it opens nothing new"


async def test_limit_of_new_incidents_is_exact(stack: Stack, source: str) -> None:
    async def report(worker: int) -> int:
        events = [
            {"sender": f"server:{source}", "event": make_event(f"{source} {worker} {n}", source)} for n in range(4)
        ]
        async with await psycopg.AsyncConnection.connect(stack.database_url) as own:
            answers = await ingest(own, events)
        return sum(answer["success"] for answer in answers)

    with (
        psycopg.connect(stack.superuser_database_url, autocommit=True) as superuser,
        limit_of_new_incidents(superuser, 20),
    ):
        opened = await asyncio.gather(*(report(worker) for worker in range(25)))
    async with await psycopg.AsyncConnection.connect(stack.database_url) as connection:
        assert sum(opened) == 20
        assert len(await count_stored(connection, source)) == 20


async def test_deliveries_of_several_monitors_lock_their_quotas_in_one_order(stack: Stack, source: str) -> None:
    """Else two calls with new alerts of two monitors, in another order each, wait for each other."""

    def make_delivery(kind: str) -> dict[str, Any]:
        alert = {"status": "firing", "fingerprint": source, "labels": {"alertname": source}}
        return {"kind": kind, "resource": kind, "body_hash": f"{kind} {source}", "body": {"alerts": [alert]}}

    deliveries = json.dumps([make_delivery("grafana"), make_delivery("alertmanager")])
    async with (
        await psycopg.AsyncConnection.connect(stack.database_url) as holder,
        await psycopg.AsyncConnection.connect(stack.database_url) as deliverer,
    ):
        await holder.execute("select monitoring.lock_quotas('{alertmanager}')")
        call = asyncio.create_task(deliverer.execute("select public.ingest_deliveries(%s)", [deliveries]))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await is_blocked(holder, deliverer):  # noqa: ASYNC110 - a lock of the database is no event
                await asyncio.sleep(0.01)

        await holder.execute("select monitoring.lock_quotas('{grafana}')")

        await holder.commit()
        row = await (await call).fetchone()
        assert row is not None
        assert [answer["effect"] for answer in row[0]] == ["opened", "opened"]


async def is_blocked(observer: psycopg.AsyncConnection, session: psycopg.AsyncConnection) -> bool:
    cursor = await observer.execute("select cardinality(pg_blocking_pids(%s)) > 0", [session.info.backend_pid])
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
