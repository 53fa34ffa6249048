"""The gateway answers as Kong does in front of hosted PostgREST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import jwt
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def fruit(stack: Stack) -> Iterator[str]:
    """A table of 1,500 rows that anon may read. The event triggers have PostgREST reload its schema."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("create table public.fruit (id integer primary key, name text)")
        connection.execute("insert into public.fruit select n, 'apple ' || n from generate_series(1, 1500) as n")
        url = f"{stack.supabase_url}/rest/v1/fruit"
        wait_until(lambda: http_client.head(url, headers={"apikey": stack.anon_key}).status_code == 200)
        yield url
        connection.execute("drop table public.fruit")


@pytest.fixture(scope="module", autouse=True)
def whoami(stack: Stack) -> Iterator[None]:
    """A function that returns the role of its caller."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "create function public.whoami() returns text language sql set search_path = '' "
            "return current_setting('role')"
        )
        connection.execute("grant execute on function public.whoami() to anon, authenticated, service_role")
        url = f"{stack.supabase_url}/rest/v1/rpc/whoami"
        wait_until(lambda: http_client.get(url, headers={"apikey": stack.anon_key}).status_code == 200)
        yield
        connection.execute("drop function public.whoami()")


def role_of_request(stack: Stack, headers: Mapping[str, str]) -> str:
    answer = http_client.get(f"{stack.supabase_url}/rest/v1/rpc/whoami", headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json())


def test_a_request_without_a_key_is_401(stack: Stack) -> None:
    answer = http_client.get(f"{stack.supabase_url}/rest/v1/")
    assert answer.status_code == 401
    assert answer.json()["message"] == "No API key found in request"


def test_an_unknown_key_is_401_even_if_it_is_a_valid_token(stack: Stack) -> None:
    answer = http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"apikey": stack.authenticated_jwt})
    assert answer.status_code == 401
    assert answer.json()["message"] == "Invalid API key"


@pytest.mark.parametrize("kind", ["anon_key", "publishable_key", "service_role_key", "secret_key"])
def test_a_key_alone_becomes_its_role(stack: Stack, kind: str) -> None:
    key: str = getattr(stack, kind)
    assert role_of_request(stack, {"apikey": key}) == stack.roles_by_key[key]


@pytest.mark.parametrize("kind", ["anon_key", "publishable_key", "service_role_key", "secret_key"])
def test_a_key_repeated_as_bearer_token_becomes_its_role(stack: Stack, kind: str) -> None:
    """Supabase's clients send any key so if nobody is signed in."""
    key: str = getattr(stack, kind)
    assert role_of_request(stack, {"apikey": key, "Authorization": f"Bearer {key}"}) == stack.roles_by_key[key]


@pytest.mark.parametrize("kind", ["anon_key", "publishable_key", "service_role_key", "secret_key"])
def test_a_users_token_takes_precedence_over_the_key(stack: Stack, kind: str) -> None:
    headers = {"apikey": getattr(stack, kind), "Authorization": f"Bearer {stack.authenticated_jwt}"}
    assert role_of_request(stack, headers) == "authenticated"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_another_key_as_bearer_token_is_401(stack: Stack, scheme: str) -> None:
    url = f"{stack.supabase_url}/rest/v1/"
    for key, bearer in [
        (stack.publishable_key, stack.secret_key),
        (stack.secret_key, stack.publishable_key),
        (stack.anon_key, stack.secret_key),
    ]:
        answer = http_client.get(url, headers={"apikey": key, "Authorization": f"{scheme} {bearer}"})
        assert answer.status_code == 401


def test_a_key_as_bearer_token_alone_is_401(stack: Stack) -> None:
    for key in stack.roles_by_key:
        answer = http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["message"]) == (401, "No API key found in request")


def test_an_unknown_secret_key_is_401(stack: Stack) -> None:
    for key in ("sb_secret_unknown", "sb_publishable_unknown", stack.secret_key[:-1], f"{stack.secret_key}x"):
        answer = http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"apikey": key})
        assert (answer.status_code, answer.json()["message"]) == (401, "Unregistered API key")


def test_a_revoked_key_is_401_and_a_new_one_is_accepted(stack: Stack) -> None:
    key = "sb_secret_of-this-test"
    stack.roles_by_key[key] = "service_role"
    assert role_of_request(stack, {"apikey": key}) == "service_role"
    del stack.roles_by_key[key]
    assert http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"apikey": key}).status_code == 401


def test_a_secret_key_is_401_from_a_browser(stack: Stack) -> None:
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    answer = http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"apikey": stack.secret_key, **browser})
    assert (answer.status_code, answer.json()["message"]) == (401, "Forbidden use of secret API key in browser")
    assert role_of_request(stack, {"apikey": stack.publishable_key, **browser}) == "anon"


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("kind", ["anon_key", "publishable_key", "service_role_key", "secret_key"])
def test_the_schema_needs_a_secret_key(stack: Stack, kind: str, path: str) -> None:
    answer = http_client.get(f"{stack.supabase_url}/rest/v1{path}", headers={"apikey": getattr(stack, kind)})
    if stack.roles_by_key[getattr(stack, kind)] == "service_role":
        assert (answer.status_code, answer.json()["swagger"]) == (200, "2.0")
    else:
        assert answer.status_code == 403
        assert answer.json() == {
            "message": "Access to schema is forbidden",
            "hint": "Accessing the schema via the Data API is only allowed using a secret API key.",
        }


