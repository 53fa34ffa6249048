"""Resolutions and reports that overtake each other: in concurrent calls, and in the replay after an outage."""

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.integration.reports.conftest import ROUTE
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_process import ServiceProcess, is_drained
from tests.support.waiting import wait_until

Counts = Callable[[str], list[tuple[str, int]]]


def report(source: str, fingerprint: str, status: str) -> dict[str, Any]:
    return {
        "error": {"message": "it failed"},
        "source": source,
        "fingerprint": f"{source} {fingerprint}",
        "status": status,
    }


@pytest.mark.parametrize(
    ("statuses", "last"),
    [
        (["firing", "resolved"], "resolved"),
        (["firing", "resolved", "firing"], "open"),
        (["firing", "resolved", "firing", "resolved"], "resolved"),
    ],
)
async def test_concurrent_calls_end_as_the_times_say(
    stack: Stack, source: str, counts: Counts, statuses: list[str], last: str
) -> None:
    """Each report is a call of its own, in any order: those of one error, and of others."""
    received_at = datetime.now(UTC) - timedelta(minutes=1)
    calls = [
        {
            "sender": "server:overtaking",
            "received_at": (received_at + timedelta(seconds=place)).isoformat(),
            "event": report(source, str(number), status),
        }
        for number in range(10)
        for place, status in enumerate(statuses)
    ]
    random.shuffle(calls)
    queue = iter(calls)

    async def work() -> None:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            for call in queue:
                await connection.execute("select public.ingest_events(%s)", [json.dumps([call])])

    await asyncio.gather(*(work() for _ in range(6)))
    # Without resolution by an earlier time, an incident could have been opened twice: it is reopened instead.
    assert counts(source) == [(last, statuses.count("firing"))] * 10


def test_what_was_spooled_ends_as_it_was_reported(
    flaky_upstream_client: httpx.Client,
    flaky_upstream_service: ServiceProcess,
    proxy: FaultProxy,
    source: str,
    counts: Counts,
) -> None:
    """The replay sends two halves at the same time: with nine reports the halves are cut within an error."""
    proxy.target, proxy.always = b"/rpc/ingest_events", Fault.RESET
    batch = [
        report(source, error, status)
        for error, statuses in (
            ("a", ["firing", "resolved", "firing"]),
            ("b", ["firing", "resolved", "firing", "resolved"]),
            ("c", ["firing", "resolved"]),
        )
        for status in statuses
    ]
    answer = flaky_upstream_client.post(ROUTE, json=batch)
    assert answer.status_code == 202
    assert {each["status"] for each in answer.json()["results"]} == {"spooled"}
    alone = [
        flaky_upstream_client.post(ROUTE, json=report(source, "d", status)).status_code
        for status in ("firing", "resolved")
    ]
    assert alone == [202, 202]
    proxy.reset()
    wait_until(lambda: is_drained(flaky_upstream_service.url), what="the replay")
    assert counts(source) == [("open", 2), ("resolved", 2), ("resolved", 1), ("resolved", 1)]
