"""POST /api/<project>/envelope/ and /store/: Sentry's SDKs report with a DSN of this service.

SDKs drop what is not answered with 2xx; those in Python and JavaScript send nothing twice. So an event is answered 200
once it is in the database or in the spool. If the database refuses more of a key, the SDK learns how long to hold back
(429, X-Sentry-Rate-Limits). If neither can store an event (503), it does not: the next one may find room.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from app.ingest.payload import Report
from app.ingest.sdk import EVENT_LIMIT, read_check_in, read_event_id, read_sdk_event
from app.ingest.service import outcome_of
from app.logs import log_fields
from app.problems import Problem, problem
from app.state import ServiceRequest
from app.web.auth import require_public_key
from app.web.dsn import key_of_dsn, key_of_request
from app.web.envelope import ENVELOPE_LIMIT, Envelope, read_envelope, read_header
from app.web.errors import problem_response
from app.web.inflate import read_inflated

_PROJECT = re.compile("[0-9]{1,20}")
_NO_HEADER_TEXT = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True)
class _Sent:
    """What of a request is to be stored, in order, and the id that its answer has."""

    sender: str
    events: tuple[Report, ...] = ()
    check_ins: tuple[Report, ...] = ()
    item_types: tuple[str, ...] = ("event",)
    event_id: str | None = None


async def receive_envelope(request: ServiceRequest) -> Response:
    """200 with the id once every event and check-in of the envelope is stored or spooled. Others are counted only."""
    return await _answer(request, _read_envelope)


async def receive_event(request: ServiceRequest) -> Response:
    """200 with the id once the event is stored or spooled: SDKs sent it alone before there were envelopes."""
    return await _answer(request, _read_event)


async def _read_envelope(request: ServiceRequest) -> _Sent:
    state, headers = request.state, request.headers
    key = key_of_request(request)
    sender = None if key is None else require_public_key(key, headers, state["settings"])

    def authenticate(beginning: bytes) -> str:
        tunneled = key_of_dsn(read_header(beginning).get("dsn"))
        return require_public_key(tunneled, headers, state["settings"])

    def read(raw: bytes) -> _Sent:
        return _read_items(read_envelope(raw), sender or authenticate(raw))

    if sender is not None:
        return await read_inflated(request, state["envelope_bodies"], ENVELOPE_LIMIT, read)
    # Whose envelope it is shows in its first line: without a key nothing more is inflated.
    return await read_inflated(request, state["tunnel_bodies"], ENVELOPE_LIMIT, read, check=authenticate)


def _read_items(envelope: Envelope, sender: str) -> _Sent:
    events: list[Report] = []
    check_ins: list[Report] = []
    default_id, received_at = envelope.header.get("event_id"), datetime.now(UTC)
    for item in envelope.items:
        try:
            if item.type == "event":
                events.append(read_sdk_event(item.payload, default_id, sender, received_at))
                default_id = None  # of one event
            elif item.type == "check_in":
                check_ins.append(read_check_in(item.payload, sender, received_at))
        except Problem as refused:
            detail = f"Line {item.line} of the envelope: {refused.detail}"
            raise problem(refused.code, detail, members={**refused.members, "line": item.line}) from None
    event_id = events[0].idempotency_key if events else read_event_id(envelope.header.get("event_id"))
    return _Sent(sender, tuple(events), tuple(check_ins), tuple(item.type for item in envelope.items), event_id)


async def _read_event(request: ServiceRequest) -> _Sent:
    state, received_at = request.state, datetime.now(UTC)
    sender = require_public_key(key_of_request(request), request.headers, state["settings"])
    event = await read_inflated(
        request, state["envelope_bodies"], EVENT_LIMIT, lambda raw: read_sdk_event(raw, None, sender, received_at)
    )
    return _Sent(sender, events=(event,), event_id=event.idempotency_key)


async def _answer(request: ServiceRequest, read: Callable[[ServiceRequest], Awaitable[_Sent]]) -> Response:
    log_fields()["feed"] = "public"
    try:
        if not _PROJECT.fullmatch(request.path_params["project"]):
            raise problem("not-found", "The project of a DSN is a number, such as 1.")
        sent = await read(request)
        for item_type in sent.item_types:
            request.state["metrics"].count_envelope_item(item_type)
        ignored = await _store(request, sent)
    except Problem as refused:
        return problem_response(_for_sdks(refused))
    headers = {} if ignored is None else {"X-Sentry-Error": _header_text(ignored.detail)}
    return JSONResponse({"id": sent.event_id} if sent.event_id is not None else {}, headers=headers)


async def _store(request: ServiceRequest, sent: _Sent) -> Problem | None:
    """Raises the Problem of the first event or check-in that is refused, once it is known what became of all.

    Returns that of a check-in which counts for no heartbeat: as at Sentry, it is dropped, and the answer is 200.
    """
    fields = log_fields()
    if not (sent.events or sent.check_ins):
        del fields["feed"]  # no report
        return None
    if not sent.events:
        fields["feed"] = "heartbeats"
    state = request.state
    size = sum(len(report.payload) for report in (*sent.events, *sent.check_ins))
    with state["public_requests"].use(sent.sender), state["envelope_bodies"].hold_read(size):
        events = await state["public"].accept_all(sent.events)
        check_ins = await state["heartbeats"].accept_all(sent.check_ins)
    fields["outcomes"] = Counter(outcome_of(result) for result in [*events, *check_ins])
    # The categories are those of which Sentry's SDKs then hold back what they have.
    ignored: Problem | None = None
    for results, categories in ((events, "error;default"), (check_ins, "monitor")):
        for refused in (result for result in results if isinstance(result, Problem)):
            if results is check_ins and refused.status in (403, 404):
                ignored = ignored or refused
                continue
            if refused.status == 429:
                limits = f"{refused.headers['Retry-After']}:{categories}:key"
                refused.headers = {**refused.headers, "X-Sentry-Rate-Limits": limits}
            raise refused
    return ignored


def _header_text(text: str) -> str:
    return _NO_HEADER_TEXT.sub(" ", text)[:500]


def _for_sdks(refused: Problem) -> Problem:
    """The same Problem, with the headers that SDKs read."""
    headers = {**refused.headers, "X-Sentry-Error": _header_text(refused.detail)}
    if refused.status == 503:
        # SDKs in JavaScript would drop every event until then, although the next one may be stored.
        headers.pop("Retry-After", None)
    refused.headers = headers
    return refused
