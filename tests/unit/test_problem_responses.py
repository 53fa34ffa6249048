"""Problem documents that take no stack to produce."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app import receiving
from app.delivery import Delivery
from app.door import ReadingBudget
from app.forwarder import Forwarder, ForwarderLimits
from app.middleware import LastResort
from app.problems import LADDER, Problem
from app.reading import told_to_reader
from app.reports import Answer, Report
from app.verdicts import Refusal
from tests.support.problem_responses import assert_is_problem


def test_misconfigured() -> None:
    assert told_to_reader(Refusal(404, "42P01")).code == "misconfigured"


async def test_report_failed() -> None:
    async def fail(_body: bytes) -> object:
        raise Refusal(500, "XX000", "a secret that must not be returned")

    (answer,) = await Delivery(fail, "events")([Report(b"{}")])
    assert isinstance(answer, Problem)
    assert (answer.code, answer.members["sqlstate"]) == ("report-failed", "XX000")


async def test_body_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_BODY_SECONDS", 0.05)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "headers": [], "state": {"reading": ReadingBudget()}}
    with pytest.raises(Problem) as caught:
        await receiving.read_body(Request(scope, receive))
    assert caught.value.code == "body-timeout"
    assert caught.value.status == LADDER["body-timeout"].status


async def test_overloaded_and_draining() -> None:
    async def deliver(_batch: list[Report]) -> list[Answer]:
        raise AssertionError

    forwarder = Forwarder(deliver, ForwarderLimits(waiting_reports=0))
    with pytest.raises(Problem) as caught:
        forwarder.submit(Report(b"{}"))
    assert caught.value.code == "overloaded"
    await forwarder.drain(1)
    with pytest.raises(Problem) as caught:
        forwarder.submit(Report(b"{}"))
    assert caught.value.code == "draining"


async def test_internal() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError("a secret that must not be returned")

    transport = httpx.ASGITransport(_with_request_id(LastResort(broken)))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as session:
        answer = await session.get("/")
    problem = assert_is_problem(answer, "internal")
    assert problem["request_id"] == "request-1"
    assert "secret" not in answer.text


def _with_request_id(app: Callable[[Scope, Receive, Send], Any]) -> Callable[[Scope, Receive, Send], Any]:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"request_id": "request-1"}}, receive, send)

    return wrapped
