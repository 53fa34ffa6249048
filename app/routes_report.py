"""POST /api/autonomous/error: a report goes in."""

from starlette.responses import JSONResponse, Response

from app.bodies import check_content_headers
from app.credentials import bearer_token, is_same_secret
from app.problems import problem
from app.receiving import read_body
from app.reports import read_report
from app.state import ServiceRequest


async def report_error(request: ServiceRequest) -> Response:
    """201 with what the database answered, 202 when it is away. A check that fails raises its Problem."""
    headers = request.headers
    token = bearer_token(headers.get("authorization"))
    if token is None or not is_same_secret(token, request.state["settings"].ingest_token):
        raise problem("unauthorized", "Send Authorization: Bearer with the INGEST_TOKEN of this service.")
    check_content_headers(headers.get("content-type"), headers.get("content-encoding"))
    report = read_report(await read_body(request), headers.get("idempotency-key"))
    taken = await request.state["reports"].take(report)
    if taken.answer is None:
        return JSONResponse(
            {"success": True, "status": "spooled", "idempotency_key": report.idempotency_key}, 202
        )
    return JSONResponse(taken.answer, 201)
