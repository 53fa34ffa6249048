"""The server that the tests of notifications send to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.support import http_client
from tests.support.notification_receiver import (
    HANGS_UP,
    HANGS_UP_EARLY,
    HELD,
    INVALID_UTF8,
    OK,
    TIMES_OUT,
    Answer,
    Receiver,
    big,
    notification_receiver,
    redirect,
    status,
    without_duplicates,
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with notification_receiver() as running:
        yield running


def send(receiver: Receiver, path: str, message_id: str = "msg_1") -> httpx.Response:
    return http_client.post(receiver.url(path), content=b'{"a": 1}', headers={"Webhook-Id": message_id})


def test_requests_are_recorded_in_order_and_answered_as_the_path_says(receiver: Receiver) -> None:
    receiver.answer("/ops", status(429, retry_after="7"), status(500, b"sorry"), OK)
    answers = [send(receiver, "/ops") for _ in range(4)] + [send(receiver, "/else", "msg_2")]
    assert [answer.status_code for answer in answers] == [429, 500, 200, 200, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[1].text == "sorry"
    assert [request.number for request in receiver.received] == [1, 2, 3, 4, 5]
    assert [request.answer for request in receiver.at("/ops")] == ["429", "500", "200", "200"]
    first = receiver.received[0]
    assert (first.method, first.body, first.json, first.message_id) == ("POST", b'{"a": 1}', {"a": 1}, "msg_1")
    assert [request.number for request in without_duplicates(receiver.received)] == [1, 5]


def test_redirects_big_bodies_and_invalid_headers_are_sent_as_they_are(receiver: Receiver) -> None:
    receiver.answer("/moved", redirect(307, "/ops"))
    receiver.answer("/big", big(5_000_000))
    receiver.answer("/latin", INVALID_UTF8)
    assert send(receiver, "/moved").headers["location"] == "/ops"
    assert len(send(receiver, "/big").content) == 5_000_000
    with socket.create_connection(("127.0.0.1", receiver.port)) as client, client.makefile("rb") as answer:
        client.sendall(b"POST /latin HTTP/1.1\r\n\r\n")  # httpx accepts no such names
        assert b"\r\nx-caf\xe9: caf\xe9\r\n" in answer.read()


@pytest.mark.parametrize(("answer", "body"), [(HANGS_UP, b'{"a": 1}'), (HANGS_UP_EARLY, b"")])
def test_a_connection_ends_without_an_answer(receiver: Receiver, answer: Answer, body: bytes) -> None:
    receiver.answer("/ops", answer)
    with pytest.raises(httpx.TransportError):
        send(receiver, "/ops")
    assert [request.body for request in receiver.received] == [body]


def test_a_held_request_is_answered_when_it_is_released(receiver: Receiver) -> None:
    receiver.answer("/ops", HELD)
    answers: list[int] = []
    sender = threading.Thread(target=lambda: answers.append(send(receiver, "/ops").status_code))
    sender.start()
    receiver.wait_for("/ops")
    assert answers == []
    receiver.release()
    sender.join()
    assert answers == [200]


def test_a_request_that_is_never_answered_ends_with_its_client(receiver: Receiver) -> None:
    receiver.answer("/ops", TIMES_OUT)
    with socket.create_connection(("127.0.0.1", receiver.port)) as client:
        client.sendall(b"POST /ops HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        assert receiver.wait_for("/ops")[0].body == b"hi"
