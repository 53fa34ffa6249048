"""Access and refresh tokens in cookies: forged, expired, of another project, and refreshed by several requests."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from app.keys import derive_key
from local import Stack
from local.stack import auth
from local.stack.credentials import SigningKeys
from tests.support.browser import ACCESS_COOKIE, COLLEAGUE, REFRESH_COOKIE, Browser, form_token
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import running_service
from tests.support.tokens import forged_es256_token, forged_token
from tests.support.waiting import wait_until


def claims_of(browser: Browser) -> dict[str, object]:
    return dict(jwt.decode(browser.cookies[ACCESS_COOKIE], options={"verify_signature": False}))


def forgeries(stack: Stack, claims: dict[str, object]) -> dict[str, str]:
    now = int(time.time())
    return {
        "another secret": forged_token(**claims),
        "another key under the project's id": forged_es256_token(stack.signing_keys.key_id, **claims),
        "another project": SigningKeys("another-secret-of-thirty-two-bytes-or-more").sign(claims),
        "no signature": jwt.encode(claims, "", algorithm="none"),
        "an empty signature": stack.signing_keys.sign(claims).rpartition(".")[0] + ".",
        "a changed role": forged_token(**{**claims, "role": "service_role"}),
        "the public key as a secret": jwt.encode(claims, str(stack.signing_keys.key_set), algorithm="HS256"),
        "expired": stack.signing_keys.sign({**claims, "exp": now - 3_600}),
        "no expiry": stack.signing_keys.sign({name: each for name, each in claims.items() if name != "exp"}),
        "an expiry that is no number": stack.signing_keys.sign({**claims, "exp": now + 60}).replace(".", ".e30.", 1),
        "not yet valid": stack.signing_keys.sign({**claims, "nbf": now + 3_600}),
        "a publishable key": stack.publishable_key,
        "an anon key": stack.anon_key,
    }


@pytest.mark.parametrize(
    "case",
    [
        "another secret",
        "another key under the project's id",
        "another project",
        "no signature",
        "an empty signature",
        "a changed role",
        "the public key as a secret",
        "expired",
        "no expiry",
        "an expiry that is no number",
        "not yet valid",
        "a publishable key",
        "an anon key",
    ],
)
def test_forged_access_tokens_open_no_page(browser: Browser, other_browser: Browser, stack: Stack, case: str) -> None:
    browser.sign_in(stack)
    other_browser.plant(ACCESS_COOKIE, forgeries(stack, claims_of(browser))[case])
    answer = other_browser.open("/status")
    assert answer.status_code == 401
    assert "Sign out" not in answer.text
    assert ACCESS_COOKIE not in other_browser.cookies
    assert browser.is_signed_in()


@pytest.mark.parametrize(
    "case", ["without a signature", "of another service", "with a changed token", "of Supabase Auth itself", "empty"]
)
def test_refresh_tokens_that_this_service_has_not_set_never_reach_supabase_auth(
    browser: Browser, other_browser: Browser, stack: Stack, case: str
) -> None:
    browser.sign_in(stack)
    sealed = browser.cookies[REFRESH_COOKIE]
    token, _, signature = sealed.rpartition(".")
    other_key = derive_key("another-secret", "refresh tokens in cookies")
    values = {
        "without a signature": token,
        "of another service": f"{token}.{hmac.new(other_key, token.encode(), 'sha256').hexdigest()}",
        "with a changed token": f"x{token}.{signature}",
        "of Supabase Auth itself": f"{token}.",
        "empty": f".{signature}",
    }
    session = stack.auth.sessions[str(claims_of(browser)["session_id"])]
    other_browser.plant(REFRESH_COOKIE, values[case])
    assert not other_browser.is_signed_in()
    assert len(session.tokens) == 1
    assert browser.is_signed_in()


def test_an_expired_token_is_replaced_on_any_page(
    browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack.auth, "access_seconds", 20)
    browser.sign_in(stack)
    before = dict(browser.cookies)
    assert browser.is_signed_in()
    after = dict(browser.cookies)
    for name in (ACCESS_COOKIE, REFRESH_COOKIE):
        assert after[name] != before[name]
    del browser.http.cookies[ACCESS_COOKIE]  # a browser may drop one
    assert browser.is_signed_in()


def test_requests_at_the_same_time_share_one_refresh(
    browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Supabase Auth ends a session whose refresh token is used twice."""
    monkeypatch.setattr(auth, "REUSE_SECONDS", -1.0)
    monkeypatch.setattr(stack.auth, "access_seconds", 20)
    browser.sign_in(stack)
    session = stack.auth.sessions[str(claims_of(browser)["session_id"])]

    def read(_number: int) -> bool:
        with Browser(browser.url) as tab:
            tab.copy_cookies(browser)
            return tab.is_signed_in()

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(read, range(24)))
    assert len(session.tokens) == 2
    assert browser.is_signed_in()  # with the cookies from before
    assert len(session.tokens) == 2
    assert browser.is_signed_in()
    assert session.id in stack.auth.sessions


@pytest.fixture
def behind_proxy(service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path) -> Iterator[Browser]:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url}
    with running_service(environ, log_path, budgets=UNHURRIED) as service, Browser(service.url) as browser:
        yield browser


