"""Supabase's API keys and access tokens: what can be read from them without verifying them.

A project has publishable and secret keys (`sb_publishable_…`, `sb_secret_…`), which are no JSON Web Tokens. Older
projects may still have the legacy keys `anon` and `service_role`, which are tokens with that role.
"""

import base64
import hmac
import json
import re

# Three base64url parts.
_JSON_WEB_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_ROLES_BY_PREFIX = {"sb_publishable_": "anon", "sb_secret_": "service_role"}


def is_opaque_key(key: str) -> bool:
    """Whether it is a publishable or secret key: known to the gateway only, and refused as a bearer token."""
    return key.startswith("sb_")


def role_of(key: str) -> str | None:
    """The database role that a key or token claims to have, or None if it does not say."""
    for prefix, role in _ROLES_BY_PREFIX.items():
        if key.startswith(prefix):
            return role
    role_claim = claims_of(key).get("role")
    return role_claim if isinstance(role_claim, str) else None


def request_headers(api_key: str, access_token: str | None = None) -> dict[str, str]:
    """The headers of a call with a key, and with the rights of a user if there is an access token.

    A legacy key is a bearer token too, as in Supabase's own clients.
    """
    bearer = access_token or (None if is_opaque_key(api_key) else api_key)
    return {"apikey": api_key} if bearer is None else {"apikey": api_key, "Authorization": f"Bearer {bearer}"}


def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, which does not reveal the secret."""
    return hmac.digest(secret.encode(), f"autonomous-monitoring-agent {purpose}".encode(), "sha256")


def claims_of(token: str) -> dict[str, object]:
    """The claims of a JWT, not verified; none if it has another form."""
    parts = _JSON_WEB_TOKEN.fullmatch(token)
    header, claims = (_read_part(part) for part in parts.groups()) if parts else (None, None)
    return {} if header is None or claims is None else claims


def _read_part(part: str) -> dict[str, object] | None:
    """The JSON object in a part of a JWT."""
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
