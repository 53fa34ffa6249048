"""Who is told nothing, and until when: quiet hours, suppression, flapping, the kill switch; and who is told instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.support.notification_receiver import Receiver
from tests.support.notifications import Notifications, event_of, incident_of


def told(receiver: Receiver, short: str) -> list[tuple[str, str]]:
    return [(incident_of(request), event_of(request)) for request in receiver.at(f"/{short}")]


def test_quiet_hours_are_those_of_the_timezone_and_critical_incidents_pass(
    notifications: Notifications, receiver: Receiver
) -> None:
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Tokyo"))
    quiet = {
        "from": f"{now - timedelta(hours=2):%H:%M}",
        "to": f"{now + timedelta(hours=2):%H:%M}",
        "timezone": "Asia/Tokyo",
    }
    notifications.set_channels("night", quiet_hours=quiet)
    held, over = notifications.report("held", "over")
    (loud,) = notifications.report("loud", severity="CRITICAL")
    notifications.send()
    notifications.resolve(over)
    notifications.send()
    receiver.wait_for("/night")
    assert told(receiver, "night") == [(loud, "opened")]
    statuses = {row.incident_id: row.status for row in notifications.outbox() if row.event == "opened"}
    assert (statuses[held], statuses[over]) == ("queued", "collapsed")

    notifications.set_channels("night", quiet_hours=quiet | {"timezone": "America/Caracas"})
    notifications.finish()
    assert told(receiver, "night") == [(loud, "opened"), (held, "opened")]


def test_the_kill_switch_silences_agents_and_no_people(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("ops", "fixer")
    people = notifications.channel("ops")
    agent = notifications.channel("fixer", kind="agent", events=["opened"])
    notifications.set_entry("notification_recipients", [people, agent])
    switch = "select public.set_kill_switch(%s, 'test')"
    notifications.connection.execute(switch, (True,))
    try:
        for event in ("opened", "resolved"):
            incident_id = notifications.change(event, "checkout")
            notifications.finish()
    finally:
        notifications.connection.execute(switch, (False,))
    assert told(receiver, "ops") == [(incident_id, "opened"), (incident_id, "resolved")]
    assert notifications.outbox("fixer") == []
    assert receiver.at("/fixer") == []


def test_the_end_of_a_suppression_is_told_however_it_ends(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("ops")
    by_hand, by_time = notifications.report("by hand", "by time")
    notifications.finish()
    for incident_id in (by_hand, by_time):
        notifications.connection.execute(
            "select public.suppress_incident(%s, now() + interval '1 hour', 'known')", (incident_id,)
        )
    notifications.report("by hand", "by time", severity="CRITICAL")
    notifications.finish()
    assert len(receiver.at("/ops")) == 2, "nobody is told of a suppressed incident"

    notifications.connection.execute("select public.reopen_incident(%s, 'not known')", (by_hand,))
    notifications.connection.execute(
        "update public.incidents set suppressed_until = clock_timestamp() where id = %s", (by_time,)
    )
    notifications.connection.execute("select monitoring.end_suppressions()")
    notifications.finish()
    assert sorted(told(receiver, "ops")[2:]) == sorted([(by_hand, "reopened"), (by_time, "reopened")])


def test_a_flapping_incident_is_told_once_a_state(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_limits(notification_repeat_minutes=60)
    notifications.set_channels("ops")
    for event in ("opened", "resolved"):
        notifications.change(event, "checkout")
        notifications.finish()
    for _ in range(5):
        notifications.report("checkout")
        notifications.send()
        notifications.change("resolved", "checkout")
        notifications.send()
    notifications.finish()
    assert [event for _, event in told(receiver, "ops")] == ["opened", "resolved"]


def test_what_nobody_acknowledges_is_told_to_another_channel(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("ops", "on-call")
    first = notifications.channel("ops", escalate_after=15, escalate_to=notifications.name("on-call"))
    second = notifications.channel("on-call", min_severity="CRITICAL")
    notifications.set_entry("notification_recipients", [first, second])
    left, taken = notifications.report("left", "taken")
    notifications.finish()
    notifications.acknowledge(taken)
    notifications.connection.execute(
        "update monitoring.notifications set escalate_at = clock_timestamp()"
        " where channel = %s and escalate_at is not null",
        (notifications.name("ops"),),
    )
    notifications.finish()
    assert told(receiver, "on-call") == [(left, "escalated")]
    reason = receiver.at("/on-call")[0].json["data"]["reason"]
    assert reason == "not acknowledged after 15 minutes"
