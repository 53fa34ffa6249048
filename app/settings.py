"""Settings from the environment. What is wrong is told at once, and without the value: it may be a secret.

Each field is the variable of its name in capitals; .env.example documents them, and a test compares the two.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from starlette.config import Config

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_DEFAULT_PORTS = {"http": 80, "https": 443}

Value = TypeVar("Value")


@dataclass(frozen=True)
class Settings:
    """All that can be set."""

    supabase_url: str
    supabase_anon_key: str = field(repr=False)
    supabase_service_role_key: str = field(repr=False)
    ingest_token: str = field(repr=False)
    admin_console_url: tuple[str, ...] = ()
    host: str = "0.0.0.0"  # noqa: S104 - in a container the platform's proxy comes from outside
    port: int = 3000
    log_level: str = "INFO"


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
        supabase_url=reader.required("SUPABASE_URL", _base_url, ""),
        supabase_anon_key=reader.required("SUPABASE_ANON_KEY", _secret, ""),
        supabase_service_role_key=reader.required("SUPABASE_SERVICE_ROLE_KEY", _secret, ""),
        ingest_token=reader.required("INGEST_TOKEN", _token, ""),
        admin_console_url=reader.optional("ADMIN_CONSOLE_URL", _origins, Settings.admin_console_url),
        host=reader.optional("HOST", str, Settings.host),
        port=reader.optional("PORT", _port, Settings.port),
        log_level=reader.optional("LOG_LEVEL", _log_level, Settings.log_level),
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

    def optional(self, name: str, cast: Callable[[str], Value], default: Value) -> Value:
        text = self._config(name, default="")
        if text == "":
            return default
        # Not Config's own cast: its error quotes the value.
        try:
            return cast(text)
        except ValueError as error:
            self.sentences.append(f"{name} {error}.")
            return default


def _split(text: str) -> SplitResult:
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError
    _ = parts.port  # raises ValueError where it is no number up to 65535
    return parts


def _base_url(text: str) -> str:
    try:
        parts = _split(text)
    except ValueError:
        parts = None
    if parts is None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL without a path, such as https://abc.supabase.co")
    return f"{parts.scheme}://{parts.netloc}"


def _origins(text: str) -> tuple[str, ...]:
    try:
        # A browser sends an origin: no path, and no port where it is the scheme's own.
        return tuple(_origin(_split(part.strip())) for part in text.split(","))
    except ValueError:
        raise ValueError("must be an http or https URL, or several with commas between") from None


def _origin(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    is_usual = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{parts.port}"


def _secret(text: str) -> str:
    if not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError("must be visible ASCII characters without spaces")
    return text


def _token(text: str) -> str:
    if len(text) < 16:
        raise ValueError("must have at least 16 characters")
    return _secret(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= 65535):
        raise ValueError("must be a port from 1 to 65535")
    return int(text)


def _log_level(text: str) -> str:
    if text.upper() not in _LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(_LOG_LEVELS)}")
    return text.upper()
