"""The stack's secrets and API keys, created once and stored so that keys and tokens survive a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm, HMACAlgorithm
from jwt.types import Options

from local.system.errors import StackError

TEN_YEARS = 10 * 365 * 24 * 60 * 60
PROJECT_REF = "local"
AUTH_ISSUER = "http://127.0.0.1:54321/auth/v1"
USERS = ("owner@example.com", "colleague@example.com")
"""The users of the local Supabase Auth."""
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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

    def sender_key(self, sender: str) -> str:
        """The key of a sender of reports, such as public or grafana. Derived, as the operator's token is."""
        return hashlib.sha256(f"{sender} {self.jwt_secret}".encode()).hexdigest()[:32]

    def password_of(self, email: str) -> str:
        """The password of a user of the local Supabase Auth."""
        return hashlib.sha256(f"password {email} {self.jwt_secret}".encode()).hexdigest()[:20]

    def user_id_of(self, email: str) -> str:
        """The id of a user of the local Supabase Auth."""
        return str(uuid.UUID(bytes=_derive(f"user {email}", self.jwt_secret)[:16], version=4))

    @property
    def operator_token(self) -> str:
        """Derived from the JWT secret, so that a secrets.json older than this token remains valid."""
        return hashlib.sha256(f"operator {self.jwt_secret}".encode()).hexdigest()[:48]


@dataclass(frozen=True)
class ApiKeys:
    """Supabase's keys of both kinds, and the access token of a user. All derive from the secrets."""

    publishable: str
    secret: str
    anon: str
    """The legacy keys are JSON Web Tokens, signed with the project's JWT secret."""
    service_role: str
    authenticated: str
    """The access token of one signed-in user, with the claims that Supabase Auth issues."""


class SigningKeys:
    """The project's keys of tokens: an asymmetric one, with which Supabase Auth signs, and the legacy JWT secret.

    The asymmetric key, on the curve P-256, is derived from the secret, so that an older secrets.json remains valid.
    """

    def __init__(self, jwt_secret: str) -> None:
        number = int.from_bytes(_derive("signing key", jwt_secret), "big")
        self._private_key = ec.derive_private_key(number % (_P256_ORDER - 1) + 1, ec.SECP256R1())
        self._jwt_secret = jwt_secret
        self.key_id = _key_id("signing key", jwt_secret)
        self.secret_id = _key_id("JWT secret", jwt_secret)

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._private_key.public_key()

    @property
    def key_set(self) -> dict[str, object]:
        """The JSON Web Key Set that verifies tokens of both."""
        public = {**json.loads(ECAlgorithm.to_jwk(self.public_key)), "kid": self.key_id, "alg": "ES256"}
        secret = {**json.loads(HMACAlgorithm.to_jwk(self._jwt_secret)), "kid": self.secret_id, "alg": "HS256"}
        return {"keys": [{**public, "use": "sig"}, secret]}

    def sign(self, claims: Mapping[str, object], **header: object) -> str:
        """A token with these claims. Its header names the asymmetric key, unless `header` says otherwise."""
        return jwt.encode(dict(claims), self._private_key, algorithm="ES256", headers={"kid": self.key_id, **header})

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token of this project. Raises jwt.InvalidTokenError."""
        key_id = jwt.get_unverified_header(token).get("kid")
        options: Options = {"verify_aud": False}
        if key_id == self.key_id:
            return jwt.decode(token, self.public_key, ["ES256"], options)
        return jwt.decode(token, self._jwt_secret, ["HS256"], options)


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


def derive_keys(stored: Secrets) -> ApiKeys:
    """The keys depend on the stored secrets only, so they are the same at every start.

    The access token has another signature each time, as ES256 has, and remains valid.
    """
    user = {
        "iss": AUTH_ISSUER,
        "sub": stored.user_id,
        "aud": "authenticated",
        "role": "authenticated",
        "email": "agent@example.com",
        "aal": "aal1",
        "is_anonymous": False,
        **_validity(stored),
    }
    return ApiKeys(
        publishable=_opaque_key("sb_publishable_", stored.jwt_secret),
        secret=_opaque_key("sb_secret_", stored.jwt_secret),
        anon=_legacy_key("anon", stored),
        service_role=_legacy_key("service_role", stored),
        authenticated=SigningKeys(stored.jwt_secret).sign(user),
    )


def _legacy_key(role: str, stored: Secrets) -> str:
    claims = {"iss": "supabase", "ref": PROJECT_REF, "role": role, **_validity(stored)}
    return jwt.encode(claims, stored.jwt_secret, algorithm="HS256")


def _validity(stored: Secrets) -> dict[str, object]:
    return {"iat": stored.keys_issued_at, "exp": stored.keys_issued_at + TEN_YEARS}


def _opaque_key(prefix: str, jwt_secret: str) -> str:
    """A key in the form of Supabase's: the prefix, 22 random characters and a checksum of 8."""
    key = prefix + base64.urlsafe_b64encode(_derive(prefix, jwt_secret)).decode()[:22]
    checksum = base64.urlsafe_b64encode(hashlib.sha256(f"{PROJECT_REF}|{key}".encode()).digest()).decode()[:8]
    return f"{key}_{checksum}"


def _key_id(purpose: str, jwt_secret: str) -> str:
    return str(uuid.UUID(bytes=_derive(f"id of the {purpose}", jwt_secret)[:16], version=4))


def _derive(purpose: str, jwt_secret: str) -> bytes:
    """32 bytes of a secret of their own for each purpose."""
    return hmac.digest(jwt_secret.encode(), purpose.encode(), "sha256")


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
