"""Bearer tokens: a malformed header is no token, and never an exception."""

import base64
import hmac
import json
import random
import time

import pytest
from starlette.datastructures import Headers

from app.problems import Problem
from app.settings import Settings, load_settings
from app.web import auth
from app.web.auth import (
    basic_credentials,
    bearer_token,
    is_json_web_token,
    is_same_secret,
    require_ingest_token,
    require_public_key,
)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer   abc ", "abc"),
        ("BEARER a.b-c_d~e+f/g=", "a.b-c_d~e+f/g="),
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearerabc", None),
        ("Basic abc", None),
        ("Bearer a b", None),
        ("Bearer a, Bearer b", None),
        ("Bearer \xff\xfe", None),
        ("Bearer a\tb", None),
        ("Bearer a\x00b", None),
        ("Bearer " + "x" * 8193, None),
    ],
)
def test_the_token_of_a_header(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        ("Basic " + base64.b64encode("postmark:päss:word".encode()).decode(), "postmark:päss:word"),
        ("basic  YTpi ", "a:b"),
        (None, None),
        ("Basic", None),
        ("Basic YTp", None),
        ("Basic YT=i", None),
        ("Basic YTpi YTpi", None),
        ("Basic YTpi, Basic YTpi", None),
        ("Basic " + base64.b64encode(b"a:\xff").decode(), None),
        ("Basic \xff", None),
        ("Basic " + "A" * 1200, None),
        ("Bearer YTpi", None),
    ],
)
def test_the_credentials_of_a_header(header: str | None, credentials: str | None) -> None:
    assert basic_credentials(header) == credentials


def test_no_header_raises_an_exception() -> None:
    generator = random.Random(2)  # noqa: S311 - the same fuzz each time
    for _ in range(2000):
        noise = "".join(chr(generator.randrange(256)) for _ in range(generator.randrange(40)))
        token = bearer_token(generator.choice(["", "Bearer ", "bearer"]) + noise)
        assert token is None or is_same_secret(token, token)
        given = basic_credentials(generator.choice(["", "Basic ", "basic"]) + noise)
        assert given is None or is_same_secret(given, given)


def test_secrets_are_equal_only_as_a_whole() -> None:
    assert is_same_secret("0123456789abcdef", "0123456789abcdef")
    assert not is_same_secret("0123456789abcdeF", "0123456789abcdef")
    assert not is_same_secret("0123456789abcdef0", "0123456789abcdef")
    assert not is_same_secret("", "0123456789abcdef")


HEADER = {"alg": "HS256", "typ": "JWT"}


def token_of(header: object, claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, "c2lnbmF0dXJl"])


@pytest.mark.parametrize(
    ("header", "claims", "answer"),
    [
        (HEADER, {"exp_in": 3600}, True),
        (HEADER, {"exp_in": -5}, True),  # clocks differ
        (HEADER, {"exp_in": -60}, False),
        (HEADER, {}, False),
        (HEADER, {"exp": "soon"}, False),
        (HEADER, {"exp": True}, False),
        (HEADER, {"exp": None}, False),
        (HEADER, {"exp": float("nan")}, False),
        (HEADER, [], False),
        (HEADER, "x", False),
        ("x", {"exp_in": 3600}, False),
        (None, {"exp_in": 3600}, False),
    ],
)
def test_only_a_token_that_can_be_valid_is_forwarded(header: object, claims: object, answer: bool) -> None:
    if isinstance(claims, dict) and "exp_in" in claims:
        claims = {"exp": time.time() + claims["exp_in"]}
    assert is_json_web_token(token_of(header, claims)) is answer


@pytest.mark.parametrize(
    "token",
    ["", "a.b.c", "a.b", "a..c", "e30.e30.c=", "W10.W10.c", "e30.e30", "=.=.=", "é.é.é", f"{'W1tb' * 1500}.e30.c"],
)
def test_other_text_is_no_token(token: str) -> None:
    assert not is_json_web_token(token)
    good = token_of(HEADER, {"exp": time.time() + 3600})
    assert not is_json_web_token(f"{good}.{token}")


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of several secrets is compared as a whole, also after one has matched."""
    compared: list[tuple[bytes, bytes]] = []
    original = hmac.compare_digest

    def spy(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return original(left, right)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert auth.is_same_secret("right", "right")
    assert not auth.is_same_secret("wrong", "right")
    body = b"{}"
    assert auth.is_signed(body, auth.sign(body, "first"), ["first", "second", "third"])
    assert not auth.is_signed(body, None, ["first", "second", "third"])
    assert len(compared) == 2 + 3 + 3


def test_an_ingest_token_names_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tokens are compared, also after one has matched."""
    compared: list[str] = []

    def compare(given: str, expected: str) -> bool:
        compared.append(expected)
        return given == expected

    monkeypatch.setattr(auth, "is_same_secret", compare)
    tokens = {"server:default": ("token-1", "token-2"), "server:shop": ("token-3",), "server:cart": ("token-4",)}
    for sender, token in [(sender, token) for sender, each in tokens.items() for token in each]:
        compared.clear()
        assert require_ingest_token(Headers({"Authorization": f"Bearer {token}"}), tokens) == sender
        assert compared == ["token-1", "token-2", "token-3", "token-4"]
    for header in ("Bearer token", "Bearer ", "token-1", ""):
        with pytest.raises(Problem) as caught:
            require_ingest_token(Headers({"Authorization": header}), tokens)
        assert caught.value.code == "unauthorized"


def settings_with(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """The settings of a service with these variables."""
    given = {
        "SUPABASE_URL": "https://abc.supabase.co",
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_of-this-test",
        "SUPABASE_SECRET_KEY": "sb_secret_of-this-test",
        "INGEST_TOKEN": "0123456789abcdef",
        **variables,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_a_public_key_names_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, PUBLIC_KEYS=f"shop:{'s' * 32},app:{'a' * 32},shop:{'n' * 32}")
    keys = {"s" * 32: "public:shop", "n" * 32: "public:shop", "a" * 32: "public:app"}
    for key, sender in keys.items():
        assert require_public_key(key, Headers(), settings) == sender
    # Also from a body, where a text may contain what cannot be encoded; and no token is a public key.
    for wrong in (None, "", "x" * 32, "s" * 31, "s" * 33, f"{'s' * 32}\n", "\ud800" * 32, "é" * 32, "0123456789abcdef"):
        with pytest.raises(Problem) as caught:
            require_public_key(wrong, Headers(), settings)
        assert (caught.value.status, caught.value.code) == (401, "unauthorized")


def test_a_page_of_another_origin_may_not_use_a_public_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"ALLOWED_ORIGINS": "https://shop.example", "ADMIN_CONSOLE_URL": "https://console.example"}
    settings = settings_with(monkeypatch, PUBLIC_KEYS=f"shop:{'s' * 32}", **pages)
    for headers in ({}, {"Origin": "https://shop.example"}, {"Origin": "https://console.example"}):
        assert require_public_key("s" * 32, Headers(headers), settings) == "public:shop"
    for origin in ("https://stranger.example", "http://shop.example", "https://shop.example.evil", "null", ""):
        with pytest.raises(Problem) as caught:
            require_public_key("s" * 32, Headers({"Origin": origin}), settings)
        assert (caught.value.status, caught.value.code) == (403, "forbidden")
    anyone = settings_with(monkeypatch, PUBLIC_KEYS=f"shop:{'s' * 32}", ALLOWED_ORIGINS="*")
    assert require_public_key("s" * 32, Headers({"Origin": "null"}), anyone) == "public:shop"
