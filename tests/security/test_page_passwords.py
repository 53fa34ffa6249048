"""Guessing passwords, and what the sign-in page tells about users and about Supabase Auth."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local import Stack
from tests.security.conftest import OPERATOR_TOKEN
from tests.support.browser import OWNER, Browser, form_token
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import ServiceProcess, running_service


def guess(browser: Browser, email: str, password: str, token: str, client: str | None = None) -> httpx.Response:
    headers = {} if client is None else {"X-Forwarded-For": client}
    return browser.submit("/sign-in", {"email": email, "password": password, "form_token": token}, headers=headers)


def test_unknown_users_and_wrong_passwords_are_answered_alike(browser: Browser) -> None:
    token = form_token(browser.open("/sign-in"))
    answers = [guess(browser, email, "wrong", token) for email in (OWNER, "nobody@example.com", "no-address")]
    assert {answer.status_code for answer in answers} == {401}
    texts = {answer.text.partition('class="message bad" role="alert">')[2].partition("<")[0] for answer in answers}
    assert texts == {"E-mail or password is wrong."}


def test_a_client_guesses_ten_times_at_a_user(browser: Browser, stack: Stack) -> None:
    """Also with the right password at last, and with the address in other cases."""
    email = "guessed@example.com"
    token = form_token(browser.open("/sign-in"))
    statuses = [guess(browser, email.title() if n % 2 else email, f"guess {n}", token).status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = guess(browser, email, "guess", token)
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60 + 1
    assert "Too many attempts to sign in failed." in refused.text
    assert guess(browser, OWNER, stack.secrets.password_of(OWNER), token).status_code == 303


def test_characters_that_supabase_auth_reads_alike_are_one_address(browser: Browser) -> None:
    """It writes each character in lower case: the Turkish capital I and the sign for kelvin become i and k."""
    token = form_token(browser.open("/sign-in"))
    spellings = ["kiki@example.com", "k\u0130ki@example.com", "k\u0130k\u0130@example.com", "\u212aiki@example.com"]
    statuses = [guess(browser, spellings[n % 4], f"guess {n}", token).status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def test_a_client_guesses_thirty_times_at_all_users(browser: Browser, stack: Stack) -> None:
    token = form_token(browser.open("/sign-in"))
    statuses = [guess(browser, f"user{n}@example.com", "Summer2026!", token).status_code for n in range(32)]
    assert statuses == [401] * 30 + [429] * 2
    assert guess(browser, OWNER, stack.secrets.password_of(OWNER), token).status_code == 429


def test_an_attacker_with_many_addresses_is_limited_too(browser: Browser) -> None:
    """And with one network of IPv6 has one address."""
    token = form_token(browser.open("/sign-in"))
    email = "many@example.com"
    answers = [guess(browser, email, "x", token, f"198.51.100.{n}").status_code for n in range(102)]
    assert answers == [401] * 100 + [429] * 2
    email = "network@example.com"
    answers = [guess(browser, email, "x", token, f"2001:db8:1:2::{n:x}").status_code for n in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_a_client_cannot_write_its_own_address(browser: Browser) -> None:
    """The proxy adds the real one behind what the client has sent."""
    token = form_token(browser.open("/sign-in"))
    answers = [
        guess(browser, "spoof@example.com", "x", token, f"10.0.0.{n}, 198.51.100.250").status_code for n in range(12)
    ]
    assert answers == [401] * 10 + [429] * 2


def test_who_guesses_does_not_lock_the_owner_out(browser: Browser, other_browser: Browser, stack: Stack) -> None:
    token = form_token(browser.open("/sign-in"))
    for number in range(11):
        guess(browser, OWNER, f"guess {number}", token)
    assert guess(browser, OWNER, "guess", token).status_code == 429
    other_browser.sign_in(stack)


def test_right_passwords_are_not_counted(browser: Browser, stack: Stack) -> None:
    for _ in range(12):
        browser.sign_in(stack)


def guess_token(browser: Browser, path: str, token: str) -> httpx.Response:
    """With a name: the form for programs at /status has none, and ignores it."""
    form = {"token": token, "name": "Olga"}
    if path == "/sign-in":
        form["form_token"] = form_token(browser.open("/sign-in"))
    return browser.submit(path, form)


@pytest.mark.parametrize("paths", [["/sign-in"], ["/status"], ["/sign-in", "/status"]], ids=" ".join)
def test_guesses_at_the_operator_token_are_limited(browser: Browser, other_browser: Browser, paths: list[str]) -> None:
    """Wherever they are sent, and also with the right one at last. Others sign in meanwhile."""
    guesses = [guess_token(browser, paths[n % len(paths)], f"operator-token-guess-{n}") for n in range(32)]
    assert [answer.status_code for answer in guesses] == [401] * 30 + [429] * 2
    for path in ("/sign-in", "/status"):
        refused = guess_token(browser, path, OPERATOR_TOKEN)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 15 * 60 + 1
        assert "Too many attempts to sign in failed." in refused.text
        assert "monitoring_status" not in browser.cookies
        assert guess_token(other_browser, path, OPERATOR_TOKEN).status_code == 303


def test_guesses_at_the_same_time_are_limited(browser: Browser) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: guess_token(browser, "/status", f"guess-{n}").status_code, range(40)))
    assert sorted(answers) == [401] * 30 + [429] * 10


@pytest.mark.parametrize("path", ["/sign-in", "/status"])
def test_right_tokens_are_not_counted(browser: Browser, stack: Stack, path: str) -> None:
    for number in range(32):
        token = OPERATOR_TOKEN if number % 2 else stack.authenticated_jwt
        assert guess_token(browser, path, token).status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/status"])
def test_an_access_token_that_nobody_can_verify_now_is_not_counted(
    service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path, stack: Stack, path: str
) -> None:
    """An outage does not lock out the operator, who signs in for emergencies."""
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    own_proxy.target, own_proxy.always = b"rpc/status_page", Fault.RESET
    with (
        running_service(environ, log_path, budgets={**UNHURRIED, "retry": 0.0}) as service,
        Browser(service.url) as browser,
    ):
        for _ in range(31):
            assert guess_token(browser, path, stack.authenticated_jwt).status_code == 503
        assert guess_token(browser, path, OPERATOR_TOKEN).status_code == 303


@pytest.mark.parametrize("password", [" with spaces ", "ü🛠", "x" * 1_000, "x" * 5_000, "a&b=c;d%00"])
def test_passwords_are_sent_as_typed_and_never_shown(
    browser: Browser, page_service: ServiceProcess, password: str
) -> None:
    answer = guess(browser, OWNER, password, form_token(browser.open("/sign-in")))
    assert answer.status_code == 401
    assert password not in answer.text
    assert password not in page_service.log_path.read_text()


def test_the_log_has_neither_passwords_nor_tokens_nor_addresses(
    browser: Browser, page_service: ServiceProcess, stack: Stack
) -> None:
    guess(browser, "logged@example.com", "password-that-is-logged", form_token(browser.open("/sign-in")))
    browser.sign_in(stack)
    browser.submit("/sign-out", {}, page="/status")
    log = page_service.log_path.read_text()
    for secret in ("password-that-is-logged", "logged@example.com", OWNER, stack.secrets.password_of(OWNER), "eyJ"):
        assert secret not in log


@pytest.fixture
def behind_proxy(
    service_environ: dict[str, str], own_proxy: FaultProxy, log_path: Path
) -> Iterator[tuple[Browser, FaultProxy]]:
    environ = {**service_environ, "SUPABASE_URL": own_proxy.url, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, log_path, budgets=UNHURRIED) as service, Browser(service.url) as browser:
        yield browser, own_proxy


@pytest.mark.parametrize(
    "fault",
    [
        Fault.RESET,
        Fault.CUT,
        Fault.BAD_GATEWAY,
        Fault.GARBAGE,
        Fault.NOT_UTF8,
        Fault.LIST,
        Fault.OBJECT,
        Fault.DEEP,
        Fault.PAUSED,
        Fault.UNKNOWN_ADDRESS,
        Fault.REDIRECT,
        Fault.BAD_CHARSET,
        Fault.RESTRICTED,
    ],
)
def test_auth_away_is_503_and_the_operator_signs_in_all_the_same(
    behind_proxy: tuple[Browser, FaultProxy], stack: Stack, fault: Fault
) -> None:
    browser, proxy = behind_proxy
    token = form_token(browser.open("/sign-in"))
    proxy.target, proxy.always = b"/auth/v1/", fault
    for _ in range(11):  # these are no wrong passwords
        answer = guess(browser, OWNER, stack.secrets.password_of(OWNER), token)
        assert answer.status_code == 503, answer.text
        assert f'value="{OWNER}"' in answer.text
    browser.sign_in_as_operator(OPERATOR_TOKEN)
    proxy.reset()
    browser.sign_in(stack)


def test_a_signed_in_user_stays_signed_in_while_auth_is_away(
    behind_proxy: tuple[Browser, FaultProxy], stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The access token cannot be replaced then: the page says so, and the cookies stay."""
    browser, proxy = behind_proxy
    monkeypatch.setattr(stack.auth, "access_seconds", -60)
    browser.sign_in(stack)
    proxy.target, proxy.always = b"/auth/v1/", Fault.RESET
    cookies = browser.cookies
    answer = browser.open("/status")
    assert answer.status_code == 503
    assert browser.cookies == cookies
    proxy.reset()
    monkeypatch.setattr(stack.auth, "access_seconds", 3600)
    assert browser.is_signed_in()
