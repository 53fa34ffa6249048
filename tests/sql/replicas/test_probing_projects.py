"""A second project that probes reports to the first one: its webhook events, read with the mapping of docs/scale.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local import Stack
from tests.support.pages import blocks

Connection = psycopg.Connection[Any]

NAME = "probes-eu"


def _mapping() -> dict[str, Any]:
    (text,) = [block.text for block in blocks("json") if block.page == "scale.md"]
    found: dict[str, Any] = json.loads(text)
    return found


def _event(connection: Connection, event: str) -> dict[str, Any]:
    """What the probing project's webhook channel sends of its newest notification of a kind."""
    row = connection.execute(
        "select monitoring.write_webhook_event(notifications) from monitoring.notifications"
        " where channel = 'central' and event = %s order by id desc limit 1",
        [event],
    ).fetchone()
    assert row is not None, f"no notification of {event}"
    found: dict[str, Any] = row[0]
    return found


def _deliver(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    delivery = [{"kind": "generic", "name": NAME, "resource": "webhook", "body": body}]
    row = connection.execute("select public.ingest_deliveries(%s)", [json.dumps(delivery)]).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]
    return found


@pytest.fixture
def probing(stack: Stack) -> Iterator[Connection]:
    """A session in a transaction that is taken back: both projects in one database, with an outage."""
    with psycopg.connect(stack.superuser_database_url) as connection:
        connection.execute(
            "update public.system_config set value = value || jsonb_build_object('webhook_mappings', %s::jsonb)"
            " where key = 'incident_policy'",
            [json.dumps({NAME: _mapping()})],
        )
        connection.execute(
            "insert into monitoring.secrets (name, value) values"
            " ('central_url', 'https://central.example/webhooks/generic?key=k'),"
            " ('central_key', 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz')"
        )
        channel = {
            "name": "central",
            "kind": "webhook",
            "url_secret": "central_url",
            "signing_secret": "central_key",
            "events": ["opened", "reopened", "escalated", "resolved"],
            "min_severity": "LOW",
        }
        connection.execute(
            "update public.system_config set value = %s where key = 'notification_recipients'", [json.dumps([channel])]
        )
        connection.execute(
            "insert into public.incidents (id, fingerprint, title, message, severity, category, rule, source, sender)"
            " values ('INC-7', 'health-check:target:shop', 'shop is down', 'no response', 'HIGH', 'backend', 'r',"
            " 'shop', 'health-check')"
        )
        yield connection
        connection.rollback()


def test_an_outage_is_one_incident_and_ends(probing: Connection) -> None:
    opened = _deliver(probing, _event(probing, "opened"))
    assert opened["effect"] == "opened", opened
    read = "select status::text, severity::text, source, title from public.incidents where id = %s"
    row = probing.execute(read, [opened["incident_id"]]).fetchone()
    assert row is not None
    assert row[:3] == ("open", "HIGH", NAME)
    assert "shop is down" in row[3]
    probing.execute("select public.resolve_incident('INC-7', 'it answers again')")
    assert _deliver(probing, _event(probing, "resolved"))["effect"] == "resolved"
    assert probing.execute(read, [opened["incident_id"]]).fetchone() == ("resolved", *row[1:])


def test_tests_of_the_channel_open_nothing(probing: Connection) -> None:
    probing.execute("select public.send_test_notification('central')")
    assert _deliver(probing, _event(probing, "test"))["effect"] == "recorded"
