"""What is read from a key, and in which headers it is sent."""

from __future__ import annotations

import jwt
import pytest

from app.keys import request_headers, role_of

SECRET = "a secret of this test, long enough for HS256"  # noqa: S105 - of this test
LEGACY = jwt.encode({"iss": "supabase", "role": "service_role"}, SECRET)


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("sb_publishable_x", "anon"),
        ("sb_secret_x", "service_role"),
        (LEGACY, "service_role"),
        (jwt.encode({"role": "anon"}, SECRET), "anon"),
        (jwt.encode({"role": "authenticated"}, SECRET), "authenticated"),
        (jwt.encode({"role": ["anon"]}, SECRET), None),
        (jwt.encode({}, SECRET), None),
        ("sb_temp_x", None),
        ("service_role", None),
        ("a.b.c", None),
        ("", None),
    ],
)
def test_the_role_that_a_key_claims(key: str, role: str | None) -> None:
    assert role_of(key) == role


@pytest.mark.parametrize("key", ["sb_publishable_x", "sb_secret_x", "sb_temp_x"])
def test_a_key_that_is_no_token_is_sent_as_apikey_alone(key: str) -> None:
    assert request_headers(key) == {"apikey": key}
    assert request_headers(key, "user.access.token") == {"apikey": key, "Authorization": "Bearer user.access.token"}


def test_a_legacy_key_is_the_bearer_token_unless_a_user_has_one() -> None:
    assert request_headers(LEGACY) == {"apikey": LEGACY, "Authorization": f"Bearer {LEGACY}"}
    assert request_headers(LEGACY, "user.access.token")["Authorization"] == "Bearer user.access.token"
