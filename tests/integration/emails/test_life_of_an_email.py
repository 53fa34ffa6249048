"""A notification by e-mail, from the incident to the webhook of the provider, who is a local server here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local import Stack
from tests.support.email_events import Body, Providers, postmark, resend
from tests.support.notification_receiver import Answer, Receiver, notification_receiver
from tests.support.notifications import Notifications, notifications_running

PATH = "/email"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with notification_receiver() as running:
        yield running


@pytest.fixture
def notifications(stack: Stack, receiver: Receiver) -> Iterator[Notifications]:
    """With the e-mails switched on."""
    with notifications_running(stack, receiver) as driver:
        flags = driver.value("select value from public.system_config where key = 'feature_flags'")
        driver.set_entry("feature_flags", {**flags, "email": True})
        yield driver
        driver.set_entry("feature_flags", flags)


def configure(notifications: Notifications, provider: str) -> str:
    """A channel for e-mails, whose API is the receiver. Returns the address of its recipient."""
    name, recipient = notifications.name("mail"), f"{notifications.suffix}@example.com"
    notifications.set_secret(notifications.name("url"), notifications.receiver.url(PATH))
    notifications.set_secret(notifications.name("token"), "api-key-of-a-test")
    notifications.channels = [name]
    channel = {
        "name": name,
        "kind": "email",
        "provider": provider,
        "email": recipient,
        "from": "monitoring@example.com",
        "min_severity": "LOW",
        "sources": [notifications.source],
        "url_secret": notifications.name("url"),
        "token_secret": notifications.name("token"),
    }
    notifications.set_entry("notification_recipients", [channel])
    notifications.switch_job(active=False)
    return recipient


def ids_of(sent: dict[str, Any]) -> int:
    """email_tracking.id, as it was given to the provider."""
    tags = sent.get("Metadata") or {each["name"]: each["value"] for each in sent["tags"]}
    return int(tags["email_id"])


@pytest.mark.parametrize(
    ("provider", "write", "kinds"),
    [("resend", resend, ("delivered", "bounced")), ("postmark", postmark, ("Delivery", "Bounce"))],
)
def test_an_email_is_sent_delivered_and_bounces(
    notifications: Notifications,
    receiver: Receiver,
    providers: Providers,
    provider: str,
    write: Callable[..., Body],
    kinds: tuple[str, str],
) -> None:
    """The first event arrives before the answer to the request that sent the e-mail."""
    recipient, provider_id = configure(notifications, provider), f"{provider}-{notifications.suffix}"
    answer = json.dumps({"id" if provider == "resend" else "MessageID": provider_id}).encode()
    receiver.answer(PATH, Answer("held", waits=True, body=answer))
    notifications.report("payment")
    email_id = ids_of(receiver.wait_for(PATH)[0].json)

    def deliver(kind: str) -> tuple[str, str]:
        result = providers.deliver(write(kind, recipient, provider_id, email_id)).raise_for_status().json()
        return result["effect"], result["status"]

    assert deliver(kinds[0]) == ("recorded", "delivered")
    receiver.release()
    notifications.finish()
    (row,) = notifications.rows("select * from public.email_tracking where id = %s", email_id)
    assert (row.recipient, row.status, row.provider_id) == (recipient, "delivered", provider_id)
    assert row.sent_at <= row.delivered_at
    assert [each.status for each in notifications.outbox()] == ["delivered"]
    assert deliver(kinds[1]) == ("recorded", "bounced")


def test_a_refused_email_says_why(notifications: Notifications, receiver: Receiver) -> None:
    recipient = configure(notifications, "resend")
    receiver.answer(PATH, Answer("422", 422, body=b'{"message": "Invalid `to` field."}'))
    notifications.report("payment")
    notifications.finish()
    (row,) = notifications.rows("select * from public.email_tracking where recipient = %s", recipient)
    assert (row.status, row.provider_id) == ("failed", None)
    assert "422" in row.error


def test_emails_are_still_sent_to_a_recipient_that_bounced(
    notifications: Notifications, receiver: Receiver, providers: Providers
) -> None:
    """A silent channel would hide incidents: the status page names the recipient."""
    recipient = configure(notifications, "resend")
    receiver.answer(PATH, Answer("200", body=b'{"id": "%s"}' % recipient.encode()))
    notifications.report("payment")
    email_id = ids_of(receiver.wait_for(PATH)[0].json)
    providers.deliver(resend("bounced", recipient, recipient, email_id)).raise_for_status()
    notifications.report("login")
    notifications.finish()
    assert len({ids_of(each.json) for each in receiver.wait_for(PATH, 2)}) == 2
