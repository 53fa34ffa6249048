"""Every RPC and every route with random values: no answer is a 500."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local import Stack
from tests.support import http_client
from tests.support.mutations import UNUSUAL_VALUES

FUNCTIONS = """
select proname, proargnames[1:pronargs]
from pg_catalog.pg_proc
where pronamespace = 'public'::regnamespace
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
order by proname
"""
WORDS: list[Any] = [
    *(value for value in UNUSUAL_VALUES if "\0" not in str(value) and "\ud800" not in str(value)),
    "INC-1001",
    "open",
    "HIGH",
    "investigate",
    "sent",
    0.5,
    1,
    "2026-12-01T00:00:00Z",
    "[1,2,3]",
    {"error": {"message": "m"}},
    [{"error": {"message": "m"}}],
    [{"resource": "issue", "body": {"action": "created", "data": {"issue": {"id": 1}}}}],
]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]
HEADERS = [
    *(b"Authorization", b"Accept", b"Content-Type", b"Idempotency-Key", b"X-Request-Id"),
    *(b"svix-id", b"svix-timestamp", b"svix-signature"),
]
HEADER_VALUES = [
    b"",
    b"Bearer",
    b"Bearer a.b.c",
    b"Basic",
    b"Basic YTpi",
    b"application/json",
    b"\xc3\xa9",
    b"x" * 5000,
]
HEADER_VALUES += [b"\xff", b"0", b"9" * 30, b"v1," + b"A" * 43 + b"=", b"v1, v1a,x"]
PARAMETERS = ["status", "limit", "since", "token", "x"]
SETTINGS = settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def rest(stack: Stack) -> httpx.Client:
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    return httpx.Client(base_url=f"{stack.supabase_url}/rest/v1", headers=headers, timeout=http_client.TIMEOUT)


def test_every_function(rest: httpx.Client, connection: psycopg.Connection[Any]) -> None:
    functions = connection.execute(FUNCTIONS).fetchall()
    assert len(functions) > 25

    @SETTINGS
    @given(seed=st.integers(0, 2**32))
    def call(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test's own choice, which a seed must repeat
        for name, parameters in functions:
            chosen = [each for each in parameters or [] if chance.random() < 0.8]
            body = {each: chance.choice(WORDS) for each in chosen}
            answer = rest.post(f"/rpc/{name}", json=body)
            assert answer.status_code < 500, (name, body, answer.text)

    with rest:
        call()
    # What the functions were made to write is not what other tests count on.
    connection.execute("delete from monitoring.running_actions")
    connection.execute("update public.system_config set value = '{\"enabled\": false}' where key = 'kill_switch'")


def test_every_route(http: httpx.Client) -> None:
    paths = [
        "/",
        "/health",
        "/health/db",
        "/status",
        "/api/autonomous/error",
        "/api/autonomous/incidents",
        "/api/autonomous/incidents/INC-1",
        "/webhooks/sentry",
        "/webhooks/email",
    ]

    @SETTINGS
    @given(seed=st.integers(0, 2**32))
    def ask(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test's own choice, which a seed must repeat
        for path in paths:
            headers = [(chance.choice(HEADERS), chance.choice(HEADER_VALUES)) for _ in range(4)]
            body = json.dumps(chance.choice(WORDS)).encode() if chance.random() < 0.8 else b"\xff\x00"
            request = http.build_request(
                chance.choice(METHODS),
                path,
                content=body,
                params={chance.choice(PARAMETERS): str(chance.choice(WORDS))[:500]},
                headers=headers[: chance.randint(0, 4)],
            )
            answer = http.send(request)
            assert answer.status_code < 500 or answer.status_code == 503, (path, headers, answer.text)

    ask()
