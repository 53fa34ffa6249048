"""The operator lists the URLs of heartbeats, replaces one, and sees what was reported."""

from __future__ import annotations

import json

import psycopg

from tests.support.operator_tasks import run_sql_task

TARGETS = [{"name": "nightly-backup", "type": "heartbeat", "cron": "0 2 * * *"}]
PATHS = "select path from monitoring.list_heartbeat_keys()"


def test_the_tasks(sql_editor: psycopg.Connection) -> None:
    query = "select value from public.system_config where key = 'health_check_targets'"
    row = sql_editor.execute(query).fetchone()
    assert row is not None
    change = "update public.system_config set value = %s where key = 'health_check_targets'"
    sql_editor.execute(change, [json.dumps(TARGETS)])
    try:
        run_sql_task(sql_editor, "List the URLs of heartbeats")
        before = sql_editor.execute(PATHS).fetchall()
        run_sql_task(sql_editor, "Replace the URL of a heartbeat")
        after = sql_editor.execute(PATHS).fetchall()
        assert (len(before), len(after)) == (1, 1)
        assert before != after
        run_sql_task(sql_editor, "See what heartbeats reported")
    finally:
        sql_editor.execute(change, [json.dumps(row[0])])
