"""The operator pauses a target, which is then not checked, resumes it, and sees certificates and looks."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from tests.support.operator_tasks import run_sql_task

TARGETS = [{"name": "shop", "type": "frontend", "url": "https://example.com/"}]
IS_PAUSED = (
    "select is_paused, paused_until > now() + interval '59 minutes' from monitoring.probe_targets where name = 'shop'"
)
CERTIFICATE = """
insert into monitoring.target_certificates (target, endpoint, next_look_at, looked_at, issuer, names, not_after)
values (
  'shop', 'example.com:443', now() + interval '6 hours', now(), 'An authority', '{example.com}',
  now() + interval '5 days'
)
on conflict (target) do update
  set looked_at = excluded.looked_at, issuer = excluded.issuer, names = excluded.names, not_after = excluded.not_after
"""
LOOKS = """
insert into monitoring.target_looks (
  target, purpose, due_at, recorded_at, status, http_status, addresses, first_byte_ms
)
values ('shop', 'certificate', now(), now(), 'up', 200, '{203.0.113.7}', 12)
"""


def test_the_tasks(sql_editor: psycopg.Connection[Any]) -> None:
    query = "select value from public.system_config where key = 'health_check_targets'"
    row = sql_editor.execute(query).fetchone()
    assert row is not None
    change = "update public.system_config set value = %s where key = 'health_check_targets'"
    sql_editor.execute(change, [json.dumps(TARGETS)])
    try:
        run_sql_task(sql_editor, "Pause a target")
        assert sql_editor.execute(IS_PAUSED).fetchall() == [(True, True)]
        run_sql_task(sql_editor, "Pause a target", {"60": "null"})
        assert sql_editor.execute(IS_PAUSED).fetchall() == [(True, None)]
        run_sql_task(sql_editor, "Resume a target")
        assert sql_editor.execute(IS_PAUSED).fetchall() == [(False, None)]
        sql_editor.execute(CERTIFICATE)
        (listed,) = run_sql_task(sql_editor, "See when certificates expire")
        assert [(name, days, issuer) for name, days, _, issuer, *_ in listed if name == "shop"] == [
            ("shop", 5, "An authority")
        ]
        sql_editor.execute(LOOKS)
        (looks,) = run_sql_task(sql_editor, "See what the service saw of a target")
        assert [row[2:7] for row in looks if row[5] == ["203.0.113.7"]] == [("up", 200, None, ["203.0.113.7"], 12)]
    finally:
        sql_editor.execute("delete from monitoring.target_looks where addresses = '{203.0.113.7}'")
        sql_editor.execute(change, [json.dumps(row[0])])
