"""The operator writes a mapping for the webhooks of another monitor, and sees why one opened no incident."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.operator_tasks import run_sql_task


@pytest.fixture(autouse=True)
def former_policy(sql_editor: psycopg.Connection) -> Iterator[None]:
    query = "select value::text from public.system_config where key = 'incident_policy'"
    before = sql_editor.execute(query).fetchone()
    assert before is not None
    yield
    sql_editor.execute("update public.system_config set value = %s::jsonb where key = 'incident_policy'", before)


def deliver(connection: psycopg.Connection, body: object) -> str:
    delivery = {"kind": "generic", "name": "better-stack", "resource": "generic", "body": body}
    row = connection.execute(
        "select public.ingest_deliveries(%s::jsonb) #>> '{0,effect}'",
        [json.dumps([{**delivery, "body_hash": secrets.token_hex(32)}])],
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_mapping_reads_what_was_only_recorded_before(sql_editor: psycopg.Connection) -> None:
    body = {"data": {"id": secrets.token_hex(6), "attributes": {"name": "Shop is down"}}}
    assert deliver(sql_editor, body) == "recorded"
    (rows,) = run_sql_task(sql_editor, "See why a webhook opened no incident")
    assert rows[0][5] == "incident_policy.webhook_mappings has no mapping better-stack"
    assert rows[0][6] == body
    run_sql_task(sql_editor, "Read the webhooks of another monitor")
    assert deliver(sql_editor, body) == "opened"


def test_a_second_mapping_keeps_the_first(sql_editor: psycopg.Connection) -> None:
    run_sql_task(sql_editor, "Read the webhooks of another monitor")
    run_sql_task(sql_editor, "Read the webhooks of another monitor", {"better-stack": "other"})
    names = sql_editor.execute(
        "select jsonb_object_keys(value -> 'webhook_mappings') from public.system_config where key = 'incident_policy'"
    ).fetchall()
    assert {name for (name,) in names} == {"better-stack", "other"}
