"""POST /webhooks/<kind> of other monitors: authenticates the sender and passes the delivery on. SQL reads it.

A key comes in ?key=, as a bearer token or as the password of HTTP Basic; GitHub signs the body instead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from starlette.responses import JSONResponse, Response

from app.ingest.delivery import Origin, read_delivery
from app.logs import log_fields
from app.problems import Problem, problem
from app.routes.rejection import reject_webhook
from app.state import ServiceRequest
from app.web.auth import basic_credentials, bearer_token, is_one_of, is_signature, is_signed
from app.web.body import read_body, require_identity

_LARGE_BODY = 64 * 1024
_SIGNATURE_PREFIX = "sha256="
_PRIORITY_KEYS = frozenset({"alerts", "labels", "annotations", "deployment", "deployment_status", "workflow_run"})
_BAD_SIGNATURE = "The signature does not match the request body. Set GITHUB_KEY to the secret of the webhook in GitHub."

Handler = Callable[[ServiceRequest], Awaitable[Response]]


def monitor_handlers() -> dict[str, Handler]:
    """The handlers by kind of monitor, which is the last part of the path."""
    keyed = ("alertmanager", "grafana", "uptime-kuma", "generic")
    return {**{kind: partial(_receive_with_key, kind) for kind in keyed}, "github": _receive_from_github}


async def _receive_with_key(kind: str, request: ServiceRequest) -> Response:
    """The key is judged before the body is read. That of a generic monitor has a name, which selects the mapping."""
    log_fields()["feed"] = "monitors"
    names = [name for name, keys in _keys_by_name(kind, request).items() if _has_key(request, keys)]
    if not names:
        return reject_webhook(request, _unauthorized(kind))
    require_identity(request.headers)
    body = await read_body(request, request.state["monitor_bodies"])
    return await _accept(request, Origin(kind, kind, names[0] or None), body)


async def _receive_from_github(request: ServiceRequest) -> Response:
    """The header is judged before the body is read, and the raw body before it is parsed."""
    log_fields()["feed"] = "monitors"
    secrets = request.state["settings"].github_key
    prefix, signature = _split_signature(request.headers.get("x-hub-signature-256", ""))
    if not secrets or prefix != _SIGNATURE_PREFIX or not is_signature(signature):
        return reject_webhook(request, problem("bad-signature", _BAD_SIGNATURE))
    # Whether the signature is right shows only when the body is there, as with Sentry's.
    body = await read_body(request, request.state["github_bodies"])
    if not is_signed(body, signature, secrets):
        return reject_webhook(request, problem("bad-signature", _BAD_SIGNATURE))
    event = request.headers.get("x-github-event", "unknown")
    if event == "ping":
        return JSONResponse({"success": True, "status": "pong"})
    return await _accept(request, Origin("github", event), body)


async def _accept(request: ServiceRequest, origin: Origin, body: bytes) -> Response:
    """200 with the effects, or 202: no alert in the delivery was understood, or the delivery is in the spool."""
    read = partial(read_delivery, body, origin, None, datetime.now(UTC), _PRIORITY_KEYS)
    # Parsing a large body would block other requests.
    report, _ = await asyncio.to_thread(read) if len(body) > _LARGE_BODY else read()
    # The batcher limits the bytes of payloads; the raw body may be larger and is not needed any more.
    del body, read
    result = await request.state["monitors"].accept(report)
    effects = ["spooled"] if result is None else result.get("effects")
    for effect in effects if isinstance(effects, list) else []:
        request.state["metrics"].count_alert(origin.kind, str(effect))
    if result is None:
        return JSONResponse({"success": True, "status": "spooled"}, 202)
    return JSONResponse(result, 200 if result.get("understood") is True else 202)


def _keys_by_name(kind: str, request: ServiceRequest) -> Mapping[str, tuple[str, ...]]:
    settings = request.state["settings"]
    keys: dict[str, Mapping[str, tuple[str, ...]]] = {
        "alertmanager": {"": settings.alertmanager_key},
        "grafana": {"": settings.grafana_key},
        "uptime-kuma": {"": settings.uptime_kuma_key},
        "generic": settings.generic_keys,
    }
    return keys[kind]


def _has_key(request: ServiceRequest, expected: tuple[str, ...]) -> bool:
    """Compares each place where the key can be, in constant time."""
    authorization = request.headers.get("authorization")
    password = (basic_credentials(authorization) or "").partition(":")[2]
    given = (request.query_params.get("key", ""), bearer_token(authorization) or "", password)
    matches = [is_one_of(each, expected) for each in given]
    return any(matches)


def _split_signature(header: str) -> tuple[str, str]:
    return header[: len(_SIGNATURE_PREFIX)], header[len(_SIGNATURE_PREFIX) :]


def _unauthorized(kind: str) -> Problem:
    variable = "GENERIC_KEYS" if kind == "generic" else f"{kind.upper().replace('-', '_')}_KEY"
    return problem(
        "unauthorized", f"Send a key of {variable} as ?key=, as a bearer token or as the password of HTTP Basic."
    )
