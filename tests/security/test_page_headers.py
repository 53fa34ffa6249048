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


def test_a_cached_page_of_a_reader_is_not_anothers(browser: Browser, stack: Stack) -> None:
    browser.sign_in(stack)
    assert browser.open("/status").headers["cache-control"] == "no-store"
