"""`python -m app.smoke` against the real service: success, and the messages of failures."""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg
import pytest

from local import Stack
from tests.support.rounds import note_round
from tests.support.service_process import INGEST_TOKEN, PROJECT, ServiceProcess, refusing_port
from tests.support.waiting import DEADLINE_SECONDS


def smoke(url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", **variables}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "app.smoke", url],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.fixture(autouse=True)
def round_has_begun(stack: Stack, service: ServiceProcess) -> None:
    note_round(stack, service.url)


@pytest.mark.parametrize(
    ("name", "kind"), [("SUPABASE_PUBLISHABLE_KEY", "publishable_key"), ("SUPABASE_ANON_KEY", "anon_key")]
)
def test_everything_works(
    service: ServiceProcess, stack: Stack, database: psycopg.Connection, name: str, kind: str
) -> None:
    done = smoke(
        service.url,
        INGEST_TOKEN=INGEST_TOKEN,
        AUTHENTICATED_JWT=stack.authenticated_jwt,
        SUPABASE_URL=stack.supabase_url,
        **{name: getattr(stack, kind)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything works." in done.stdout
    assert "✗" not in done.stdout
    assert "✓ GET /status, as a page" in done.stdout
    assert "✓ POST /status " in done.stdout
    found = database.execute(
        "select severity::text, status::text from public.incidents where context ->> 'fingerprint' = 'smoke test'"
    ).fetchall()
    assert set(found) == {("LOW", "resolved")}


def test_a_wrong_token_is_reported(service: ServiceProcess) -> None:
    done = smoke(service.url, INGEST_TOKEN=f"{INGEST_TOKEN}-not")
    assert done.returncode == 1
    assert "✗ POST /api/autonomous/error" in done.stdout
    assert "- GET /api/autonomous/incidents" in done.stdout
    assert "1 of 15 failed. 5 could not be tried." in done.stdout


def test_a_placeholder_instead_of_a_key_is_named(service: ServiceProcess) -> None:
    done = smoke(service.url, INGEST_TOKEN="…")  # noqa: S106 - none at all
    assert done.returncode == 1
    assert done.stdout.startswith("✗ INGEST_TOKEN: ")
    assert "Traceback" not in done.stderr


def test_an_address_without_a_service_is_reported() -> None:
    with refusing_port() as port:
        done = smoke(f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert "does not answer" in done.stdout
    assert "Traceback" not in done.stderr
