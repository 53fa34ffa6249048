"""POST /api/autonomous/error: a report goes in."""

import asyncio

from starlette.responses import JSONResponse, Response

from app.bodies import BODY_LIMIT, check_content_headers
from app.credentials import bearer_token, is_same_secret
from app.door import ReadingBudget
from app.problems import Problem, problem
from app.reports import read_report
from app.state import ServiceRequest

_BODY_SECONDS = 15.0


async def report_error(request: ServiceRequest) -> Response:
    """201 with what the database answered. Each check that fails raises the Problem of its rung."""
    headers = request.headers
    token = bearer_token(headers.get("authorization"))
    if token is None or not is_same_secret(token, request.state["settings"].ingest_token):
        raise problem("unauthorized", "Send Authorization: Bearer with the INGEST_TOKEN of this service.")
    check_content_headers(
        headers.get("content-type"), headers.get("content-encoding"), headers.get("content-length")
    )
    body = await _read_body(request, request.state["reading"])
    report = read_report(body, headers.get("idempotency-key"))
    answer = await request.state["forwarder"].submit(report)
    if isinstance(answer, Problem):
        raise answer
    return JSONResponse(answer, 201)


async def _read_body(request: ServiceRequest, budget: ReadingBudget) -> bytes:
    """The body, counted while it comes: Content-Length may be missing or wrong."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                budget.take(len(chunk))
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise problem("body-too-large")
    except TimeoutError:
        raise problem("body-timeout") from None
    finally:
        budget.give_back(len(body))
    return bytes(body)
