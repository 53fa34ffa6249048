"""Drives notifications from a test: sets channels, changes incidents, sends what is due, reads the outbox."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from local import Stack
from tests.support.notification_receiver import Received, Receiver
from tests.support.waiting import DEADLINE_SECONDS, wait_until

JOB = "monitoring-send-notifications"
RUNS_OF_THE_JOB = """
select count(*)
from pg_catalog.pg_stat_activity
where state <> 'idle' and query like '%send_due_notifications%' and pid <> pg_backend_pid()
"""
SIGNING_KEY = b"a key of the tests, 32 bytes long"
SIGNING_SECRET = "whsec_" + base64.b64encode(SIGNING_KEY).decode()
EVENTS = ("opened", "escalated", "acknowledged", "resolved", "reopened")
"""The transitions that go_through() makes, in order."""
ALL_EVENTS = (*EVENTS, "reminder")


@dataclass
class Notifications:
    """Names of channels, secrets and sources get a suffix, so that no other test meets them."""

    stack: Stack
    receiver: Receiver
    suffix: str = field(default_factory=lambda: "".join(secrets.choice(ascii_lowercase) for _ in range(8)))
    channels: list[str] = field(default_factory=list)
    _is_job_active: bool = False
    _connection: psycopg.Connection[Any] | None = None

    def name(self, short: str) -> str:
        return f"{short}-{self.suffix}"

    @property
    def source(self) -> str:
        return f"shop-{self.suffix}"

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """An open connection: a new one after PostgreSQL was killed."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.stack.database_url, autocommit=True)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def set_secret(self, name: str, value: str) -> None:
        self.connection.execute(
            "insert into monitoring.secrets (name, value) values (%s, %s)"
            " on conflict (name) do update set value = excluded.value",
            (name, value),
        )

    def set_channels(self, *shorts: str, url: str | None = None, **fields: object) -> None:
        """Channels of kind webhook, each to the path of its name, for the incidents of this test alone."""
        self.set_secret(self.name("signing"), SIGNING_SECRET)
        for short in shorts:
            self.set_secret(self.name(f"url-{short}"), url or self.receiver.url(f"/{short}"))
        self.channels = [self.name(short) for short in shorts]
        self.set_entry("notification_recipients", [self.channel(short, **fields) for short in shorts])
        # The job exists while there are channels: the first ones have just created it.
        self.switch_job(active=self._is_job_active)

    def channel(self, short: str, **fields: object) -> dict[str, object]:
        return {
            "name": self.name(short),
            "kind": "webhook",
            "min_severity": "LOW",
            "sources": [self.source],
            "events": list(ALL_EVENTS),
            "url_secret": self.name(f"url-{short}"),
            "signing_secret": self.name("signing"),
            **fields,
        }

    def set_entry(self, key: str, value: object) -> None:
        self.connection.execute("update public.system_config set value = %s where key = %s", (json.dumps(value), key))

    def set_limits(self, **limits: int) -> None:
        self.connection.execute(
            "update public.system_config set value = value || %s where key = 'rate_limits'", (json.dumps(limits),)
        )

    def report(self, *errors: str, severity: str = "HIGH") -> list[str]:
        """Reports each error in one batch. Returns the ids of their incidents, in the order of the errors."""
        events = [self.event(error, severity) for error in errors]
        answers = self.value("select public.ingest_events(%s)", json.dumps(events))
        assert all(answer["success"] for answer in answers), answers
        return [answer["incident_id"] for answer in answers]

    def event(self, error: str, severity: str) -> dict[str, object]:
        """A report of this error, as the service hands it to ingest_events()."""
        return {
            "error": {"message": f"{error} failed"},
            "fingerprint": f"{self.suffix} {error}",
            "source": self.source,
            "severity": severity,
        }

    def acknowledge(self, incident_id: str) -> None:
        self.connection.execute("select public.acknowledge_incident(%s)", (incident_id,))

    def resolve(self, incident_id: str) -> None:
        self.connection.execute("select public.resolve_incident(%s, 'restarted')", (incident_id,))

    def change(self, event: str, error: str) -> str:
        """Makes one transition of the error's incident. Returns the id of the incident."""
        if event in ("opened", "reopened"):
            return self.report(error, severity="HIGH" if event == "opened" else "CRITICAL")[0]
        if event == "escalated":
            return self.report(error, severity="CRITICAL")[0]
        incident_id = str(
            self.value(
                "select id from public.incidents where source = %s and status <> 'resolved' and title = %s",
                self.source,
                f"{error} failed",
            )
        )
        (self.acknowledge if event == "acknowledged" else self.resolve)(incident_id)
        return incident_id

    def send(self) -> None:
        """What the job does, once."""
        self.connection.execute("select monitoring.send_due_notifications()")

    def make_due(self) -> None:
        """Ends the waiting times of retries."""
        self.connection.execute(
            "update monitoring.notifications set next_attempt_at = clock_timestamp()"
            " where status = 'queued' and next_attempt_at > clock_timestamp() and channel = any(%s)",
            (self.channels,),
        )

    def lose(self) -> None:
        """Ends the leases of attempts whose answer will not come."""
        self.connection.execute(
            "update monitoring.notifications set lease_expires_at = clock_timestamp()"
            " where status = 'sending' and answered_at is null and channel = any(%s)",
            (self.channels,),
        )

    def finish(self, *shorts: str) -> None:
        """Sends, without the waiting times, until nothing of these channels is left to send; of all without a name."""
        names = [self.name(short) for short in shorts] or self.channels

        def is_finished() -> bool:
            self.make_due()
            self.send()
            return not self.value(
                "select exists (select from monitoring.notifications"
                " where status in ('queued', 'sending') and channel = any(%s))",
                names,
            )

        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_finished():
            if time.monotonic() > deadline:
                left = [row for row in self.outbox() if row.status in ("queued", "sending")]
                raise AssertionError(f"still unfinished after {DEADLINE_SECONDS} s: {left}")
            time.sleep(0.1)

    def wait_for_status(self, status: str, number: int = 1) -> None:
        def count() -> int:
            return sum(row.status == status for row in self.outbox())

        wait_until(lambda: count() >= number, what=f"{number} notifications {status}")

    def outbox(self, short: str | None = None) -> list[Any]:
        """The rows of a channel of this test, or of all, in order."""
        return self.rows(
            "select * from monitoring.notifications where channel = any(%s) order by id",
            [self.name(short)] if short else self.channels,
        )

    def rows(self, query: str, *parameters: object) -> list[Any]:
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()

    def value(self, query: str, *parameters: object) -> Any:
        return self.rows(query, *parameters)[0][0]

    def switch_job(self, *, active: bool) -> None:
        """As superuser, which the real pg_cron requires. When it is switched off, waits for the end of its last run."""
        self._is_job_active = active
        with psycopg.connect(self.stack.superuser_database_url, autocommit=True) as superuser:
            superuser.execute(
                "select cron.alter_job(jobid, active => %s) from cron.job where jobname = %s", (active, JOB)
            )
            wait_until(
                lambda: active or superuser.execute(RUNS_OF_THE_JOB).fetchone() == (0,), what=f"the end of {JOB}"
            )


