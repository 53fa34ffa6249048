"""A fresh round of health checks, for tests of what the service says about the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg

from local import Stack
from tests.support import http_client
from tests.support.waiting import wait_until


def note_round(stack: Stack, service_url: str) -> None:
    """Records that a round has just begun and that answers were judged, and has the service read it."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:

        def is_read() -> bool:
            connection.execute(
                "insert into monitoring.job_runs (job, ran_at) values ('monitoring-health-checks', now())"
                " on conflict (job) do update set ran_at = excluded.ran_at"
            )
            connection.execute("select monitoring.record_job_success('monitoring-judge-health-checks')")
            return http_client.get(f"{service_url}/health/db").status_code == 200

        wait_until(is_read, what="the database")


@contextmanager
def continual_judgement(stack: Stack) -> Iterator[None]:
    """Records every 5 s that answers were judged, for stacks whose jobs are off."""
    ended = Event()

    def judge() -> None:
        with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
            while not ended.wait(5):
                connection.execute("select monitoring.record_job_success('monitoring-judge-health-checks')")

    thread = Thread(target=judge)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
