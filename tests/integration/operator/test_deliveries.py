"""The operator sends dead letters again and replays Sentry's deliveries."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.web.auth import sign
from local import Stack
from tests.support import sentry_bodies
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.operator_tasks import run_shell_task, run_sql_task
from tests.support.service_budgets import UNHURRIED_CALLS
from tests.support.service_process import INGEST_TOKEN, PROJECT, ServiceProcess, running_service
from tests.support.waiting import wait_until

SECRET = "client-secret-of-this-test"  # noqa: S105 - of a service that lives as long as a test
REFUSE = """
create function public.refuse_test() returns trigger language plpgsql as $$
begin
  raise exception using errcode = '23514', message = 'refused for a test';
end
$$;
create trigger refuse_test before insert on public.incidents
for each row when (new.message like '%POISON%') execute function public.refuse_test();
"""
ACCEPT = "drop function if exists public.refuse_test cascade"


@pytest.fixture
def service(service_environ: dict[str, str], proxy: FaultProxy, log_path: Path) -> Iterator[ServiceProcess]:
    environ = {**service_environ, "SUPABASE_URL": proxy.url, "SENTRY_CLIENT_SECRET": SECRET}
    with running_service(environ, log_path, budgets=UNHURRIED_CALLS) as running:
        yield running


@pytest.fixture
def poison(database: psycopg.Connection[Any]) -> Iterator[str]:
    """A message that the database refuses."""
    message = "".join(chr(ord("a") + byte % 26) for byte in secrets.token_bytes(16))
    database.execute(REFUSE.replace("POISON", message).encode())
    yield message
    database.execute(ACCEPT)


def spool_of(service: ServiceProcess) -> Any:
    return httpx.get(f"{service.url}/health").json()["spool"]


def test_a_dead_letter_is_sent_again(
    service: ServiceProcess, proxy: FaultProxy, poison: str, database: psycopg.Connection[Any]
) -> None:
    proxy.always = Fault.RESET
    response = httpx.post(
        f"{service.url}/api/autonomous/error",
        json={"error": {"message": poison}},
        headers={"Authorization": f"Bearer {INGEST_TOKEN}"},
        timeout=60,
    )
    assert response.status_code == 202
    proxy.always = Fault.NONE
    wait_until(lambda: spool_of(service)["dead_letters"] == 1, what="the dead letter")

    database.execute(ACCEPT)
    variables = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "SPOOL_PATH": str(service.log_path.with_name(f"{service.log_path.name}.spool")),
    }
    listed = run_shell_task("Requeue a dead letter", variables, PROJECT, {"17": "1"})
    assert "1 dead letter" in listed
    assert "refused for a test" in listed
    query = "select occurrence_count from public.incidents where message = %s"
    wait_until(lambda: database.execute(query, [poison]).fetchall() == [(1,)], what="the incident")
    wait_until(lambda: spool_of(service)["dead_letters"] == 0, what="an empty list of dead letters")


def deliver(service: ServiceProcess, title: str, issue_id: str) -> dict[str, Any]:
    raw = sentry_bodies.encode(sentry_bodies.error(issue_id, secrets.token_hex(16), title=title, exception=None))
    headers = {
        "Content-Type": "application/json",
        "Sentry-Hook-Resource": "error",
        "Sentry-Hook-Timestamp": str(int(time.time())),
        "Sentry-Hook-Signature": sign(raw, SECRET),
    }
    response = httpx.post(f"{service.url}/webhooks/sentry", content=raw, headers=headers, timeout=60)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def replay(sql_editor: psycopg.Connection[Any], delivery_id: int) -> str:
    listed, ((sentence,),) = run_sql_task(sql_editor, "Replay a delivery", {"(17)": f"({delivery_id})"})
    assert delivery_id in {row[0] for row in listed}
    return str(sentence)


def counts(sql_editor: psycopg.Connection[Any], issue_id: str) -> tuple[Any, ...] | None:
    """How often the issue was counted, its actions, and the e-mails of all incidents."""
    return sql_editor.execute(
        "select occurrence_count, (select count(*) from public.agent_actions where incident_id = incidents.id),"
        " (select count(*) from public.email_tracking) from public.incidents where fingerprint = %s",
        [f"sentry:issue:{issue_id}"],
    ).fetchone()


def test_an_applied_delivery_is_not_counted_again(
    service: ServiceProcess, stack: Stack, sql_editor: psycopg.Connection[Any]
) -> None:
    issue_id = str(secrets.randbelow(10**12))
    answer = deliver(service, "it broke", issue_id)
    before = counts(sql_editor, issue_id)
    assert replay(sql_editor, answer["delivery_id"]) == (
        "It was applied before. Nothing was counted, changed or sent again."
    )
    # The same by HTTP.
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    url = f"{stack.supabase_url}/rest/v1/rpc/replay_delivery"
    replayed = httpx.post(url, json={"delivery_id": answer["delivery_id"]}, headers=headers, timeout=60).json()
    assert (replayed["effect"], replayed["incident_id"]) == ("opened", answer["incident_id"])
    assert counts(sql_editor, issue_id) == before
    unknown = httpx.post(url, json={"delivery_id": 10**15}, headers=headers, timeout=60)
    assert (unknown.status_code, unknown.json()["message"]) == (404, f"there is no delivery {10**15}")


def test_a_failed_delivery_is_applied_once_when_its_cause_is_gone(
    service: ServiceProcess, poison: str, database: psycopg.Connection[Any], sql_editor: psycopg.Connection[Any]
) -> None:
    issue_id = str(secrets.randbelow(10**12))
    answer = deliver(service, poison, issue_id)
    assert answer["effect"] == "failed"
    assert replay(sql_editor, answer["delivery_id"]) == "It failed again: 23514: refused for a test"
    database.execute(ACCEPT)
    assert replay(sql_editor, answer["delivery_id"]) == "It was applied now."
    assert replay(sql_editor, answer["delivery_id"]).startswith("It was applied before.")
    found = counts(sql_editor, issue_id)
    assert found is not None
    assert found[0] == 1
