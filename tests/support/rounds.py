"""A fresh round of health checks, for tests of what the service says about the scheduler."""

from __future__ import annotations

import psycopg

from local import Stack
from tests.support import http_client


def note_round(stack: Stack, service_url: str) -> None:
    """Records that a round has just begun, and has the service read it."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute(
            "insert into monitoring.job_runs (job, ran_at) values ('monitoring-health-checks', now())"
            " on conflict (job) do update set ran_at = excluded.ran_at"
        )
    http_client.get(f"{service_url}/health/db").raise_for_status()
