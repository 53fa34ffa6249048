"""The kinds of values that settings have. Each raises a ValueError that says what the value must be."""

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _split(text: str) -> SplitResult:
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError
    _ = parts.port  # raises ValueError where it is no number up to 65535
    return parts


def base_url(text: str) -> str:
    """An http or https URL without a path."""
    try:
        parts = _split(text)
    except ValueError:
        parts = None
    if parts is None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL without a path, such as https://abc.supabase.co")
    return f"{parts.scheme}://{parts.netloc}"


def address(text: str) -> str:
    """An http or https URL, without a slash at its end."""
    try:
        parts = _split(text)
    except ValueError:
        parts = None
    if parts is None or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL without query, such as https://api.example.com")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def origins(text: str) -> tuple[str, ...]:
    """One or more origins, as browsers send them."""
    try:
        # A browser sends an origin: no path, and no port where it is the scheme's own.
        return tuple(_origin(_split(part.strip())) for part in text.split(","))
    except ValueError:
        raise ValueError("must be an http or https URL, or several with commas between") from None


def _origin(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    is_usual = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{parts.port}"


def secret(text: str) -> str:
    """A key that fits into a header."""
    if not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError("must be visible ASCII characters without spaces")
    return text


def secrets(text: str) -> tuple[str, ...]:
    """One or more keys: while a secret is being replaced, both count."""
    return tuple(secret(part.strip()) for part in text.split(","))


def token(text: str) -> str:
    """A key that cannot be guessed."""
    if len(text) < 16:
        raise ValueError("must have at least 16 characters")
    return secret(text)


def port(text: str) -> int:
    """A port to listen on."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= 65535):
        raise ValueError("must be a port from 1 to 65535")
    return int(text)


def writable_file(text: str) -> Path:
    """A file that can be written, in a folder that is made if need be."""
    path = Path(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise ValueError(f"must be a file that the service may write ({error.strerror})") from None
    return path


def megabytes(text: str) -> int:
    """A size in MB."""
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and int(text) >= 1):
        raise ValueError("must be a number of MB, 1 or more")
    return int(text)


def log_level(text: str) -> str:
    """A level of Python's logging."""
    if text.upper() not in _LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(_LOG_LEVELS)}")
    return text.upper()
