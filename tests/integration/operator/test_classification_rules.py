"""The operator adds a rule, switches it off, and asks why an incident is CRITICAL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.operator_tasks import run_sql_task, task_blocks

DECLINED = "Stripe: your card declined the payment of order 17, HTTP 503"


@pytest.fixture(autouse=True)
def no_rules(sql_editor: psycopg.Connection) -> Iterator[None]:
    yield
    sql_editor.execute("delete from public.classification_rules where origin = 'operator'")


def rows_of(connection: psycopg.Connection, script: str) -> list[tuple[Any, ...]]:
    """The rows of the last statement of a script."""
    cursor = connection.execute(script.encode())
    while cursor.nextset():
        pass
    return cursor.fetchall()


def report(stack: Stack, message: str, **fields: object) -> dict[str, Any]:
    """As an agent does, over PostgREST."""
    headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    body = {"report": {"error": {"message": message}, **fields}}
    response = httpx.post(f"{stack.supabase_url}/rest/v1/rpc/report_error", json=body, headers=headers, timeout=30)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_rule_counts_from_the_next_report_until_it_is_switched_off(
    sql_editor: psycopg.Connection, stack: Stack
) -> None:
    assert report(stack, DECLINED, fingerprint="before")["severity"] == "CRITICAL"
    run_sql_task(sql_editor, "Add a classification rule")
    assert report(stack, DECLINED, fingerprint="after")["severity"] == "LOW"
    assert report(stack, DECLINED, fingerprint="before")["severity"] == "CRITICAL"
    run_sql_task(sql_editor, "Switch a rule off")
    assert report(stack, DECLINED, fingerprint="off")["severity"] == "CRITICAL"


def test_a_rule_is_tried_before_it_counts(sql_editor: psycopg.Connection, stack: Stack) -> None:
    message = "ERR_PARTNER_BUSY: the partner answered HTTP 500"
    before = report(stack, message, fingerprint="partner before", source="worker")
    assert before["severity"] == "HIGH"
    try_it, use_it = task_blocks("Try a rule before it counts", "sql")
    assert [row[:2] for row in rows_of(sql_editor, try_it)] == [("HIGH", "LOW")]
    assert report(stack, message, fingerprint="partner disabled", source="worker")["severity"] == "HIGH"
    sql_editor.execute(use_it.encode())
    assert report(stack, message, fingerprint="partner enabled", source="worker")["severity"] == "LOW"
    assert report(stack, message, fingerprint="partner elsewhere", source="web")["severity"] == "HIGH"


def test_a_rule_survives_a_second_push_and_an_upgrade(sql_editor: psycopg.Connection, stack: Stack) -> None:
    run_sql_task(sql_editor, "Add a classification rule")
    stack.push()
    sql_editor.execute("select monitoring.install()")
    assert report(stack, DECLINED, fingerprint="after an upgrade")["severity"] == "LOW"


def test_a_refused_rule_names_the_field_and_the_remedy(sql_editor: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as refused:
        run_sql_task(sql_editor, "Add a classification rule", {"Stripe: card_declined for order 4711": "no such words"})
    assert "example does not contain what matches asks for" in str(refused.value)
    assert "Correct one of them." in str(refused.value)
    assert refused.value.diag.message_detail == "example"


def test_the_reason_of_a_severity(sql_editor: psycopg.Connection, stack: Stack) -> None:
    answer = report(stack, "order 17: upstream returned HTTP 502 Bad Gateway, user 42 waits")
    title = "Find out why an incident is CRITICAL"
    ((text,),) = run_sql_task(sql_editor, title, {"INC-1001": answer["incident_id"]})[0]
    explanation = json.loads(text)
    assert explanation["rule"] == "bad_gateway"
    assert explanation["words"] == ["502", "Bad", "Gateway"]
    assert explanation["current"]["severity"] == explanation["severity"] == answer["severity"] == "CRITICAL"


def test_agents_read_the_reason_over_http(stack: Stack) -> None:
    incident_id = report(stack, "read ECONNRESET by peer 10.0.0.7")["incident_id"]
    headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    url = f"{stack.supabase_url}/rest/v1/rpc/explain_classification"
    explanation = httpx.get(url, params={"incident_id": incident_id}, headers=headers, timeout=30).json()
    assert (explanation["rule"], explanation["words"]) == ("socket_code", ["ECONNRESET"])
    missing = httpx.get(url, params={"incident_id": "INC-0"}, headers=headers, timeout=30)
    assert (missing.status_code, missing.json()["message"]) == (404, "there is no such incident")
