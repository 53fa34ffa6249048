"""Access tokens that only the database can tell from valid ones."""

from __future__ import annotations

import time

import jwt


def forged_token(**claims: object) -> str:
    """The form, the claims and the expiry of an access token, signed with another secret."""
    expiry = int(time.time()) + 36_000
    return jwt.encode({"role": "authenticated", "exp": expiry, **claims}, "another-secret-of-thirty-two-bytes-or-more")
