"""Sentry's signature: lower-case hex HMAC-SHA256 of the raw body with the integration's client secret.

The timestamp and the request id are not signed; a body that was parsed and written again fails
(DESIGN fact 12).
"""

import hashlib
import hmac
from collections.abc import Iterable


def sign(body: bytes, secret: str) -> str:
    """What Sentry puts into Sentry-Hook-Signature."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets made it. Each is tried, so the time tells neither which nor how near."""
    given = (signature or "").encode(errors="replace")
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets]
    return any(matches)
