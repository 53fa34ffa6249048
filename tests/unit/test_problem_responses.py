"""Problem documents that take no stack to produce."""

import asyncio

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app.ingest.batcher import Batcher, BatcherLimits
from app.ingest.payload import Report
from app.ingest.sender import Answer
from app.metrics import Metrics
from app.problems import PROBLEM_TYPES, Problem
from app.supabase.errors import ResponseError, problem_of_reader
from app.web import body as web_body
from app.web.body import BodyBudget
from app.web.middleware import RequestLog, UnexpectedErrors
from tests.support.problem_responses import assert_is_problem


def test_misconfigured() -> None:
    assert problem_of_reader(ResponseError(404, "42P01")).code == "misconfigured"


async def test_body_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_body, "_REPORT_SECONDS", 0.05)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "headers": []}
    with pytest.raises(Problem) as caught:
        await web_body.read_body(Request(scope, receive), BodyBudget(web_body.report_limits()))
    assert caught.value.code == "body-timeout"
    assert caught.value.status == PROBLEM_TYPES["body-timeout"].status


async def test_overloaded_and_draining() -> None:
    async def deliver(_batch: list[Report]) -> list[Answer]:
        raise AssertionError

    batcher = Batcher(deliver, BatcherLimits(queued_reports=0))
    with pytest.raises(Problem) as caught:
        batcher.submit(Report(b"{}"))
    assert caught.value.code == "overloaded"
    await batcher.drain(1)
    with pytest.raises(Problem) as caught:
        batcher.submit(Report(b"{}"))
    assert caught.value.code == "draining"


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_internal(accept: str) -> None:
    """A browser gets the same if there can be no page: here because the service has not started."""

    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError("a secret that must not be returned")

    app = RequestLog(UnexpectedErrors(broken), Metrics())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as session:
        answer = await session.get("/", headers={"X-Request-Id": "request-1", "Accept": accept})
    problem = assert_is_problem(answer, "internal")
    assert problem["request_id"] == "request-1"
    assert "secret" not in answer.text
