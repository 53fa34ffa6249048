"""POST /webhooks/sentry: verifies the raw body and passes it on. SQL decides what a delivery means."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from app.ingest.sentry import LEGACY_RESOURCE, read_delivery
from app.logs import log_fields
from app.problems import problem
from app.state import ServiceRequest
from app.web.auth import client_address, is_same_secret, is_signed
from app.web.body import read_body
from app.web.errors import problem_response

_LARGE_BODY = 64 * 1024
_SIGNATURE_HEADERS = ("sentry-hook-signature", "sentry-app-signature")


async def receive_sentry(request: ServiceRequest) -> Response:
    """200 if the database has stored the delivery, 202 if it is in the spool.

    The response header Sentry-Hook-Error contains the event id; Sentry shows it in its log of requests.
    """
    log_fields()["feed"] = "deliveries"
    state, headers = request.state, request.headers
    body = await read_body(request, state["body_budget"])
    resource = _authenticated_resource(request, body)
    if resource is None:
        response = problem_response(problem("bad-signature"))
        response.background = BackgroundTask(state["signature_failures"].report, client_address(request))
        return response
    timestamp = headers.get("sentry-hook-timestamp")
    read = partial(read_delivery, body, resource, timestamp, datetime.now(UTC))
    # Parsing a large body would block other requests.
    report, event_id = await asyncio.to_thread(read) if len(body) > _LARGE_BODY else read()
    # The batcher limits the bytes of payloads; the raw body may be larger and is not needed any more.
    del body, read
    result = await state["sentry"].accept(report)
    response_headers = {"Sentry-Hook-Error": event_id} if event_id else {}
    if result is None:
        return JSONResponse({"success": True, "status": "spooled"}, 202, response_headers)
    return JSONResponse(result, 200, response_headers)


def _authenticated_resource(request: ServiceRequest, body: bytes) -> str | None:
    """The kind of the delivery, or None if neither a signature nor a token authenticates it."""
    settings, headers = request.state["settings"], request.headers
    if any(is_signed(body, headers.get(name), settings.sentry_client_secret) for name in _SIGNATURE_HEADERS):
        return headers.get("sentry-hook-resource", "unknown")
    # The old WebHooks plugin does not sign: its URL contains the token.
    token = request.query_params.get("token")
    if token is not None and is_same_secret(token, settings.ingest_token):
        return LEGACY_RESOURCE
    return None
