"""`.local/dev.env`: the addresses and keys of the running stack, for people and tools. Gone when it stops."""

from __future__ import annotations

from pathlib import Path

from local.errors import StackError
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
        "OPERATOR_TOKEN": stack.secrets.operator_token,
    }


def read(path: Path) -> dict[str, str]:
    """The variables of the stack that runs. Raises StackError when none does."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise StackError(
            "Nothing runs here yet. Start `make dev` in another terminal, then try again."
        ) from None
    return dict(line.split("=", 1) for line in lines if "=" in line)


def write(path: Path, values: dict[str, str]) -> None:
    """Appears whole or not at all: readers may be polling for it."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    write_private(partial, "".join(f"{name}={value}\n" for name, value in values.items()))
    partial.replace(path)
