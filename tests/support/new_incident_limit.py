"""Lowers the limit of new incidents per sender and minute for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.json import Jsonb


@contextmanager
def limit_of_new_incidents(
    superuser: psycopg.Connection[Any], limit: int, field: str = "new_incidents_per_minute"
) -> Iterator[None]:
    """On a connection in autocommit mode. The quotas are unused then: other tests report with the same token."""
    row = superuser.execute("select value::text from public.system_config where key = 'rate_limits'").fetchone()
    assert row is not None
    superuser.execute("delete from monitoring.sender_quotas")
    superuser.execute(
        "update public.system_config set value = value || %s where key = 'rate_limits'",
        [Jsonb({field: limit})],
    )
    try:
        yield
    finally:
        # The whole entry: a merge would keep the limit if the entry had none before.
        superuser.execute("update public.system_config set value = %s where key = 'rate_limits'", [row[0]])
        superuser.execute("delete from monitoring.sender_quotas")
