"""Sends one batch to the database: retries it, splits it when one of its reports fails, reads the results."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import cast

from app.ingest.breaker import CircuitBreaker
from app.ingest.payload import JsonObject, Report
from app.problems import Problem, problem
from app.supabase.errors import (
    ErrorKind,
    SupabaseError,
    UnreachableError,
    can_be_of_a_report,
    error_kind,
    is_body_refused,
    problem_of_body,
)
from app.supabase.retry import deadline_after, retry


@dataclass(frozen=True)
class NoResult:
    """The call failed as a whole, or was not made: nothing is known about the report, which is kept.

    was_alone says that the report was the only one in the call, can_be_own that its content can be the cause.
    """

    reason: str
    kind: ErrorKind | None = None
    was_alone: bool = False
    can_be_own: bool = True


# What SQL answers about one report: its result, or its rejection as a Problem.
Answer = JsonObject | Problem | NoResult
Call = Callable[[bytes], Awaitable[object]]
Send = Callable[[list[Report]], Awaitable[list[Answer]]]

_REJECTION_STATUS = re.compile(r"PT(4\d\d)")
# After so many reports that failed alone the rest of the batch is not tried: after two if none was stored.
_LONE_FAILURES = 10
_LONE_FAILURES_ONLY = 2

_logger = logging.getLogger(__name__)


class Sender:
    """Returns one answer per report, in order; raises nothing for a failure of Supabase.

    call is an RPC that takes a list of reports, and parameter the name of that list.
    """

    def __init__(self, call: Call, parameter: str, breaker: CircuitBreaker) -> None:
        self._call = call
        self._parameter = parameter.encode()
        self._breaker = breaker
        self.stored = 0  # reports since the start, by which one that fails is compared with others

    async def __call__(self, reports: list[Report]) -> list[Answer]:
        deadline = deadline_after()
        answers: list[Answer] = []
        lone_failures = 0
        parts = deque([reports] if reports else [])
        while parts:
            part = parts.popleft()
            try:
                answers += await self._send(part, deadline)
            except SupabaseError as error:
                kind = error_kind(error)
                # Others would fail in the same way; the replay tries smaller batches later.
                is_general = kind in (ErrorKind.TRANSIENT, ErrorKind.CONFIGURATION)
                if len(part) > 1 and not is_general:
                    middle = len(part) // 2
                    parts.extendleft((part[middle:], part[:middle]))
                    continue
                if is_body_refused(error) and len(part) == 1:
                    answers.append(problem_of_body(error))
                    continue
                failure = NoResult(str(error), kind, len(part) == 1, can_be_of_a_report(error))
                answers += [failure] * len(part)
                lone_failures += 1
                has_stored = any(isinstance(answer, dict) for answer in answers)
                if is_general or lone_failures == (_LONE_FAILURES if has_stored else _LONE_FAILURES_ONLY):
                    not_made = replace(failure, was_alone=False)
                    return answers + [not_made] * (len(reports) - len(answers))
        return answers

    async def _send(self, reports: list[Report], deadline: float) -> list[Answer]:
        body = b'{"%b":[%b]}' % (self._parameter, b",".join([report.payload for report in reports]))

        async def call() -> list[Answer]:
            results = await self._call(body)
            if not isinstance(results, list) or len(results) != len(reports):
                raise UnreachableError("the call did not return one result per report")
            return [_read_result(result if isinstance(result, dict) else {}, len(reports) == 1) for result in results]

        try:
            answers = await retry(call, deadline)
        except SupabaseError as error:
            if error_kind(error) is ErrorKind.TRANSIENT:
                _logger.warning("supabase is unavailable: %s", error)
                self._breaker.record_failure(str(error))
            else:
                # The message may quote a report, so only the code is logged, except about the service itself.
                is_about_service = error_kind(error) is ErrorKind.CONFIGURATION
                _logger.error("supabase rejected the service: %s%s", error, f": {error.message}" * is_about_service)
                self._breaker.record_answer()
            raise
        self._breaker.record_answer()
        self.stored += sum(isinstance(answer, dict) for answer in answers)
        return answers


def in_halves(send: Send) -> Send:
    """Sends a batch as two concurrent calls, for reports whose order has no meaning."""

    async def send_halves(reports: list[Report]) -> list[Answer]:
        middle = len(reports) // 2
        first, second = await asyncio.gather(send(reports[:middle]), send(reports[middle:]))
        return first + second

    return send_halves


def _read_result(result: JsonObject, was_alone: bool) -> Answer:
    """The result of one report: itself if it was stored, else its rejection as a problem."""
    if result.get("success") is True:
        return result
    error = result.get("error")
    members = cast(JsonObject, error) if isinstance(error, dict) else {}
    code = _REJECTION_STATUS.fullmatch(str(members.get("code")))
    if code is None:
        return NoResult("the result of the report has no known code", None, was_alone)
    status = int(code.group(1))
    wait = members.get("retry_after")
    is_key_reused = (status, members.get("field")) == (422, "idempotency_key")
    return problem(
        "rate-limited" if status == 429 else "idempotency-key-reused" if is_key_reused else "refused",
        ": ".join(str(members[name]) for name in ("message", "detail") if members.get(name)) or None,
        status=status,
        retry_after=max(1, round(wait)) if isinstance(wait, int | float) else None,
        members={"field": members.get("field"), "hint": members.get("hint")},
    )
