"""The operator mutes a target, which the status page shows as maintenance, and unmutes it."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.support.operator_tasks import run_sql_task

TARGETS = [{"name": "shop", "type": "frontend", "url": "https://example.com/"}]


def is_in_maintenance(sql_editor: psycopg.Connection) -> bool:
    row = sql_editor.execute("select monitoring.is_in_maintenance('shop', now())").fetchone()
    assert row is not None
    return bool(row[0])


def test_the_tasks(sql_editor: psycopg.Connection) -> None:
    query = "select value from public.system_config where key = 'health_check_targets'"
    row = sql_editor.execute(query).fetchone()
    assert row is not None
    change = "update public.system_config set value = %s where key = 'health_check_targets'"
    sql_editor.execute(change, [json.dumps(TARGETS)])
    try:
        run_sql_task(sql_editor, "Mute a target")
        assert is_in_maintenance(sql_editor)
        run_sql_task(sql_editor, "Unmute a target")
        assert not is_in_maintenance(sql_editor)
        with pytest.raises(psycopg.Error, match="there is no target shpo") as refused:
            run_sql_task(sql_editor, "Mute a target", {"'shop'": "'shpo'"})
        assert refused.value.diag.message_hint == "The targets are: shop"
    finally:
        sql_editor.execute(change, [json.dumps(row[0])])
