"""Reports and Sentry deliveries as real senders send them, and what became of each.

A reporter repeats a report with the same idempotency key until it is acknowledged or refused for good. Sentry sends a
delivery once: only what was acknowledged has to be stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.web.auth import sign
from local.system.event_loop import EventLoopThread
from tests.support import sentry_bodies
from tests.support.fault_matrix import POISON
from tests.support.http_client import TIMEOUT
from tests.support.service_process import INGEST_TOKEN
from tests.support.waiting import DEADLINE_SECONDS, wait_until

REPORT_ROUTE = "/api/autonomous/error"
SENTRY_ROUTE = "/webhooks/sentry"
SENTRY_SECRET = "client-secret-of-the-fault-matrix"  # noqa: S105 - of a service that lives as long as a test
SENDERS = 24
REPEATS_PER_ERROR = 10
# Real senders wait for Retry-After, which is 2 to 60 s.
RETRY_SECONDS = 0.25
_RETRIED_STATUSES = frozenset({429, 503})
# Deliveries with another effect changed nothing.
_NOT_APPLIED = ("failed", "repeated", "deferred")


@dataclass
class Report:
    """One report of an error. Reports of one error have the same message."""

    message: str
    key: str
    padding: int
    statuses: list[int] = field(default_factory=list)
    refusal: str | None = None
    """Why it was refused for good."""
    may_be_lost: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.statuses) and 200 <= self.statuses[-1] < 300


@dataclass
class Delivery:
    """One delivery of Sentry."""

    issue_id: str
    raw: bytes
    status: int | None = None
    may_be_lost: bool = False

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def is_acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Outcome:
    """What became of everything that was sent. Each list names what is wrong; all are empty if nothing is."""

    reports: int = 0
    deliveries: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    dead_letters: list[tuple[str, str]] = field(default_factory=list)
    """Payload and reason."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Fingerprint and error of deliveries that SQL gave up."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Message and reason of reports that the service refused for good."""
    excused: int = 0
    """Reports and deliveries that may be lost, and are."""
    waiting: int = 0
    """Reports in the spool when the wait for its end was over."""

    def __str__(self) -> str:
        answers = ", ".join(f"{count} with {status}" for status, count in sorted(self.statuses.items()))
        numbers = {
            "lost": len(self.lost),
            "duplicated": len(self.duplicated),
            "dead letters": len(self.dead_letters),
            "failed": len(self.failed),
            "refused": len(self.refused),
            "excused": self.excused,
            "waiting": self.waiting,
        }
        bad = ", ".join(f"{name} {number}" for name, number in numbers.items())
        return f"{self.reports} reports, {self.deliveries} deliveries ({answers}): {bad}"

    @property
    def is_broken(self) -> bool:
        """Whether something acknowledged is not stored exactly once."""
        return bool(self.lost or self.duplicated or self.waiting)

    def assert_nothing_is_wrong(self) -> None:
        given_up = self.dead_letters or self.failed or self.refused
        assert not self.is_broken, self.describe()
        assert not given_up, self.describe()

    def assert_only_poison_was_given_up(self, reason: str) -> None:
        """One report and one delivery: each a dead letter, or a failed delivery, with this in its reason."""
        assert not self.is_broken, self.describe()
        assert not self.refused, self.describe()
        # A delivery whose answer comes too late is sent again, and fails again.
        given_up = [*self.dead_letters, *set(self.failed)]
        assert len(given_up) == 2, self.describe()
        assert all(reason in why for _, why in given_up), self.describe()
        assert all(POISON in payload for payload, _ in self.dead_letters), self.describe()

    def describe(self) -> str:
        """The numbers, and some examples of what is wrong."""
        examples: dict[str, Sequence[object]] = {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "dead letters": [(payload[:80], reason) for payload, reason in self.dead_letters],
            "failed": self.failed,
            "refused": self.refused,
        }
        return "\n".join([str(self), *(f"{name}: {found[:3]}" for name, found in examples.items() if found)])


class MixedLoad:
    """Senders with an event loop of their own; a context manager that stops them."""

    def __init__(self, url: str, database_url: str, spool_path: Path) -> None:
        self.url = url
        self.name = f"matrix-{_letters(secrets.randbelow(10**9))}"
        self.reports: list[Report] = []
        self.deliveries: list[Delivery] = []
        self._first_issue = 10**9 + secrets.randbelow(10**8) * 1000
        self._database_url = database_url
        self._spool_path = spool_path
        self._loop = EventLoopThread()
        self._slots = asyncio.Semaphore(SENDERS)
        self._pending: list[asyncio.Task[None]] = []
        headers = {"Authorization": f"Bearer {INGEST_TOKEN}"}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT, limits=httpx.Limits())

    def __enter__(self) -> MixedLoad:
        return self

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            for task in self._pending:
                task.cancel()
            await asyncio.gather(*self._pending, return_exceptions=True)
            await self._client.aclose()

        self._loop.call(stop())
        self._loop.close()

    def send(
        self, reports: int, deliveries: int, *, padding: int = 0, has_poison: bool = False, are_known: bool = False
    ) -> None:
        """Sends so many more, and returns when each was answered once.

        Half of the reports, and nine of ten deliveries, repeat an error; if `are_known`, all repeat the first one.
        """
        new_reports = [self._next_report(padding, is_known=are_known) for _ in range(reports)]
        new_deliveries = [self._next_delivery(is_known=are_known) for _ in range(deliveries)]
        if has_poison:
            # In the middle, so that batches hold others before and behind them.
            new_reports.insert(reports // 2, self._next_report(padding, POISON))
            new_deliveries.insert(deliveries // 2, self._next_delivery(POISON))

        async def begin() -> None:
            sends: list[Coroutine[Any, Any, None]] = [self._report(each) for each in new_reports]
            # Spread over the reports, as they arrive in production.
            step = max(1, len(sends) // max(1, len(new_deliveries)))
            for number, each in enumerate(new_deliveries):
                sends.insert(min(len(sends), number * (step + 1)), self._deliver(each))
            self._pending += [asyncio.ensure_future(each) for each in sends]

        self._loop.call(begin())
        wait_until(
            lambda: all(each.statuses for each in new_reports) and all(each.status for each in new_deliveries),
            what="a first answer to each report and delivery",
        )

    def excuse_what_was_sent(self) -> None:
        """What was sent until now was in a file that is damaged: it may be lost, but is not counted twice."""
        for report in self.reports:
            report.may_be_lost = True
        for delivery in self.deliveries:
            delivery.may_be_lost = True

    def finish(self, seconds: float = DEADLINE_SECONDS) -> None:
        """Waits until every report is acknowledged or refused for good."""
        wait_until(
            lambda: all(each.is_acknowledged or each.refusal for each in self.reports),
            seconds,
            "the acknowledgement of every report",
        )

    def _next_report(self, padding: int, prefix: str = "", *, is_known: bool = False) -> Report:
        number = len(self.reports)
        # Every second report repeats an error: the first ten such reports are one error, then the next ten.
        error = 0 if is_known else number // 2 // REPEATS_PER_ERROR
        group = f"repeat {_letters(error)}" if number % 2 or is_known else f"single {_letters(number)}"
        report = Report(f"{prefix} {group} of {self.name}".strip(), f"{self.name} {number}", padding)
        self.reports.append(report)
        return report

    def _next_delivery(self, message: str = "it broke", *, is_known: bool = False) -> Delivery:
        error = 0 if is_known else len(self.deliveries) // REPEATS_PER_ERROR
        issue_id = str(self._first_issue + (0 if message == POISON else 1 + error))
        exception = {"values": [{"type": "TypeError", "value": message}]}
        event_id = secrets.token_hex(16)
        body = sentry_bodies.error(issue_id, event_id, exception=exception, title=f"TypeError: {message}")
        delivery = Delivery(issue_id, sentry_bodies.encode(body))
        self.deliveries.append(delivery)
        return delivery

    async def _report(self, report: Report) -> None:
        body: dict[str, object] = {"error": {"message": report.message}, "source": self.name}
        if report.padding:
            body["context"] = {"padding": "x" * report.padding}
        while True:
            async with self._slots:
                try:
                    answer = await self._client.post(REPORT_ROUTE, json=body, headers={"Idempotency-Key": report.key})
                    status, text = answer.status_code, answer.text
                except httpx.TransportError as error:
                    status, text = 503, repr(error)
            report.statuses.append(status)
            if status not in _RETRIED_STATUSES:
                if not report.is_acknowledged:
                    report.refusal = f"{status} {text}"
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _deliver(self, delivery: Delivery) -> None:
        headers = {
            "Content-Type": "application/json",
            "Sentry-Hook-Resource": "error",
            "Sentry-Hook-Timestamp": str(int(time.time())),
            "Request-ID": secrets.token_hex(16),
            "Sentry-Hook-Signature": sign(delivery.raw, SENTRY_SECRET),
        }
        async with self._slots:
            try:
                answer = await self._client.post(SENTRY_ROUTE, content=delivery.raw, headers=headers)
                delivery.status = answer.status_code
            except httpx.TransportError:
                delivery.status = 503

    # What became of it.

    def outcome(self, waiting: int = 0) -> Outcome:
        """Compares what was acknowledged with what is stored now."""
        found = Outcome(len(self.reports), len(self.deliveries), waiting=waiting)
        found.statuses.update(status for each in self.reports for status in each.statuses)
        found.statuses.update(each.status for each in self.deliveries if each.status)
        found.refused = [(each.message, each.refusal) for each in self.reports if each.refusal]
        found.dead_letters = read_dead_letters(self._spool_path)
        with psycopg.connect(self._database_url) as connection:
            self._compare_reports(connection, found)
            self._compare_deliveries(connection, found)
        return found

    def _compare_reports(self, connection: psycopg.Connection[Any], found: Outcome) -> None:
        expected = Counter(each.message for each in self.reports if each.is_acknowledged)
        stored: Counter[str] = Counter(
            dict(
                connection.execute(
                    "select message, sum(occurrence_count)::integer from public.incidents where source = %s group by 1",
                    [self.name],
                ).fetchall()
            )
        )
        # The poisoned report was acknowledged too, and is given up for a reason of its own.
        excused = Counter(each.message for each in self.reports if each.may_be_lost or POISON in each.message)
        missing = expected - stored
        lost = missing - excused
        found.excused += missing.total() - lost.total()
        found.lost += [f"{message} ({count})" for message, count in lost.items()]
        found.duplicated += [f"{message} ({count})" for message, count in (stored - expected).items()]

    def _compare_deliveries(self, connection: psycopg.Connection[Any], found: Outcome) -> None:
        hashes = {each.body_hash: each for each in self.deliveries}
        rows = connection.execute(
            """select body_hash, effect, coalesce(fingerprint, ''), coalesce(error, '')
            from monitoring.deliveries where body_hash = any(%s)""",
            [list(hashes)],
        ).fetchall()
        found.failed += [(fingerprint, error) for _, effect, fingerprint, error in rows if effect == "failed"]
        applied = Counter(body_hash for body_hash, effect, _, _ in rows if effect not in _NOT_APPLIED)
        for body_hash, each in hashes.items():
            if each.is_acknowledged and not applied[body_hash]:
                if each.may_be_lost or POISON.encode() in each.raw:
                    found.excused += 1
                else:
                    found.lost.append(f"delivery {body_hash} of issue {each.issue_id}")
            if applied[body_hash] > 1:
                found.duplicated.append(f"delivery {body_hash} of issue {each.issue_id}")
        # An occurrence is counted in the incident of its issue as often as it was applied.
        expected = Counter(hashes[body_hash].issue_id for body_hash in applied.elements())
        stored: Counter[str] = Counter(
            dict(
                connection.execute(
                    """select split_part(fingerprint, ':', 3), sum(occurrence_count)::integer
                    from public.incidents where fingerprint = any(%s) group by 1""",
                    [[f"sentry:issue:{each.issue_id}" for each in self.deliveries]],
                ).fetchall()
            )
        )
        found.lost += [f"occurrences of issue {issue} ({count})" for issue, count in (expected - stored).items()]
        found.duplicated += [f"occurrences of issue {issue} ({count})" for issue, count in (stored - expected).items()]


def read_dead_letters(spool_path: Path) -> list[tuple[str, str]]:
    """Payload and reason of each dead letter in a spool file. A damaged file has none that can be read."""
    with closing(sqlite3.connect(f"file:{spool_path}?mode=ro", uri=True, timeout=DEADLINE_SECONDS)) as connection:
        try:
            rows = connection.execute("select payload, reason from dead_letters order by id").fetchall()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname not in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
                raise
            rows = []
    return [(bytes(payload).decode(), str(reason)) for payload, reason in rows]


def _letters(number: int) -> str:
    """A word for a number: the fingerprint of a message ignores digits."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))
