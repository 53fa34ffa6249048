"""The stack's secrets and API keys, created once and stored so that keys and tokens survive a restart."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import jwt

from local.system.errors import StackError

TEN_YEARS = 10 * 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Secrets:
    """The content of secrets.json."""

    jwt_secret: str
    user_id: str
    superuser_password: str
    postgres_password: str
    authenticator_password: str
    ingest_token: str
    sentry_client_secret: str
    keys_issued_at: int

    @property
    def operator_token(self) -> str:
        """Derived from the JWT secret, so that a secrets.json older than this token remains valid."""
        return hashlib.sha256(f"operator {self.jwt_secret}".encode()).hexdigest()[:48]


@dataclass(frozen=True)
class ApiKeys:
    """Supabase's API keys: HS256 JSON Web Tokens signed with the project's JWT secret."""

    anon: str
    service_role: str
    authenticated: str
    """The access token of one signed-in user, with the claims that Supabase Auth issues."""


def load_or_create(path: Path, now: int) -> Secrets:
    """Reads the file, or creates it with mode 600 and new secrets."""
    if path.exists():
        return _load(path)
    created = _create(now)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    write_private(partial, json.dumps(asdict(created), indent=2))
    partial.replace(path)
    return created


def write_private(path: Path, text: str) -> None:
    """Writes a new file with mode 600. The file must not exist."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def sign_keys(stored: Secrets) -> ApiKeys:
    """Signs the keys. They depend on the stored secrets only, so they are the same at every start."""
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
    return jwt.encode({**claims, "iat": issued, "exp": issued + TEN_YEARS}, stored.jwt_secret, algorithm="HS256")


def _load(path: Path) -> Secrets:
    try:
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise StackError(f"{path} is damaged ({error}). `make reset` starts over with new secrets.") from error


def _create(now: int) -> Secrets:
    return Secrets(
        jwt_secret=secrets.token_hex(32),
        user_id=str(uuid.uuid4()),
        superuser_password=secrets.token_hex(16),
        postgres_password=secrets.token_hex(16),
        authenticator_password=secrets.token_hex(16),
        ingest_token=secrets.token_hex(24),
        sentry_client_secret=secrets.token_hex(32),
        keys_issued_at=now,
    )
