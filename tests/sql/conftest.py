"""The tests of the schema read whole tables, so what tests of other folders left there is removed first."""

from __future__ import annotations

import psycopg
import pytest


@pytest.fixture(scope="module", autouse=True)
def without_checks_of_other_tests(superuser_database_url: str) -> None:
    with psycopg.connect(superuser_database_url, autocommit=True) as connection:
        connection.execute("delete from monitoring.probes")
        connection.execute("delete from public.monitoring_checks")
        connection.execute("delete from monitoring.target_states")
