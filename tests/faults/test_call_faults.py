"""When the way to Supabase fails: nothing is counted twice, and nobody pays for another's mistake."""

import concurrent.futures
import json
import time

import httpx
import psycopg
import pytest

from tests.support.fault_proxy import MARKER, Fault, FaultProxy
from tests.support.service_process import ServiceProcess
from tests.support.waiting import wait_until

ROUTE = "/api/autonomous/error"


def count(database: psycopg.Connection, source: str) -> int:
    row = database.execute(
        "select coalesce(sum(occurrence_count), 0)::integer from public.incidents where source = %s", [source]
    ).fetchone()
    assert row is not None
    return int(row[0])


def send(client: httpx.Client, source: str, message: str = "x") -> httpx.Response:
    return client.post(ROUTE, json={"error": {"message": message}, "source": source})


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.DROP_ANSWER, Fault.BAD_GATEWAY, Fault.GARBAGE])
def test_a_passing_fault_is_not_noticed_and_counts_once(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str, fault: Fault
) -> None:
    proxy.plan(fault, fault)
    answer = send(flaky_upstream_client, source)
    assert answer.status_code == 201, answer.text
    assert answer.json()["occurrence_count"] == 1
    assert count(database, source) == 1
    keys = {json.loads(body)["events"][0]["idempotency_key"] for body in proxy.bodies}
    assert (len(proxy.bodies), len(keys)) == (3, 1)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.BAD_GATEWAY, Fault.GARBAGE])
def test_a_lasting_fault_is_bridged_by_the_spool(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str, fault: Fault
) -> None:
    proxy.always = fault
    started = time.monotonic()
    answer = send(flaky_upstream_client, source)
    assert time.monotonic() - started < 1.5
    assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
    assert len(proxy.bodies) > 1
    # Now it is known: the next one does not wait.
    assert send(flaky_upstream_client, source).status_code == 202
    assert flaky_upstream_client.get("/health").json()["spool"]["is_bridging"] is True
    proxy.mend()
    wait_until(lambda: count(database, source) == 2, what="the replay")


def test_an_answer_that_never_comes_is_not_waited_for(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.always = Fault.HANG
    started = time.monotonic()
    assert send(flaky_upstream_client, source).status_code == 202
    assert 1.9 < time.monotonic() - started < 3
    proxy.mend()
    wait_until(lambda: count(database, source) == 1, what="the replay")


def test_a_lost_answer_and_the_replay_after_it_count_once(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.always = Fault.DROP_ANSWER
    assert send(flaky_upstream_client, source).status_code == 202
    proxy.mend()
    wait_until(lambda: flaky_upstream_client.get("/health").json()["spool"]["depth"] == 0, what="the replay")
    assert count(database, source) == 1


def test_a_spoiled_batch_is_split_until_only_the_guilty_fail(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.always = Fault.SPOIL

    def attempt(number: int) -> int:
        return send(flaky_upstream_client, source, MARKER.decode() if number % 20 == 7 else "x").status_code

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(attempt, range(40)))
    assert statuses == [400 if number % 20 == 7 else 201 for number in range(40)]
    assert count(database, source) == 38


def test_reports_at_the_same_time_share_calls(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: send(flaky_upstream_client, source).status_code, range(200)))
    assert set(statuses) == {201}
    assert count(database, source) == 200
    assert len(proxy.bodies) < 150


def test_reading_survives_a_passing_fault_and_tells_a_lasting_one(
    flaky_upstream_service: ServiceProcess, reader: httpx.Client, proxy: FaultProxy
) -> None:
    proxy.target = b"/incidents"
    headers = {"Authorization": reader.headers["Authorization"]}
    url = f"{flaky_upstream_service.url}/api/autonomous/incidents"
    proxy.plan(Fault.RESET)
    assert httpx.get(url, headers=headers).status_code == 200
    proxy.always = Fault.BAD_GATEWAY
    answer = httpx.get(url, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
