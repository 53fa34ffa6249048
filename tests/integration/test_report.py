"""POST /api/autonomous/error on the real stack: a report becomes an incident."""

import concurrent.futures
from typing import Any

import httpx
import psycopg
import pytest

ROUTE = "/api/autonomous/error"


def report(source: str, **members: object) -> dict[str, Any]:
    return {
        "error": {"message": "Cannot read properties of undefined", "type": "TypeError"},
        "source": source,
        **members,
    }


def test_a_report_becomes_an_incident(client: httpx.Client, database: psycopg.Connection, source: str) -> None:
    answer = client.post(ROUTE, json=report(source))
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {
        "success",
        "incident_id",
        "severity",
        "category",
        "status",
        "occurrence_count",
        "duplicate",
    }
    assert (body["success"], body["occurrence_count"], body["duplicate"]) == (True, 1, False)
    stored = database.execute(
        "select id, severity::text, occurrence_count from public.incidents where source = %s", [source]
    ).fetchall()
    assert stored == [(body["incident_id"], body["severity"], 1)]


def test_a_repeat_folds(client: httpx.Client, source: str) -> None:
    first, second = (client.post(ROUTE, json=report(source)).json() for _ in range(2))
    assert second["incident_id"] == first["incident_id"]
    assert (second["occurrence_count"], second["duplicate"]) == (2, True)


def test_an_idempotency_key_counts_once(client: httpx.Client, source: str) -> None:
    headers = {"Idempotency-Key": f"{source} 1/2"}
    first, second = (client.post(ROUTE, json=report(source), headers=headers).json() for _ in range(2))
    assert second == first
    assert client.post(ROUTE, json=report(source)).json()["occurrence_count"] == 2


def test_the_header_takes_precedence_over_a_key_in_the_body(client: httpx.Client, source: str) -> None:
    for name in ("a", "b"):
        client.post(ROUTE, json=report(source, idempotency_key=f"{source} {name}"))
    keyed = client.post(
        ROUTE, json=report(source, idempotency_key=f"{source} a"), headers={"Idempotency-Key": f"{source} c"}
    )
    assert keyed.json()["occurrence_count"] == 3


def test_values_that_jsonb_refuses_are_replaced(
    client: httpx.Client, database: psycopg.Connection, source: str
) -> None:
    body = (
        rb'{"error": {"message": "a\u0000b \ud800 c"}, "source": "%s",'
        rb' "context": {"n": NaN, "i": 1e400, "big": %s}}' % (source.encode(), b"9" * 300)
    )
    answer = client.post(ROUTE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    row = database.execute("select message, context from public.incidents where source = %s", [source]).fetchone()
    assert row is not None
    assert row[0] == "ab \ufffd c"
    assert (row[1]["n"], row[1]["i"]) == (None, None)


def test_a_body_in_chunks_is_accepted(client: httpx.Client, source: str) -> None:
    chunks = (b'{"error": {"mess', b'age": "in chunks"}, "source": "', source.encode(), b'"}')
    answer = client.post(ROUTE, content=iter(chunks), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201


def test_a_body_of_exactly_one_mebibyte_is_accepted(client: httpx.Client, source: str) -> None:
    start = b'{"error": {"message": "large"}, "source": "%s", "pad": "' % source.encode()
    body = start + b"x" * (1024 * 1024 - len(start) - 2) + b'"}'
    assert len(body) == 1024 * 1024
    answer = client.post(ROUTE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "error"),
        ({"error": "text"}, "error"),
        ({"error": {}}, "error.message"),
        ({"error": {"message": " "}}, "error.message"),
        ({"error": {"message": {"a": 1}}}, "error.message"),
        ({"error": {"message": "x"}, "severity": "AWFUL"}, "severity"),
        ({"error": {"message": "x"}, "category": "kitchen"}, "category"),
        ({"error": {"message": "x"}, "context": []}, "context"),
        ({"error": {"message": "x"}, "idempotency_key": 7}, "idempotency_key"),
    ],
)
def test_a_refusal_names_the_field(client: httpx.Client, body: object, field: str) -> None:
    answer = client.post(ROUTE, json=body)
    problem = answer.json()
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["code"], problem["field"]) == (400, "refused", field)
    assert problem["detail"]
    assert problem["hint"]


def test_an_invalid_report_does_not_fail_others(client: httpx.Client, source: str) -> None:
    def send(number: int) -> int:
        body = report(source) if number % 2 else {"error": {}}
        return client.post(ROUTE, json=body).status_code

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(send, range(64)))
    assert statuses == [201 if number % 2 else 400 for number in range(64)]
    assert client.post(ROUTE, json=report(source)).json()["occurrence_count"] == 33


def test_many_at_once_fold_into_few(client: httpx.Client, database: psycopg.Connection, source: str) -> None:
    def send(number: int) -> int:
        return client.post(ROUTE, json=report(source, fingerprint=f"{source}-{number % 10}")).status_code

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        statuses = set(pool.map(send, range(300)))
    assert statuses == {201}
    counts = database.execute(
        "select count(*), sum(occurrence_count)::integer from public.incidents where source = %s", [source]
    ).fetchone()
    assert counts == (10, 300)
