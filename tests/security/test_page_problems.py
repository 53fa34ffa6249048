"""Browsers get pages, also where no route exists, a method is not supported, or too many requests are in progress."""

from __future__ import annotations

import httpx
import pytest

from tests.security.conftest import OPERATOR_TOKEN
from tests.security.test_page_headers import require_headers
from tests.support.browser import Browser

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HOSTILE = "/%3Cscript%3Ealert(1)%3C%2Fscript%3E"
UNKNOWN = [
    "/nowhere",
    "/a/b/c",
    "/incidents/INC-1/x",
    "//evil.example/x",
    "/.env",
    "/status/",
    "/incidents/INC-1/..%2f..",
    HOSTILE,
    "/%00%0d%0aSet-Cookie:%20x=1",
    "/" + "x" * 4000,
]


def require_page(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    require_headers(answer.headers.items())
    assert "set-cookie" not in answer.headers
    return answer.text


@pytest.mark.parametrize("path", [path for path in UNKNOWN if path != "/status/"])
def test_an_unknown_path(browser: Browser, path: str) -> None:
    page = require_page(browser.http.get(path, headers={"Accept": HTML}), 404)
    assert "No page has this address." in page
    assert "<script>alert" not in page
    assert "evil.example" not in page.replace(f"next={path.replace('/', '%2F')}", "")


@pytest.mark.parametrize("path", UNKNOWN)
def test_programs_get_a_problem_document(browser: Browser, path: str) -> None:
    answer = browser.http.get(path, headers={"Accept": "*/*"})
    if answer.status_code != 307:  # to the page without the slash
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/sign-out", "/webhooks/sentry", "/api/autonomous/error", "/api/1/envelope/"])
def test_a_method_that_is_not_supported(browser: Browser, path: str) -> None:
    answer = browser.http.get(path, headers={"Accept": HTML})
    assert "This address is for forms and programs" in require_page(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_of_a_page(browser: Browser, method: str) -> None:
    require_page(browser.http.request(method, "/incidents", headers={"Accept": HTML}), 405)


def test_links_lead_back_from_any_depth(browser: Browser) -> None:
    assert 'href="../../status"' in browser.http.get("/a/b/c", headers={"Accept": HTML}).text


def test_who_is_signed_in_stays_so(browser: Browser) -> None:
    browser.sign_in_as_operator(OPERATOR_TOKEN)
    page = browser.http.get("/nowhere", headers={"Accept": HTML}).text
    assert "Sign out" in page
    assert browser.is_signed_in()


def test_a_form_of_another_site_on_the_status_page(browser: Browser) -> None:
    headers = {"Accept": HTML, "Origin": "http://evil.example"}
    answer = browser.http.post("/status", data={"token": "x"}, headers=headers)
    assert "accepts submissions from its own page only" in require_page(answer, 403)