@contextmanager
def notifications_running(stack: Stack, receiver: Receiver) -> Iterator[Notifications]:
    """A driver, while the job is switched off; afterwards the configuration is restored."""
    driver = Notifications(stack, receiver)
    kept = {
        row.key: row.value
        for row in driver.rows(
            "select key, value from public.system_config where key in ('notification_recipients', 'rate_limits')"
        )
    }
    driver.switch_job(active=False)
    driver.set_limits(notifications_per_minute=1000, notification_repeat_minutes=0)
    try:
        yield driver
    finally:
        for key, value in kept.items():
            driver.set_entry(key, value)
        driver.connection.execute(
            "update public.incidents set status = 'resolved', resolved_at = clock_timestamp()"
            " where source = %s and status <> 'resolved'",
            (driver.source,),
        )
        driver.connection.execute("delete from monitoring.notifications where channel like %s", (f"%-{driver.suffix}",))
        driver.connection.execute("delete from monitoring.secrets where name like %s", (f"%-{driver.suffix}",))
        driver.switch_job(active=True)
        driver.close()


def is_signed(request: Received) -> bool:
    """Whether the signature is that of a Standard Webhook, made with SIGNING_SECRET."""
    signed = f"{request.message_id}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.digest(SIGNING_KEY, signed, hashlib.sha256)).decode()
    return f"v1,{expected}" in request.headers["webhook-signature"].split()


def event_of(request: Received) -> str:
    """The transition that a message to a webhook tells, such as opened."""
    return str(request.json["type"]).rpartition(".")[2]


def incident_of(request: Received) -> str:
    return str(request.json["data"]["id"])


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table in the output of a test."""
    lines = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    print(f"\n{title}")
    for line in lines:
        print("  " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def arrivals(requests: Sequence[Received]) -> Counter[str]:
    """How often each message arrived."""
    return Counter(request.message_id for request in requests)
