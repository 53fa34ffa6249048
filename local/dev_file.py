"""`.local/dev.env`: the addresses and keys of the running stack, for people and tools. Gone when it stops."""

from __future__ import annotations

from pathlib import Path

from local.secret_store import write_private
from local.stack import Stack


def environment_file(state: Path) -> Path:
    """`.local/dev.env` for the state `.local/dev`."""
    return state.with_name(f"{state.name}.env")


def variables(stack: Stack, app_url: str) -> dict[str, str]:
    return {
        "APP_URL": app_url,
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "AUTHENTICATED_JWT": stack.authenticated_jwt,
        "DATABASE_URL": stack.database_url,
        "SUPERUSER_DATABASE_URL": stack.superuser_database_url,
        "INGEST_TOKEN": stack.secrets.ingest_token,
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
    }


def write(path: Path, values: dict[str, str]) -> None:
    """Appears whole or not at all: readers may be polling for it."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    write_private(partial, "".join(f"{name}={value}\n" for name, value in values.items()))
    partial.replace(path)
