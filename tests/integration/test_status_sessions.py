"""Signing in to the status page and out: the session ends on the server, and other sites cannot submit the form."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import jwt
import pytest

from local import Stack
from tests.support import http_client
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import free_port, running_service

OPERATOR_TOKEN = "operator-token-of-a-test"  # noqa: S105 - of a service that lives as long as a test
PAGE = {"Accept": "text/html"}
COOKIE = "monitoring_status"
SIGN_IN = {"token": OPERATOR_TOKEN}
SIGN_OUT = {"sign_out": "1"}
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def url(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    with running_service(environ, tmp_path_factory.mktemp("sessions") / "log", budgets=UNHURRIED) as service:
        yield service.url


def submit(url: str, form: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
    """Submits the form as the page does: with the origin of the page unless other headers are given."""
    return http_client.post(
        f"{url}/status", data=form, headers={**PAGE, **({"Origin": url} if headers is None else headers)}
    )


def cookie_of(answer: httpx.Response) -> str:
    """What the browser sends from now on."""
    ((name, morsel),) = SimpleCookie(answer.headers["set-cookie"]).items()
    return f"{name}={morsel.value}"


def sign_in(url: str, token: str = OPERATOR_TOKEN) -> str:
    answer = submit(url, {"token": token})
    assert answer.status_code == 303, answer.text
    return cookie_of(answer)


def is_signed_in(url: str, cookie: str, headers: dict[str, str] | None = None) -> bool:
    answer = http_client.get(f"{url}/status", headers={**PAGE, "Cookie": cookie, **(headers or {})})
    assert (answer.status_code == 200) is ("Sign out" in answer.text)
    return answer.status_code == 200


# Sessions.


def test_the_cookie_contains_no_token(url: str, stack: Stack) -> None:
    for token in (OPERATOR_TOKEN, stack.authenticated_jwt):
        cookie = sign_in(url, token)
        assert token not in cookie
        assert is_signed_in(url, cookie)
        assert not is_signed_in(url, f"{COOKIE}={token}")


@pytest.mark.parametrize("reader", ["operator", "user"])
def test_a_copied_cookie_is_worth_nothing_after_the_sign_out(url: str, stack: Stack, reader: str) -> None:
    token = OPERATOR_TOKEN if reader == "operator" else stack.authenticated_jwt
    cookie, other = sign_in(url, token), sign_in(url, token)
    answer = submit(url, SIGN_OUT, {"Origin": url, "Cookie": cookie})
    assert answer.status_code == 303
    assert cookie_of(answer) == f"{COOKIE}="
    assert not is_signed_in(url, cookie)
    assert is_signed_in(url, other)
    json = http_client.get(f"{url}/status", headers={"Cookie": cookie, "Accept": "application/json"})
    assert (json.status_code, json.json()["detail"]) == (401, "Your session has ended. Sign in again.")


def test_signing_in_again_changes_the_id_and_ends_the_session_before(url: str) -> None:
    first = sign_in(url)
    answer = submit(url, SIGN_IN, {"Origin": url, "Cookie": first})
    second = cookie_of(answer)
    assert second != first
    assert not is_signed_in(url, first)
    assert is_signed_in(url, second)


def test_an_id_that_the_client_chose_is_not_taken(url: str) -> None:
    chosen = f"{COOKIE}=chosen-by-another"
    cookie = cookie_of(submit(url, SIGN_IN, {"Origin": url, "Cookie": chosen}))
    assert cookie != chosen
    assert not is_signed_in(url, chosen)


def test_refused_tokens_end_no_session(url: str) -> None:
    """Not even many of them: a session is started for a verified token only."""
    cookie = sign_in(url)
    with httpx.Client(base_url=url, headers={**PAGE, "Origin": url}, timeout=http_client.TIMEOUT) as client:
        for number in range(60):
            address = {"X-Forwarded-For": f"192.0.2.{number}"}
            assert client.post("/status", data={"token": f"a{number}.b.c"}, headers=address).status_code == 401
    assert is_signed_in(url, cookie)


def test_a_restart_of_the_service_signs_everybody_out(service_environ: dict[str, str], log_path: Path) -> None:
    environ = {**service_environ, "OPERATOR_TOKEN": OPERATOR_TOKEN}
    port = free_port()
    with running_service(environ, log_path, port, budgets=UNHURRIED) as service:
        cookie = sign_in(service.url)
        assert is_signed_in(service.url, cookie)
        assert service.stop() == 0
    with running_service(environ, log_path, port, budgets=UNHURRIED) as service:
        assert not is_signed_in(service.url, cookie)


def test_a_long_access_token_signs_in(url: str, stack: Stack) -> None:
    """The cookie is short whatever the token is; browsers drop cookies of more than 4,096 characters."""
    claims: dict[str, object] = {
        "exp": int(time.time()) + 3600,
        "role": "authenticated",
        "sub": "00000000-0000-4000-8000-000000000001",
        "aud": "authenticated",
    }
    token = jwt.encode({**claims, "user_metadata": {"text": "x" * 4000}}, stack.jwt_secret)
    assert len(sign_in(url, token)) < 100


def test_over_https_the_cookie_is_bound_to_the_host(url: str) -> None:
    answer = submit(url, SIGN_IN, {**HTTPS, "Origin": url.replace("http:", "https:")})
    header = answer.headers["set-cookie"]
    assert header.startswith(f"__Host-{COOKIE}=")
    words = {word.strip() for word in header.split(";")}
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= words
    assert "Domain" not in header
    cookie = cookie_of(answer)
    assert is_signed_in(url, cookie, HTTPS)
    # Another host of the same domain can set a cookie without the prefix.
    assert "Sign out" not in http_client.get(f"{url}/status", headers={**PAGE, **HTTPS, "Cookie": cookie[7:]}).text


# Forms of other sites. Browsers send Sec-Fetch-Site to https sites; for http, and by older ones, Origin decides.


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "SAME-ORIGIN", "same-origin, cross-site"])
def test_sec_fetch_site_takes_precedence(url: str, site: str) -> None:
    assert submit(url, SIGN_IN, {"Sec-Fetch-Site": site, "Origin": url}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_of_the_service_submits_the_form(url: str, site: str) -> None:
    assert submit(url, SIGN_IN, {"Sec-Fetch-Site": site, "Origin": "null"}).status_code == 303


ORIGINS = [
    # Origin of the page, Host, other headers, accepted
    ("http://status.example", "status.example", {}, True),
    ("http://status.example:80", "status.example", {}, True),
    ("http://status.example", "status.example:80", {}, True),
    ("http://status.example", "STATUS.Example", {}, True),
    ("http://status.example:3000", "status.example:3000", {}, True),
    ("http://[::1]:3000", "[::1]:3000", {}, True),
    ("http://[2001:db8::1]", "[2001:DB8::1]", {}, True),
    ("https://status.example", "status.example", {"X-Forwarded-Proto": "https"}, True),
    ("https://status.example", "status.example", {"X-Forwarded-Proto": "HTTPS , http"}, True),
    (
        "https://status.example",
        "10.0.0.1:3000",
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "status.example"},
        True,
    ),
    ("null", "status.example", {}, False),
    ("", "status.example", {}, False),
    ("http://evil.example", "status.example", {}, False),
    ("http://status.example:3001", "status.example:3000", {}, False),
    ("http://status.example", "status.example:3000", {}, False),
    ("https://status.example", "status.example", {}, False),
    ("http://status.example", "status.example", {"X-Forwarded-Proto": "https"}, False),
    ("http://other.status.example", "status.example", {}, False),
    ("http://status.example.evil.example", "status.example", {}, False),
    ("http://status.example@evil.example", "status.example", {}, False),
    ("http://evil.example/http://status.example", "status.example", {}, False),
    ("http://status.example.", "status.example", {}, False),
    ("http://[::1]:3001", "[::1]:3000", {}, False),
    ("http://[::1", "[::1", {}, False),
    ("http://status.example:99999", "status.example:99999", {}, False),
    ("file://", "status.example", {}, False),
    ("status.example", "status.example", {}, False),
]


@pytest.mark.parametrize(("origin", "host", "others", "is_accepted"), ORIGINS)
@pytest.mark.parametrize("header", ["Origin", "Referer"])
def test_without_sec_fetch_site_the_origin_decides(
    url: str, header: str, origin: str, host: str, others: dict[str, str], is_accepted: bool
) -> None:
    given = origin if header == "Origin" else f"{origin}/status?x=1"
    cookie = sign_in(url)
    for form in (SIGN_IN, SIGN_OUT):
        answer = submit(url, form, {header: given, "Host": host, **others})
        assert answer.status_code == (303 if is_accepted else 403), answer.text
        assert ("set-cookie" in answer.headers) is is_accepted
    assert is_signed_in(url, cookie)


def test_a_referer_does_not_replace_an_origin_that_is_null(url: str) -> None:
    assert submit(url, SIGN_IN, {"Origin": "null", "Referer": f"{url}/status"}).status_code == 403


def test_a_program_without_a_session_signs_in_without_an_origin(url: str) -> None:
    answer = submit(url, SIGN_IN, {})
    assert answer.status_code == 303
    cookie = cookie_of(answer)
    for form in (SIGN_IN, SIGN_OUT):
        assert submit(url, form, {"Cookie": cookie}).status_code == 403
    assert is_signed_in(url, cookie)


def test_the_page_lets_browsers_send_its_origin(url: str) -> None:
    """With the policy no-referrer they would send `Origin: null` with its own form."""
    answer = http_client.get(f"{url}/status", headers=PAGE)
    assert answer.headers["referrer-policy"] == "same-origin"
