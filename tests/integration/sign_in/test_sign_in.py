"""Signing in with e-mail and password through Supabase Auth, or as the operator, and out again."""

from __future__ import annotations

import pytest

from local import Stack
from tests.integration.sign_in.conftest import OPERATOR_TOKEN
from tests.support.browser import (
    ACCESS_COOKIE,
    COLLEAGUE,
    OWNER,
    REFRESH_COOKIE,
    SESSION_COOKIE,
    Browser,
    form_token,
    location,
)


def test_a_user_signs_in_and_out(browser: Browser, stack: Stack) -> None:
    answer = browser.sign_in(stack)
    assert location(answer) == f"{browser.url}/status"
    assert {ACCESS_COOKIE, REFRESH_COOKIE} <= browser.cookies.keys()
    page = browser.open("/status")
    assert (page.status_code, "Sign out" in page.text) == (200, True)
    answer = browser.submit("/sign-out", {"form_token": form_token(browser.open("/status"))})
    assert (answer.status_code, location(answer)) == (303, f"{browser.url}/status")
    assert not {ACCESS_COOKIE, REFRESH_COOKIE, SESSION_COOKIE} & browser.cookies.keys()
    assert not browser.is_signed_in()


@pytest.mark.parametrize("name", ["Olga", "Ольга Иванова", "🛠 on call", "x" * 60])
def test_the_operator_signs_in_under_a_name(browser: Browser, name: str) -> None:
    browser.sign_in_as_operator(OPERATOR_TOKEN, name)
    assert SESSION_COOKIE in browser.cookies
    assert ACCESS_COOKIE not in browser.cookies
    assert OPERATOR_TOKEN not in str(browser.cookies)
    assert "Sign out" in browser.open("/status").text


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\nb", "a\x00b", "\u202eagent", "a\u2028b", "\x85"])
def test_the_operator_needs_a_name(browser: Browser, name: str) -> None:
    answer = browser.submit("/sign-in", {"token": OPERATOR_TOKEN, "name": name}, page="/sign-in")
    assert (answer.status_code, "Type your name" in answer.text) == (400, True)
    assert OPERATOR_TOKEN not in answer.text
    assert '<details class="card" open>' in answer.text
    assert not browser.is_signed_in()


def test_an_access_token_signs_in(browser: Browser, stack: Stack) -> None:
    answer = browser.submit("/sign-in", {"token": stack.authenticated_jwt}, page="/sign-in")
    assert answer.status_code == 303
    assert browser.is_signed_in()
    assert stack.authenticated_jwt not in str(browser.cookies)


def test_a_refusal_keeps_what_was_typed_but_no_secret(browser: Browser) -> None:
    form = {"email": OWNER, "password": "wrong-password", "next": "/incidents/INC-1001"}
    answer = browser.submit("/sign-in", form, page="/sign-in")
    assert (answer.status_code, "E-mail or password is wrong." in answer.text) == (401, True)
    assert f'value="{OWNER}"' in answer.text
    assert 'value="/incidents/INC-1001"' in answer.text
    assert "wrong-password" not in answer.text
    again = {**form, "form_token": form_token(answer), "password": "another"}
    assert browser.submit("/sign-in", again).status_code == 401


@pytest.mark.parametrize("form", [{}, {"email": OWNER}, {"password": "x"}, {"name": "Olga"}, {"email": " "}])
def test_an_incomplete_form_is_400(browser: Browser, form: dict[str, str]) -> None:
    answer = browser.submit("/sign-in", form, page="/sign-in")
    assert (answer.status_code, "Type your e-mail address" in answer.text) == (400, True)


def test_a_sign_in_replaces_the_one_before(browser: Browser, stack: Stack) -> None:
    browser.sign_in_as_operator(OPERATOR_TOKEN)
    operator = browser.cookies[SESSION_COOKIE]
    browser.sign_in(stack, COLLEAGUE)
    assert SESSION_COOKIE not in browser.cookies
    user = browser.cookies[ACCESS_COOKIE]
    browser.sign_in_as_operator(OPERATOR_TOKEN)
    assert ACCESS_COOKIE not in browser.cookies
    browser.http.cookies.clear()
    browser.plant(SESSION_COOKIE, operator)
    assert not browser.is_signed_in()
    assert user


def test_users_stay_signed_in_when_the_service_restarts(browser: Browser, url: str, stack: Stack) -> None:
    """Their tokens are in cookies: another process of the same service knows them."""
    browser.sign_in(stack)
    with Browser(url) as other:
        for name, text in browser.cookies.items():
            other.plant(name, text)
        assert other.is_signed_in()


@pytest.mark.parametrize("page", ["/incidents/INC-1001", "/incidents?status=open&text=a%20b", "/status"])
def test_a_sign_in_leads_back(browser: Browser, stack: Stack, page: str) -> None:
    form = {"email": OWNER, "password": stack.secrets.password_of(OWNER), "next": page}
    answer = browser.submit("/sign-in", form, page="/sign-in")
    assert (answer.status_code, location(answer)) == (303, f"{browser.url}{page}")


def test_behind_a_proxy_with_a_path_all_links_are_relative(browser: Browser, stack: Stack) -> None:
    assert browser.sign_in(stack).headers["location"] == "./status"
    page = browser.open("/sign-in?next=/incidents")
    assert 'action="sign-in"' in page.text
    assert 'href="/' not in page.text
