"""What arrives at channels that answer, refuse, fail, are slow or hang up: each transition once, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest

from tests.support.notification_receiver import (
    HANGS_UP,
    HANGS_UP_EARLY,
    INVALID_UTF8,
    OK,
    TIMES_OUT,
    Answer,
    Received,
    Receiver,
    big,
    redirect,
    status,
    without_duplicates,
)
from tests.support.notifications import EVENTS, Notifications, arrivals, event_of, incident_of, is_signed, print_table
from tests.support.service_process import refusing_port
from tests.support.waiting import wait_until

FAILURES: dict[str, tuple[Answer, ...]] = {
    "works": (OK,),
    "limits": (status(429, retry_after="1"), OK),
    "fails-twice": (status(500), status(503), OK),
    "early-hang-up": (HANGS_UP_EARLY, OK),
    "late-hang-up": (HANGS_UP, OK),
    "times-out": (TIMES_OUT, OK),
    "big-answer": (big(3_000_000),),
    "latin-answer": (INVALID_UTF8,),
}
"""How the channel of this name answers the attempts of each message. The last answer accepts it."""
SLOW = "times-out"
"""pg_net waits 5 s for it, and its whole batch with it: it is slow at two transitions only."""
REFUSALS: dict[str, tuple[Answer, str]] = {
    "missing": (status(404, b"no such hook"), "404"),
    "wrong": (status(400, b"bad payload"), "400"),
    "moved-301": (redirect(301, "/landed"), "redirect"),
    "moved-302": (redirect(302, "/landed"), "redirect"),
    "moved-307": (redirect(307, "/landed"), "redirect"),
    "moved-308": (redirect(308, "/landed"), "redirect"),
}
"""How the channel of this name answers every message, and what its error says."""


def by_message(requests: Sequence[Received]) -> dict[str, list[Received]]:
    groups: dict[str, list[Received]] = defaultdict(list)
    for request in requests:
        groups[request.message_id].append(request)
    return groups


def test_each_transition_arrives_once_and_in_order_whatever_the_channel_answers_first(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_channels(*FAILURES)
    for event in EVENTS:
        for short, answers in FAILURES.items():
            is_quick = short == SLOW and event not in ("opened", "resolved")
            receiver.answer(f"/{short}", *((OK,) if is_quick else answers))
        notifications.change(event, "checkout")
        notifications.finish()

    rows = []
    for short in FAILURES:
        messages = by_message(receiver.at(f"/{short}"))
        rows.append([short, *(" ".join(each.answer for each in attempts) for attempts in messages.values())])
    print_table("What arrived, and the answers it got:", ["channel", *EVENTS], rows)

    for short, answers in FAILURES.items():
        requests = receiver.at(f"/{short}")
        complete = [request for request in requests if request.body]  # not those of an early hang-up
        assert [event_of(request) for request in without_duplicates(complete)] == list(EVENTS), short
        assert all(is_signed(request) for request in complete)
        for event, attempts in zip(EVENTS, by_message(requests).values(), strict=True):
            is_quick = short == SLOW and event not in ("opened", "resolved")
            assert len(attempts) == (1 if is_quick else len(answers)), (short, event)
            bodies = {request.body for request in attempts if request.body}
            assert len(bodies) == 1, (short, event, "the message changed between its attempts")
        assert {row.status for row in notifications.outbox(short)} == {"delivered"}


def test_what_a_channel_refuses_is_dead_at_once_with_the_reason(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_channels(*REFUSALS)
    for short, (answer, _) in REFUSALS.items():
        receiver.answer(f"/{short}", answer)
    for event in ("opened", "escalated"):
        notifications.change(event, "login")
        notifications.finish()

    rows = [[row.channel, row.event, row.status, row.attempts, row.error] for row in notifications.outbox()]
    print_table("Refused:", ["channel", "event", "status", "attempts", "error"], rows)
    for short, (_, reason) in REFUSALS.items():
        assert [event_of(request) for request in receiver.at(f"/{short}")] == ["opened", "escalated"]
        outbox = notifications.outbox(short)
        assert [(row.status, row.attempts) for row in outbox] == [("dead", 1), ("dead", 1)]
        assert all(reason in row.error for row in outbox)


def test_nobody_is_told_the_end_of_what_they_were_never_told(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("missing")
    receiver.answer("/missing", status(404))
    for event in ("opened", "acknowledged", "resolved"):
        notifications.change(event, "search")
        notifications.finish()
    assert [event_of(request) for request in receiver.at("/missing")] == ["opened"]


def test_an_incident_that_is_over_before_its_first_message_was_sent_is_not_told(
    notifications: Notifications, receiver: Receiver
) -> None:
    notifications.set_channels("limits")
    receiver.answer("/limits", status(429, retry_after="60"), OK)
    notifications.change("opened", "cart")
    wait_until(lambda: _settled(notifications) == ["queued"], what="the settled refusal")
    notifications.change("resolved", "cart")
    notifications.finish()
    assert [(row.event, row.status) for row in notifications.outbox()] == [
        ("opened", "collapsed"),
        ("resolved", "collapsed"),
    ]
    assert len(receiver.at("/limits")) == 1


def _settled(notifications: Notifications) -> list[str]:
    notifications.send()
    return [row.status for row in notifications.outbox() if row.attempts]


@pytest.mark.parametrize("answer", [HANGS_UP, status(429), status(500)], ids=lambda answer: answer.name)
def test_retries_keep_the_order_of_an_incident_while_others_go_on(
    notifications: Notifications, receiver: Receiver, answer: Answer
) -> None:
    notifications.set_channels("ops")
    receiver.answer("/ops", answer, answer, OK)
    stuck = notifications.report("stuck")[0]
    receiver.wait_for("/ops")
    # What follows waits for the first message. It is not resolved: what is over before it was told is not told.
    notifications.change("escalated", "stuck")
    notifications.change("acknowledged", "stuck")
    free = notifications.report("free")[0]
    notifications.finish()

    told = without_duplicates(receiver.at("/ops"))
    assert [event_of(each) for each in told if incident_of(each) == stuck] == ["opened", "escalated", "acknowledged"]
    assert [event_of(each) for each in told if incident_of(each) == free] == ["opened"]
    assert sum(arrivals(receiver.at("/ops")).values()) == len(told) + 2


def test_a_dead_channel_does_not_delay_another(notifications: Notifications, receiver: Receiver) -> None:
    with refusing_port() as port:
        notifications.set_channels("dead", "works")
        notifications.set_secret(notifications.name("url-dead"), f"http://127.0.0.1:{port}/")
        errors = [f"error {number}" for number in range(5)]
        notifications.report(*errors)
        notifications.finish("works")
        assert len(receiver.at("/works")) == len(errors)
        assert {row.status for row in notifications.outbox("dead")} <= {"queued", "sending"}
        # Nothing listened there, so nothing can have arrived.
        wait_until(lambda: all(_errors(notifications)), what="the errors of the dead channel")
        assert not any(row.may_have_arrived for row in notifications.outbox("dead"))


def _errors(notifications: Notifications) -> list[str]:
    notifications.send()
    return [row.error for row in notifications.outbox("dead")]


def test_a_slow_channel_does_not_delay_another(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("slow", "works")
    receiver.answer("/slow", TIMES_OUT)
    for number in range(3):
        notifications.report(f"error {number}")
        receiver.wait_for("/works", number + 1)  # while messages to the slow one wait for their answers
    notifications.finish("works")
    assert {row.status for row in notifications.outbox("works")} == {"delivered"}
    assert {row.status for row in notifications.outbox("slow")} <= {"queued", "sending"}


def test_a_secret_that_is_missing_is_named_and_found_later(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("ops")
    url = notifications.receiver.url("/ops")
    notifications.connection.execute("delete from monitoring.secrets where name = %s", (notifications.name("url-ops"),))
    notifications.report("payment")
    wait_until(lambda: _has_failed(notifications), what="the failed attempt")
    assert notifications.name("url-ops") in notifications.outbox()[0].error
    notifications.set_secret(notifications.name("url-ops"), url)
    notifications.finish()
    assert [event_of(request) for request in receiver.at("/ops")] == ["opened"]


def _has_failed(notifications: Notifications) -> bool:
    notifications.send()
    return bool(notifications.outbox()[0].error)


def test_no_secret_stays_in_the_queue_or_in_the_answers(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("ops")
    receiver.answer("/ops", status(500, b"your request was"), OK)
    notifications.report("upload")
    notifications.finish()
    url = receiver.url("/ops")
    assert notifications.value("select count(*) from net.http_request_queue where url = %s", url) == 0
    ids = [row.request_id for row in notifications.outbox() if row.request_id is not None]
    assert notifications.value("select count(*) from net._http_response where id = any(%s)", ids) == 0
    assert not any(url in repr(row) for row in notifications.outbox())


def test_the_job_delivers_without_help(notifications: Notifications, receiver: Receiver) -> None:
    notifications.set_channels("fails")
    receiver.answer("/fails", status(500), OK)
    notifications.switch_job(active=True)
    notifications.report("invoice")
    receiver.wait_for("/fails", 2)
    notifications.wait_for_status("delivered")
    assert set(arrivals(receiver.at("/fails")).values()) == {2}
