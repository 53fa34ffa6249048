"""Sends one batch to the database: retries it, splits it when one of its reports fails, reads the results."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

from app.ingest.payload import JsonObject, Report
from app.problems import Problem, problem
from app.supabase.errors import ErrorKind, SupabaseError, error_kind, problem_of_call, problem_of_report
from app.supabase.retry import deadline_after, retry

Answer = JsonObject | Problem
Call = Callable[[bytes], Awaitable[object]]
Send = Callable[[list[Report]], Awaitable[list[Answer]]]

_REJECTION_STATUS = re.compile(r"PT(4\d\d)")

# By status and field of a rejection; any other one is "refused".
_PROBLEM_CODES: dict[tuple[int, object], str] = {
    (422, "idempotency_key"): "idempotency-key-reused",
    (429, None): "rate-limited",
}

_logger = logging.getLogger(__name__)


class Sender:
    """Returns one answer per report, in order; raises nothing for a failure of Supabase.

    call is an RPC that takes a list of reports, and parameter the name of that list.
    """

    def __init__(self, call: Call, parameter: str) -> None:
        self._call = call
        self._parameter = parameter.encode()

    async def __call__(self, reports: list[Report]) -> list[Answer]:
        deadline = deadline_after()
        answers: list[Answer] = []
        parts = deque([reports] if reports else [])
        while parts:
            part = parts.popleft()
            try:
                answers += await self._send(part, deadline)
            except SupabaseError as error:
                if error_kind(error) in (ErrorKind.TRANSIENT, ErrorKind.CONFIGURATION):
                    # The remaining parts would fail in the same way.
                    failure = problem_of_call(error)
                    return answers + [replace(failure) for _ in range(len(reports) - len(answers))]
                if len(part) == 1:
                    answers.append(problem_of_report(error))
                else:
                    middle = len(part) // 2
                    parts.extendleft((part[middle:], part[:middle]))
        return answers

    async def _send(self, reports: list[Report], deadline: float) -> list[Answer]:
        body = b'{"%b":[%b]}' % (self._parameter, b",".join([report.payload for report in reports]))
        results = await retry(lambda: self._call(body), deadline)
        if not isinstance(results, list) or len(results) != len(reports):
            _logger.error("the call did not return one result per report")
            return [problem("misconfigured") for _ in reports]
        return [_read_result(result if isinstance(result, dict) else {}) for result in results]


def in_halves(send: Send) -> Send:
    """Sends a batch as two concurrent calls, for reports whose order has no meaning."""

    async def send_halves(reports: list[Report]) -> list[Answer]:
        middle = len(reports) // 2
        first, second = await asyncio.gather(send(reports[:middle]), send(reports[middle:]))
        return first + second

    return send_halves


def _read_result(result: JsonObject) -> Answer:
    """The result of one report: itself if it was stored, else its rejection as a problem."""
    if result.get("success") is True:
        return result
    error = result.get("error")
    members = cast(JsonObject, error) if isinstance(error, dict) else {}
    code = _REJECTION_STATUS.fullmatch(str(members.get("code")))
    status = int(code.group(1)) if code else 400
    wait = members.get("retry_after")
    return problem(
        _PROBLEM_CODES.get((status, members.get("field")), "refused"),
        ": ".join(str(members[name]) for name in ("message", "detail") if members.get(name)) or None,
        status=status,
        retry_after=max(1, round(wait)) if isinstance(wait, int | float) else None,
        members={"field": members.get("field"), "hint": members.get("hint")},
    )
