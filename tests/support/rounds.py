"""Other tests stand the health checks still; who looks at the scheduler from outside begins here."""

from __future__ import annotations

import httpx
import psycopg

from local import Stack


def note_round(stack: Stack, service_url: str) -> None:
    """A round has just begun, and the service knows it."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute(
            "insert into monitoring.job_runs (job, ran_at) values ('monitoring-health-checks', now())"
            " on conflict (job) do update set ran_at = excluded.ran_at"
        )
    httpx.get(f"{service_url}/health/db").raise_for_status()
