"""POST /webhooks/sentry: verify the raw bytes, hand them on. What they mean is SQL's to say."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from app.addresses import client_address
from app.credentials import is_same_secret
from app.deliveries import LEGACY_RESOURCE, read_delivery
from app.problems import problem
from app.receiving import read_body
from app.responses import problem_response
from app.signatures import is_signed
from app.state import ServiceRequest

_LARGE_BODY = 64 * 1024
_SIGNATURES = ("sentry-hook-signature", "sentry-app-signature")


async def receive_sentry(request: ServiceRequest) -> Response:
    """200 committed, 202 spooled. Sentry-Hook-Error names the event, for Sentry's own log of its requests."""
    body = await read_body(request)
    resource = _authenticated_resource(request, body)
    if resource is None:
        note = BackgroundTask(request.state["forgeries"].note, client_address(request))
        refusal = problem_response(problem("bad-signature"))
        refusal.background = note
        return refusal
    timestamp = request.headers.get("sentry-hook-timestamp")
    read = partial(read_delivery, body, resource, timestamp, datetime.now(UTC))
    # A large body takes long enough to hold the others up.
    delivery = await asyncio.to_thread(read) if len(body) > _LARGE_BODY else read()
    # What waits below is bounded by the bytes of its payload, and the body may be larger.
    del body, read
    taken = await request.state["sentry"].take(delivery.report)
    headers = {"Sentry-Hook-Error": delivery.event_id} if delivery.event_id else {}
    if taken.answer is None:
        return JSONResponse({"success": True, "status": "spooled"}, 202, headers)
    return JSONResponse(taken.answer, 200, headers)


def _authenticated_resource(request: ServiceRequest, body: bytes) -> str | None:
    """What the body is about, or None where nobody vouches for it."""
    settings = request.state["settings"]
    headers = request.headers
    if any(is_signed(body, headers.get(name), settings.sentry_client_secret) for name in _SIGNATURES):
        return headers.get("sentry-hook-resource", "unknown")
    # The old plugin signs nothing: its address carries the token.
    token = request.query_params.get("token")
    if token is not None and is_same_secret(token, settings.ingest_token):
        return LEGACY_RESOURCE
    return None
