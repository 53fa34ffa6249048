"""Supabase's API keys: HS256 JSON Web Tokens signed with the project's secret."""

from __future__ import annotations

from dataclasses import dataclass

import jwt

from local.secret_store import Secrets

TEN_YEARS = 10 * 365 * 24 * 60 * 60


@dataclass(frozen=True)
class ApiKeys:
    anon: str
    service_role: str
    authenticated: str
    """The access token of one signed-in user, as Supabase Auth would issue it."""


def sign_keys(stored: Secrets) -> ApiKeys:
    """The same keys at every start: they depend on what is stored, not on the clock."""
    return ApiKeys(
        anon=_sign(stored, {"iss": "supabase", "ref": "local", "role": "anon"}),
        service_role=_sign(stored, {"iss": "supabase", "ref": "local", "role": "service_role"}),
        authenticated=_sign(
            stored,
            {
                "iss": "http://127.0.0.1:54321/auth/v1",
                "sub": stored.user_id,
                "aud": "authenticated",
                "role": "authenticated",
                "email": "agent@example.com",
                "aal": "aal1",
                "is_anonymous": False,
            },
        ),
    )


def _sign(stored: Secrets, claims: dict[str, str | bool]) -> str:
    issued = stored.keys_issued_at
    return jwt.encode(
        {**claims, "iat": issued, "exp": issued + TEN_YEARS}, stored.jwt_secret, algorithm="HS256"
    )
