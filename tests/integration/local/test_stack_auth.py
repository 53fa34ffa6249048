"""The stand-in for Supabase Auth, as Supabase's own client sees it and as supabase/auth documents it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from supabase import AuthApiError, Client, ClientOptions, create_client

from local import Stack
from local.stack import auth
from local.stack.credentials import USERS
from tests.support import http_client

OWNER, COLLEAGUE = USERS


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=http_client.TIMEOUT) as client:
        yield client


@pytest.fixture
def client(stack: Stack, http: httpx.Client) -> Client:
    return new_client(stack, http)


def new_client(stack: Stack, http: httpx.Client, key: str | None = None) -> Client:
    options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    return create_client(stack.supabase_url, key or stack.publishable_key, options)


def sign_in(client: Client, stack: Stack, email: str = OWNER) -> Any:
    answer = client.auth.sign_in_with_password({"email": email, "password": stack.secrets.password_of(email)})
    assert answer.session is not None
    return answer.session


def post(stack: Stack, path: str, body: object, **headers: str) -> httpx.Response:
    given = {"apikey": stack.publishable_key, **headers}
    return http_client.post(f"{stack.supabase_url}/auth/v1/{path}", json=body, headers=given)


@pytest.mark.parametrize("email", USERS)
@pytest.mark.parametrize("kind", ["publishable_key", "anon_key"])
def test_a_user_signs_in_and_reads_as_authenticated(stack: Stack, http: httpx.Client, email: str, kind: str) -> None:
    client = new_client(stack, http, getattr(stack, kind))
    session = sign_in(client, stack, email)
    assert session.user.email == email
    assert session.expires_in == 3600
    assert client.rpc("status_summary", {}).execute().data is not None
    claims = stack.signing_keys.verify(session.access_token)
    assert {claims["role"], claims["aud"]} == {"authenticated"}
    assert claims["sub"] == session.user.id
    found = client.auth.get_user(session.access_token)
    assert found is not None
    assert found.user.id == session.user.id


def test_e_mail_addresses_have_no_case(client: Client, stack: Stack) -> None:
    credentials = {"email": OWNER.upper(), "password": stack.secrets.password_of(OWNER)}
    assert client.auth.sign_in_with_password(credentials).session is not None  # type: ignore[arg-type]


def test_a_wrong_password_and_an_unknown_user_are_answered_alike(client: Client, stack: Stack) -> None:
    documents = []
    for email in (OWNER, "nobody@example.com"):
        with pytest.raises(AuthApiError, match="Invalid login credentials") as raised:
            client.auth.sign_in_with_password({"email": email, "password": "wrong"})
        assert (raised.value.status, raised.value.code) == (400, "invalid_credentials")
        documents.append(post(stack, "token?grant_type=password", {"email": email, "password": "wrong"}).json())
    assert documents[0] == documents[1]
    assert documents[0] == {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}


def test_a_refresh_replaces_both_tokens(client: Client, stack: Stack) -> None:
    first = sign_in(client, stack)
    second = client.auth.refresh_session(first.refresh_token).session
    assert second is not None
    assert second.refresh_token != first.refresh_token
    claims = [stack.signing_keys.verify(each.access_token) for each in (first, second)]
    assert claims[0]["session_id"] == claims[1]["session_id"]


def test_a_client_that_lost_the_answer_gets_the_tokens_again(client: Client, stack: Stack) -> None:
    first = sign_in(client, stack)
    answers = [client.auth.refresh_session(first.refresh_token).session for _ in range(3)]
    assert len({answer.refresh_token for answer in answers if answer}) == 1


def test_reuse_of_an_old_refresh_token_ends_the_session(
    client: Client, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REUSE_SECONDS", -1.0)
    first = sign_in(client, stack)
    second = client.auth.refresh_session(first.refresh_token).session
    assert second is not None
    third = client.auth.refresh_session(second.refresh_token).session
    assert third is not None
    with pytest.raises(AuthApiError, match="Already Used") as raised:
        client.auth.refresh_session(first.refresh_token)
    assert str(raised.value.code) == "refresh_token_already_used"
    with pytest.raises(AuthApiError) as ended:
        client.auth.refresh_session(third.refresh_token)
    assert str(ended.value.code) == "refresh_token_not_found"


@pytest.mark.parametrize("scope", ["local", "global", "others"])
def test_a_sign_out_ends_the_sessions_of_its_scope(stack: Stack, http: httpx.Client, scope: str) -> None:
    one, other, colleague = (new_client(stack, http) for _ in range(3))
    sessions = [sign_in(one, stack), sign_in(other, stack), sign_in(colleague, stack, COLLEAGUE)]
    one.auth.admin.sign_out(sessions[0].access_token, scope)  # type: ignore[arg-type]
    found = []
    for session in sessions:
        answer = post(stack, "token?grant_type=refresh_token", {"refresh_token": session.refresh_token})
        found.append(answer.status_code == 200)
    assert found == {"local": [False, True, True], "global": [False, False, True], "others": [True, False, True]}[scope]


def test_tokens_of_no_session_are_403(stack: Stack, client: Client) -> None:
    session = sign_in(client, stack)
    client.auth.admin.sign_out(session.access_token, "local")
    now = int(time.time())
    tokens = {
        session.access_token: "session_not_found",
        stack.signing_keys.sign({"sub": "x", "exp": now - 60}): "bad_jwt",
        stack.anon_key: "bad_jwt",
        "a.b.c": "bad_jwt",
    }
    for token, code in tokens.items():
        answer = post(stack, "logout", None, Authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()["error_code"]) == (403, code)
    assert post(stack, "logout", None).json()["error_code"] == "no_authorization"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"{}", b'{"email": 1, "password": []}'])
@pytest.mark.parametrize("grant", ["password", "refresh_token", "pkce", ""])
def test_bad_requests_are_400(stack: Stack, body: bytes, grant: str) -> None:
    url = f"{stack.supabase_url}/auth/v1/token?grant_type={grant}"
    answer = http_client.post(url, content=body, headers={"apikey": stack.publishable_key})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error_code"] in ("bad_json", "validation_failed", "invalid_credentials")


def test_a_key_is_required(stack: Stack) -> None:
    answer = http_client.post(f"{stack.supabase_url}/auth/v1/token?grant_type=password", json={})
    assert (answer.status_code, answer.json()["message"]) == (401, "No API key found in request")


def test_other_paths_are_404(stack: Stack) -> None:
    assert post(stack, "signup", {"email": "new@example.com", "password": "x"}).status_code == 404
