"""PostgreSQL and pg_net's worker are killed between the steps of a notification; storms; concurrent changes.

Every transition arrives at least once and in order. A duplicate carries the same id, and exists only where an answer
was lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from local import Stack
from local.emulators.pg_net.worker import BATCH_CONNECTION
from tests.faults.conftest import OWN_POSTGRES
from tests.support.notification_receiver import (
    HELD,
    OK,
    Receiver,
    notification_receiver,
    status,
    without_duplicates,
)
from tests.support.notifications import (
    Notifications,
    arrivals,
    event_of,
    incident_of,
    is_signed,
    notifications_running,
    print_table,
)
from tests.support.waiting import wait_until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with notification_receiver() as running:
        yield running


@pytest.fixture
def notifications(disposable_stack: Stack, receiver: Receiver) -> Iterator[Notifications]:
    with notifications_running(disposable_stack, receiver) as driver:
        yield driver


def kill_postgres(notifications: Notifications) -> None:
    """Kills PostgreSQL, and with it what pg_net has queued and answered, and starts it again."""
    notifications.stack.kill_postgres()
    notifications.stack.start_postgres()
    notifications.close()


def kill_worker(notifications: Notifications) -> None:
    """Ends the running batch of pg_net as a crash does: it is rolled back, and sent again."""
    with psycopg.connect(notifications.stack.superuser_database_url, autocommit=True) as superuser:
        superuser.execute(
            "select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where application_name = %s",
            (BATCH_CONNECTION,),
        )


@contextmanager
def waiting_worker(notifications: Notifications) -> Iterator[None]:
    """pg_net's worker takes no request: each batch begins with the deletion of old responses, which waits here.

    The connection may be killed with the server.
    """
    connection = psycopg.connect(notifications.stack.superuser_database_url)
    try:
        connection.execute("lock table net._http_response in exclusive mode")
        yield
    finally:
        connection.close()


@contextmanager
def sent_by_the_job_alone(notifications: Notifications) -> Iterator[None]:
    """No transition sends in its own transaction: that leaves the last message of the limit to the job."""
    notifications.set_limits(notifications_per_minute=1)
    yield
    notifications.set_limits(notifications_per_minute=1000)


def without_hindrance(notifications: Notifications) -> AbstractContextManager[None]:
    return nullcontext()


def until_committed(notifications: Notifications) -> None:
    assert [row.status for row in notifications.outbox("ops")] == ["queued"]


def until_enqueued(notifications: Notifications) -> None:
    assert [row.status for row in notifications.outbox("ops")] == ["sending"]
    assert notifications.receiver.received == []


def until_taken(notifications: Notifications) -> None:
    notifications.receiver.wait_for("/ops")


def until_answered(notifications: Notifications) -> None:
    """The receiver has answered, but the batch is open, because it has not answered another message."""
    notifications.receiver.wait_for("/ops")
    notifications.receiver.wait_for("/other")


def until_recorded(notifications: Notifications) -> None:
    wait_until(lambda: notifications.outbox("ops")[0].answered_at is not None, what="the answer")
    assert notifications.outbox("ops")[0].status == "sending"


def until_settled(notifications: Notifications) -> None:
    until_recorded(notifications)
    notifications.send()
    assert notifications.outbox("ops")[0].status == "delivered"


@dataclass(frozen=True)
class Step:
    """Where the life of the first message is when something is killed."""

    name: str
    reach: Callable[[Notifications], None]
    duplicates: int
    """How often the message arrives again, because its answer was lost."""
    meanwhile: Callable[[Notifications], AbstractContextManager[None]] = without_hindrance
    held: tuple[str, ...] = ()
    """Channels that do not answer before the kill."""


STEPS = [
    Step("committed", until_committed, 0, sent_by_the_job_alone),
    Step("enqueued", until_enqueued, 0, waiting_worker),
    Step("taken", until_taken, 1, held=("ops",)),
    Step("answered, not recorded", until_answered, 1, held=("other",)),
    Step("recorded, not settled", until_recorded, 0),
    Step("settled", until_settled, 0),
]
KILLS: dict[str, Callable[[Notifications], None]] = {"PostgreSQL": kill_postgres, "pg_net's worker": kill_worker}


@OWN_POSTGRES
@pytest.mark.parametrize("killed", KILLS)
def test_a_crash_between_any_two_steps_loses_nothing(
    notifications: Notifications, receiver: Receiver, killed: str
) -> None:
    rows = [
        (step.name, *_crash_at(notifications, receiver, step, f"error {number}", KILLS[killed]))
        for number, step in enumerate(STEPS)
    ]
    print_table(f"{killed} killed while the first message was …", ["step", *Figures._fields], rows)
    for step, row in zip(STEPS, rows, strict=True):
        expected = Figures(3, 3, 3 + step.duplicates, step.duplicates, "yes", "delivered")
        assert row == (step.name, *expected)


class Figures(NamedTuple):
    """What is printed of one crash."""

    transitions: int
    arrived: int
    requests: int
    duplicates: int
    in_order: str
    status: str


def _crash_at(
    notifications: Notifications, receiver: Receiver, step: Step, error: str, kill: Callable[[Notifications], None]
) -> Figures:
    """Opens an incident, kills something at the step, escalates and resolves the incident. Returns the figures."""
    receiver.received.clear()
    receiver.hold()
    notifications.set_channels("ops", "other")
    for short in ("ops", "other"):
        receiver.answer(f"/{short}", *([HELD, OK] if short in step.held else [OK]))
    notifications.connection.execute(
        "delete from monitoring.notifications where channel = any(%s)", (notifications.channels,)
    )
    with ExitStack() as meanwhile:
        meanwhile.enter_context(step.meanwhile(notifications))
        incident_id = notifications.change("opened", error)
        step.reach(notifications)
        kill(notifications)
    receiver.release()
    if kill is kill_postgres:
        # pg_net has nothing left, so no answer will come: the leases need not be waited for.
        notifications.lose()
    notifications.change("escalated", error)
    notifications.finish()
    notifications.change("resolved", error)
    notifications.finish()

    requests = receiver.at("/ops")
    assert all(is_signed(request) for request in requests)
    told = without_duplicates(requests)
    assert {incident_of(request) for request in told} <= {incident_id}
    counts = arrivals(requests)
    bodies = {(request.message_id, request.body) for request in requests}
    assert len(bodies) == len(counts), "a duplicate says something else"
    return Figures(
        transitions=3,
        arrived=len(told),
        requests=len(requests),
        duplicates=len(requests) - len(told),
        in_order="yes" if [event_of(request) for request in told] == ["opened", "escalated", "resolved"] else "no",
        status=" ".join(sorted({row.status for row in notifications.outbox("ops")})),
    )


@OWN_POSTGRES
def test_the_answer_to_a_stranger_that_got_the_same_id_after_a_crash_counts_for_nobody(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_channels("ops")
    kill_postgres(notifications)  # ids begin at 1
    with waiting_worker(notifications):
        notifications.report("enqueued")
        until_enqueued(notifications)
        request_id = notifications.outbox()[0].request_id
        kill_postgres(notifications)
    with psycopg.connect(notifications.stack.superuser_database_url, autocommit=True) as stranger:
        ids: list[int] = []
        while request_id not in ids:
            row = stranger.execute("select net.http_get(%s)", (receiver.url("/stranger"),)).fetchone()
            assert row is not None
            ids.append(row[0])
    receiver.wait_for("/stranger", len(ids))
    wait_until(
        lambda: notifications.value("select count(*) from net._http_response where id = %s", request_id) == 1,
        what="the stranger's answer",
    )
    notifications.send()
    assert [(row.status, row.answered_at) for row in notifications.outbox()] == [("sending", None)]
    notifications.lose()
    notifications.finish()
    assert [event_of(request) for request in receiver.at("/ops")] == ["opened"]


INCIDENTS = 1_000
LIMIT = 20
CHANNELS = ("ops", "team")


def test_a_storm_stays_within_the_limit_and_names_every_incident(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_channels(*CHANNELS)
    notifications.set_limits(notifications_per_minute=LIMIT)
    receiver.answer("/team", *([status(500)] * 12), OK)  # attempts count as well
    incidents: list[str] = []
    for batch in range(0, INCIDENTS, 200):
        incidents += notifications.report(*(f"storm {number}" for number in range(batch, batch + 200)))
    minutes: dict[str, list[int]] = {short: [] for short in CHANNELS}
    while _unfinished(notifications):
        _send_until_idle(notifications)
        for short, numbers in minutes.items():
            numbers.append(len(receiver.at(f"/{short}")) - sum(numbers))
        assert len(minutes["ops"]) < 20, minutes
        _pass_a_minute(notifications)

    rows: list[list[object]] = []
    for short in CHANNELS:
        requests = receiver.at(f"/{short}")
        named = {
            incident_id
            for request in requests
            for incident_id in incidents
            if f'"{incident_id}"' in request.body.decode()
        }
        digests = [request for request in requests if event_of(request) == "digest"]
        rows.append([short, INCIDENTS, LIMIT, minutes[short], len(digests), len(named)])
        assert len(named) == len(set(incidents)) == INCIDENTS
        assert len(requests) - len(arrivals(requests)) == (12 if short == "team" else 0)
    print_table("Storm:", ["channel", "incidents", "limit", "messages a minute", "digests", "incidents named"], rows)
    assert max(number for numbers in minutes.values() for number in numbers) <= LIMIT


def _unfinished(notifications: Notifications) -> list[object]:
    return notifications.rows(
        "select id from monitoring.notifications where status in ('queued', 'sending') and channel = any(%s)",
        notifications.channels,
    )


def _send_until_idle(notifications: Notifications) -> None:
    """Sends until nothing is under way and another call sends nothing: the limit of this minute is used up."""

    def is_idle() -> bool:
        notifications.send()
        return not notifications.value(
            "select exists (select from monitoring.notifications where status = 'sending' and channel = any(%s))",
            notifications.channels,
        )

    for _ in range(3):
        wait_until(is_idle, what="the answers")


def _pass_a_minute(notifications: Notifications) -> None:
    """Moves what was sent a minute back, instead of waiting."""
    notifications.connection.execute(
        "update monitoring.notifications set sent_at = sent_at - interval '61 seconds',"
        " next_attempt_at = least(next_attempt_at, clock_timestamp()) where channel = any(%s)",
        (notifications.channels,),
    )


SESSIONS = 8
ROUNDS = 12
ERRORS = 10


async def test_concurrent_changes_and_senders_neither_deadlock_nor_repeat_nor_reorder(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_channels("ops", "team")
    url = notifications.stack.database_url
    is_over = asyncio.Event()
    refused = 0

    async def change(seed: int) -> None:
        nonlocal refused
        chance = random.Random(seed)  # noqa: S311 - order, not secrets
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for _ in range(ROUNDS):
                names = chance.sample(range(ERRORS), 5)
                severity = chance.choice(["HIGH", "HIGH", "CRITICAL"])
                await connection.execute(
                    "select public.ingest_events(%s)",
                    [Jsonb([notifications.event(f"error {n}", severity) for n in names])],
                )
                live = await (
                    await connection.execute(
                        "select id from public.incidents where source = %s and status in ('open', 'acknowledged')",
                        (notifications.source,),
                    )
                ).fetchall()
                for (incident_id,) in chance.sample(live, min(3, len(live))):
                    call = chance.choice(
                        ["public.acknowledge_incident(%s)"] * 3 + ["public.resolve_incident(%s, 'restarted')"]
                    )
                    try:
                        await connection.execute(f"select {call}".encode(), (incident_id,))
                    except psycopg.errors.RaiseException:
                        refused += 1
                    except psycopg.Error as error:
                        # 409: another session was faster.
                        if error.sqlstate != "PT409":
                            raise
                        refused += 1

    async def send() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while not is_over.is_set():
                await connection.execute("select monitoring.send_due_notifications()")
                await asyncio.sleep(0.01)

    senders = [asyncio.create_task(send()) for _ in range(2)]
    try:
        await asyncio.gather(*(change(seed) for seed in range(SESSIONS)))
    finally:
        is_over.set()
        await asyncio.gather(*senders)  # raises what a sender met, such as a deadlock
    await asyncio.to_thread(notifications.finish)

    rows = []
    for short in ("ops", "team"):
        requests = receiver.at(f"/{short}")
        outbox = notifications.outbox(short)
        sent = [row for row in outbox if row.status == "delivered"]
        assert {row.status for row in outbox} <= {"delivered", "collapsed"}
        assert set(arrivals(requests).values()) == {1}
        assert {request.message_id for request in requests} == {row.message_id for row in sent}
        by_incident: dict[str, list[str]] = {}
        for request in requests:
            by_incident.setdefault(incident_of(request), []).append(request.message_id)
        for incident_id, messages in by_incident.items():
            assert messages == [row.message_id for row in sent if row.incident_id == incident_id]
        rows.append([short, len(by_incident), len(outbox), len(sent), len(outbox) - len(sent), len(requests)])
    print_table(
        f"{SESSIONS} sessions, 2 senders, {refused} changes refused:",
        ["channel", "incidents", "transitions", "delivered", "collapsed", "requests"],
        rows,
    )
