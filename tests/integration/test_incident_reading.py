"""GET /api/autonomous/incidents: access by the caller's own token, and filters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_process import INGEST_TOKEN, ServiceProcess

ROUTE = "/api/autonomous/incidents"


def report(client: httpx.Client, source: str, **members: object) -> str:
    body = {"error": {"message": "x"}, "source": source, **members}
    answer = client.post("/api/autonomous/error", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["incident_id"])


def read(reader: httpx.Client, **parameters: str) -> dict[str, Any]:
    answer = reader.get(ROUTE, params=parameters)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [incident["id"] for incident in page["incidents"]]


def test_a_reported_incident_can_be_read(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    incident_id = report(client, source, severity="HIGH", category="database", context={"a": [1]})
    page = read(reader, source=source)
    assert (page["total"], page["limit"], page["offset"]) == (1, 50, 0)
    (incident,) = page["incidents"]
    assert (incident["id"], incident["severity"], incident["category"]) == (incident_id, "HIGH", "database")
    single = reader.get(f"{ROUTE}/{incident_id}")
    assert single.status_code == 200
    assert single.json() == incident


def test_filters_select_incidents(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    low = report(client, source, severity="LOW", category="frontend", fingerprint=f"{source}-low")
    high = report(client, source, severity="HIGH", category="database", fingerprint=f"{source}-high")
    assert set(ids(read(reader, source=source))) == {low, high}
    assert ids(read(reader, source=source, severity="low")) == [low]
    assert ids(read(reader, source=source, category="database")) == [high]
    assert ids(read(reader, source=source, status="open", severity="HIGH")) == [high]
    assert ids(read(reader, source=source, status="resolved")) == []


def test_pages_follow_each_other_newest_first(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    made = [report(client, source, fingerprint=f"{source}-{letter}") for letter in "abcde"]
    pages = [read(reader, source=source, limit="2", offset=str(offset)) for offset in (0, 2, 4, 6)]
    assert [incident for page in pages for incident in ids(page)] == made[::-1]
    assert [page["total"] for page in pages] == [5, 5, 5, 5]
    assert ids(pages[3]) == []


def test_no_page_skips_an_incident_while_errors_repeat(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    made = [report(client, source, fingerprint=f"{source}-{letter}") for letter in "abcdefg"]
    found: list[str] = []
    page = read(reader, source=source, limit="2")
    while True:
        found += ids(page)
        # What is not read yet occurs again, and is now the newest by last_seen.
        for letter in "abcdefg":
            report(client, source, fingerprint=f"{source}-{letter}")
        if page["next"] is None:
            break
        page = read(reader, source=source, limit="2", after=page["next"])
    assert found == made[::-1]
    assert (page["total"], page["offset"], page["next_offset"]) == (7, None, None)


def test_the_next_page_is_read_by_either_member(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    for letter in "abc":
        report(client, source, fingerprint=f"{source}-{letter}")
    first = read(reader, source=source, limit="2")
    by_cursor = read(reader, source=source, limit="2", after=first["next"])
    by_offset = read(reader, source=source, limit="2", offset=str(first["next_offset"]))
    assert ids(by_cursor) == ids(by_offset)
    assert by_cursor["next"] is None
    answer = reader.get(ROUTE, params={"after": first["next"], "offset": "2"})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "after")


def test_since_is_a_moment_in_any_zone(client: httpx.Client, reader: httpx.Client, source: str) -> None:
    incident_id = report(client, source)
    before = datetime.now(UTC) - timedelta(minutes=5)
    after = datetime.now(UTC) + timedelta(minutes=5)
    assert ids(read(reader, source=source, since=before.isoformat())) == [incident_id]
    assert ids(read(reader, source=source, since=before.strftime("%Y-%m-%dT%H:%M:%SZ"))) == [incident_id]
    assert ids(read(reader, source=source, since=after.isoformat())) == []
    unencoded = reader.get(f"{ROUTE}?source={source}&since={after.isoformat()}")
    assert unencoded.json()["total"] == 0


@pytest.mark.parametrize(
    "suffix", [",b", ".neq.x", "(a)", '"q"', " x", "&status=resolved", "%", "*", "\\", "é", ":a", "'"]
)
def test_a_source_is_matched_literally(client: httpx.Client, reader: httpx.Client, source: str, suffix: str) -> None:
    plain = report(client, source)
    other = report(client, f"{source}{suffix}")
    assert ids(read(reader, source=f"{source}{suffix}".strip())) == [other]
    assert ids(read(reader, source=source)) == [plain]


@pytest.mark.parametrize("value", ["neq.x", "in.(a,b)", "not.eq.x", "is.null", "eq.x", "(any).{a}"])
def test_a_postgrest_operator_is_only_text(reader: httpx.Client, value: str) -> None:
    assert read(reader, source=value)["total"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "asleep"),
        ("status", ""),
        ("severity", "neq.LOW"),
        ("category", "kitchen"),
        ("source", ""),
        ("source", "nul\0"),
        ("since", "yesterday"),
        ("since", "2026-01-31 BC"),
        ("since", "2026-01-31T10:00:00+99:00"),
        ("since", "2026-13-31"),
        ("limit", "\u2003 1"),
        ("since", ""),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "1.5"),
        ("limit", "٣"),
        ("limit", "9" * 5000),
        ("offset", "-1"),
        ("offset", "x"),
        ("offset", "10001"),
        ("after", ""),
        ("after", "x"),
        ("after", "INC-1"),
        ("after", "1.5_INC-1"),
        ("after", f"{'9' * 30}_INC-1"),
        ("after", "1_INC-nul\0"),
        ("select", "id"),
        ("or", "(id.eq.1)"),
        ("apikey", "x"),
    ],
)
def test_a_wrong_parameter_is_named(reader: httpx.Client, name: str, value: str) -> None:
    answer = reader.get(ROUTE, params={name: value})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["parameter"]) == (400, "parameter", name)
    is_one_of_a_list = name not in {"source", "since", "limit", "offset", "after"}
    assert bool(problem.get("allowed")) == is_one_of_a_list


def test_a_repeated_parameter_is_refused(reader: httpx.Client) -> None:
    answer = reader.get(f"{ROUTE}?status=open&status=resolved")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "status")


@pytest.mark.parametrize("path", [ROUTE, f"{ROUTE}/INC-1001"])
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer no-jwt", "Bearer a.b.c", "Basic a.b.c", f"Bearer {INGEST_TOKEN}"]
)
def test_without_a_valid_token_nothing_is_read(service: ServiceProcess, path: str, header: str | None) -> None:
    answer = http_client.get(service.url + path, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_anon_and_an_expired_token_read_nothing(service: ServiceProcess, stack: Stack) -> None:
    expired = jwt.encode({"role": "authenticated", "exp": 1}, stack.jwt_secret)
    forged = jwt.encode({"role": "authenticated", "exp": 4102444800}, "another-secret-of-thirty-two-bytes-or-more")
    for token in (stack.anon_key, expired, forged):
        answer = http_client.get(service.url + ROUTE, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


@pytest.mark.parametrize("incident_id", ["INC-0", "nothing", "eq.INC-1", "INC-1,INC-2", "%00x", "é"])
def test_an_unknown_incident_is_not_found(reader: httpx.Client, incident_id: str) -> None:
    assert reader.get(f"{ROUTE}/{incident_id}").status_code in {400, 404}


def test_head_answers_as_get_without_a_body(reader: httpx.Client) -> None:
    answer = reader.head(ROUTE)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", ["status", "severity", "category"])
def test_the_allowed_values_are_those_of_the_enum(
    reader: httpx.Client, database: psycopg.Connection, name: str
) -> None:
    rows = database.execute(
        "select enumlabel from pg_enum where enumtypid = ('public.incident_' || %s)::regtype order by enumsortorder",
        [name],
    ).fetchall()
    allowed = reader.get(ROUTE, params={name: "another"}).json()["allowed"]
    assert allowed == [label for (label,) in rows]
