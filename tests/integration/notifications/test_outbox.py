"""Nobody waits for a lock on the outbox: transitions, the job and pg_net's worker skip what another session holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local import Stack
from tests.support.notification_receiver import Receiver, status
from tests.support.notifications import Notifications, event_of
from tests.support.waiting import wait_until

NO_WAITING = "set lock_timeout = '1s'"


@pytest.fixture
def other(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """A session that holds locks until it rolls back."""
    with psycopg.connect(stack.database_url) as opened:
        yield opened
        opened.rollback()


def test_a_transition_does_not_wait_for_notifications_that_are_locked(
    notifications: Notifications, receiver: Receiver, other: psycopg.Connection[Any]
) -> None:
    """As pg_net's worker locks them for a whole batch."""
    notifications.set_channels("ops", remind_after=30)
    incident_id = notifications.report("checkout")[0]
    notifications.finish()
    other.execute("select from monitoring.notifications where incident_id = %s for update", (incident_id,))
    notifications.connection.execute(NO_WAITING)
    for event in ("escalated", "acknowledged", "resolved"):
        notifications.change(event, "checkout")
    other.rollback()
    notifications.finish()
    assert event_of(receiver.at("/ops")[0]) == "opened"
    assert [row.event for row in notifications.outbox()] == ["opened", "escalated", "acknowledged", "resolved"]


def test_an_agent_is_noted_when_its_incident_is_free(
    notifications: Notifications, receiver: Receiver, other: psycopg.Connection[Any]
) -> None:
    notifications.set_channels("fixer", kind="agent", agent="fixer", events=["opened"])
    incident_id = notifications.report("login")[0]
    receiver.wait_for("/fixer")
    other.execute("select from public.incidents where id = %s for update", (incident_id,))
    notifications.connection.execute(NO_WAITING)
    wait_until(lambda: notifications.outbox()[0].answered_at is not None, what="the answer")
    notifications.send()
    assert [row.status for row in notifications.outbox()] == ["sending"]
    other.rollback()
    notifications.finish()
    agents = "select spawned_agents from public.incidents where id = %s"
    assert notifications.value(agents, incident_id) == ["fixer"]
    assert len(receiver.at("/fixer")) == 1


def test_a_channel_that_another_session_sends_to_is_left_to_it(
    notifications: Notifications, receiver: Receiver, other: psycopg.Connection[Any]
) -> None:
    notifications.set_channels("ops")
    other.execute("select monitoring.try_channel_lock(%s)", (notifications.name("ops"),))
    notifications.connection.execute(NO_WAITING)
    notifications.report("search")
    notifications.send()
    assert [(row.status, row.attempts) for row in notifications.outbox()] == [("queued", 0)]
    other.rollback()
    notifications.finish()
    assert [event_of(request) for request in receiver.at("/ops")] == ["opened"]


def test_an_agent_is_not_woken_while_the_kill_switch_is_on(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("fixer", kind="agent", events=["opened"])
    receiver.answer("/fixer", status(503))
    notifications.report("before")
    receiver.wait_for("/fixer")
    wait_until(lambda: notifications.outbox()[0].answered_at is not None, what="the answer")
    switch = "select public.set_kill_switch(%s, 'test')"
    notifications.connection.execute(switch, (True,))
    try:
        notifications.report("meanwhile")
        notifications.send()
        (row,) = notifications.outbox()
        assert (row.status, row.error) == ("dead", "the kill switch is on")
    finally:
        notifications.connection.execute(switch, (False,))
    assert len(receiver.at("/fixer")) == 1


def test_an_edit_in_the_dashboard_is_told_in_its_transaction(
    notifications: Notifications, receiver: Receiver, other: psycopg.Connection[Any]
) -> None:
    notifications.set_channels("ops")
    other.execute(
        "insert into public.incidents (fingerprint, title, message, severity, category, rule, source)"
        " values (%s, 't', 'm', 'LOW', 'backend', 'r', %s)",
        (f"{notifications.suffix} edit", notifications.source),
    )
    assert notifications.outbox() == []
    other.rollback()
    assert notifications.outbox() == []
    notifications.report("edit")
    other.execute(
        "update public.incidents set status = 'resolved', resolved_at = clock_timestamp() where source = %s",
        (notifications.source,),
    )
    other.commit()
    notifications.finish()
    assert [event_of(request) for request in receiver.at("/ops")] == ["opened", "resolved"]
