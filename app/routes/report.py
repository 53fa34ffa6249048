"""POST /api/autonomous/error: a program or a page reports errors, one or a batch."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from app.ingest.payload import BATCH_BYTES, Arrival, BodyForm, JsonObject, Report, encode, name_report, read_reports
from app.ingest.service import IngestService, outcome_of
from app.logs import log_fields
from app.problems import Problem, problem
from app.state import ServiceRequest
from app.web.auth import bearer_token, is_one_of, require_ingest_token, require_public_key
from app.web.body import JSON_TYPE, LINES_TYPE, TEXT_TYPE, BodyBudget, require_media_type
from app.web.inflate import read_inflated

Forms = Mapping[re.Pattern[str], BodyForm]

_SERVERS_FORMS: Forms = {JSON_TYPE: BodyForm.JSON, LINES_TYPE: BodyForm.LINES}
# sendBeacon sends text/plain. Other programs can say what they send.
_FORMS: Forms = {**_SERVERS_FORMS, TEXT_TYPE: BodyForm.TEXT}
_PUBLIC_TYPES = (
    "Content-Type must be application/json, application/x-ndjson, application/jsonl or text/plain, in UTF-8."
)
_TYPES = "Content-Type must be application/json, application/x-ndjson or application/jsonl, in UTF-8."


class _JsonResult(Response):
    """A JSONResponse with the headers that every one has, in half of its time."""

    def __init__(self, content: JsonObject, status: int) -> None:
        self.status_code = status
        self.background = None
        self.body = encode(content)
        self.raw_headers = [
            (b"content-length", str(len(self.body)).encode()),
            (b"content-type", b"application/json"),
        ]


async def report_error(request: ServiceRequest) -> Response:
    """201 with the database's result, or 202 if the report is in the spool. A failed check raises its Problem.

    A batch gets the results of its reports in their order.
    """
    fields = log_fields()
    fields["feed"] = "public" if _key_of(request) is not None else "events"
    state = request.state
    is_public, sender = _authenticate(request)
    if not is_public:
        return await _accept(request, sender, _SERVERS_FORMS, state["report_bodies"], state["reports"])
    fields["feed"] = "public"
    # Pages leave the other connections to servers.
    with state["public_requests"].use(sender):
        return await _accept(request, sender, _FORMS, state["public_bodies"], state["public"])


async def _accept(
    request: ServiceRequest, sender: str, forms: Forms, bodies: BodyBudget, service: IngestService
) -> Response:
    headers = request.headers
    form = _read_form(headers, forms)
    key = headers.get("idempotency-key")
    reports = await read_inflated(
        request,
        bodies,
        BATCH_BYTES,
        lambda body: read_reports(body, form, Arrival(sender, datetime.now(UTC), key)),
    )
    if not isinstance(reports, Report):
        size = sum(len(report.payload) for report in reports if isinstance(report, Report))
        with bodies.hold_read(size):
            return await _store_batch(reports, service)
    result = await service.accept(reports)
    return _JsonResult(_describe(result, reports), 202 if result is None else 201)


def _key_of(request: ServiceRequest) -> str | None:
    """The public key in the URL. Most URLs have no query, whose parser would take longer than the rest."""
    return request.query_params.get("key") if request.scope["query_string"] else None


def _authenticate(request: ServiceRequest) -> tuple[bool, str]:
    """Whether the key is a public one, and the sender. Only a public key may be in the URL, because URLs are logged."""
    settings, headers = request.state["settings"], request.headers
    key = _key_of(request)
    tokens = settings.tokens_by_sender
    if key is None:
        token = bearer_token(headers.get("authorization")) or ""
        if not any(is_one_of(token, expected) for expected in settings.public_keys.values()):
            return False, require_ingest_token(headers, tokens)
        return True, require_public_key(token, headers, settings)
    if any(is_one_of(key, expected) for expected in tokens.values()):
        raise problem(
            "unauthorized",
            "An ingest token does not belong in a URL, which proxies log: replace it, and send it as Authorization: "
            "Bearer. Only a public key may be sent as ?key=.",
        )
    return True, require_public_key(key, headers, settings)


def _read_form(headers: Headers, forms: Forms) -> BodyForm:
    """What the content type says of the body. Raises the Problem `content-type`."""
    try:
        return forms[require_media_type(headers, *forms)]
    except Problem:
        raise problem("content-type", _TYPES if forms is _SERVERS_FORMS else _PUBLIC_TYPES) from None


def _describe(result: JsonObject | None, report: Report) -> JsonObject:
    """The result of a report in the database, or what is known of one in the spool."""
    if result is None:
        return {"success": True, "status": "spooled", "idempotency_key": report.idempotency_key}
    return result


async def _store_batch(batch: Sequence[Report | Problem], service: IngestService) -> Response:
    """The results in the order of the batch.

    201 if all reports are in the database, 202 if some are in the spool, 200 if some are refused. If all are refused,
    the status is that of the problem that they have in common, else 400.
    """
    stored = iter(await service.accept_all([report for report in batch if isinstance(report, Report)]))
    outcomes: Counter[str] = Counter()
    results: list[JsonObject] = []
    refusals: list[Problem] = []
    for index, report in enumerate(batch):
        result = report if isinstance(report, Problem) else next(stored)
        outcomes["refused" if result is report else outcome_of(result)] += 1
        if isinstance(result, Problem):
            refusals.append(result)
            results.append({"success": False, "error": name_report(result, index).as_json()})
        else:
            assert isinstance(report, Report)  # noqa: S101 - its result is no problem
            results.append(_describe(result, report))
    log_fields()["outcomes"] = outcomes
    status, headers = _sum_up(refusals, len(batch), is_spooled=bool(outcomes["spooled"]))
    return JSONResponse({"success": not refusals, "results": results}, status, headers)


def _sum_up(refusals: Sequence[Problem], reports: int, *, is_spooled: bool) -> tuple[int, dict[str, str]]:
    """The status and the headers of a batch. A client that looks at nothing else waits when it should."""
    waits = [int(refusal.headers["Retry-After"]) for refusal in refusals if "Retry-After" in refusal.headers]
    headers = {"Retry-After": str(max(waits))} if waits else {}
    if not refusals:
        return 202 if is_spooled else 201, headers
    if len(refusals) < reports:
        return 200, headers
    statuses = {refusal.status for refusal in refusals}
    return statuses.pop() if len(statuses) == 1 else 400, headers
