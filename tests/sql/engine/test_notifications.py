"""The real pg_cron runs the job that sends notifications, as the role postgres."""

from __future__ import annotations

from local import Stack
from tests.support.notification_receiver import OK, notification_receiver, status
from tests.support.notifications import arrivals, event_of, is_signed, notifications_running


def test_the_job_sends_what_the_channel_refused_at_first(stack: Stack) -> None:
    with notification_receiver() as receiver, notifications_running(stack, receiver) as notifications:
        notifications.set_channels("ops")
        notifications.switch_job(active=True)
        receiver.answer("/ops", status(500), OK)
        notifications.report("engine")
        receiver.wait_for("/ops", 2)
        notifications.wait_for_status("delivered")
        assert [event_of(request) for request in receiver.at("/ops")] == ["opened", "opened"]
        assert set(arrivals(receiver.at("/ops")).values()) == {2}
        assert all(is_signed(request) for request in receiver.at("/ops"))
