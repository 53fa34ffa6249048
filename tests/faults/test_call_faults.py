"""Faults between the service and Supabase: nothing is counted twice, and one bad report fails no other."""

import concurrent.futures
import json

import httpx
import psycopg
import pytest

from tests.support import http_client
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
def test_a_passing_fault_is_retried_and_counts_once(
    unhurried_flaky_client: httpx.Client,
    proxy: FaultProxy,
    database: psycopg.Connection,
    source: str,
    fault: Fault,
) -> None:
    proxy.plan(fault, fault)
    answer = send(unhurried_flaky_client, source)
    assert answer.status_code == 201, answer.text
    assert answer.json()["occurrence_count"] == 1
    assert count(database, source) == 1
    keys = {json.loads(body)["events"][0]["event"]["idempotency_key"] for body in proxy.bodies}
    assert (len(proxy.bodies), len(keys)) == (3, 1)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.BAD_GATEWAY, Fault.GARBAGE])
def test_reports_are_spooled_during_a_lasting_fault_and_replayed_after_it(
    flaky_upstream_client: httpx.Client,
    proxy: FaultProxy,
    database: psycopg.Connection,
    source: str,
    fault: Fault,
) -> None:
    proxy.always = fault
    answer = send(flaky_upstream_client, source)
    assert (answer.status_code, answer.json()["status"]) == (202, "spooled")
    assert proxy.bodies
    assert send(flaky_upstream_client, source).status_code == 202

    def breaker() -> object:
        return flaky_upstream_client.get("/health").json()["breakers"]["events"]

    # The replay fails too, and so the outage is known: reports go to the spool until a call gets through.
    wait_until(lambda: breaker() != "closed", what="the open breaker")
    proxy.reset()
    wait_until(lambda: count(database, source) == 2, what="the replay")


def test_a_report_is_answered_while_the_call_to_supabase_still_hangs(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.always = Fault.HANG
    assert send(flaky_upstream_client, source).status_code == 202
    assert proxy.hanging > 0
    proxy.reset()
    wait_until(lambda: count(database, source) == 1, what="the replay")


def test_a_lost_answer_and_its_replay_count_once(
    flaky_upstream_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.always = Fault.DROP_ANSWER
    assert send(flaky_upstream_client, source).status_code == 202
    proxy.reset()
    wait_until(lambda: flaky_upstream_client.get("/health").json()["spool"]["depth"] == 0, what="the replay")
    assert count(database, source) == 1


@pytest.mark.parametrize(("fault", "status"), [(Fault.CORRUPT, 202), (Fault.BREAK, 400)])
def test_a_refused_batch_is_split_until_only_the_bad_reports_fail(
    unhurried_flaky_client: httpx.Client,
    proxy: FaultProxy,
    database: psycopg.Connection,
    source: str,
    fault: Fault,
    status: int,
) -> None:
    """What PostgREST cannot read is refused; what the database fails on waits, for it may be the database's fault."""
    proxy.always = fault

    def attempt(number: int) -> int:
        message = MARKER.decode() if number % 20 == 7 else "x"
        return send(unhurried_flaky_client, source, message).status_code

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(attempt, range(40)))
    assert statuses == [status if number % 20 == 7 else 201 for number in range(40)]
    assert count(database, source) == 38


def test_reports_that_arrive_during_a_call_share_the_next_one(
    unhurried_flaky_client: httpx.Client, proxy: FaultProxy, database: psycopg.Connection, source: str
) -> None:
    proxy.hold()
    received = []

    def note(event: str, _info: object) -> None:
        if event == "http11.receive_response_headers.started":  # the request has been sent
            received.append(event)

    def report(_: int) -> int:
        body = {"error": {"message": "x"}, "source": source}
        return unhurried_flaky_client.post(ROUTE, json=body, extensions={"trace": note}).status_code

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = [pool.submit(report, number) for number in range(200)]
        wait_until(lambda: len(received) == 200, what="200 requests")
        # A request that is sent later is answered, so the service has read the earlier ones.
        assert unhurried_flaky_client.get("/health").status_code == 200
        proxy.release()
        assert {answer.result() for answer in answers} == {201}
    assert count(database, source) == 200
    assert len(proxy.bodies) < 150


def test_reading_retries_a_passing_fault(
    unhurried_flaky_service: ServiceProcess, reader: httpx.Client, proxy: FaultProxy
) -> None:
    proxy.target = b"/list_incidents"
    proxy.plan(Fault.RESET)
    headers = {"Authorization": reader.headers["Authorization"]}
    url = f"{unhurried_flaky_service.url}/api/autonomous/incidents"
    assert http_client.get(url, headers=headers).status_code == 200


def test_reading_answers_503_during_a_lasting_fault(
    flaky_upstream_service: ServiceProcess, reader: httpx.Client, proxy: FaultProxy
) -> None:
    proxy.target = b"/list_incidents"
    proxy.always = Fault.BAD_GATEWAY
    headers = {"Authorization": reader.headers["Authorization"]}
    answer = http_client.get(f"{flaky_upstream_service.url}/api/autonomous/incidents", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
