"""The operator adds a format of secrets, and switches one off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.operator_tasks import run_sql_task

KEY = "acme_live_" + "9z8Y" * 6
EXAMPLE = "acme_live_" + "a1B2" * 6


@pytest.fixture(autouse=True)
def no_format_of_the_operator(sql_editor: psycopg.Connection) -> Iterator[None]:
    yield
    sql_editor.execute("delete from monitoring.secret_formats where origin = 'operator'")


def stored_message(stack: Stack, connection: psycopg.Connection[Any], message: str) -> str:
    """Reports an error as an agent does, over PostgREST, and returns what is stored."""
    headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    body = {"report": {"error": {"message": message}}}
    response = httpx.post(f"{stack.supabase_url}/rest/v1/rpc/report_error", json=body, headers=headers, timeout=30)
    assert response.status_code == 200, response.text
    query = "select message from public.incidents where id = %s"
    row = connection.execute(query, (response.json()["incident_id"],)).fetchone()
    assert row is not None
    return str(row[0])


def test_a_format_counts_from_the_next_report_until_it_is_switched_off(
    sql_editor: psycopg.Connection, stack: Stack
) -> None:
    assert stored_message(stack, sql_editor, f"upload refused before for {KEY}") == f"upload refused before for {KEY}"
    run_sql_task(sql_editor, "Redact a secret of our own format")
    assert stored_message(stack, sql_editor, f"upload refused after for {KEY}") == "upload refused after for [redacted]"
    run_sql_task(sql_editor, "Stop redacting a format")
    assert stored_message(stack, sql_editor, f"upload refused again for {KEY}") == f"upload refused again for {KEY}"


def test_a_refused_format_names_the_field_and_the_remedy(sql_editor: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue) as refused:
        run_sql_task(sql_editor, "Redact a secret of our own format", {EXAMPLE: "acme_live_short"})
    assert "example is not matched completely by prefix and body" in str(refused.value)
    assert refused.value.diag.message_hint is not None
    assert refused.value.diag.message_detail == "example"


def test_a_second_installation_keeps_the_operators_format(sql_editor: psycopg.Connection) -> None:
    """What `supabase db push` runs at the end of an upgrade."""
    run_sql_task(sql_editor, "Redact a secret of our own format")
    sql_editor.execute("update monitoring.secret_formats set is_enabled = false where name = 'groq'")
    try:
        sql_editor.execute("select monitoring.install()")
        query = "select name, origin, is_enabled from monitoring.secret_formats where name = any(%s) order by name"
        rows = sql_editor.execute(query, (["acme_api_key", "groq"],)).fetchall()
        assert rows == [("acme_api_key", "operator", True), ("groq", "builtin", False)]
    finally:
        sql_editor.execute("update monitoring.secret_formats set is_enabled = true where name = 'groq'")
