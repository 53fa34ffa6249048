"""Batches of reports: a JSON array or lines of JSON, plain or compressed."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import psycopg
import pytest
import zstandard

from tests.integration.reports.conftest import ROUTE
from tests.support.new_incident_limit import limit_of_new_incidents

Counts = Callable[[str], list[tuple[str, int]]]
JSON = {"Content-Type": "application/json"}


def report(source: str, fingerprint: str = "a", **members: object) -> dict[str, Any]:
    """The fingerprint is of this test, because the same sender reports in all of them."""
    own = f"{source} {fingerprint}"
    return {"error": {"message": f"failure {fingerprint}"}, "source": source, "fingerprint": own, **members}


def lines(reports: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in reports)


def test_an_array_is_a_batch(client: httpx.Client, source: str, counts: Counts) -> None:
    answer = client.post(ROUTE, json=[report(source), report(source, "b"), report(source)])
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"success", "results"}
    assert body["success"] is True
    assert [(each["occurrence_count"], each["duplicate"]) for each in body["results"]] == [
        (1, False),
        (1, False),
        (2, True),
    ]
    assert body["results"][0]["incident_id"] == body["results"][2]["incident_id"]
    assert counts(source) == [("open", 2), ("open", 1)]


@pytest.mark.parametrize(
    "media_type", ["application/x-ndjson", "application/jsonl", "Application/NDJSON; charset=utf-8"]
)
def test_lines_are_a_batch(client: httpx.Client, source: str, counts: Counts, media_type: str) -> None:
    body = lines([report(source), report(source, "b")]) + b"\r\n\n"
    answer = client.post(ROUTE, content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, len(answer.json()["results"])) == (201, 2)
    assert counts(source) == [("open", 1), ("open", 1)]


def test_a_bad_report_rejects_only_itself(client: httpx.Client, source: str, counts: Counts) -> None:
    deep: Any = 0
    for _ in range(70):
        deep = [deep]
    batch: list[Any] = [
        report(source),
        "text",
        report(source, severity="AWFUL"),
        report(source, context={"deep": deep}),
        report(source, context={"many": [0] * 20_001}),
        report(source, status="over"),
        report(source),
    ]
    answer = client.post(ROUTE, json=batch)
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is False
    assert [each["success"] for each in body["results"]] == [True, *[False] * 5, True]
    errors = [each["error"] for each in body["results"] if not each["success"]]
    assert [error["code"] for error in errors] == ["body-shape", "refused", "body-depth", "body-values", "refused"]
    assert [error["index"] for error in errors] == [1, 2, 3, 4, 5]
    assert [error.get("field") for error in errors] == [None, "severity", None, None, "status"]
    assert errors[1]["detail"].startswith("Report 3 of the batch: ")
    assert all(error["status"] == 400 for error in errors)
    assert errors[4]["hint"]
    assert counts(source) == [("open", 2)]


def test_a_bad_line_rejects_only_itself(client: httpx.Client, source: str) -> None:
    good = lines([report(source)])
    body = b"\n".join([good, b"{not JSON", b'{"a": "\xff"}', b"[" * 5000, b'{"a":"' + b"x" * 2**20 + b'"}', good])
    answer = client.post(
        ROUTE,
        content=gzip.compress(body),
        headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [each.get("error", {}).get("code") for each in results] == [
        None,
        "body-syntax",
        "body-encoding",
        "body-depth",
        "body-too-large",
        None,
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[]", 400, "batch-empty"),
        (b'[{"error": {"message": "x"}}, {]', 400, "body-syntax"),
        (b'[{"error": {"message": "x"}}', 400, "body-syntax"),
        (b'[{"error": {"message": "x"}}] {}', 400, "body-syntax"),
        (b'[{"error": {"message": "\xff"}}]', 400, "body-encoding"),
    ],
)
def test_an_array_that_cannot_be_read_is_refused(client: httpx.Client, body: bytes, status: int, code: str) -> None:
    answer = client.post(ROUTE, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_line_is_an_empty_batch(client: httpx.Client) -> None:
    answer = client.post(ROUTE, content=b"\n \n", headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status_code, answer.json()["code"]) == (400, "batch-empty")


def test_a_batch_of_which_nothing_is_stored_has_the_status_of_its_reports(client: httpx.Client, source: str) -> None:
    alike = client.post(ROUTE, json=[{"error": {}}, report(source, severity="AWFUL")])
    assert (alike.status_code, alike.json()["success"]) == (400, False)


def test_a_batch_over_the_limit_says_when_to_retry(
    client: httpx.Client, database: psycopg.Connection, source: str
) -> None:
    with limit_of_new_incidents(database, 2):
        answer = client.post(ROUTE, json=[report(source, each) for each in ("a", "b", "c", "d")])
        rest = client.post(ROUTE, json=[report(source, each) for each in ("c", "d")])
    refused = [each["error"] for each in answer.json()["results"] if not each["success"]]
    assert answer.status_code == 200
    assert [(error["status"], error["code"]) for error in refused] == [(429, "rate-limited")] * 2
    assert all(1 <= error["retry_after"] <= 60 for error in refused)
    assert rest.status_code == 429
    assert 1 <= int(rest.headers["retry-after"]) <= 60


def test_a_thousand_reports_are_stored(client: httpx.Client, source: str, counts: Counts) -> None:
    answer = client.post(ROUTE, json=[report(source, f"{number % 10}") for number in range(1000)])
    assert answer.status_code == 201
    assert len(answer.json()["results"]) == 1000
    assert counts(source) == [("open", 100)] * 10


def test_more_than_a_thousand_are_refused(client: httpx.Client, source: str, counts: Counts) -> None:
    answer = client.post(ROUTE, json=[report(source)] * 1001)
    assert (answer.status_code, answer.json()["code"]) == (413, "batch-size")
    assert counts(source) == []


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compressed_bodies_are_read(client: httpx.Client, source: str, counts: Counts, encoding: str) -> None:
    compress, headers = ENCODINGS[encoding], {**JSON, "Content-Encoding": encoding}
    one = client.post(ROUTE, content=compress(json.dumps(report(source)).encode()), headers=headers)
    batch = client.post(ROUTE, content=compress(json.dumps([report(source)] * 2).encode()), headers=headers)
    assert (one.status_code, batch.status_code) == (201, 201)
    assert counts(source) == [("open", 3)]


def test_a_compressed_batch_may_be_ten_mebibytes(client: httpx.Client, source: str, counts: Counts) -> None:
    large = report(source, pad="x" * 1_000_000)
    answer = client.post(
        ROUTE, content=gzip.compress(json.dumps([large] * 10).encode()), headers={**JSON, "Content-Encoding": "gzip"}
    )
    assert answer.status_code in (201, 202)
    assert answer.json()["success"] is True


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"error":{"message":"x"},"pad":"' + b"x" * 2**20 + b'"}', id="one report"),
        pytest.param(b'[{"error":{"message":"x"},"pad":"' + b"x" * 11 * 2**20 + b'"}]', id="batch"),
        pytest.param(b"[" + b" " * 11 * 2**20 + b"]", id="spaces"),
    ],
)
def test_inflated_bodies_have_a_limit(client: httpx.Client, body: bytes) -> None:
    answer = client.post(ROUTE, content=gzip.compress(body), headers={**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


def test_a_key_of_a_batch_counts_each_report_once(client: httpx.Client, source: str, counts: Counts) -> None:
    headers = {"Idempotency-Key": f"{source}-batch"}
    batch = [report(source), report(source)]
    first, again = (client.post(ROUTE, json=batch, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert counts(source) == [("open", 2)]
    other = client.post(ROUTE, json=[report(source), report(source, "b"), report(source, "c")], headers=headers)
    assert other.status_code == 200
    assert [each.get("error", {}).get("code") for each in other.json()["results"]] == [
        None,
        "idempotency-key-reused",
        None,
    ]
    assert other.json()["results"][1]["error"]["status"] == 422
    alone = client.post(ROUTE, json=report(source), headers=headers)
    assert (alone.status_code, alone.json()["occurrence_count"]) == (201, 3)


def test_a_key_of_a_batch_leaves_room_for_the_place(client: httpx.Client, source: str) -> None:
    for length, status in ((251, 201), (252, 400)):
        headers = {"Idempotency-Key": source.ljust(length, "k")}
        assert client.post(ROUTE, json=[report(source)], headers=headers).status_code == status


def test_the_time_of_each_report_counts(client: httpx.Client, database: psycopg.Connection, source: str) -> None:
    client.post(
        ROUTE, json=[report(source, timestamp="1999-01-01T00:00:00Z"), report(source, "b", timestamp="yesterday")]
    )
    reported = database.execute("select now() - interval '3 hours'").fetchone()
    assert reported is not None
    client.post(ROUTE, json=[report(source, "c", timestamp=reported[0].isoformat())])
    seen = database.execute(
        "select right(context ->> 'fingerprint', 1), first_seen > now() - interval '1 hour' from public.incidents"
        " where source = %s order by 1",
        [source],
    ).fetchall()
    assert seen == [("a", True), ("b", True), ("c", False)]
