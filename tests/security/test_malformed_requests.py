"""Malformed envelopes, webhooks, batches and heartbeats: each is answered with 2xx or 4xx, and no SQL fails.

MALFORMED_REQUESTS is their number; `make faults` sends 10,000.
"""

from __future__ import annotations

import concurrent.futures
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from local import Stack, StackSettings
from tests.conftest import fresh_state
from tests.support import http_client
from tests.support.malformed_requests import SENTRY_SECRET, Request, malformed_request
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    GENERIC_NAME,
    KEPT_ALIVE,
    PUBLIC_NAME,
    ServiceProcess,
    is_drained,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

REQUESTS = int(os.environ.get("MALFORMED_REQUESTS", "1500"))
SENDERS = 16
AT_A_TIME = 500
SETTINGS: dict[str, dict[str, object]] = {
    "rate_limits": {"new_incidents_per_minute": 1_000_000, "public_new_incidents_per_minute": 1_000_000},
    "incident_policy": {
        "webhook_mappings": {
            GENERIC_NAME: {
                "fingerprint": "alert.id",
                "message": "{alert.name}: {details.0.text}",
                "status": "alert.state",
                "resolved": ["closed"],
                "severity": "severity",
                "timestamp": "at",
            }
        }
    },
}
TARGETS = [
    {"name": "nightly", "type": "heartbeat", "period_minutes": 60, "check_ins_from": [PUBLIC_NAME]},
    {"name": "weekly", "type": "heartbeat", "cron": "0 3 * * 1", "check_ins_from": [PUBLIC_NAME]},
]


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """Its incidents, and the errors in the log of its database, are those of these tests."""
    with fresh_state() as directory, Stack.start(StackSettings(directory, testing=True)) as own:
        with psycopg.connect(own.superuser_database_url, autocommit=True) as connection:
            merge = "update public.system_config set value = value || %s where key = %s"
            replace = "update public.system_config set value = %s where key = 'health_check_targets'"
            for key, fields in SETTINGS.items():
                connection.execute(merge, [Jsonb(fields), key])
            connection.execute(replace, [Jsonb(TARGETS)])
        yield own


@pytest.fixture(scope="module")
def heartbeat_key(own_stack: Stack) -> str:
    with psycopg.connect(own_stack.superuser_database_url) as connection:
        row = connection.execute("select path from monitoring.list_heartbeat_keys() where name = 'nightly'").fetchone()
    assert row is not None
    return str(row[0]).rpartition("/")[2]


@pytest.fixture(scope="module")
def service(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    environ = {**service_variables(own_stack), "SENTRY_CLIENT_SECRET": SENTRY_SECRET}
    with running_service(environ, tmp_path_factory.mktemp("malformed") / "log", budgets=UNHURRIED) as process:
        yield process


def errors_of(log: Path, since: int) -> list[str]:
    """The errors in the log of PostgreSQL."""
    text = log.read_bytes()[since:].decode(errors="replace")
    return re.findall(r"^.* (?:ERROR|FATAL|PANIC): .*$", text, flags=re.MULTILINE)


def test_malformed_requests_are_answered_and_break_nothing(
    own_stack: Stack, service: ServiceProcess, heartbeat_key: str
) -> None:
    log = own_stack.settings.log_directory / "postgres.log"
    since = log.stat().st_size if log.exists() else 0
    statuses: Counter[tuple[str, int]] = Counter()
    failed: list[str] = []
    with httpx.Client(base_url=service.url, timeout=http_client.TIMEOUT, limits=KEPT_ALIVE) as client:

        def send(number: int) -> tuple[int, Request, httpx.Response | httpx.TransportError]:
            request = malformed_request(number, heartbeat_key)
            try:
                answer = client.request(request.method, request.path, content=request.body, headers=request.headers)
            except httpx.TransportError as error:
                return number, request, error
            return number, request, answer

        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            for first in range(0, REQUESTS, AT_A_TIME):
                for number, request, answer in pool.map(send, range(first, min(first + AT_A_TIME, REQUESTS))):
                    if isinstance(answer, httpx.TransportError):
                        failed.append(f"request {number} of {request.kind}: {answer!r}")
                        continue
                    statuses[request.kind, answer.status_code] += 1
                    if not is_sound(answer):
                        failed.append(f"request {number} of {request.kind}: {answer.status_code} {answer.text[:300]}")
    print(f"{REQUESTS} requests:", sorted(statuses.items()))
    assert failed == [], "\n".join(failed)
    # Nothing that was accepted waits, or was given up, because the database refused it.
    wait_until(lambda: is_drained(service.url), what="the end of the spool")
    assert http_client.get(f"{service.url}/health").json()["spool"]["dead_letters"] == 0
    assert [line for line in service.logs() if line["level"] not in ("INFO", "DEBUG")] == []
    if log.exists():
        assert errors_of(log, since) == []
    # They were read, and not all refused at the door.
    assert {kind for kind, status in statuses if status < 300} == {kind for kind, _ in statuses}


def is_sound(answer: httpx.Response) -> bool:
    """No 5xx, and each refusal is a problem document, or the results of a batch of which no report was accepted."""
    if answer.status_code == 307:
        return "location" in answer.headers  # a GET with a slash too many
    if answer.status_code < 300:
        return isinstance(answer.json(), dict)
    if not 400 <= answer.status_code < 500:
        return False
    if answer.headers.get("content-type") == "application/problem+json":
        return bool(answer.json()["code"])
    return all(each["error"]["code"] for each in answer.json()["results"])
