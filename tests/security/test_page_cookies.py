"""Cookies of sessions: their flags, session fixation, copied cookies, and what a sign-out ends."""

from __future__ import annotations

from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import jwt
import pytest

from local import Stack
from tests.security.conftest import OPERATOR_TOKEN
from tests.support import http_client
from tests.support.browser import (
    ACCESS_COOKIE,
    COLLEAGUE,
    OWNER,
    REFRESH_COOKIE,
    SESSION_COOKIE,
    VISITOR_COOKIE,
    Browser,
    form_token,
)
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service
from tests.support.tokens import forged_token


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """Name and attributes of each cookie of an answer."""
    return {line.partition("=")[0]: line.partition(";")[2] for line in answer.headers.get_list("set-cookie")}


def attributes(text: str) -> set[str]:
    return {word.strip().lower() for word in text.split(";")}


@pytest.mark.parametrize("who", ["user", "operator"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_flags(page_service: ServiceProcess, stack: Stack, who: str, scheme: str) -> None:
    headers = {"X-Forwarded-Proto": "https"} if scheme == "https" else {}
    with Browser(page_service.url, headers) as browser:
        page = browser.open("/sign-in")
        form = {"token": OPERATOR_TOKEN, "name": "Olga"}
        if who == "user":
            form = {"email": OWNER, "password": stack.secrets.password_of(OWNER)}
        origin = page_service.url.replace("http:", f"{scheme}:")
        visitor = page.headers["set-cookie"].partition(";")[0]
        sent = {"Origin": origin, "Cookie": visitor}
        answer = browser.submit("/sign-in", {**form, "form_token": form_token(page)}, headers=sent)
    assert answer.status_code == 303, answer.text
    found = {**cookies_of(page), **cookies_of(answer)}
    names = {VISITOR_COOKIE, *((ACCESS_COOKIE, REFRESH_COOKIE) if who == "user" else (SESSION_COOKIE,))}
    prefix = "__Host-" if scheme == "https" else ""
    assert {prefix + name for name in names} <= found.keys()
    for name, text in found.items():
        words = attributes(text)
        assert {"httponly", "samesite=lax", "path=/"} <= words
        assert ("secure" in words) is (scheme == "https")
        assert name.startswith("__Host-") is (scheme == "https")
        assert not any(word.startswith("domain") for word in words)


def test_over_https_cookies_without_the_prefix_count_for_nothing(browser: Browser, stack: Stack) -> None:
    """Another host of the domain, or a page without https, can set those."""
    browser.sign_in(stack)
    answer = browser.http.get("/status", headers={"X-Forwarded-Proto": "https"})
    assert "Sign out" not in answer.text


@pytest.mark.parametrize("name", [SESSION_COOKIE, ACCESS_COOKIE, REFRESH_COOKIE, VISITOR_COOKIE])
def test_a_value_that_was_planted_is_not_kept(browser: Browser, stack: Stack, name: str) -> None:
    """Session fixation."""
    browser.plant(name, "planted")
    browser.sign_in(stack)
    assert name == VISITOR_COOKIE or browser.cookies.get(name) != "planted"
    with Browser(browser.url) as other:
        other.plant(name, "planted")
        assert not other.is_signed_in()


def test_each_sign_in_starts_another_session(browser: Browser, other_browser: Browser, stack: Stack) -> None:
    for each in (browser, other_browser):
        each.sign_in(stack)
    assert browser.cookies[REFRESH_COOKIE] != other_browser.cookies[REFRESH_COOKIE]
    assert form_token(browser.open("/status"))
    assert browser.submit("/sign-out", {}, page="/status").status_code == 303
    assert other_browser.is_signed_in()


@pytest.mark.parametrize("who", ["user", "operator"])
def test_copied_cookies_are_worth_nothing_after_the_sign_out(
    browser: Browser, other_browser: Browser, stack: Stack, who: str
) -> None:
    if who == "user":
        browser.sign_in(stack)
    else:
        browser.sign_in_as_operator(OPERATOR_TOKEN)
    other_browser.copy_cookies(browser)
    assert other_browser.is_signed_in()
    other_browser.copy_cookies(browser)
    assert browser.submit("/sign-out", {}, page="/status").status_code == 303
    assert not other_browser.is_signed_in()


def test_a_sign_out_revokes_the_session_at_supabase_auth(browser: Browser, stack: Stack) -> None:
    browser.sign_in(stack)
    refresh_token = browser.cookies[REFRESH_COOKIE].rpartition(".")[0]
    assert browser.submit("/sign-out", {}, page="/status").status_code == 303
    answer = http_client.post(
        f"{stack.supabase_url}/auth/v1/token?grant_type=refresh_token",
        json={"refresh_token": refresh_token},
        headers={"apikey": stack.publishable_key},
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, "refresh_token_not_found")


@pytest.mark.parametrize("refresh", [None, "x", "x.y"])
def test_nobody_ends_the_session_of_another_with_a_forged_token(
    browser: Browser, other_browser: Browser, stack: Stack, refresh: str | None
) -> None:
    """Nor fills the list of ended sessions, which is limited, until those of others are forgotten."""
    browser.sign_in(stack)
    claims = jwt.decode(browser.cookies[ACCESS_COOKIE], options={"verify_signature": False})
    other_browser.plant(ACCESS_COOKIE, forged_token(**claims))
    if refresh is not None:
        other_browser.plant(REFRESH_COOKIE, refresh)
    assert other_browser.submit("/sign-out", {}, page="/nowhere").status_code == 303
    assert browser.is_signed_in()


@pytest.mark.parametrize("cookie", ["x", "\xff", "a.b.c"])
def test_what_is_no_token_ends_no_session(page_service: ServiceProcess, cookie: str) -> None:
    """The list of ended sessions is limited."""
    with Browser(page_service.url) as browser:
        headers = {b"Cookie": f"{ACCESS_COOKIE}={cookie}".encode("latin-1"), b"Origin": browser.url.encode()}
        assert browser.http.post("/sign-out", headers=headers).status_code == 303


def test_a_session_ends_here_also_if_the_browser_has_lost_the_refresh_token(
    browser: Browser, other_browser: Browser, stack: Stack
) -> None:
    browser.sign_in(stack)
    del browser.http.cookies[REFRESH_COOKIE]
    other_browser.copy_cookies(browser)
    assert browser.submit("/sign-out", {}, page="/status").status_code == 303
    assert not other_browser.is_signed_in()


def test_the_refresh_token_alone_is_worth_nothing_after_the_sign_out(
    browser: Browser, other_browser: Browser, stack: Stack
) -> None:
    browser.sign_in(stack)
    other_browser.plant(REFRESH_COOKIE, browser.cookies[REFRESH_COOKIE])
    assert browser.submit("/sign-out", {}, page="/status").status_code == 303
    assert not other_browser.is_signed_in()


def test_a_sign_out_ends_the_session_here_while_auth_is_away(
    service_environ: dict[str, str], own_proxy: FaultProxy, stack: Stack, log_path: Path
) -> None:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with (
        running_service(environ, log_path, budgets=UNHURRIED) as service,
        Browser(service.url) as browser,
        Browser(service.url) as thief,
    ):
        browser.sign_in(stack)
        thief.copy_cookies(browser)
        own_proxy.target, own_proxy.always = b"/auth/v1/", Fault.RESET
        assert browser.submit("/sign-out", {}, page="/status").status_code == 303
        assert not {ACCESS_COOKIE, REFRESH_COOKIE} & browser.cookies.keys()
        assert not thief.is_signed_in()
        own_proxy.reset()
        assert not browser.is_signed_in()
        assert not thief.is_signed_in()


def test_a_session_belongs_to_its_user(browser: Browser, other_browser: Browser, stack: Stack) -> None:
    """The access token of one user with the refresh token of another: each is what it is."""
    browser.sign_in(stack)
    other_browser.sign_in(stack, COLLEAGUE)
    browser.plant(REFRESH_COOKIE, other_browser.cookies[REFRESH_COOKIE])
    assert browser.is_signed_in()


@pytest.mark.parametrize(
    "cookie",
    [
        "monitoring_access=",
        "monitoring_access=a.b.c; monitoring_refresh=x",
        "monitoring_refresh=.",
        "monitoring_refresh=x.y",
        "monitoring_refresh=" + "x" * 4000,
        "monitoring_access.1=x; monitoring_access.2=y",
        "monitoring_access=\xff; monitoring_refresh=\xff",
        "monitoring_status=\xff",
        'monitoring_access="a b"',
        "monitoring_status=; monitoring_status=x",
    ],
)
def test_malformed_cookies_are_no_session_and_no_error(browser: Browser, stack: Stack, cookie: str) -> None:
    before = len(stack.auth.sessions)
    for path in ("/status", "/sign-in", "/status/kill-switch"):
        answer = browser.http.get(path, headers={b"Cookie": cookie.encode("latin-1")})
        assert answer.status_code in (200, 401), answer.text
        assert "Sign out" not in answer.text
    assert len(stack.auth.sessions) == before


def test_no_cookie_is_set_for_visitors_of_the_public_page(browser: Browser) -> None:
    assert "set-cookie" not in browser.open("/status").headers
    assert SimpleCookie(browser.open("/sign-in").headers["set-cookie"]).keys() == {VISITOR_COOKIE}
