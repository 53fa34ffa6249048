"""Bearer credentials: taken out of a header, and compared without telling by time how much was right."""

import hmac
import re

# Visible ASCII only: whatever else arrives is no token of ours, and must end as a 401, never as an exception.
_BEARER = re.compile(r"bearer +([\x21-\x7e]{1,8192}) *", re.IGNORECASE)
# The three base64url parts of a JSON web token.
_JSON_WEB_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def bearer_token(authorization: str | None) -> str | None:
    """The token of an Authorization header, or None if there is none that is well formed."""
    match = _BEARER.fullmatch(authorization or "")
    return match.group(1) if match else None


def is_same_secret(given: str, expected: str) -> bool:
    """Whether both are the same, in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def is_json_web_token(token: str) -> bool:
    """Whether it has the shape of a JWT. Whether it is a good one is PostgREST's to say."""
    return _JSON_WEB_TOKEN.fullmatch(token) is not None
