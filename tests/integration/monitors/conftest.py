"""A client that delivers the webhooks of other monitors, and reads what was stored."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import namedtuple_row

from app.web.auth import sign
from local import Stack
from tests.support import http_client
from tests.support.monitor_bodies import Body, encode
from tests.support.operator_tasks import run_sql_task
from tests.support.service_process import (
    ALERTMANAGER_KEY,
    GENERIC_KEY,
    GENERIC_NAME,
    GITHUB_KEY,
    GRAFANA_KEY,
    KEPT_ALIVE,
    UPTIME_KUMA_KEY,
    ServiceProcess,
    is_drained,
)
from tests.support.waiting import wait_until

KEYS = {
    "alertmanager": ALERTMANAGER_KEY,
    "grafana": GRAFANA_KEY,
    "uptime-kuma": UPTIME_KUMA_KEY,
    "generic": GENERIC_KEY,
}

MAPPING_OF_THE_TASK = '{"fingerprint": "data.id", "message": "data.attributes.name"}'
UseMapping = Callable[[Body], None]


@dataclass(frozen=True)
class Monitors:
    """Delivers webhooks, each with the key of its kind, and reads what was stored."""

    http: httpx.Client
    connection: psycopg.Connection[Any]

    def post(self, kind: str, raw: bytes, **headers: str) -> httpx.Response:
        usual = {"Content-Type": "application/json", **headers}
        if kind == "github":
            usual["X-Hub-Signature-256"] = f"sha256={sign(raw, GITHUB_KEY)}"
            return self.http.post("/webhooks/github", content=raw, headers=usual)
        return self.http.post(f"/webhooks/{kind}", params={"key": KEYS[kind]}, content=raw, headers=usual)

    def deliver(self, kind: str, body: object, **headers: str) -> list[str]:
        """Returns the effects, one an alert."""
        answer = self.post(kind, encode(body), **headers)
        assert answer.status_code in (200, 202), answer.text
        return [str(effect) for effect in answer.json()["effects"]]

    def incident(self, fingerprint: str) -> Any:
        (found,) = self.rows("select * from public.incidents where fingerprint = %s", fingerprint)
        return found

    def rows(self, query: str, *parameters: object) -> list[Any]:
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()


@pytest.fixture
def monitors(service: ServiceProcess, stack: Stack) -> Iterator[Monitors]:
    with (
        httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as http,
        psycopg.connect(stack.superuser_database_url, autocommit=True) as connection,
    ):
        # While deliveries of an earlier test are in the spool, new ones go there too, with another answer.
        wait_until(lambda: is_drained(service.url), what="the end of the spool")
        yield Monitors(http, connection)


@pytest.fixture
def alert_id() -> str:
    """The fingerprint of an alert that no other test uses."""
    return secrets.token_hex(6)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def use_mapping(monitors: Monitors) -> Iterator[UseMapping]:
    """Writes a mapping as the operator does; afterwards the policy is as before."""
    (before,) = monitors.rows("select value::text from public.system_config where key = 'incident_policy'")

    def use(mapping: Body) -> None:
        values = {"better-stack": GENERIC_NAME, MAPPING_OF_THE_TASK: json.dumps(mapping).replace("'", "''")}
        run_sql_task(monitors.connection, "Read the webhooks of another monitor", values)

    yield use
    monitors.connection.execute(
        "update public.system_config set value = %s::jsonb where key = 'incident_policy'", [before.value]
    )
