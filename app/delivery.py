"""Bringing one batch to the database: tried again while it may help, split while one report spoils it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from app.bodies import JsonObject
from app.problems import Problem, problem
from app.reports import Answer, Report, batch_body, read_answer
from app.retry import deadline_from_now, retrying
from app.verdicts import Refusal, Unreachable, Verdict, verdict_on

Ingest = Callable[[bytes], Awaitable[object]]
Deliver = Callable[[list[Report]], Awaitable[list[Answer]]]

_logger = logging.getLogger(__name__)


class Delivery:
    """Answers a batch, one answer a report in order; it never raises for what Supabase does.

    ingest is a call of an RPC, and parameter the name of its list.
    """

    def __init__(self, ingest: Ingest, parameter: str) -> None:
        self._ingest = ingest
        self._parameter = parameter

    async def __call__(self, reports: list[Report]) -> list[Answer]:
        deadline = deadline_from_now()
        answers: list[Answer] = []
        parts = deque([reports] if reports else [])
        while parts:
            part = parts.popleft()
            try:
                answers += await self._call(part, deadline)
            except Unreachable as away:
                _logger.warning("supabase is away: %s", away)
                return answers + [problem("unavailable") for _ in range(len(reports) - len(answers))]
            except Refusal as refusal:
                verdict = verdict_on(refusal)
                if verdict in (Verdict.TRANSIENT, Verdict.OURS):
                    # It is about the call, not about a report: the other parts would fare no better.
                    code = _refused_call(refusal, verdict)
                    return answers + [problem(code) for _ in range(len(reports) - len(answers))]
                if len(part) == 1:
                    answers.append(_refused_report(refusal, verdict))
                else:
                    middle = len(part) // 2
                    parts.extendleft((part[middle:], part[:middle]))
        return answers

    async def _call(self, reports: list[Report], deadline: float) -> list[Answer]:
        body = batch_body(self._parameter, reports)
        answers = await retrying(lambda: self._ingest(body), deadline)
        if not isinstance(answers, list) or len(answers) != len(reports):
            _logger.error("the call gave no answer a report")
            return [problem("misconfigured") for _ in reports]
        return [read_answer(_as_object(answer)) for answer in answers]


def in_halves(deliver: Deliver) -> Deliver:
    """The same way with two calls at once, for reports whose order means nothing."""

    async def both(reports: list[Report]) -> list[Answer]:
        middle = len(reports) // 2
        first, second = await asyncio.gather(deliver(reports[:middle]), deliver(reports[middle:]))
        return first + second

    return both


def _refused_call(refusal: Refusal, verdict: Verdict) -> str:
    """The code of the problem; logged once a call."""
    if verdict is Verdict.TRANSIENT:
        _logger.warning("supabase is away: %s", refusal)
        return "unavailable"
    _logger.error("supabase refused the service: %s: %s", refusal, refusal.message)
    return "misconfigured"


def _refused_report(refusal: Refusal, verdict: Verdict) -> Problem:
    # The message of a data error quotes the data, so only the code is logged and told.
    _logger.error("a report was refused by the database (%s): %s", verdict.name, refusal)
    if verdict is Verdict.BUG:
        return problem("report-failed", members={"sqlstate": refusal.code})
    if refusal.status == 413:
        return problem("body-too-large", "The report is too large for the database's gateway.")
    return problem("not-storable", members={"sqlstate": refusal.code})


def _as_object(answer: object) -> JsonObject:
    return answer if isinstance(answer, dict) else {}
