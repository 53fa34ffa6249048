"""Secrets in reports and webhooks reach no row and no log line."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import psycopg

from app.web.auth import sign
from tests.integration.sentry.conftest import ROUTE as WEBHOOK
from tests.integration.sentry.conftest import SECRETS, WEBHOOK_TOKEN
from tests.support import sentry_bodies as bodies
from tests.support.service_process import INGEST_TOKEN, ServiceProcess

# LEAK stands where the secret is. They are put together here, so that no scanner takes them for real ones.
LEAKS = [
    "Authorization: Bearer LEAK" + "abcdefghijklmnop",
    "postgres://app:LEAK" + "hunter2@db:5432/x",
    "password=LEAK" + "hunter2",
    '{"api_key": "LEAK' + 'abcdef123456"}',
    "AWS_SECRET_ACCESS_KEY=LEAK" + "abcdefghij0123456789",
    "Cookie: session=LEAK" + "abcdef0123456789",
    "token: ghp_" + "LEAK" + "a1B2" * 8,
    "sk_" + "live_LEAK" + "a1B2c3D4e5F6g7H8i9J0",
    "sb_" + "secret_LEAK" + "a1B2c3D4e5F6g7H8",
    "mail to LEAKann@example.com",
]


def everything(connection: psycopg.Connection[Any], name: str) -> str:
    queries = [
        "select string_agg(incidents::text, '') from public.incidents"
        " where coalesce(context ->> 'fingerprint', fingerprint) like %s",
        "select string_agg(details::text, '') from public.agent_actions"
        " join public.incidents on incidents.id = incident_id"
        " where coalesce(context ->> 'fingerprint', fingerprint) like %s",
        "select string_agg(deliveries::text, '') from monitoring.deliveries where fingerprint like %s",
    ]
    found = [connection.execute(query.encode(), [f"%{name}"]).fetchone() for query in queries]
    return "".join(str(row[0]) for row in found if row is not None)


def test_reports(
    http: httpx.Client, sentry_enabled_service: ServiceProcess, connection: psycopg.Connection[Any]
) -> None:
    name = secrets.token_hex(6)
    for number, leak in enumerate(LEAKS):
        report = {
            "error": {"message": leak, "stack": f"at f\n{leak}\n", "type": "Error"},
            "url": f"https://x.example/?q={number}",
            "fingerprint": f"{number} {name}",
            "context": {"note": leak, "nested": [{"note": leak}]},
        }
        answer = http.post(f"/api/autonomous/error?{leak}", json=report, headers={"X-Request-Id": leak[:60]})
        assert answer.status_code == 201, answer.text
    stored = everything(connection, name)
    assert stored.count("[redacted]") >= 2 * len(LEAKS)
    assert "LEAK" not in stored
    assert "LEAK" not in sentry_enabled_service.log_path.read_text()


def test_webhooks(
    http: httpx.Client, sentry_enabled_service: ServiceProcess, connection: psycopg.Connection[Any]
) -> None:
    issue_id = str(10**9 + secrets.randbelow(10**9))
    for number, leak in enumerate(LEAKS):
        fields = dict.fromkeys(("title", "message", "culprit", "environment", "release"), leak)
        body = bodies.error(issue_id, f"e{number}", extra={"note": leak}, **fields)
        raw = bodies.encode(body)
        headers = {"Sentry-Hook-Resource": "error", "Sentry-Hook-Signature": sign(raw, SECRETS[0])}
        answer = http.post(WEBHOOK, content=raw, headers=headers, params={"token": WEBHOOK_TOKEN, "x": leak})
        assert answer.status_code == 200, answer.text
    stored = everything(connection, issue_id)
    assert issue_id in stored
    assert "LEAK" not in stored
    assert "LEAK" not in sentry_enabled_service.log_path.read_text()
    log = sentry_enabled_service.log_path.read_text()
    assert (INGEST_TOKEN in log, WEBHOOK_TOKEN in log) == (False, False)
