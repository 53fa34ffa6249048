"""Cross-site request forgery: forms of other sites, and forms without the token of the session, over http and https."""

from __future__ import annotations

import base64

import pytest

from local import Stack
from tests.security.conftest import OPERATOR_TOKEN
from tests.support.browser import OWNER, Browser, form_token
from tests.support.service_process import ServiceProcess

HTTPS = {"X-Forwarded-Proto": "https"}
STOP = {"enabled": "false", "reason": "a forged form"}
# What a page of another site makes a browser send. Without https it sends no Sec-Fetch-Site.
FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Origin": "http://evil.example"},
    "another site over https": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another host of the domain": {"Origin": "https://sub.status.example", "Sec-Fetch-Site": "same-site"},
    "a sandboxed frame": {"Origin": "null"},
    "a sandboxed frame over https": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "another scheme": {"Origin": "https://127.0.0.1"},
    "no origin but a referer": {"Origin": "", "Referer": "http://evil.example/status"},
}


@pytest.fixture(params=["user", "operator"])
def signed_in(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Browser:
    """A browser in which somebody has signed in."""
    if request.param == "user":
        browser.sign_in(stack)
    else:
        browser.sign_in_as_operator(OPERATOR_TOKEN)
    return browser


@pytest.mark.parametrize("case", FOREIGN)
def test_a_form_of_another_site_is_refused(signed_in: Browser, case: str) -> None:
    """Even with the right token."""
    token = form_token(signed_in.open("/status"))
    answer = signed_in.submit("/sign-out", {"form_token": token}, headers=FOREIGN[case])
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert signed_in.is_signed_in()


@pytest.mark.parametrize("case", FOREIGN)
def test_a_sign_in_of_another_site_is_refused(browser: Browser, stack: Stack, case: str) -> None:
    """Whoever is signed in as the attacker without knowing it writes notes into the attacker's account."""
    form = {"email": OWNER, "password": stack.secrets.password_of(OWNER)}
    answer = browser.submit("/sign-in", form, page="/sign-in", headers=FOREIGN[case])
    assert answer.status_code == 403
    assert not browser.is_signed_in()


def wrong_tokens(right: str) -> dict[str, str]:
    raw = bytearray(base64.urlsafe_b64decode(right))
    raw[-1] ^= 1
    return {
        "empty": "",
        "another": base64.urlsafe_b64encode(bytes(64)).decode(),
        "changed": base64.urlsafe_b64encode(raw).decode(),
        "cut": right[: len(right) // 2],
        "no base64": "ü" * 40,
        "long": right * 20,
        "with padding": right + "====",
        "with a space": f"{right[:40]} {right[40:]}",
    }


@pytest.mark.parametrize("case", ["missing", *wrong_tokens("A" * 88)])
def test_a_form_without_the_right_token_is_refused(signed_in: Browser, case: str) -> None:
    right = form_token(signed_in.open("/status"))
    form = {"x": "1"} if case == "missing" else {"form_token": wrong_tokens(right)[case]}
    assert signed_in.submit("/sign-out", form).status_code == 403
    assert signed_in.is_signed_in()


@pytest.mark.parametrize("case", ["missing", "of somebody else", "of nobody"])
def test_the_kill_switch_needs_the_token_of_the_operators_session(
    browser: Browser, other_browser: Browser, stack: Stack, case: str
) -> None:
    browser.sign_in_as_operator(OPERATOR_TOKEN)
    other_browser.sign_in(stack)
    foreign = {
        "missing": {},
        "of somebody else": {"form_token": form_token(other_browser.open("/status"))},
        "of nobody": {"form_token": form_token(browser.open("/sign-in"))},
    }
    assert browser.submit("/status/kill-switch", {**STOP, **foreign[case]}).status_code == 403
    assert browser.submit("/status/kill-switch", STOP, page="/status/kill-switch").status_code == 303


def test_a_token_ends_with_its_session(signed_in: Browser, stack: Stack) -> None:
    """The same person signs in again; a form of the session before is refused."""
    stale = form_token(signed_in.open("/status"))
    is_user = "monitoring_access" in signed_in.cookies
    assert signed_in.submit("/sign-out", {"form_token": stale}).status_code == 303
    if is_user:
        signed_in.sign_in(stack)
    else:
        signed_in.sign_in_as_operator(OPERATOR_TOKEN)
    assert signed_in.submit("/sign-out", {"form_token": stale}).status_code == 403
    assert signed_in.is_signed_in()


def test_a_token_outlives_a_refresh(browser: Browser, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that was opened an hour ago can still be sent."""
    monkeypatch.setattr(stack.auth, "access_seconds", 20)
    browser.sign_in(stack)
    token = form_token(browser.open("/status"))
    before = browser.cookies["monitoring_access"]
    assert browser.is_signed_in()
    assert browser.cookies["monitoring_access"] != before
    assert browser.submit("/sign-out", {"form_token": token}).status_code == 303


def test_the_sign_in_form_belongs_to_its_browser(browser: Browser, other_browser: Browser, stack: Stack) -> None:
    form = {"email": OWNER, "password": stack.secrets.password_of(OWNER)}
    foreign = form_token(other_browser.open("/sign-in"))
    answer = browser.submit("/sign-in", {**form, "form_token": foreign})
    assert answer.status_code == 403
    assert not browser.is_signed_in()
    assert browser.submit("/sign-in", {**form, "form_token": form_token(answer)}).status_code == 303


def test_the_token_is_another_text_on_each_page(signed_in: Browser) -> None:
    """From the lengths of compressed pages it could be guessed otherwise (BREACH)."""
    tokens = {form_token(signed_in.open("/status")) for _ in range(10)}
    assert len(tokens) == 10
    halves = [(token[:43], token[43:]) for token in tokens]
    assert len({half for pair in halves for half in pair}) == 20


def test_basic_credentials_of_a_proxy_replace_no_token(signed_in: Browser) -> None:
    """A browser adds them to forms of other sites, too; a bearer token it never adds by itself."""
    for header in ("Basic b2xnYTpwYXNzd29yZA==", "Bearer", "Bearer a b", "Digest x"):
        answer = signed_in.submit("/sign-out", {"x": "1"}, headers={"Authorization": header})
        assert answer.status_code == 403, header
    assert signed_in.is_signed_in()


def test_a_program_with_a_bearer_token_needs_none(browser: Browser) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert browser.submit("/status/kill-switch", STOP, headers=headers).status_code == 200


def test_the_cookie_does_not_act_beside_a_wrong_bearer_token(browser: Browser) -> None:
    browser.sign_in_as_operator(OPERATOR_TOKEN)
    headers = {"Authorization": "Bearer wrong"}
    assert browser.submit("/status/kill-switch", STOP, headers=headers).status_code == 401


@pytest.mark.parametrize("origin", ["https", "http"])
def test_behind_a_proxy_with_https(page_service: ServiceProcess, stack: Stack, origin: str) -> None:
    """The page is at https://status.example; the proxy forwards without https."""
    headers = {**HTTPS, "Host": "status.example"}
    with Browser(page_service.url, headers) as browser:
        browser.url = f"{origin}://status.example"
        page = browser.open("/sign-in")
        cookie = page.headers["set-cookie"].partition(";")[0]
        form = {
            "email": OWNER,
            "password": stack.secrets.password_of(OWNER),
            "form_token": form_token(page),
        }
        answer = browser.submit("/sign-in", form, headers={"Cookie": cookie})
        assert answer.status_code == (303 if origin == "https" else 403)


@pytest.mark.parametrize("case", [*FOREIGN, "no header at all"])
def test_the_form_for_programs_signs_no_browser_out(signed_in: Browser, case: str) -> None:
    """POST /status takes no token; a program has no cookie."""
    headers = FOREIGN.get(case, {})
    answer = signed_in.http.post("/status", data={"sign_out": "1"}, headers=headers)
    assert answer.status_code == 403
    assert signed_in.is_signed_in()


def test_get_changes_nothing(signed_in: Browser) -> None:
    """A picture of another site sends GET, with the cookies of a page that is Lax."""
    assert signed_in.open("/sign-out").status_code == 405
    assert signed_in.open("/sign-in?email=x&password=y&token=z").status_code == 200
    assert signed_in.is_signed_in()
