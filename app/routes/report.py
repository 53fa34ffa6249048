"""POST /api/autonomous/error: a program reports an error."""

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from app.ingest.payload import read_report
from app.logs import log_fields
from app.state import ServiceRequest
from app.web.auth import require_ingest_token
from app.web.body import read_body, require_json


async def report_error(request: ServiceRequest) -> Response:
    """201 with the database's result, or 202 if the report is in the spool. A failed check raises its Problem."""
    log_fields()["feed"] = "events"
    state, headers = request.state, request.headers
    sender = require_ingest_token(headers, state["settings"].tokens_by_sender)
    require_json(headers)
    body = await read_body(request, state["report_bodies"])
    report = read_report(body, headers.get("idempotency-key"), sender, datetime.now(UTC))
    result = await state["reports"].accept(report)
    if result is None:
        return JSONResponse({"success": True, "status": "spooled", "idempotency_key": report.idempotency_key}, 202)
    return JSONResponse(result, 201)
