"""Writes the requests of notifications as pg_net would send them, in a transaction that is rolled back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

INCIDENT_EVENTS = ["opened", "escalated", "reopened", "acknowledged", "resolved", "reminder"]
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()

REQUEST = """
select request.url, request.headers, convert_to(request.body::text, 'UTF8')
from monitoring.write_notification_request(
  jsonb_populate_record(null::monitoring.notifications, %s),
  jsonb_populate_record(null::monitoring.notification_channels, %s)
) as request
"""


@dataclass(frozen=True)
class Request:
    """A request as pg_net sends it."""

    url: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Writer:
    """Writes requests in a transaction that is rolled back."""

    connection: psycopg.Connection[Any]

    def request(
        self, kind: str, event: str, details: Mapping[str, Any], row: Mapping[str, Any] | None = None, **channel: Any
    ) -> Request:
        """The request for a notification with these details; row has other columns of it, channel has its fields."""
        is_of_incident = event in INCIDENT_EVENTS
        notification = {
            "id": 1,
            "message_id": "msg_1",
            "channel": "ops",
            "incident_id": "INC-1001" if is_of_incident else None,
            "event": event,
            "severity": None if event == "test" else "CRITICAL" if event == "digest" else "HIGH",
            "details": details,
            "email_id": 7,
            "created_at": "2026-11-26T20:01:00Z",
            **(row or {}),
        }
        fields = {
            "name": "ops",
            "kind": kind,
            "token_secret": "tests_token",
            "signing_secret": "tests_key",
            "url_secret": None if kind in ("pagerduty", "email") else "tests_url",
            "email": "ann@example.com",
            "from_address": "Monitoring <monitoring@example.com>",
            "provider": "resend",
            **channel,
        }
        found = self.connection.execute(REQUEST, (json.dumps(notification), json.dumps(fields))).fetchone()
        assert found is not None
        return Request(*found)

    def store(self, name: str, value: str) -> None:
        self.connection.execute(
            "insert into monitoring.secrets values (%s, %s) on conflict (name) do update set value = excluded.value",
            (name, value),
        )


@contextmanager
def open_writer(database_url: str) -> Iterator[Writer]:
    """A writer with the secrets that its channels name."""
    with psycopg.connect(database_url) as connection:
        writer = Writer(connection)
        writer.store("tests_url", "https://hooks.example.com/1")
        writer.store("tests_token", "token")
        writer.store("tests_key", KEY)
        yield writer
        connection.rollback()
