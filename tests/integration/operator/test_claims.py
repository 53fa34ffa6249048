"""The operator takes an incident from an agent that holds it."""

from __future__ import annotations

import json
import secrets

import psycopg

from tests.support.operator_tasks import run_sql_task


def test_take_an_incident_from_an_agent(sql_editor: psycopg.Connection) -> None:
    source = f"operator {secrets.token_hex(6)}"
    report = {"error": {"message": "m"}, "source": source}
    sql_editor.execute("select public.report_error(%s)", [json.dumps(report)])
    with sql_editor.transaction():
        claims = json.dumps({"role": "authenticated", "sub": "ann"})
        sql_editor.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        query = "select public.claim_next_incident('stuck', source => %s) ->> 'id'"
        row = sql_editor.execute(query, [source]).fetchone()
    assert row is not None

    run_sql_task(sql_editor, "Take an incident from an agent", {"INC-1042": row[0]})

    entry = sql_editor.execute(
        "select status, what, caller, why from public.incident_timeline join public.incidents"
        " on incidents.id = incident_id where incidents.id = %s order by incident_timeline.id desc limit 1",
        [row[0]],
    ).fetchone()
    assert entry == ("open", "claim_released", "postgres", "the agent does not answer any more")
