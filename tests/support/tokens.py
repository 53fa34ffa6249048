"""Access tokens that only PostgREST can tell from valid ones."""

from __future__ import annotations

import time

import jwt

from local.stack.credentials import SigningKeys


def forged_token(**claims: object) -> str:
    """The form, the claims and the expiry of an access token, signed with another secret."""
    expiry = int(time.time()) + 36_000
    return jwt.encode({"role": "authenticated", "exp": expiry, **claims}, "another-secret-of-thirty-two-bytes-or-more")


def forged_es256_token(key_id: str, **claims: object) -> str:
    """The same, signed with another asymmetric key under the id of the project's."""
    expiry = int(time.time()) + 36_000
    claims = {"role": "authenticated", "exp": expiry, **claims}
    return SigningKeys("another-secret-of-thirty-two-bytes-or-more").sign(claims, kid=key_id)
