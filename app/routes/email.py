"""POST /webhooks/email: authenticates Resend or Postmark and passes the event on. SQL decides what it means."""

import logging
import time

from starlette.responses import JSONResponse, Response

from app.ingest.payload import parse_object
from app.problems import Problem, problem
from app.routes.rejection import reject_webhook
from app.state import ServiceRequest
from app.supabase.errors import ErrorKind, SupabaseError, error_kind, is_body_refused, problem_of_body
from app.web.auth import basic_credentials, is_one_of
from app.web.body import read_body
from app.web.svix import has_svix_headers, is_svix_signed, read_svix_headers

_BAD_SIGNATURE = (
    "The signature does not match the request body, or is older than 5 minutes. "
    "Set RESEND_WEBHOOK_SECRET to the signing secret of the webhook in Resend."
)
_BAD_CREDENTIALS = "Set POSTMARK_WEBHOOK_CREDENTIALS to the user name and password in the webhook URL in Postmark."
_UNAVAILABLE = "The database is unavailable. Send the event again: it is counted once."

_logger = logging.getLogger(__name__)


async def receive_email_event(request: ServiceRequest) -> Response:
    """200 if the event is recorded, was recorded before, or concerns no e-mail of ours; 503 if it must be repeated.

    The headers are judged before the body is read, and the raw body before it is parsed.
    """
    settings, headers, bodies = request.state["settings"], request.headers, request.state["email_bodies"]
    if has_svix_headers(headers):
        provider, keys = "resend", settings.resend_webhook_secret
        claimed = read_svix_headers(headers, time.time())
        if claimed is None or not keys:
            return reject_webhook(request, problem("bad-signature", _BAD_SIGNATURE))
        body = await read_body(request, bodies)
        if not is_svix_signed(body, claimed, keys):
            return reject_webhook(request, problem("bad-signature", _BAD_SIGNATURE))
    else:
        provider = "postmark"
        given = basic_credentials(headers.get("authorization")) or ""
        if not is_one_of(given, settings.postmark_webhook_credentials):
            challenge = {"WWW-Authenticate": 'Basic realm="webhooks"'}
            return reject_webhook(request, problem("unauthorized", _BAD_CREDENTIALS, headers=challenge))
        body = await read_body(request, bodies)
    event = parse_object(body)
    try:
        result = await request.state["supabase"].record_email_event(provider, event)
    except SupabaseError as error:
        _logger.warning("an event of %s was not recorded: %s", provider, error)
        request.state["metrics"].count_email_event(provider, "failed")
        raise _problem_of(error) from error
    request.state["metrics"].count_email_event(provider, str(result["effect"]))
    return JSONResponse({"success": True, **result})


def _problem_of(error: SupabaseError) -> Problem:
    """The call is made with the service's own key, which the provider does not know."""
    kind = error_kind(error)
    if is_body_refused(error) or kind is ErrorKind.DATA:
        return problem_of_body(error)
    return problem("misconfigured") if kind is ErrorKind.CONFIGURATION else problem("unavailable", _UNAVAILABLE)
