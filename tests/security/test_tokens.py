"""Forged and expired tokens are refused, and a valid one gives no access beyond its role."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.support import http_client

INCIDENTS = "/api/autonomous/incidents"
KINDS = ["alg none", "alg None", "unsigned", "another secret", "expired", "not yet", "another service role"]


def unsigned(claims: dict[str, object], algorithm: str) -> str:
    parts = [json.dumps({"alg": algorithm, "typ": "JWT"}).encode(), json.dumps(claims).encode()]
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "AAAA"])


def forged(stack: Stack) -> dict[str, str]:
    claims: dict[str, object] = {"role": "authenticated", "exp": int(time.time()) + 3600}
    expired = {**claims, "exp": int(time.time()) - 3600}
    return {
        "alg none": unsigned(claims, "none"),
        "alg None": unsigned(claims, "None"),
        "unsigned": unsigned(claims, "HS256").rpartition(".")[0] + ".x",
        "another secret": jwt.encode(claims, "another-secret-of-32-characters-or-more"),
        "expired": jwt.encode(expired, stack.jwt_secret),
        "not yet": jwt.encode({**claims, "nbf": int(time.time()) + 3600}, stack.jwt_secret),
        "another service role": jwt.encode(
            {**claims, "role": "service_role"}, "another-secret-of-32-characters-or-more"
        ),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_forged_tokens_are_refused(http: httpx.Client, stack: Stack, kind: str) -> None:
    headers = {"Authorization": f"Bearer {forged(stack)[kind]}"}
    assert http.get(INCIDENTS, headers=headers).status_code == 401
    assert http.get("/status", headers=headers).status_code == 401
    direct = http_client.get(f"{stack.supabase_url}/rest/v1/incidents", headers={"apikey": stack.anon_key, **headers})
    assert direct.status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "select * from monitoring.secrets",
        "select * from monitoring.event_receipts",
        "select * from monitoring.sentry_deliveries",
        "select monitoring.config('retention')",
        "select public.replay_sentry_delivery(1)",
        "insert into public.incidents (fingerprint) values ('x')",
        "update public.incidents set status = 'resolved'",
        "delete from public.agent_actions",
        "update public.system_config set value = '{}'",
        "select public.ingest_events('[]')",
        "select public.ingest_sentry('[]')",
        "alter table public.incidents disable row level security",
        "create table public.mine (id integer)",
        "set role postgres",
    ],
)
def test_an_agent_with_sql_has_no_privilege(connection: psycopg.Connection[Any], query: str) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("set local session authorization authenticator")
        connection.execute("set local role authenticated")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(query.encode())


def test_configuration_is_invisible_to_agents(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("set local role authenticated")
        for table in (b"system_config", b"email_tracking"):
            assert connection.execute(b"select from public." + table).fetchall() == []
