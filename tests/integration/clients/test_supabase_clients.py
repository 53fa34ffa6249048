"""supabase-py and supabase-js read incidents through the gateway."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgrest import APIError, CountMethod
from supabase import Client, ClientOptions, create_client

from local import Stack
from local.system import programs
from tests.support.waiting import DEADLINE_SECONDS

# supabase-py itself passes parameters that its postgrest-py has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The '[a-z]+' parameter is deprecated:DeprecationWarning")

PUBLIC_KEYS = ("publishable_key", "anon_key")
SECRET_KEYS = ("secret_key", "service_role_key")
SCRIPT = Path(__file__).with_name("read_incidents.mjs")


@pytest.fixture(scope="module")
def incident_id(stack: Stack) -> str:
    report = {
        "error": {"message": "seen by clients"},
        "fingerprint": f"clients {uuid.uuid4()}",
        "severity": "LOW",
    }
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        row = connection.execute("select public.report_error(%s)", [json.dumps(report)]).fetchone()
    assert row is not None
    return str(row[0]["incident_id"])


@contextmanager
def connected(stack: Stack, token: str | None, key: str | None = None) -> Iterator[Client]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    client = create_client(stack.supabase_url, key or stack.publishable_key, ClientOptions(headers=headers))
    try:
        yield client
    finally:
        client.postgrest.aclose()


def read_by_javascript(stack: Stack, incident_id: str, token: str | None, key: str | None = None) -> dict[str, Any]:
    environment = {
        **os.environ,
        "NODE_MODULES": str(programs.NODE_MODULES),
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_KEY": key or stack.publishable_key,
        "SUPABASE_TOKEN": token or "",
    }
    run = subprocess.run(  # noqa: S603 - our own script
        [programs.node(), SCRIPT, incident_id],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


@pytest.mark.parametrize("kind", PUBLIC_KEYS)
def test_supabase_py_reads_as_authenticated(stack: Stack, incident_id: str, kind: str) -> None:
    with connected(stack, stack.authenticated_jwt, getattr(stack, kind)) as client:
        select = client.table("incidents").select("id, title", count=CountMethod.exact)
        answer = select.eq("id", incident_id).execute()
    assert answer.data == [{"id": incident_id, "title": "seen by clients"}]
    assert answer.count == 1


@pytest.mark.parametrize("kind", SECRET_KEYS)
def test_supabase_py_reads_as_the_service(stack: Stack, incident_id: str, kind: str) -> None:
    with connected(stack, None, getattr(stack, kind)) as client:
        answer = client.table("incidents").select("id").eq("id", incident_id).execute()
        health = client.rpc("service_health").execute()
    assert answer.data == [{"id": incident_id}]
    assert isinstance(health.data, dict)


@pytest.mark.parametrize("kind", PUBLIC_KEYS)
def test_supabase_py_gets_nothing_as_anon(stack: Stack, incident_id: str, kind: str) -> None:
    with connected(stack, None, getattr(stack, kind)) as client, pytest.raises(APIError) as refusal:
        client.table("incidents").select("id").eq("id", incident_id).execute()
    assert refusal.value.code == "42501"


def test_supabase_py_reports_as_authenticated(stack: Stack) -> None:
    report = {"error": {"message": "reported by an agent"}, "fingerprint": f"clients {uuid.uuid4()}"}
    with connected(stack, stack.authenticated_jwt) as client:
        answer = client.rpc("report_error", {"report": report}).execute()
    assert isinstance(answer.data, dict)
    assert answer.data["success"] is True


def test_supabase_py_gets_the_reason_of_a_refused_report(stack: Stack) -> None:
    with connected(stack, stack.authenticated_jwt) as client, pytest.raises(APIError) as refusal:
        client.rpc("report_error", {"report": {"error": {}}}).execute()
    assert refusal.value.code == "PT400"
    assert refusal.value.message == "error.message is missing"
    assert refusal.value.details == "error.message"


def test_supabase_py_gets_the_reasons_of_a_refused_action(stack: Stack) -> None:
    action = {"agent": "py", "action_type": "Restart", "plan": {"confidence": 0.1}}
    with connected(stack, stack.authenticated_jwt) as client, pytest.raises(APIError) as refusal:
        client.rpc("begin_agent_action", action).execute()
    assert (refusal.value.code, refusal.value.message) == ("PT409", "the action is refused")
    assert "feature_flag: feature_flags.auto_fix; confidence: 0.1 of at least 0.8" in str(refusal.value.details)
    assert "A person has to switch on the named flag" in str(refusal.value.hint)


def test_supabase_py_gets_the_incident_that_it_changed(stack: Stack, incident_id: str) -> None:
    """An incident has a column message, which is no error."""
    with connected(stack, stack.authenticated_jwt) as client:
        arguments = {"incident_id": incident_id, "severity": "high", "reason": "a test"}
        changed: Any = client.rpc("set_incident_severity", arguments).execute().data
        client.rpc("set_incident_severity", {**arguments, "severity": "LOW"}).execute()
    assert (changed["id"], changed["severity"], changed["message"]) == (incident_id, "HIGH", "seen by clients")


def test_supabase_py_gets_the_allowed_words(stack: Stack, incident_id: str) -> None:
    arguments = {"incident_id": incident_id, "severity": "urgent", "reason": "a test"}
    with connected(stack, stack.authenticated_jwt) as client, pytest.raises(APIError) as refusal:
        client.rpc("set_incident_severity", arguments).execute()
    assert (refusal.value.code, refusal.value.details) == ("PT400", "severity")
    assert refusal.value.hint == "Send one of LOW, MEDIUM, HIGH, CRITICAL."


@pytest.mark.parametrize("kind", PUBLIC_KEYS)
def test_supabase_js_reads_as_authenticated(stack: Stack, incident_id: str, kind: str) -> None:
    answer = read_by_javascript(stack, incident_id, stack.authenticated_jwt, getattr(stack, kind))
    assert answer["data"] == [{"id": incident_id, "title": "seen by clients", "severity": "LOW", "occurrence_count": 1}]
    assert answer["count"] == 1


@pytest.mark.parametrize("kind", SECRET_KEYS)
def test_supabase_js_reads_as_the_service(stack: Stack, incident_id: str, kind: str) -> None:
    answer = read_by_javascript(stack, incident_id, None, getattr(stack, kind))
    assert (answer["status"], answer["count"]) == (200, 1)


@pytest.mark.parametrize("kind", PUBLIC_KEYS)
def test_supabase_js_gets_nothing_as_anon(stack: Stack, incident_id: str, kind: str) -> None:
    answer = read_by_javascript(stack, incident_id, None, getattr(stack, kind))
    assert answer["data"] is None
    assert answer["code"] == "42501"
    assert answer["status"] == 401
