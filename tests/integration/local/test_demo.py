"""`make demo` leaves something to look at, says where, and can be repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from local.commands import demo
from local.stack import dev_file
from tests.support import http_client
from tests.support.service_process import INGEST_TOKEN, ServiceProcess, running_service, service_variables

ENTRIES = ("health_check_targets", "health_check_policy")


@pytest.fixture
def service(stack: Stack, tmp_path: Path) -> Iterator[ServiceProcess]:
    """The service with what `make dev` gives it, and the file that the demo reads."""
    environ = {
        **service_variables(stack),
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
        "OPERATOR_TOKEN": stack.secrets.operator_token,
    }
    with running_service(environ, tmp_path / "log") as running:
        values = {**dev_file.variables(stack, running.url), "INGEST_TOKEN": INGEST_TOKEN}
        dev_file.write(tmp_path / "state.env", values)
        yield running


@pytest.fixture
def entries(stack: Stack) -> Iterator[None]:
    """Restores the configuration, which other tests share."""
    write = "update public.system_config set value = %s where key = %s"
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        rows = connection.execute("select value, key from public.system_config where key = any(%s)", [list(ENTRIES)])
        before = rows.fetchall()
        yield
        for value, key in sorted(before, key=lambda row: ENTRIES.index(row[1])):
            connection.execute(write, [json.dumps(value), key])
        for statement in (
            "delete from monitoring.target_states where target = %s",
            "delete from monitoring.target_hourly_stats where target = %s",
            "delete from monitoring.target_daily_stats where target = %s",
            "delete from monitoring.probes where target = %s",
            "delete from public.monitoring_checks where target = %s",
        ):
            connection.execute(statement, [demo.TARGET])
        connection.execute(
            "update public.incidents set status = 'resolved', resolved_at = now()"
            " where status <> 'resolved' and context ->> 'fingerprint' like 'demo %'"
        )


@pytest.mark.usefixtures("entries")
def test_the_demo_leaves_something_to_look_at_and_can_be_repeated(
    service: ServiceProcess, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(path: str) -> list[dict[str, Any]]:
        headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
        answer = http_client.get(f"{stack.supabase_url}/rest/v1/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()
        return rows

    def incidents() -> dict[str, dict[str, Any]]:
        rows = read("incidents?context->>fingerprint=like.demo *&status=neq.resolved")
        return {row["source"]: row for row in rows}

    demo.run(tmp_path / "state")
    first, output = incidents(), capsys.readouterr().out
    assert {row["severity"] for row in first.values()} == {"CRITICAL", "HIGH", "MEDIUM", "LOW"}
    assert {source: row["status"] for source, row in first.items() if row["status"] != "open"} == {
        "orders": "acknowledged"
    }
    orders, payments = (first[source]["id"] for source in ("orders", "payments"))
    timeline = {row["what"] for row in read(f"incident_timeline?incident_id=eq.{orders}")}
    assert {"incident_created", "incident_acknowledged", "incident_noted"} <= timeline
    actions = read(f"agent_actions?agent=eq.demo-agent&incident_id=eq.{payments}")
    finished = ("investigate_finished", True)
    assert sorted((row["action"], row["success"]) for row in actions) == [("investigate", None), finished]
    assert "a webhook that was retried" in json.dumps(actions)
    assert len(read("error_knowledge?solution=like.Render the cart*")) == 1
    days = read(f"target_days?target=eq.{demo.TARGET}")
    assert len(days) >= 89
    assert {row["status"] for row in days} >= {"up", "degraded"}
    assert read(f"target_status?target=eq.{demo.TARGET}")

    # It says where to look, and there it is.
    assert f"{service.url}/status" in output
    assert stack.secrets.operator_token in output
    with httpx.Client(base_url=service.url, headers={"Accept": "text/html"}, timeout=http_client.TIMEOUT) as browser:
        page = browser.get("/status", headers={"Authorization": f"Bearer {stack.secrets.operator_token}"}).text
    for shown in (orders, payments, "Captured the payment of order 1042 twice", demo.TARGET, "v1.42.1"):
        assert shown in page
    queries = [line.strip().removeprefix('api "').removesuffix('"') for line in output.splitlines() if 'api "' in line]
    assert len(queries) == 3
    for query in queries:
        assert read(query), query

    demo.run(tmp_path / "state")
    again = incidents()
    assert {source: row["id"] for source, row in again.items()} == {source: row["id"] for source, row in first.items()}
    assert again["orders"]["occurrence_count"] == 2 * first["orders"]["occurrence_count"]
    assert "was acknowledged before" in capsys.readouterr().out
    targets = [row["target"] for row in read("target_status?select=target")]
    assert targets.count(demo.TARGET) == 1
