"""The service writes the address of its incident pages into the configuration, for the links of notifications."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local import Stack
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import wait_until

CHANGE = "update public.system_config set value = %s where key = 'incident_policy'"


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection]:
    """An incident_policy without a link, of which the service wrote nothing yet, and that of before afterwards."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as session:
        before = session.execute(
            "select value::text from public.system_config where key = 'incident_policy'"
        ).fetchone()
        assert before is not None
        session.execute("delete from monitoring.service_settings")
        session.execute("update public.system_config set value = value - 'incident_url' where key = 'incident_policy'")
        yield session
        session.execute(CHANGE, before)
        session.execute("delete from monitoring.service_settings")


def read_link(connection: psycopg.Connection) -> object:
    row = connection.execute(
        "select value ->> 'incident_url' from public.system_config where key = 'incident_policy'"
    ).fetchone()
    assert row is not None
    return row[0]


def start(stack: Stack, environ: dict[str, str], log: Path) -> str:
    """What a service with these variables, which then stops, logs about the link."""
    with running_service({**service_variables(stack), **environ}, log) as service:

        def said() -> list[str]:
            return [line["msg"] for line in service.logs() if line["msg"].startswith("link to incidents")]

        wait_until(lambda: bool(said()), what="the link")
        return said()[0]


def test_notifications_link_to_the_service_unless_a_person_says_otherwise(
    stack: Stack, connection: psycopg.Connection, tmp_path: Path
) -> None:
    railway = {"RAILWAY_PUBLIC_DOMAIN": "a.up.railway.app"}
    assert start(stack, railway, tmp_path / "1") == "link to incidents: written"
    assert read_link(connection) == "https://a.up.railway.app/incidents/{id}"
    own = {**railway, "SERVICE_URL": "https://status.example/"}
    assert start(stack, own, tmp_path / "2") == "link to incidents: written"
    assert read_link(connection) == "https://status.example/incidents/{id}"
    refused = start(stack, {"SERVICE_URL": "https://status.example/{id}"}, tmp_path / "4")
    assert refused.startswith("link to incidents: refused (url must be an http or https URL without a query")
    connection.execute(CHANGE, ('{"incident_url": "https://mine.example/{id}"}',))
    assert start(stack, own, tmp_path / "3") == "link to incidents: kept (it was edited by hand)"
    assert read_link(connection) == "https://mine.example/{id}"


def test_without_an_address_nothing_is_written(stack: Stack, connection: psycopg.Connection, tmp_path: Path) -> None:
    with running_service(service_variables(stack), tmp_path / "log") as service:
        wait_until(
            lambda: any("first round" in line["msg"] for line in service.logs()), what="the end of the bootstrap"
        )
        assert not [line for line in service.logs() if "link to incidents" in line["msg"]]
    assert read_link(connection) is None
