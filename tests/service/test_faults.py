"""When the way to Supabase fails: nothing is counted twice, and nobody pays for another's mistake."""

import concurrent.futures
import json
import time

import httpx
import psycopg
import pytest

from tests.service.fault_proxy import MARKER, Fault, FaultProxy
from tests.service.service_process import ServiceProcess

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
    shaky_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str, fault: Fault
) -> None:
    proxy.plan(fault, fault)
    answer = send(shaky_client, source)
    assert answer.status_code == 201, answer.text
    assert answer.json()["occurrence_count"] == 1
    assert count(database, source) == 1
    keys = {json.loads(body)["events"][0]["idempotency_key"] for body in proxy.bodies}
    assert (len(proxy.bodies), len(keys)) == (3, 1)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.BAD_GATEWAY, Fault.GARBAGE])
def test_a_lasting_fault_is_told_in_time(
    shaky_client: httpx.Client, proxy: FaultProxy, source: str, fault: Fault
) -> None:
    proxy.always = fault
    started = time.monotonic()
    answer = send(shaky_client, source)
    assert time.monotonic() - started < 1.5
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(proxy.bodies) > 1


def test_it_works_again_when_the_fault_is_mended(
    shaky_client: httpx.Client, proxy: FaultProxy, source: str
) -> None:
    proxy.always = Fault.RESET
    assert send(shaky_client, source).status_code == 503
    proxy.mend()
    assert send(shaky_client, source).status_code == 201


def test_a_spoiled_batch_is_split_until_only_the_guilty_fail(
    shaky_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.always = Fault.SPOIL

    def attempt(number: int) -> int:
        return send(shaky_client, source, MARKER.decode() if number % 20 == 7 else "x").status_code

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(attempt, range(40)))
    assert statuses == [400 if number % 20 == 7 else 201 for number in range(40)]
    assert count(database, source) == 38


def test_reports_at_the_same_time_share_calls(
    shaky_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(lambda _: send(shaky_client, source).status_code, range(200)))
    assert set(statuses) == {201}
    assert count(database, source) == 200
    assert len(proxy.bodies) < 150


def test_reading_survives_a_passing_fault_and_tells_a_lasting_one(
    shaky_service: ServiceProcess, reader: httpx.Client, proxy: FaultProxy
) -> None:
    proxy.target = b"/incidents"
    headers = {"Authorization": reader.headers["Authorization"]}
    url = f"{shaky_service.url}/api/autonomous/incidents"
    proxy.plan(Fault.RESET)
    assert httpx.get(url, headers=headers).status_code == 200
    proxy.always = Fault.BAD_GATEWAY
    answer = httpx.get(url, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