def test_a_lost_answer_of_a_refresh_ends_no_session(
    behind_proxy: Browser, own_proxy: FaultProxy, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supabase Auth has replaced the token, and the service does not know by which."""
    monkeypatch.setattr(stack.auth, "access_seconds", -60)
    behind_proxy.sign_in(stack)
    own_proxy.target, own_proxy.always = b"/auth/v1/", Fault.DROP_ANSWER
    assert behind_proxy.open("/status").status_code == 503
    own_proxy.reset()
    monkeypatch.setattr(stack.auth, "access_seconds", 3600)
    assert behind_proxy.is_signed_in()


def test_a_flood_of_sign_ins_does_not_delay_who_is_signed_in(
    behind_proxy: Browser, own_proxy: FaultProxy, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supabase Auth takes long for passwords then, and an access token expires meanwhile."""
    monkeypatch.setattr(stack.auth, "access_seconds", -60)
    behind_proxy.sign_in(stack)
    monkeypatch.setattr(stack.auth, "access_seconds", 3600)
    own_proxy.target, own_proxy.always = b"grant_type=password", Fault.HANG
    token = form_token(behind_proxy.open("/sign-in"))

    def guess(number: int) -> None:
        form = {"email": f"user{number}@example.com", "password": "x", "form_token": token}
        with Browser(behind_proxy.url) as other:
            other.copy_cookies(behind_proxy)
            other.submit("/sign-in", form)

    with ThreadPoolExecutor(12) as pool:
        guesses = [pool.submit(guess, number) for number in range(12)]
        wait_until(lambda: own_proxy.hanging >= 4, what="sign-ins that hang")
        assert behind_proxy.is_signed_in()
        own_proxy.reset()
        for each in guesses:
            each.result()


def test_a_session_that_ended_elsewhere_ends_here_with_its_token(
    browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack.auth, "access_seconds", 20)
    browser.sign_in(stack)
    del stack.auth.sessions[str(claims_of(browser)["session_id"])]
    answer = browser.open("/status")
    assert (answer.status_code, "Your session has ended. Sign in again." in answer.text) == (401, True)
    assert not {ACCESS_COOKIE, REFRESH_COOKIE} & browser.cookies.keys()


def test_users_do_not_get_each_others_tokens(stack: Stack, browser: Browser, other_browser: Browser) -> None:
    """Each call to Supabase Auth has a client of its own: one would remember who signed in last."""
    users = [(browser, "owner@example.com"), (other_browser, COLLEAGUE)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            list(pool.map(lambda each: each[0].sign_in(stack, each[1]), users))
            assert [claims_of(each)["email"] for each, _ in users] == [email for _, email in users]


@pytest.mark.parametrize("length", [3_000, 3_400, 5_000, 5_900])
def test_long_access_tokens_have_several_cookies(
    browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """A browser drops a cookie of more than 4,096 characters."""
    sign = stack.signing_keys.sign

    def sign_long(claims: dict[str, object]) -> str:
        return sign({**claims, "user_metadata": {"text": "x" * (length * 3 // 4)}})

    with monkeypatch.context() as patch:
        patch.setattr(stack.signing_keys, "sign", sign_long)
        browser.sign_in(stack)
    assert all(len(name) + len(text) < 4_000 for name, text in browser.cookies.items())
    assert browser.is_signed_in()
    browser.sign_in(stack)  # a short one leaves no rest of the long one
    assert f"{ACCESS_COOKIE}.1" not in browser.cookies
    assert browser.is_signed_in()


def test_a_sign_out_leaves_no_rest_of_a_token_that_it_refreshed(
    browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack.auth, "access_seconds", 20)
    browser.sign_in(stack)
    token, sign = form_token(browser.open("/status")), stack.signing_keys.sign
    monkeypatch.setattr(stack.signing_keys, "sign", lambda claims: sign({**claims, "x": "x" * 4_000}))
    assert browser.submit("/sign-out", {"form_token": token}).status_code == 303
    assert not [name for name in browser.cookies if name.startswith((ACCESS_COOKIE, REFRESH_COOKIE))]


def test_a_token_that_is_too_long_for_cookies_is_refused(
    browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = stack.signing_keys.sign
    monkeypatch.setattr(stack.signing_keys, "sign", lambda claims: sign({**claims, "x": "x" * 8_000}))
    form = {"email": COLLEAGUE, "password": stack.secrets.password_of(COLLEAGUE)}
    answer = browser.submit("/sign-in", form, page="/sign-in")
    assert (answer.status_code, "The access token is too long" in answer.text) == (400, True)


def unsigned(**claims: object) -> str:
    """A token that nobody has signed, with claims that a library would not write."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return ".".join([*parts, "x"])


@pytest.mark.parametrize("name", ["expiry", "infinite expiry", "e-mail", "phone", "session"])
@pytest.mark.parametrize("path", ["/status", "/incidents", "/incidents/INC-1", "/targets/x", "/sign-in", "/sign-out"])
def test_claims_that_cannot_be_written_or_counted_are_no_error(browser: Browser, name: str, path: str) -> None:
    """Anybody can send them: the database verifies a token only afterwards."""
    claims = {"exp": int(time.time()) + 3600, "sub": "x"}
    odd: dict[str, dict[str, object]] = {
        "expiry": {"exp": 10**400},
        "infinite expiry": {"exp": float("inf")},
        "e-mail": {"email": "\ud800"},
        "phone": {"phone": "+49\udfff"},
        "session": {"sub": "\ud800", "session_id": "\ud800"},
    }
    browser.plant(ACCESS_COOKIE, unsigned(**{**claims, **odd[name]}))
    method = "POST" if path == "/sign-out" else "GET"
    answer = browser.http.request(method, path, headers={"Accept": "text/html", "Origin": browser.url})
    assert answer.status_code in (200, 303, 401, 403, 415), answer.text[:500]


def test_a_page_that_refuses_a_token_does_not_greet_its_bearer(browser: Browser) -> None:
    browser.plant(ACCESS_COOKIE, unsigned(exp=int(time.time()) + 3600, sub="x", email="forged@example.com"))
    for path in ("/incidents", "/incidents/INC-1", "/targets/x"):
        answer = browser.open(path)
        assert answer.status_code == 401
        assert "forged@example.com" not in answer.text
        assert "Sign out" not in answer.text