def test_a_users_token_does_not_open_the_schema(stack: Stack) -> None:
    headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {stack.authenticated_jwt}"}
    assert http_client.get(f"{stack.supabase_url}/rest/v1/", headers=headers).status_code == 403


def test_other_services_of_supabase_are_404_with_a_reason(stack: Stack) -> None:
    answer = http_client.get(f"{stack.supabase_url}/storage/v1/bucket", headers={"apikey": stack.anon_key})
    assert answer.status_code == 404
    assert "/rest/v1 and /auth/v1 only" in answer.json()["hint"]


def test_without_a_token_the_key_is_the_bearer_token(stack: Stack, fruit: str) -> None:
    assert http_client.get(fruit, headers={"apikey": stack.anon_key}, params={"id": "eq.7"}).json() == [
        {"id": 7, "name": "apple 7"}
    ]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_a_bad_token_is_401_from_postgrest(stack: Stack, fruit: str, token: str) -> None:
    answer = http_client.get(fruit, headers={"apikey": stack.anon_key, "Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_token_signed_with_another_secret_is_401(stack: Stack, fruit: str) -> None:
    forged = jwt.encode({"role": "service_role"}, "x" * 64, algorithm="HS256")
    answer = http_client.get(fruit, headers={"apikey": stack.anon_key, "Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


def test_keys_carry_the_claims_of_supabase(stack: Stack) -> None:
    anon = jwt.decode(stack.anon_key, stack.jwt_secret, algorithms=["HS256"])
    public_key = stack.signing_keys.public_key
    user = jwt.decode(stack.authenticated_jwt, public_key, algorithms=["ES256"], audience="authenticated")
    assert (anon["iss"], anon["role"], anon["exp"] - anon["iat"]) == ("supabase", "anon", 315_360_000)
    assert (user["role"], len(user["sub"])) == ("authenticated", 36)


def test_responses_are_limited_to_a_thousand_rows(stack: Stack, fruit: str) -> None:
    answer = http_client.get(fruit, headers={"apikey": stack.anon_key, "Prefer": "count=exact"})
    assert answer.status_code == 206
    assert len(answer.json()) == 1000
    assert answer.headers["content-range"] == "0-999/1500"


def test_prefer_and_range_pass_in_both_directions(stack: Stack, fruit: str) -> None:
    headers = {"apikey": stack.anon_key, "Range-Unit": "items", "Range": "10-14", "Prefer": "count=exact"}
    answer = http_client.get(fruit, headers=headers, params={"order": "id"})
    assert answer.headers["content-range"] == "10-14/1500"
    assert [row["id"] for row in answer.json()] == [11, 12, 13, 14, 15]


def test_head_has_the_headers_and_no_body(stack: Stack, fruit: str) -> None:
    answer = http_client.head(fruit, headers={"apikey": stack.anon_key, "Prefer": "count=exact"})
    assert (answer.status_code, answer.content) == (206, b"")
    assert answer.headers["content-range"] == "0-999/1500"


def test_a_streamed_body_without_a_length_is_forwarded(stack: Stack, fruit: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"id": 2001,'
        yield b' "name": "quince"}'

    headers = {"apikey": stack.service_role_key, "Content-Type": "application/json"}
    headers["Prefer"] = "return=representation"
    answer = http_client.post(fruit, headers=headers, content=chunks())
    assert (answer.status_code, answer.json()) == (201, [{"id": 2001, "name": "quince"}])
    assert http_client.delete(fruit, headers=headers, params={"id": "eq.2001"}).status_code == 200


def test_a_slow_call_by_anon_is_cancelled_after_three_seconds(stack: Stack) -> None:
    """The call takes 6 s: the limit of the other roles, 8 s, would let it end."""
    url = f"{stack.supabase_url}/rest/v1/rpc/dawdle"
    headers = {"apikey": stack.anon_key}
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "create function public.dawdle(seconds integer) returns void language sql as 'select pg_sleep(seconds)'"
        )
        try:
            wait_until(lambda: http_client.post(url, headers=headers, json={"seconds": 0}).is_success)
            answer = http_client.post(url, headers=headers, json={"seconds": 6})
        finally:
            connection.execute("drop function public.dawdle")
    assert (answer.status_code, answer.json()["code"]) == (500, "57014")


def test_percent_encoding_in_a_filter_is_unchanged(stack: Stack, fruit: str) -> None:
    answer = http_client.get(f"{fruit}?name=eq.apple%207&select=id", headers={"apikey": stack.anon_key})
    assert answer.json() == [{"id": 7}]


def test_a_preflight_needs_no_key(stack: Stack) -> None:
    headers = {
        "Origin": "https://console.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "apikey, authorization, content-type",
    }
    answer = http_client.options(f"{stack.supabase_url}/rest/v1/fruit", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "apikey" in answer.headers["access-control-allow-headers"]


def test_a_cross_origin_response_allows_the_origin_exactly_once(stack: Stack, fruit: str) -> None:
    headers = {"apikey": stack.anon_key, "Origin": "https://console.example.com"}
    answer = http_client.get(fruit, headers=headers, params={"limit": "1"})
    assert len(answer.headers.get_list("access-control-allow-origin")) == 1
