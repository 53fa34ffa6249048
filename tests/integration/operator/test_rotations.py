"""The operator replaces each secret, and no report is lost meanwhile.

The service is started with the variables of docs/operator-tasks.md, as a deployment does.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from app.settings import Settings
from app.web.auth import sign
from local import Stack
from tests.support import email_events, sentry_bodies
from tests.support.operator_tasks import run_sql_task, task_blocks
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    INGEST_TOKEN,
    PROJECT,
    ServiceProcess,
    is_drained,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until


def steps(title: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    """The variables that each step of a task sets."""
    return [dict([text.strip().split("=", 1)]) for text in task_blocks(title, "sh", values)]


@contextmanager
def deployed(stack: Stack, log_path: Path, variables: Mapping[str, str]) -> Iterator[ServiceProcess]:
    with running_service({**service_variables(stack), **variables}, log_path, budgets=UNHURRIED) as service:
        yield service


def report(service: ServiceProcess, token: str, message: str = "m") -> httpx.Response:
    body = {"error": {"message": message}, "source": "rotations", "context": {"id": secrets.token_hex(6)}}
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{service.url}/api/autonomous/error", json=body, headers=headers, timeout=60)


def deliver(service: ServiceProcess, signature: str = "", **parameters: str) -> httpx.Response:
    raw = sentry_bodies.encode(sentry_bodies.error(str(secrets.randbelow(10**12)), secrets.token_hex(16)))
    headers = {
        "Content-Type": "application/json",
        "Sentry-Hook-Resource": "error",
        "Sentry-Hook-Timestamp": str(int(time.time())),
        **({"Sentry-Hook-Signature": sign(raw, signature)} if signature else {}),
    }
    return httpx.post(f"{service.url}/webhooks/sentry", content=raw, headers=headers, params=parameters, timeout=60)


def by_report(service: ServiceProcess, secret: str) -> int:
    return report(service, secret).status_code


def by_signature(service: ServiceProcess, secret: str) -> int:
    return deliver(service, secret).status_code


def by_webhook_url(service: ServiceProcess, secret: str) -> int:
    return deliver(service, token=secret).status_code


def by_public_key(service: ServiceProcess, secret: str) -> int:
    return report_of_a_page(service, secret).status_code


def report_of_a_page(service: ServiceProcess, key: str, message: str = "m") -> httpx.Response:
    body = {"error": {"message": message}, "context": {"id": secrets.token_hex(6)}}
    return httpx.post(f"{service.url}/api/autonomous/error", json=body, params={"key": key}, timeout=60)


def by_grafana(service: ServiceProcess, secret: str) -> int:
    return deliver_to(service, "grafana", secret).status_code


def by_generic(service: ServiceProcess, secret: str) -> int:
    return deliver_to(service, "generic", secret).status_code


def deliver_to(service: ServiceProcess, kind: str, key: str) -> httpx.Response:
    """Something that the monitor might send, and that means nothing."""
    body = {"id": secrets.token_hex(6)}
    return httpx.post(f"{service.url}/webhooks/{kind}", json=body, params={"key": key}, timeout=60)


def by_metrics(service: ServiceProcess, secret: str) -> int:
    return httpx.get(f"{service.url}/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code


def by_resend(service: ServiceProcess, secret: str) -> int:
    raw = json.dumps(email_events.resend("sent", "nobody@example.com", "unknown")).encode()
    headers = email_events.signed_headers(raw, secret if secret.startswith("whsec_") else new_signing_secret())
    return httpx.post(f"{service.url}{email_events.ROUTE}", content=raw, headers=headers, timeout=60).status_code


def by_postmark(service: ServiceProcess, secret: str) -> int:
    body = email_events.postmark("Delivery", "nobody@example.com", "unknown")
    return httpx.post(f"{service.url}{email_events.ROUTE}", json=body, auth=("postmark", secret)).status_code


def new_signing_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


TOKENS = {
    "Rotate INGEST_TOKEN": ("ingest-token", by_report),
    "Rotate a token of INGEST_TOKENS": ("checkout-token", by_report),
    "Rotate a public key": ("_public_key_of_the_shop", by_public_key),
    "Rotate the key of a monitor": ("grafana-key", by_grafana),
    "Rotate a key of GENERIC_KEYS": ("vercel-key", by_generic),
    "Rotate SENTRY_CLIENT_SECRET": ("client-secret", by_signature),
    "Rotate SENTRY_WEBHOOK_TOKEN": ("webhook-token", by_webhook_url),
    "Rotate OPERATOR_TOKEN": ("operator-token", by_metrics),
    "Rotate RESEND_WEBHOOK_SECRET": ("signing-secret", by_resend),
    "Rotate POSTMARK_WEBHOOK_CREDENTIALS": ("password", by_postmark),
}


# 202: a body that means nothing is stored, and nothing else happens.
ACCEPTED = {200, 201, 202}


@pytest.mark.parametrize("title", TOKENS)
def test_old_and_new_are_accepted_until_the_old_one_is_removed(stack: Stack, log_path: Path, title: str) -> None:
    name, use = TOKENS[title]
    old, new = (f"{age}{secrets.token_hex(12)}" for age in ("old", "new"))
    if use is by_resend:
        old, new = new_signing_secret(), new_signing_secret()
    prefix, joint = ("whsec_" if use is by_resend else ""), ("" if use is by_public_key else "-")
    both, new_only = steps(title, {f"{prefix}new{joint}{name}": new, f"{prefix}old{joint}{name}": old})
    with deployed(stack, log_path, both) as service:
        assert {use(service, each) for each in (old, new)} <= ACCEPTED
        assert use(service, "wrong-0123456789abcdef") == 401
    with deployed(stack, log_path, new_only) as service:
        assert use(service, new) in ACCEPTED
        assert use(service, old) == 401
    assert old not in log_path.read_text()
    assert new not in log_path.read_text()


@pytest.mark.parametrize(
    ("title", "name", "sender"),
    [
        ("Rotate INGEST_TOKEN", "ingest-token", "server:default"),
        ("Rotate a token of INGEST_TOKENS", "checkout-token", "server:checkout"),
        ("Rotate a public key", "_public_key_of_the_shop", "public:shop"),
    ],
)
def test_the_sender_stays_the_same(
    stack: Stack, log_path: Path, database: psycopg.Connection[Any], title: str, name: str, sender: str
) -> None:
    """Its incidents, its quota and its idempotency keys are those of both tokens."""
    both = steps(title, {})[0]
    message = "".join(chr(ord("a") + byte % 26) for byte in secrets.token_bytes(16))
    send, joint = (report_of_a_page, "") if sender.startswith("public:") else (report, "-")
    with deployed(stack, log_path, both) as service:
        ids = {send(service, f"{age}{joint}{name}", message).json()["incident_id"] for age in ("old", "new")}
    assert len(ids) == 1
    query = "select sender, occurrence_count from public.incidents where id = %s"
    assert database.execute(query, [ids.pop()]).fetchall() == [(sender, 2)]


@contextmanager
def deleted_key(stack: Stack, prefix: str, role: str) -> Iterator[str]:
    """A further key of the project, which the service starts with. Delete it from stack.roles_by_key."""
    key = f"{prefix}{secrets.token_hex(12)}"
    stack.roles_by_key[key] = role
    try:
        yield key
    finally:
        stack.roles_by_key.pop(key, None)


def test_reports_wait_while_the_secret_key_is_refused(
    stack: Stack, log_path: Path, database: psycopg.Connection[Any]
) -> None:
    ((name, _),) = steps("Rotate the Supabase secret key", {})[0].items()
    message = "".join(chr(ord("a") + byte % 26) for byte in secrets.token_bytes(16))
    with (
        deleted_key(stack, "sb_secret_", "service_role") as old,
        deployed(stack, log_path, {name: old}) as service,
    ):
        assert report(service, INGEST_TOKEN, message).status_code == 201
        del stack.roles_by_key[old]
        assert report(service, INGEST_TOKEN, message).status_code == 202
    (variables,) = steps("Rotate the Supabase secret key", {"sb_secret_new": stack.secret_key})
    with deployed(stack, log_path, variables) as service:
        wait_until(lambda: is_drained(service.url), what="the end of the spool")
        assert report(service, INGEST_TOKEN, message).status_code == 201
    query = "select occurrence_count from public.incidents where message = %s"
    assert database.execute(query, [message]).fetchall() == [(3,)]


def read_incidents(service: ServiceProcess, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{service.url}/api/autonomous/incidents", headers=headers, timeout=60).status_code


def test_reports_do_not_need_the_publishable_key(stack: Stack, log_path: Path) -> None:
    ((name, _),) = steps("Rotate the Supabase publishable key", {})[0].items()
    with (
        deleted_key(stack, "sb_publishable_", "anon") as old,
        deployed(stack, log_path, {name: old}) as service,
    ):
        assert read_incidents(service, stack.authenticated_jwt) == 200
        del stack.roles_by_key[old]
        assert read_incidents(service, stack.authenticated_jwt) != 200
        assert report(service, INGEST_TOKEN).status_code == 201
    (variables,) = steps("Rotate the Supabase publishable key", {"sb_publishable_new": stack.publishable_key})
    with deployed(stack, log_path, variables) as service:
        assert read_incidents(service, stack.authenticated_jwt) == 200


def test_tokens_of_both_signing_keys_are_accepted(stack: Stack, service: ServiceProcess) -> None:
    """As between "Rotate" and "Revoke" in the dashboard: see "Rotate the JWT signing key"."""
    claims = {"role": "authenticated", "sub": "rotating", "exp": int(time.time()) + 3600}
    for token in (stack.signing_keys.sign(claims), jwt.encode(claims, stack.jwt_secret, algorithm="HS256")):
        assert read_incidents(service, token) == 200


def test_the_embeddings_key_is_replaced(sql_editor: psycopg.Connection[Any]) -> None:
    try:
        for value in ("first-key", "second-key"):
            run_sql_task(sql_editor, "Rotate embeddings_api_key", {"new-key": value})
            assert sql_editor.execute("select monitoring.read_secret('embeddings_api_key')").fetchone() == (value,)
    finally:
        sql_editor.execute("delete from monitoring.secrets where name = 'embeddings_api_key'")


def test_the_service_knows_neither_the_signing_key_nor_the_database_password() -> None:
    """That is why "Rotate the JWT signing key" and "Rotate the database password" need no deployment of it."""
    names = " ".join(Settings.model_fields)
    assert "jwt" not in names
    assert "password" not in names
    assert "database" not in names
    sources = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "app").rglob("*.py"))
    assert "psycopg" not in sources
    assert "jwt.decode" not in sources
