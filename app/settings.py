"""Settings from the environment. What is wrong is told at once, and without the value: it may be a secret.

Each field is the variable of its name in capitals; .env.example documents them, and a test compares the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from starlette.config import Config

from app import setting_values as values

Value = TypeVar("Value")


@dataclass(frozen=True)
class Settings:
    """All that can be set."""

    supabase_url: str
    supabase_anon_key: str = field(repr=False)
    supabase_service_role_key: str = field(repr=False)
    ingest_token: str = field(repr=False)
    sentry_client_secret: tuple[str, ...] = field(default=(), repr=False)
    operator_token: str | None = field(default=None, repr=False)
    admin_console_url: tuple[str, ...] = ()
    backend_api_url: str | None = None
    host: str = "0.0.0.0"  # noqa: S104 - in a container the platform's proxy comes from outside
    port: int = 3000
    log_level: str = "INFO"
    spool_path: Path = Path(".local/spool.sqlite3")
    spool_max_mb: int = 256


class SettingsError(Exception):
    """What is wrong, a sentence each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings, or a SettingsError with everything that is missing or malformed."""
    # An empty variable is one that is not set: copying .env.example leaves such behind.
    reader = _Reader(
        Config(environ={name: value.strip() for name, value in environ.items() if value.strip()})
    )
    settings = Settings(
        supabase_url=reader.required("SUPABASE_URL", values.base_url, ""),
        supabase_anon_key=reader.required("SUPABASE_ANON_KEY", values.secret, ""),
        supabase_service_role_key=reader.required("SUPABASE_SERVICE_ROLE_KEY", values.secret, ""),
        ingest_token=reader.required("INGEST_TOKEN", values.token, ""),
        sentry_client_secret=reader.optional("SENTRY_CLIENT_SECRET", values.secrets, ()),
        operator_token=reader.optional("OPERATOR_TOKEN", values.token, Settings.operator_token),
        admin_console_url=reader.optional("ADMIN_CONSOLE_URL", values.origins, Settings.admin_console_url),
        backend_api_url=reader.optional("BACKEND_API_URL", values.address, Settings.backend_api_url),
        host=reader.optional("HOST", str, Settings.host),
        port=reader.optional("PORT", values.port, Settings.port),
        log_level=reader.optional("LOG_LEVEL", values.log_level, Settings.log_level),
        spool_path=reader.checked("SPOOL_PATH", values.writable_file, Settings.spool_path),
        spool_max_mb=reader.optional("SPOOL_MAX_MB", values.megabytes, Settings.spool_max_mb),
    )
    if reader.sentences:
        raise SettingsError(reader.sentences)
    return settings


class _Reader:
    """Reads variables and collects what is wrong with them. After a mistake it goes on with a stand-in."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.sentences: list[str] = []

    def required(self, name: str, cast: Callable[[str], Value], stand_in: Value) -> Value:
        if self._config(name, default="") == "":
            self.sentences.append(f"{name} is missing.")
            return stand_in
        return self.optional(name, cast, stand_in)

    def checked(self, name: str, cast: Callable[[str], Value], default: Value) -> Value:
        """As optional(), where the default itself may not do on this machine."""
        return self._cast(name, cast, self._config(name, default=str(default)), default)

    def optional(self, name: str, cast: Callable[[str], Value], default: Value) -> Value:
        text = self._config(name, default="")
        return self._cast(name, cast, text, default) if text else default

    def _cast(self, name: str, cast: Callable[[str], Value], text: str, default: Value) -> Value:
        # Not Config's own cast: its error quotes the value.
        try:
            return cast(text)
        except ValueError as error:
            self.sentences.append(f"{name} {error}.")
            return default
