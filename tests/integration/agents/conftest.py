"""Agents that call PostgREST with their own tokens, and a superuser's connection to the database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_process import KEPT_ALIVE

Call = Callable[..., httpx.Response]


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def agent(stack: Stack) -> Iterator[httpx.Client]:
    """A client with the token of the front-end agent."""
    token = jwt.encode(
        {"role": "authenticated", "sub": "0f0f", "agent": "fe-agent", "exp": 4102444800}, stack.jwt_secret
    )
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=f"{stack.supabase_url}/rest/v1",
        headers=headers,
        timeout=http_client.TIMEOUT,
        limits=KEPT_ALIVE,
    ) as client:
        yield client


@pytest.fixture
def call(agent: httpx.Client) -> Call:
    """Calls an RPC."""

    def post(function: str, **parameters: object) -> httpx.Response:
        return agent.post(f"/rpc/{function}", json=parameters)

    return post


@pytest.fixture
def make_incident(call: Call) -> Callable[[], str]:
    def report() -> str:
        body = {"error": {"message": "m"}, "fingerprint": secrets.token_hex(6), "source": "agents"}
        return str(call("report_error", report=body).json()["incident_id"])

    return report


@pytest.fixture
def configure(connection: psycopg.Connection[Any]) -> Iterator[Callable[[str, dict[str, object]], None]]:
    """Changes an entry of the configuration for the time of a test."""
    before: dict[str, Any] = {}

    def change(key: str, value: dict[str, object]) -> None:
        row = connection.execute("select value from public.system_config where key = %s", [key]).fetchone()
        assert row is not None
        before.setdefault(key, row[0])
        update(key, {**row[0], **value})

    def update(key: str, value: dict[str, object]) -> None:
        connection.execute("update public.system_config set value = %s where key = %s", [json.dumps(value), key])

    yield change
    for key, value in before.items():
        update(key, value)
