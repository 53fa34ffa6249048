"""`.local/dev.env`: addresses and keys of the running stack. Removed when the stack stops."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from local.stack.credentials import USERS, Secrets, write_private
from local.stack.stack import Stack
from local.system.errors import StackError


def variables(stack: Stack, app_url: str) -> dict[str, str]:
    address = urlsplit(app_url)
    public_key = stack.secrets.sender_key("public")
    return {
        "APP_URL": app_url,
        "SUPABASE_URL": stack.supabase_url,
        "SUPABASE_PUBLISHABLE_KEY": stack.publishable_key,
        "SUPABASE_SECRET_KEY": stack.secret_key,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "AUTHENTICATED_JWT": stack.authenticated_jwt,
        "USER_EMAIL": USERS[0],
        "USER_PASSWORD": stack.secrets.password_of(USERS[0]),
        "DATABASE_URL": stack.database_url,
        "SUPERUSER_DATABASE_URL": stack.superuser_database_url,
        "INGEST_TOKEN": stack.secrets.ingest_token,
        "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
        "OPERATOR_TOKEN": stack.secrets.operator_token,
        "PUBLIC_KEY": public_key,
        "SENTRY_DSN": f"{address.scheme}://{public_key}@{address.netloc}/1",
        "GENERIC_KEY": stack.secrets.sender_key("generic"),
        **sender_variables(stack.secrets),
    }


def sender_variables(secrets: Secrets) -> dict[str, str]:
    """The variables of the service that hold keys of senders: a public key, and one of each kind of monitor."""
    return {
        "PUBLIC_KEYS": f"dev:{secrets.sender_key('public')}",
        "SENTRY_WEBHOOK_TOKEN": secrets.sender_key("sentry"),
        "ALERTMANAGER_KEY": secrets.sender_key("alertmanager"),
        "GRAFANA_KEY": secrets.sender_key("grafana"),
        "UPTIME_KUMA_KEY": secrets.sender_key("uptime-kuma"),
        "GITHUB_KEY": secrets.sender_key("github"),
        "GENERIC_KEYS": f"dev:{secrets.sender_key('generic')}",
    }


def read(path: Path) -> dict[str, str]:
    """The variables of the running stack. Raises StackError if none is running."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise StackError("`make dev` is not running. Start it in another terminal, then try again.") from None
    return dict(line.split("=", 1) for line in lines if "=" in line)


def write(path: Path, values: dict[str, str]) -> None:
    """Writes the file atomically, because readers may be polling for it."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    write_private(partial, "".join(f"{name}={value}\n" for name, value in values.items()))
    partial.replace(path)
