"""What an incident keeps of its occurrences, over HTTP: when they happened, how often, and the newest sample."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg

from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_process import ServiceProcess, is_drained
from tests.support.waiting import wait_until

ROUTE = "/api/autonomous/error"


def report(source: str, **members: object) -> dict[str, Any]:
    return {"error": {"message": "the order cannot be stored"}, "source": source, **members}


def read(database: psycopg.Connection, source: str, columns: str) -> tuple[Any, ...]:
    row = database.execute(f"select {columns} from public.incidents where source = %s", [source]).fetchone()  # noqa: S608 - columns of the tests
    assert row is not None
    return tuple(row)


def now(database: psycopg.Connection) -> datetime:
    row = database.execute("select clock_timestamp()").fetchone()
    assert row is not None
    moment = row[0]
    assert isinstance(moment, datetime)
    return moment


def spool(client: httpx.Client, proxy: FaultProxy, body: dict[str, Any]) -> None:
    proxy.target = b"/rpc/"
    proxy.always = Fault.RESET
    assert client.post(ROUTE, json=body).status_code == 202


def replay(service: ServiceProcess, proxy: FaultProxy) -> None:
    proxy.reset()
    wait_until(lambda: is_drained(service.url), what="the end of the spool")


def test_a_spooled_report_counts_as_of_its_receipt(
    flaky_upstream_service: ServiceProcess,
    flaky_upstream_client: httpx.Client,
    proxy: FaultProxy,
    database: psycopg.Connection,
    source: str,
) -> None:
    before = now(database)
    spool(flaky_upstream_client, proxy, report(source))
    after = now(database)
    replay(flaky_upstream_service, proxy)
    first_seen, last_seen = read(database, source, "first_seen, last_seen")
    assert before <= first_seen == last_seen <= after


def test_a_spooled_report_reopens_nothing_that_was_resolved_since(
    flaky_upstream_service: ServiceProcess,
    flaky_upstream_client: httpx.Client,
    proxy: FaultProxy,
    database: psycopg.Connection,
    source: str,
) -> None:
    incident_id = flaky_upstream_client.post(ROUTE, json=report(source)).json()["incident_id"]
    spool(flaky_upstream_client, proxy, report(source))
    database.execute("select public.resolve_incident(%s, 'restarted')", [incident_id])
    replay(flaky_upstream_service, proxy)
    assert read(database, source, "status::text, occurrence_count, resolution") == ("resolved", 2, "restarted")
    answer = flaky_upstream_client.post(ROUTE, json=report(source)).json()
    assert (answer["incident_id"], answer["status"], answer["occurrence_count"]) == (incident_id, "open", 3)


def test_a_body_cannot_name_its_time_of_receipt(
    client: httpx.Client, database: psycopg.Connection, source: str
) -> None:
    before = now(database)
    forged = {"received_at": "2026-01-01T00:00:00Z", "happened_at": "2026-01-01T00:00:00Z"}
    client.post(ROUTE, json={**forged, "sender": "service", "event": report("x"), **report(source, **forged)})
    first_seen, kept = read(database, source, "first_seen, context #>> '{extra,received_at}'")
    assert first_seen >= before
    assert kept == forged["received_at"]


def test_a_timestamp_says_when_it_happened(client: httpx.Client, database: psycopg.Connection, source: str) -> None:
    moment = datetime.now(UTC) - timedelta(hours=2)
    client.post(ROUTE, json=report(source))
    client.post(ROUTE, json=report(source, timestamp=moment.isoformat()))
    client.post(ROUTE, json=report(source, timestamp="an hour ago"))
    assert read(database, source, "first_seen, last_seen > first_seen + interval '1 hour'") == (moment, True)
    assert read(database, source, "context #>> '{extra,timestamp}'") == ("an hour ago",)


def test_what_has_no_column_is_in_the_context(client: httpx.Client, database: psycopg.Connection, source: str) -> None:
    error = {"message": "m", "name": "FetchError", "errno": "ECONNRESET", "cause": {"message": "socket hang up"}}
    assert client.post(ROUTE, json=report(source, error=error, http_status=0)).status_code == 201
    del error["message"]
    assert read(database, source, "context -> 'extra'") == ({"error": error, "http_status": 0},)


def test_a_list_of_incidents_says_how_often_they_occur(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    for release in ("1", "1", "2"):
        client.post(ROUTE, json=report(source, release=release))
    (incident,) = reader.get("/api/autonomous/incidents", params={"source": source}).json()["incidents"]
    assert incident["rate"].startswith("3 a minute since ")
    # In the first minute of an hour, some may have come before it.
    assert (len(incident["hours"]), sum(incident["hours"])) == (24, 3)
    assert incident["release"] == "2"
