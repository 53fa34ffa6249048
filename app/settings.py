"""Settings from environment variables, validated when the service starts.

Each field is the variable of the same name in capitals; .env.example documents them, and a test compares the two.
"""

import binascii
import os
import re
from base64 import b64decode
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.keys import is_opaque_key, role_of

# Sentry's SDKs read the key of a DSN as letters, digits and underscores.
PUBLIC_KEY = re.compile("[A-Za-z0-9_]{16,64}")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DEFAULT_NAME = "default"  # of INGEST_TOKEN
# The names of the legacy keys, which are accepted too.
OLD_NAMES = {"SUPABASE_PUBLISHABLE_KEY": "SUPABASE_ANON_KEY", "SUPABASE_SECRET_KEY": "SUPABASE_SERVICE_ROLE_KEY"}
# The fields with keys that are sent along with requests, or sign them, in the order in which they are validated.
CREDENTIALS = (
    "supabase_publishable_key",
    "supabase_secret_key",
    "ingest_token",
    "ingest_tokens",
    "public_keys",
    "sentry_client_secret",
    "sentry_webhook_token",
    "alertmanager_key",
    "grafana_key",
    "uptime_kuma_key",
    "github_key",
    "generic_keys",
    "postmark_webhook_credentials",
    "operator_token",
)
# What a key in the wrong variable is, by the role that it claims.
_KINDS_BY_ROLE = {
    "anon": "a publishable or anon key",
    "service_role": "a secret or service_role key",
    "authenticated": "a user's access token",
}


def _split_url(text: str) -> SplitResult:
    if re.search(r"\s", text):  # urlsplit() would accept spaces, and leave out line breaks
        raise ValueError
    parts = urlsplit(text)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError
    _ = parts.port  # raises ValueError unless it is a number up to 65535
    return parts


def _base_url(text: str) -> str:
    parts = _split_url(text)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc}"


def _url(text: str) -> str:
    parts = _split_url(text)
    if parts.query or parts.fragment:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def origin_of(text: str) -> str:
    """The origin of a URL as a browser sends it: no path, and no port if it is the default of the scheme.

    Raises ValueError if the text is no http or https URL.
    """
    parts = _split_url(text)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    is_default = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" if is_default else f"{parts.scheme}://{host}:{parts.port}"


def _header_value(text: str) -> str:
    if not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError
    return text


def _publishable_key(key: str) -> str:
    return _key_of_role(key, "anon", "the project's publishable key (sb_publishable_…, or its legacy anon key)")


def _secret_key(key: str) -> str:
    return _key_of_role(
        key, "service_role", "a secret key of the project (sb_secret_…, or its legacy service_role key)"
    )


def _key_of_role(key: str, role: str, expected: str) -> str:
    """Refuses a key that says that it has another role: with it the service would start, and fail later."""
    kind = _KINDS_BY_ROLE.get(role_of(key) or role)
    if kind is not None and kind != _KINDS_BY_ROLE[role]:
        raise PydanticCustomError(
            _MISPLACED, "contains {kind}. Set it to {expected}", {"kind": kind, "expected": expected}
        )
    return key


def _log_level(text: str) -> str:
    if text.upper() not in _LOG_LEVELS:
        raise ValueError
    return text.upper()


def _writable_file(path: Path) -> Path:
    """Checks the path without creating the file, so that rejected settings leave no file."""
    try:
        folder = next(each for each in path.absolute().parents if each.exists())
        # The spool replaces an empty directory: a container runtime makes one of a file that does not exist.
        is_file = path.is_file() or (path.is_dir() and not any(path.iterdir()))
        is_usable = os.access(path, os.W_OK) and is_file if path.exists() else folder.is_dir()
    except OSError:
        raise ValueError from None
    # The folder too: SQLite and the replay lock add files beside this one.
    if not is_usable or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError
    return path


