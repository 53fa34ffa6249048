"""One error report: made ready for ingest_events on the way in, its answer read on the way out."""

import json
import re
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from app.bodies import JsonObject, parse_object
from app.problems import Problem, problem

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_REFUSAL_STATUS = re.compile(r"PT(4\d\d)")


@dataclass(frozen=True, eq=False)
class Report:
    """A report as the JSON text that goes into the batch.

    Text, not objects: 1 MiB of `[[],[],…]` takes 20 MiB as Python objects, and the queue is bounded in bytes.
    """

    payload: bytes
    idempotency_key: str | None = None


Answer = JsonObject | Problem


def read_report(raw: bytes, idempotency_key: str | None) -> Report:
    """The report in a request. It gets its key before the first try, so that a second try counts nothing."""
    event = parse_object(raw)
    if idempotency_key is not None:
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise problem("idempotency-key")
        event["idempotency_key"] = idempotency_key
    elif event.get("idempotency_key") is None:
        event["idempotency_key"] = uuid4().hex
    payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    return Report(payload, str(event["idempotency_key"]))


def batch_body(parameter: str, reports: list[Report]) -> bytes:
    """The arguments of one call whose parameter takes a list of reports."""
    return b'{"%b":[%b]}' % (parameter.encode(), b",".join([report.payload for report in reports]))


def read_answer(answer: JsonObject) -> Answer:
    """What SQL said of one report: itself if it was taken, else the refusal as a problem."""
    if answer.get("success") is True:
        return answer
    error = answer.get("error")
    return _refusal(cast(JsonObject, error) if isinstance(error, dict) else {})


def _refusal(error: JsonObject) -> Problem:
    code = _REFUSAL_STATUS.fullmatch(str(error.get("code")))
    status = int(code.group(1)) if code else 400
    said = [str(error[name]) for name in ("message", "detail") if error.get(name)]
    wait = error.get("retry_after")
    return problem(
        "rate-limited" if status == 429 else "refused",
        ": ".join(said) or None,
        status=status,
        retry_after=max(1, round(wait)) if isinstance(wait, int | float) else None,
        members={"field": error.get("field"), "hint": error.get("hint")},
    )
