"""Authentication: tokens, Sentry's HMAC signatures, constant-time comparison, and reports of failed checks.

Sentry's signature is the lower-case hex HMAC-SHA256 of the raw body with the integration's client secret. Timestamp
and request id are not signed; a body that was parsed and serialized again does not match.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from app.keys import claims_of, is_opaque_key
from app.problems import problem
from app.settings import PUBLIC_KEY, Settings
from app.supabase.errors import SupabaseError

# Visible ASCII only: any other header value is a 401, never an exception.
_BEARER = re.compile(r"bearer +([\x21-\x7e]{1,8192}) *", re.IGNORECASE)
_BASIC = re.compile(r"basic +([A-Za-z0-9+/]{1,1024}={0,2}) *", re.IGNORECASE)
# How far the clocks of the service and of the database may differ; PostgREST allows as much.
_LEEWAY_SECONDS = 30.0
_SIGNATURE = re.compile("[0-9a-f]{64}")
_INTERVAL_SECONDS = 60.0
_REPORT_TIMEOUT_SECONDS = 10.0
_ADDRESS_LIMIT = 1000

_logger = logging.getLogger(__name__)


def bearer_token(authorization: str | None) -> str | None:
    """The token of an Authorization header, or None if the header is missing or malformed."""
    match = _BEARER.fullmatch(authorization or "")
    return match.group(1) if match else None


def basic_credentials(authorization: str | None) -> str | None:
    """user:password of an Authorization header, or None if the header is missing or malformed."""
    match = _BASIC.fullmatch(authorization or "")
    try:
        return base64.b64decode(match.group(1), validate=True).decode() if match else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def is_same_secret(given: str, expected: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Compares with each, so that the time reveals nothing about them."""
    matches = [is_same_secret(given, each) for each in expected]
    return any(matches)


def is_json_web_token(token: str) -> bool:
    """Whether it has the form of a JWT that has not expired. PostgREST verifies its signature.

    A token that cannot be valid is rejected without a call to the database.
    """
    expiry = claims_of(token).get("exp")
    return isinstance(expiry, int | float) and expiry > time.time() - _LEEWAY_SECONDS


def require_ingest_token(headers: Headers, tokens_by_sender: Mapping[str, Iterable[str]]) -> str:
    """The sender whose ingest token the bearer token is. Raises the Problem `unauthorized` for any other token.

    All are compared, so that the time reveals nothing about them.
    """
    token = bearer_token(headers.get("authorization")) or ""
    senders = [sender for sender, expected in tokens_by_sender.items() if is_one_of(token, expected)]
    if not senders:
        raise problem("unauthorized", "Send Authorization: Bearer with an ingest token of this service.")
    return senders[0]


def require_public_key(key: str | None, headers: Headers, settings: Settings) -> str:
    """The sender whose public key this is: public:<name>.

    Raises the Problem `unauthorized` for any other key, and `forbidden` if a browser sends it from an origin that
    ALLOWED_ORIGINS does not name. Programs that are no browsers send no Origin.
    """
    # A key from a body may contain characters that cannot be encoded.
    given = key if key is not None and PUBLIC_KEY.fullmatch(key) else ""
    senders = [name for name, expected in settings.public_keys.items() if is_one_of(given, expected)]
    if not senders:
        raise problem("unauthorized", "Send a public key of this service, one of PUBLIC_KEYS.")
    if not settings.permits_public_origin(headers.get("origin")):
        raise problem("forbidden", "ALLOWED_ORIGINS does not name the origin of this page.")
    return f"public:{senders[0]}"


def require_access_token(headers: Headers) -> str:
    """The caller's own Supabase access token, which PostgREST verifies. Raises the Problem `unauthorized`."""
    token = bearer_token(headers.get("authorization"))
    if token is None or not is_json_web_token(token):
        reason = "A publishable or secret key is no access token. " if is_opaque_key(token or "") else ""
        raise problem("unauthorized", f"{reason}Send your Supabase access token as Authorization: Bearer.")
    return token


def sign(body: bytes, secret: str) -> str:
    """The value of Sentry-Hook-Signature for a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signature(text: str | None) -> bool:
    """Whether it has the form of a signature."""
    return _SIGNATURE.fullmatch(text or "") is not None


def is_signed(body: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets signed the body. All are tried, so that the time reveals nothing about them."""
    given = (signature or "").encode(errors="replace")
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]
    return any(matches)


def client_address(request: Request[Any]) -> str | None:
    """The peer's address, or the last entry of X-Forwarded-For if the peer is a proxy.

    The client may have written the entries before the last one itself.
    """
    peer = request.client.host if request.client else None
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
    return forwarded if is_proxy(peer) and _parse_address(forwarded) is not None else peer


def is_proxy(peer: str | None) -> bool:
    """Whether a connection comes from a private network. The platform's proxy is there; clients are not."""
    address = _parse_address(peer)
    return address is not None and not address.is_global


def client_of(address: str | None) -> str:
    """The client that an address belongs to: with IPv6 a client has a whole network of 64 bits."""
    parsed = _parse_address(address)
    return str(IPv6Network((parsed, 64), strict=False) if isinstance(parsed, IPv6Address) else parsed)


def _parse_address(text: str | None) -> IPv4Address | IPv6Address | None:
    """The address, or None for other text. On an IPv6 socket, IPv4 clients have addresses such as ::ffff:192.0.2.1."""
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


class SignatureFailures:
    """Reports failed signature checks to the database, which stores one row per minute and address.

    An address is reported once a minute, and at most 1,000 addresses in that time: a flood of requests causes no flood
    of calls.
    """

    def __init__(self, record: Callable[[str | None], Awaitable[object]]) -> None:
        self._record = record
        self._reported_at: dict[str | None, float] = {}
        self._lock = asyncio.Lock()

    async def report(self, address: str | None) -> None:
        """Never raises: the request is rejected already. A failed report is repeated with the next request."""
        now = asyncio.get_running_loop().time()
        if len(self._reported_at) >= _ADDRESS_LIMIT:
            self._reported_at = {each: at for each, at in self._reported_at.items() if now - at < _INTERVAL_SECONDS}
        if (
            len(self._reported_at) >= _ADDRESS_LIMIT
            or now - self._reported_at.get(address, -_INTERVAL_SECONDS) < _INTERVAL_SECONDS
        ):
            return
        self._reported_at[address] = now
        try:
            # One call at a time; the timeout includes the wait for the lock.
            async with asyncio.timeout(_REPORT_TIMEOUT_SECONDS), self._lock:
                await self._record(address)
        except (SupabaseError, TimeoutError) as error:
            self._reported_at.pop(address, None)
            _logger.warning("an invalid signature was not recorded: %s", error or "timeout")
