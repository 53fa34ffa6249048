"""The operator pauses and resumes all health checks, and changes settings."""

from __future__ import annotations

import httpx
import psycopg

from local import Stack
from tests.support.operator_tasks import run_sql_task


def is_monitoring_on(stack: Stack) -> bool:
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    response = httpx.post(f"{stack.supabase_url}/rest/v1/rpc/service_health", json={}, headers=headers, timeout=30)
    result: bool = response.json()["is_monitoring_on"]
    return result


def test_health_checks_are_paused_and_resumed(sql_editor: psycopg.Connection, stack: Stack) -> None:
    run_sql_task(sql_editor, "Pause all health checks")
    assert not is_monitoring_on(stack)
    run_sql_task(sql_editor, "Resume all health checks")
    assert is_monitoring_on(stack)


def test_a_setting_is_changed_and_the_change_is_listed(sql_editor: psycopg.Connection) -> None:
    changed, listed = run_sql_task(
        sql_editor, "Change a setting", {'"successes_to_close": 3': '"successes_to_close": 7'}
    )
    sql_editor.execute(
        "update public.system_config set value = value - 'successes_to_close' where key = 'health_check_policy'"
    )
    assert changed == []
    _, caller, agent, details = listed[0]
    assert (caller, agent, details["entry"]) == ("postgres", "operator", "health_check_policy")
    assert details["changes"]["successes_to_close"]["to"] == 7
