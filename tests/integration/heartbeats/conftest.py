"""Heartbeats through the service's door. The tests call the function that pg_cron would run, and move stored times."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.health_checks import JOBS, HealthChecks
from tests.support.service_process import ServiceProcess


@dataclass(frozen=True)
class Heartbeats:
    """Configures heartbeats, sends them, and reads what became of them. Names get a suffix of their own."""

    checks: HealthChecks
    client: httpx.Client

    def expect(self, short: str, **fields: object) -> str:
        """Makes it the only target. Returns the path of its URL."""
        fields = fields or {"period_minutes": 60}
        self.checks.set_targets({"name": self.checks.name(short), "type": "heartbeat", **fields})
        return self.path(short)

    def path(self, short: str) -> str:
        query = "select path from monitoring.list_heartbeat_keys() where name = %s"
        return str(self.checks.value(query, self.checks.name(short)))

    def send(self, path: str, method: str = "GET") -> dict[str, Any]:
        answer = self.client.request(method, path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()) if method != "HEAD" else {}

    def row(self, short: str) -> Any:
        (row,) = self.checks.rows("select * from monitoring.heartbeats where target = %s", self.checks.name(short))
        return row

    def move(self, short: str, minutes: int) -> None:
        """As if so many minutes had passed since everything that is known of a heartbeat."""
        columns = ("next_expected_at", "running_since", "last_started_at", "last_ok_at", "last_failed_at")
        moved = ", ".join(f"{column} = {column} - make_interval(mins => %(minutes)s)" for column in columns)
        query = f"update monitoring.heartbeats set {moved} where target = %(target)s"  # noqa: S608 - our own names
        self.checks.connection.execute(query.encode(), {"minutes": minutes, "target": self.checks.name(short)})

    def judge(self, short: str) -> str:
        """The status of the target after a judgement."""
        self.checks.judge()
        query = "select status from public.target_status where target = %s"
        return str(self.checks.value(query, self.checks.name(short)))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def heartbeats(
    connection: psycopg.Connection[Any], superuser_database_url: str, service: ServiceProcess
) -> Iterator[Heartbeats]:
    """Switches the scheduled jobs off for the test; afterwards everything but the incidents is restored."""
    with (
        psycopg.connect(superuser_database_url, autocommit=True) as superuser,
        httpx.Client(base_url=service.url, timeout=30) as client,
    ):
        checks = HealthChecks(connection, superuser, secrets.token_hex(3))
        checks.switch_jobs(JOBS, active=False)
        try:
            yield Heartbeats(checks, client)
        finally:
            checks.set_targets()
            checks.set_policy()
            checks.judge()
            connection.execute("delete from public.monitoring_checks where target_type = 'heartbeat'")
            checks.switch_jobs(JOBS, active=True)


@pytest.fixture
def ingest(connection: psycopg.Connection[Any]) -> Any:
    """Calls ingest_heartbeats() with elements, as the service does."""

    def call(*elements: dict[str, object]) -> list[dict[str, Any]]:
        row = connection.execute("select public.ingest_heartbeats(%s)", [json.dumps(elements)]).fetchone()
        assert row is not None
        return list(row[0])

    return call