def _digits(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch("[0-9]{1,7}", text):
        raise ValueError
    return text


def _split_list(text: object) -> object:
    return tuple(part.strip() for part in text.split(",")) if isinstance(text, str) else text


def _named_tokens(text: object) -> object:
    """name:token pairs. No token occurs twice: it says which sender it is. While a token is replaced, a name does."""
    if not isinstance(text, str):
        return text
    pairs = [(name.strip(), token.strip()) for name, _, token in (part.partition(":") for part in text.split(","))]
    if any("=" in name for name, _ in pairs):
        raise PydanticCustomError(_OLD_FORM, "contains name=key. Write name:key, with a colon")
    if len({token for _, token in pairs}) < len(pairs):
        raise ValueError
    return {name: tuple(token for owner, token in pairs if owner == name) for name, _ in pairs}


def _signing_key(text: object) -> object:
    """The key of a secret of Svix. Svix gives out 24 bytes; fewer could be guessed."""
    if not isinstance(text, str):
        return text
    prefix, encoded = text[: len(_SVIX_PREFIX)], text[len(_SVIX_PREFIX) :]
    try:
        key = b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError from None
    if prefix != _SVIX_PREFIX or len(key) < 24:
        raise ValueError
    return key


def _origin_or_any(text: str) -> str:
    return text if text == "*" else origin_of(text)


def _keys_in(field: str, value: object) -> set[str]:
    """The keys in the value of a field that contains some."""
    if isinstance(value, Mapping):
        return {key for keys in value.values() for key in keys}
    keys = {value} if isinstance(value, str) else set(value) if isinstance(value, tuple) else set()
    return {each.partition(":")[2] for each in keys} if field == "postmark_webhook_credentials" else keys


_SVIX_PREFIX = "whsec_"
# Errors whose message says more than the description of the field.
_MISPLACED, _OLD_FORM, _SHARED = "misplaced_key", "old_form", "shared_key"
_KEY = "visible ASCII characters without spaces"
_TOKEN = "at least 16 visible ASCII characters without spaces and commas"  # noqa: S105 - a description
_TOKENS = f"{_TOKEN}, or several such tokens separated by commas"
Number = Annotated[int, BeforeValidator(_digits)]
Key = Annotated[str, AfterValidator(_header_value)]
Token = Annotated[str, Field(min_length=16), AfterValidator(_header_value)]
TokenList = Annotated[tuple[Token, ...], NoDecode, BeforeValidator(_split_list)]
SigningKeyList = Annotated[
    tuple[Annotated[bytes, BeforeValidator(_signing_key)], ...], NoDecode, BeforeValidator(_split_list)
]
Credentials = Annotated[str, Field(pattern="^[^:]+:.{16,}$"), AfterValidator(_header_value)]
CredentialsList = Annotated[tuple[Credentials, ...], NoDecode, BeforeValidator(_split_list)]
SenderName = Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
HostName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$")
]
# NoDecode: pydantic-settings would expect JSON in a variable that holds a list.
TokensByName = Annotated[dict[SenderName, tuple[Token, ...]], NoDecode, BeforeValidator(_named_tokens)]
PublicKey = Annotated[str, Field(pattern=f"^{PUBLIC_KEY.pattern}$")]
PublicKeysByName = Annotated[dict[SenderName, tuple[PublicKey, ...]], NoDecode, BeforeValidator(_named_tokens)]
KeyList = Annotated[tuple[Key, ...], NoDecode, BeforeValidator(_split_list)]
AllowedOrigins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin_or_any)], ...], NoDecode, BeforeValidator(_split_list)
]
OriginList = Annotated[tuple[Annotated[str, AfterValidator(origin_of)], ...], NoDecode, BeforeValidator(_split_list)]


def _with_old_name(name: str) -> AliasChoices:
    return AliasChoices(name, OLD_NAMES[name])


