"""Clickjacking, caches and content types: the headers of every answer of every page, also of problems."""

from __future__ import annotations

import pytest
from starlette.routing import Route

from app.main import create_app
from app.settings import Settings
from app.web.page_headers import PageHeaders
from local import Stack
from tests.security.conftest import OPERATOR_TOKEN
from tests.support.browser import Browser
from tests.support.service_process import service_variables

PATHS = ["/", "/status", "/status/kill-switch", "/sign-in", "/sign-in?next=/incidents"]


def page_routes(stack: Stack) -> set[str]:
    """The routes that have the middleware."""
    routes = create_app(Settings.model_validate(service_variables(stack))).routes
    return {route.path for route in routes if isinstance(route, Route) and has_headers(route)}


def has_headers(route: Route) -> bool:
    app: object = route.app
    while app is not None:
        if isinstance(app, PageHeaders):
            return True
        app = getattr(app, "_app", None) or getattr(app, "app", None)
    return False


def require_headers(headers: object) -> None:
    found = dict(headers)  # type: ignore[call-overload]
    assert "frame-ancestors 'none'" in found["content-security-policy"]
    assert found["x-frame-options"] == "DENY"
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"
    assert "unsafe" not in found["content-security-policy"]
    assert "no-store" in found["cache-control"] or "no-cache" in found["cache-control"]
    assert "Cookie" in found["vary"]


def test_every_page_has_the_middleware(stack: Stack) -> None:
    assert {"/status", "/status/kill-switch", "/sign-in", "/sign-out", "/"} <= page_routes(stack)


@pytest.mark.parametrize("who", ["nobody", "user", "operator"])
def test_every_answer(browser: Browser, stack: Stack, who: str) -> None:
    if who == "user":
        browser.sign_in(stack)
    elif who == "operator":
        browser.sign_in_as_operator(OPERATOR_TOKEN)
    paths = [*PATHS, *(path for path in page_routes(stack) if "{" not in path)]
    paths += [path.replace("{incident_id}", "INC-1").replace("{name}", "x") for path in page_routes(stack)]
    for path in sorted(set(paths)):
        for accept in ("text/html", "application/json"):
            for method in ("GET", "POST", "HEAD"):
                headers = {"Accept": accept, "Origin": "http://evil.example"}
                answer = browser.http.request(method, path, headers=headers)
                if answer.status_code != 405:
                    require_headers(answer.headers.items())


READERS_PATHS = ["/status", "/incidents", "/incidents/INC-999999999", "/targets/nothing", "/status/kill-switch"]


@pytest.mark.parametrize("path", READERS_PATHS)
@pytest.mark.parametrize("who", ["user", "operator"])
def test_a_page_of_a_reader_is_in_no_cache(browser: Browser, stack: Stack, who: str, path: str) -> None:
    """Nor is it answered from one: no conditional request is 304, and HEAD has the headers of GET."""
    etag = browser.open("/status").headers["etag"]
    if who == "user":
        browser.sign_in(stack)
    else:
        browser.sign_in_as_operator(OPERATOR_TOKEN)
    found = browser.open(path)
    for headers in ({"If-None-Match": "*"}, {"If-None-Match": etag}, {"If-Modified-Since": found.headers["date"]}):
        for method in ("GET", "HEAD"):
            answer = browser.http.request(method, path, headers=headers)
            assert answer.status_code == found.status_code
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers
            assert "last-modified" not in answer.headers
            assert (answer.text == "") is (method == "HEAD")


def test_the_public_page_is_not_for_who_has_cookies_or_a_token(browser: Browser) -> None:
    """A shared cache keeps it apart by Vary, and asks each time."""
    page = browser.open("/status")
    assert page.headers["cache-control"] == "no-cache"
    assert {"Cookie", "Authorization", "Accept", "Accept-Encoding"} <= set(page.headers["vary"].split(", "))
    conditional = {"If-None-Match": page.headers["etag"]}
    for headers in ({"Cookie": "monitoring_status=x"}, {"Authorization": "Bearer x"}):
        answer = browser.http.get("/status", headers={**conditional, **headers})
        assert (answer.status_code, answer.headers["cache-control"]) == (401, "no-store")
        assert "etag" not in answer.headers
