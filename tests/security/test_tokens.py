"""Forged and expired tokens are refused, and a valid one gives no access beyond its role."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from local import Stack
from local.stack.credentials import SigningKeys
from tests.support import http_client

INCIDENTS = "/api/autonomous/incidents"
KINDS = [
    "alg none",
    "alg None",
    "unsigned",
    "another secret",
    "expired",
    "not yet",
    "another service role",
    "alg none with the key id",
    "another ES256 key",
    "the ES256 key with an unknown key id",
    "ES256 with another key in the header",
    "ES256 with a signature of zeros",
    "ES256 of other claims",
    "ES256 expired",
    "ES256 not yet",
    "HS256 with the public key",
    "HS256 with the public key as JWK",
]


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signing_input(claims: Mapping[str, object], algorithm: str, **header: str) -> str:
    parts = [{"alg": algorithm, "typ": "JWT", **header}, claims]
    return ".".join(encoded(json.dumps(part).encode()) for part in parts)


def unsigned(claims: dict[str, object], algorithm: str, **header: str) -> str:
    return f"{signing_input(claims, algorithm, **header)}.AAAA"


def signed_with_bytes(claims: dict[str, object], secret: bytes, key_id: str) -> str:
    """HS256 whatever the secret is: pyjwt refuses to take a public key for one."""
    text = signing_input(claims, "HS256", kid=key_id)
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def forged_es256(stack: Stack) -> dict[str, str]:
    claims: dict[str, object] = {"role": "authenticated", "sub": "ann", "exp": int(time.time()) + 3600}
    key, another = stack.signing_keys, SigningKeys("another secret")
    public_pem = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public_jwk = json.loads(ECAlgorithm.to_jwk(key.public_key))
    other_jwk = json.loads(ECAlgorithm.to_jwk(another.public_key))
    valid = key.sign(claims)
    header, _, signature = valid.split(".")
    return {
        "alg none with the key id": unsigned(claims, "none", kid=key.key_id),
        "another ES256 key": another.sign(claims, kid=key.key_id),
        "the ES256 key with an unknown key id": key.sign(claims, kid=another.key_id),
        "ES256 with another key in the header": another.sign(claims, kid=key.key_id, jwk=other_jwk),
        "ES256 with a signature of zeros": f"{signing_input(claims, 'ES256', kid=key.key_id)}.{encoded(bytes(64))}",
        "ES256 of other claims": ".".join(
            [header, signing_input({**claims, "sub": "ben"}, "").split(".")[1], signature]
        ),
        "ES256 expired": key.sign({**claims, "exp": int(time.time()) - 3600}),
        "ES256 not yet": key.sign({**claims, "nbf": int(time.time()) + 3600}),
        "HS256 with the public key": signed_with_bytes(claims, public_pem, key.key_id),
        "HS256 with the public key as JWK": signed_with_bytes(claims, json.dumps(public_jwk).encode(), key.key_id),
    }


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
        **forged_es256(stack),
    }


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_a_token_of_each_algorithm_reads_as_its_user(http: httpx.Client, stack: Stack, algorithm: str) -> None:
    """Otherwise the next test would prove nothing."""
    subject = f"{algorithm}-{secrets.token_hex(6)}"
    claims = {"role": "authenticated", "sub": subject, "exp": int(time.time()) + 3600}
    token = stack.signing_keys.sign(claims) if algorithm == "ES256" else jwt.encode(claims, stack.jwt_secret)
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.get(INCIDENTS, headers=bearer).status_code == 200
    assert http.get("/status", headers=bearer).status_code == 200
    with httpx.Client(
        base_url=f"{stack.supabase_url}/rest/v1/",
        headers={"apikey": stack.publishable_key, **bearer},
        timeout=http_client.TIMEOUT,
    ) as postgrest:
        assert postgrest.get("incidents", params={"limit": 1}).status_code == 200
        # Row-level security hides this table's rows from users.
        assert postgrest.get("system_config").json() == []
        action = {"agent": "fe-agent", "action_type": "investigate"}
        action_id = postgrest.post("rpc/begin_agent_action", json=action).raise_for_status().json()["action_id"]
        (row,) = postgrest.get("agent_actions", params={"id": f"eq.{action_id}", "select": "caller"}).json()
        postgrest.post("rpc/finish_agent_action", json={"action_id": action_id, "success": True}).raise_for_status()
    assert row == {"caller": f"user:{subject}"}


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
        "select * from monitoring.deliveries",
        "select monitoring.config('retention')",
        "select public.replay_delivery(1)",
        "insert into public.incidents (fingerprint) values ('x')",
        "update public.incidents set status = 'resolved'",
        "delete from public.agent_actions",
        "update public.system_config set value = '{}'",
        "select public.ingest_events('[]')",
        "select public.ingest_deliveries('[]')",
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