class Settings(BaseSettings):
    """Every setting. The description of a field completes the sentence "<NAME> must be …" of its error."""

    # Names of variables are exact: a lower-case `port` of another program does not count.
    model_config = SettingsConfigDict(
        alias_generator=str.upper,
        case_sensitive=True,
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    supabase_url: Annotated[str, AfterValidator(_base_url)] = Field(
        description="an http or https URL without a path, such as https://abc.supabase.co"
    )
    supabase_publishable_key: Annotated[Key, AfterValidator(_publishable_key)] = Field(
        description=_KEY, repr=False, validation_alias=_with_old_name("SUPABASE_PUBLISHABLE_KEY")
    )
    supabase_secret_key: Annotated[Key, AfterValidator(_secret_key)] = Field(
        description=_KEY, repr=False, validation_alias=_with_old_name("SUPABASE_SECRET_KEY")
    )
    # Required unless there are INGEST_TOKENS.
    ingest_token: TokenList = Field((), description=_TOKENS, repr=False)
    ingest_tokens: TokensByName = Field(
        {},
        description="name:token pairs separated by commas: each name 1 to 40 characters a-z, 0-9 and -, but not "
        f"{_DEFAULT_NAME}; each token {_TOKEN}; no token twice",
        repr=False,
    )
    public_keys: PublicKeysByName = Field(
        {},
        description="name:key pairs separated by commas: each name 1 to 40 characters a-z, 0-9 and -; each key 16 to "
        "64 letters, digits and underscores; no key twice",
    )
    allowed_origins: AllowedOrigins = Field(
        ("*",), description="*, or http or https URLs separated by commas, such as https://shop.example.com"
    )
    sentry_client_secret: KeyList = Field(
        (), description=f"{_KEY}, or several such keys separated by commas", repr=False
    )
    sentry_webhook_token: TokenList = Field((), description=_TOKENS, repr=False)
    alertmanager_key: TokenList = Field((), description=_TOKENS, repr=False)
    grafana_key: TokenList = Field((), description=_TOKENS, repr=False)
    uptime_kuma_key: TokenList = Field((), description=_TOKENS, repr=False)
    github_key: TokenList = Field((), description=_TOKENS, repr=False)
    generic_keys: TokensByName = Field(
        {},
        description="name:key pairs separated by commas: each name 1 to 40 characters a-z, 0-9 and -; each key "
        f"{_TOKEN}; no key twice",
        repr=False,
    )
    resend_webhook_secret: SigningKeyList = Field(
        (),
        description="the signing secret of a webhook in Resend, whsec_ and the base64 of at least 24 bytes, or several "
        "separated by commas",
        repr=False,
    )
    postmark_webhook_credentials: CredentialsList = Field(
        (),
        description=f"user:password, the password {_TOKEN}, or several such pairs separated by commas",
        repr=False,
    )
    operator_token: TokenList = Field((), description=_TOKENS, repr=False)
    admin_console_url: OriginList = Field((), description="an http or https URL, or several separated by commas")
    backend_api_url: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="an http or https URL without a query, such as https://api.example.com"
    )
    service_url: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="an http or https URL without a query, such as https://status.example.com"
    )
    railway_public_domain: HostName | None = Field(
        None, description="a host name, such as monitoring-production.up.railway.app"
    )
    # In a container the platform's proxy connects from outside.
    host: str = Field("0.0.0.0", description="an address to listen on")  # noqa: S104
    port: Number = Field(3000, ge=1, le=65535, description="a port from 1 to 65535")
    log_level: Annotated[str, AfterValidator(_log_level)] = Field(
        "INFO", description=f"one of {', '.join(_LOG_LEVELS)}"
    )
    spool_path: Annotated[Path, AfterValidator(_writable_file)] = Field(
        Path(".local/spool.sqlite3"), description="a file that the service may write", validate_default=True
    )
    spool_max_mb: Number = Field(256, ge=1, description="a number of MB, 1 or more")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment."""
        environment = EnvSettingsSource(settings_cls)
        environment.env_vars = _given_variables()
        return init_settings, environment

    @field_validator(*CREDENTIALS)
    @classmethod
    def _refuse_keys_of_others(cls, value: object, info: ValidationInfo) -> object:
        """A key says who sends it and what that may do: those of browsers are public, those of monitors are in URLs.

        The fields that come first were validated before.
        """
        field = str(info.field_name)
        for other in CREDENTIALS:
            if other in info.data and not _keys_in(field, value).isdisjoint(_keys_in(other, info.data[other])):
                sentence = (
                    "contains a key that is also in {other}. Each sender needs keys of its own: replace one of them"
                )
                raise PydanticCustomError(_SHARED, sentence, {"other": other.upper()})
        return value

    @field_validator("ingest_tokens")
    @classmethod
    def _refuse_default_name(cls, tokens: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """It is the name of INGEST_TOKEN."""
        if _DEFAULT_NAME in tokens:
            raise ValueError
        return tokens

    @property
    def public_origins(self) -> tuple[str, ...]:
        """The origins whose pages may report with a public key; the console may do what every page may."""
        return (*self.allowed_origins, *self.admin_console_url)

    def permits_public_origin(self, origin: str | None) -> bool:
        """Whether a page of this origin may report with a public key. What is no browser has no origin."""
        return origin is None or "*" in self.allowed_origins or origin in self.public_origins

    @property
    def public_url(self) -> str | None:
        """The address at which people open the pages of the service, without a slash at its end; None if unknown."""
        if self.service_url is None and self.railway_public_domain is not None:
            return f"https://{self.railway_public_domain}"
        return self.service_url

    @cached_property
    def tokens_by_sender(self) -> Mapping[str, tuple[str, ...]]:
        """The ingest tokens by the sender that SQL stores: server:default has those of INGEST_TOKEN."""
        named = {_DEFAULT_NAME: self.ingest_token, **self.ingest_tokens}
        return {f"server:{name}": tokens for name, tokens in named.items() if tokens}


class SettingsError(Exception):
    """The message has one sentence for each variable that is missing or invalid, never its value."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def load_settings() -> Settings:
    """The settings of the environment. Raises SettingsError."""
    sentences: dict[str, str] = {}
    try:
        settings = Settings()
    except ValidationError as error:
        # Without the input: it may be a secret.
        for detail in error.errors(include_url=False, include_context=False, include_input=False):
            name = _name_of(str(detail["loc"][0]))
            sentences.setdefault(name, f"{_label(name)} {_complaint(name, detail['type'], detail['msg'])}.")
    given = _given_variables()
    if "INGEST_TOKEN" not in given and "INGEST_TOKENS" not in given:
        sentences["INGEST_TOKEN"] = "INGEST_TOKEN is missing."  # noqa: S105 - a sentence
    for name, old in OLD_NAMES.items():
        if name in given and old in given and not _agree(given[name], given[old]):
            sentences.setdefault(
                name, f"{name} and {old} are both set, to different values. Remove {old}, the old name."
            )
    if sentences:
        raise SettingsError(list(sentences.values())) from None
    return settings


def _agree(value: str, old_value: str) -> bool:
    """Whether it is clear which of two keys is meant.

    It is if each is of the kind that its variable is named after, as in .local/dev.env: then the new one is used.
    """
    is_named_rightly = is_opaque_key(value) and not is_opaque_key(old_value) and role_of(value) == role_of(old_value)
    return value == old_value or is_named_rightly


def _given_variables() -> dict[str, str]:
    """The environment without blank variables, which count as not set: a copy of .env.example contains such."""
    return {name: value.strip() for name, value in os.environ.items() if value.strip()}


def _name_of(variable: str) -> str:
    """The name of today of a variable."""
    return next((name for name, old in OLD_NAMES.items() if variable == old), variable)


def _label(name: str) -> str:
    return f"{name} (or {OLD_NAMES[name]}, its old name)" if name in OLD_NAMES else name


def _complaint(name: str, kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    return (
        message
        if kind in (_MISPLACED, _OLD_FORM, _SHARED)
        else f"must be {Settings.model_fields[name.lower()].description}"
    )
