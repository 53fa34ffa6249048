"""Reports with the status resolved, over HTTP and by RPC."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg

from local import Stack
from tests.integration.reports.conftest import ROUTE
from tests.support.service_process import PUBLIC_KEY

Counts = Callable[[str], list[tuple[str, int]]]


def report(source: str, status: str = "firing", **members: object) -> dict[str, Any]:
    return {
        "error": {"message": "it failed"},
        "source": source,
        "fingerprint": f"{source}-job",
        "status": status,
        **members,
    }


def test_a_resolution_closes_the_incident(
    client: httpx.Client, database: psycopg.Connection, source: str, counts: Counts
) -> None:
    opened = client.post(ROUTE, json=report(source)).json()
    answer = client.post(ROUTE, json={"fingerprint": f"{source}-job", "status": "resolved"})
    assert answer.status_code == 201
    assert answer.json() == {**opened, "status": "resolved", "duplicate": False}
    again = client.post(ROUTE, json={"fingerprint": f"{source}-job", "status": "resolved"})
    assert again.json() == {**opened, "status": "resolved", "duplicate": True}
    row = database.execute(
        "select status::text, resolved_by, resolution from public.incidents where source = %s", [source]
    ).fetchone()
    assert row == ("resolved", "server:default", "Reported as resolved.")
    actions = database.execute(
        "select agent, action from public.agent_actions where incident_id = %s order by id", [opened["incident_id"]]
    ).fetchall()
    assert actions == [("server:default", "incident_created"), ("server:default", "incident_resolved")]
    assert client.post(ROUTE, json=report(source)).json()["status"] == "open"
    assert counts(source) == [("open", 2)]


def test_the_error_names_the_incident_too(client: httpx.Client, source: str, counts: Counts) -> None:
    body = {"error": {"message": "Disk full on volume 17"}, "source": source}
    client.post(ROUTE, json=body)
    answer = client.post(ROUTE, json={**body, "error": {"message": "Disk full on volume 18"}, "status": "resolved"})
    assert (answer.json()["status"], answer.json()["duplicate"]) == ("resolved", False)
    assert counts(source) == [("resolved", 1)]


def test_another_sender_closes_nothing(
    client: httpx.Client, page: httpx.Client, stack: Stack, source: str, counts: Counts
) -> None:
    body = {"error": {"message": "it failed"}, "source": source}
    client.post(ROUTE, json=body)
    unknown = {
        "success": True,
        "incident_id": None,
        "severity": None,
        "category": None,
        "status": None,
        "occurrence_count": None,
        "duplicate": True,
    }
    by_page = page.post(ROUTE, params={"key": PUBLIC_KEY}, json={**body, "status": "resolved"})
    assert (by_page.status_code, by_page.json()) == (201, unknown)
    by_agent = httpx.post(
        f"{stack.supabase_url}/rest/v1/rpc/report_error",
        json={"report": {**body, "status": "resolved"}},
        headers={"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"},
    )
    assert by_agent.json() == unknown
    assert counts(source) == [("open", 1)]


def test_an_agent_resolves_its_own_incident(stack: Stack, source: str, counts: Counts) -> None:
    def call(status: str) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.post(
            f"{stack.supabase_url}/rest/v1/rpc/report_error",
            json={"report": report(source, status)},
            headers={"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"},
        ).json()
        return answer

    assert call("firing")["status"] == "open"
    assert call("resolved")["status"] == "resolved"
    assert counts(source) == [("resolved", 1)]


def test_a_batch_is_applied_in_order(client: httpx.Client, source: str, counts: Counts) -> None:
    statuses = ("firing", "resolved", "firing")
    answer = client.post(ROUTE, json=[report(source, status) for status in statuses])
    assert [each["status"] for each in answer.json()["results"]] == ["open", "resolved", "open"]
    assert counts(source) == [("open", 2)]
    client.post(ROUTE, json=[report(source, "firing"), report(source, "resolved")])
    assert counts(source) == [("resolved", 3)]


def test_the_order_of_a_thousand_stays(client: httpx.Client, source: str, counts: Counts) -> None:
    """The batch goes out in two calls at the same time."""
    fillers = [{"error": {"message": "filler"}, "source": f"{source}-filler"}] * 498
    batch = [*fillers, report(source), report(source, "resolved"), report(source), report(source, "resolved"), *fillers]
    assert client.post(ROUTE, json=batch).status_code == 201
    assert counts(source) == [("resolved", 2)]


def test_a_late_resolution_changes_nothing(
    client: httpx.Client, database: psycopg.Connection, source: str, counts: Counts
) -> None:
    row = database.execute("select now() - interval '10 minutes'").fetchone()
    assert row is not None
    client.post(ROUTE, json=report(source))
    late = client.post(ROUTE, json=report(source, "resolved", timestamp=row[0].isoformat()))
    assert (late.json()["status"], late.json()["duplicate"]) == ("open", True)
    assert counts(source) == [("open", 1)]
    client.post(ROUTE, json=report(source, "resolved"))
    client.post(ROUTE, json=report(source, timestamp=row[0].isoformat()))
    assert counts(source) == [("resolved", 2)]


def test_a_resolution_has_a_key(client: httpx.Client, source: str) -> None:
    headers = {"Idempotency-Key": f"{source}-key"}
    client.post(ROUTE, json=report(source))
    first, again = (client.post(ROUTE, json=report(source, "resolved"), headers=headers) for _ in range(2))
    assert first.json() == again.json()
    other = client.post(ROUTE, json=report(source), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


def test_a_status_that_is_none_names_the_field(client: httpx.Client, source: str) -> None:
    statuses: tuple[object, ...] = ("over", 500, [])
    for status in statuses:
        answer = client.post(
            ROUTE, content=json.dumps(report(source) | {"status": status}), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["field"]) == (400, "status")
        assert answer.json()["hint"]
