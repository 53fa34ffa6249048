"""The stack's secrets: made once, kept in its state directory so that keys and tokens survive a restart."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from local.errors import StackError


@dataclass(frozen=True)
class Secrets:
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
        """Made from the secret: states from before there was one need no other file."""
        return hashlib.sha256(f"operator {self.jwt_secret}".encode()).hexdigest()[:48]


def load_or_create(path: Path, now: int) -> Secrets:
    """Reads the file, or writes a new one that only its owner may read."""
    if path.exists():
        return _load(path)
    fresh = _create(now)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    write_private(partial, json.dumps(asdict(fresh), indent=2))
    partial.replace(path)
    return fresh


def write_private(path: Path, text: str) -> None:
    """Creates the file with mode 600 from the first byte on; it must not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _load(path: Path) -> Secrets:
    try:
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise StackError(
            f"{path} is damaged ({error}). `make reset` starts over with new secrets."
        ) from error


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
