"""POST /webhooks/sentry: verifies the raw body and passes it on. SQL decides what a delivery means."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from starlette.responses import JSONResponse, Response

from app.ingest.delivery import LEGACY_RESOURCE, read_sentry_delivery
from app.logs import log_fields
from app.problems import problem
from app.routes.rejection import reject_webhook
from app.state import ServiceRequest
from app.web.auth import is_one_of, is_signature, is_signed
from app.web.body import read_body

_LARGE_BODY = 64 * 1024
_SIGNATURE_HEADERS = ("sentry-hook-signature", "sentry-app-signature")


async def receive_sentry(request: ServiceRequest) -> Response:
    """200 if the database has stored the delivery, 202 if it is in the spool.

    The response header Sentry-Hook-Error contains the event id; Sentry shows it in its log of requests.
    """
    log_fields()["feed"] = "deliveries"
    state, headers = request.state, request.headers
    is_plugin = _has_plugin_token(request)
    if not is_plugin and not _may_be_signed(request):
        return reject_webhook(request, problem("bad-signature"))
    # A body with a token is authenticated already; of a signed one only the sender claims so.
    body = await read_body(request, state["report_bodies" if is_plugin else "sentry_bodies"])
    if _is_signed(request, body):
        resource = headers.get("sentry-hook-resource", "unknown")
    elif is_plugin:
        resource = LEGACY_RESOURCE
    else:
        return reject_webhook(request, problem("bad-signature"))
    timestamp = headers.get("sentry-hook-timestamp")
    read = partial(read_sentry_delivery, body, resource, timestamp, datetime.now(UTC))
    # Parsing a large body would block other requests.
    report, event_id = await asyncio.to_thread(read) if len(body) > _LARGE_BODY else read()
    # The batcher limits the bytes of payloads; the raw body may be larger and is not needed any more.
    del body, read
    result = await state["sentry"].accept(report)
    response_headers = {"Sentry-Hook-Error": event_id} if event_id else {}
    if result is None:
        return JSONResponse({"success": True, "status": "spooled"}, 202, response_headers)
    return JSONResponse(result, 200, response_headers)


def _may_be_signed(request: ServiceRequest) -> bool:
    """Whether the headers alone permit a valid signature: nothing of the body is read otherwise."""
    has_secret = bool(request.state["settings"].sentry_client_secret)
    return has_secret and any(is_signature(request.headers.get(name)) for name in _SIGNATURE_HEADERS)


def _is_signed(request: ServiceRequest, body: bytes) -> bool:
    secrets = request.state["settings"].sentry_client_secret
    return any(is_signed(body, request.headers.get(name), secrets) for name in _SIGNATURE_HEADERS)


def _has_plugin_token(request: ServiceRequest) -> bool:
    """The old WebHooks plugin does not sign: its URL contains the token."""
    token, expected = request.query_params.get("token"), request.state["settings"].sentry_webhook_token
    return token is not None and is_one_of(token, expected)
