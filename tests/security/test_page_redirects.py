"""Open redirects: a sign-in leads to a page of this service, whatever `next` says."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from markupsafe import escape

from app.routes.sign_in import page_after
from local import Stack
from tests.support.browser import OWNER, Browser, location

PAGES = [
    "/status",
    "/status?refresh=1",
    "/status/kill-switch",
    "/incidents",
    "/incidents?status=all&text=a%20b&after=eyJ9",
    "/incidents/INC-1001",
    "/targets/shop",
    "/targets/a%2Fb%20c",
    "/targets/%C3%BC",
    "/incidents?next=//evil.example",
]
FOREIGN = [
    "",
    "/",
    "//evil.example",
    "//evil.example/incidents",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example/incidents",
    "/status\\..\\..\\\\evil.example",
    "http://evil.example",
    "https://evil.example/incidents",
    "https:evil.example",
    "https:///evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "/javascript:alert(1)",
    "data:text/html,x",
    "/incidents//evil.example",
    "/incidents/..//evil.example",
    "/incidents/../../other-app",
    "/incidents/%2e%2e/%2e%2e/other-app",
    "/incidents/.%2E/x",
    "/%2f/evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "%2f%2fevil.example",
    "/\tevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/incidents\r\nSet-Cookie: a=b",
    "/incidents\r\nLocation: https://evil.example",
    "/incidents\x00//evil.example",
    "/incidents/\x7f",
    "/incidents/\u2028",
    "/incidents/ü",
    "/\u2215evil.example",
    "/\uff0fevil.example",
    "@evil.example",
    "/@evil.example",
    "user:password@evil.example",
    "//127.0.0.1@evil.example/incidents",
    ".evil.example",
    "status",
    "incidents/INC-1001",
    "?next=x",
    "#x",
    "/incidents#//evil.example",
    "/incidentsevil",
    "/status.evil.example",
    "/statusx",
    "/sign-out",
    "/sign-in?next=/sign-in",
    "/health",
    "/heartbeat/00000000-0000-4000-8000-000000000000",
    "/metrics",
    "/api/autonomous/incidents",
    "/incidents?" + "x" * 2_000,
    "/" + "x" * 100_000,
    "/incidents/" + "a/" * 900,
]


def is_on_site(target: str, prefix: str = "") -> bool:
    """Whether a browser on the sign-in page stays on it with this reference, below the path of the service."""
    base = f"https://status.example{prefix}/sign-in"
    return target.startswith("./") and urlsplit(urljoin_as_browsers(base, target)).netloc == "status.example"


def urljoin_as_browsers(base: str, target: str) -> str:
    return urljoin(base, target.replace("\\", "/").translate({9: None, 10: None, 13: None}))


@pytest.mark.parametrize("target", PAGES)
def test_pages_of_this_service_are_reached(target: str) -> None:
    assert page_after(target) == f".{target}"
    assert is_on_site(page_after(target))


@pytest.mark.parametrize("target", FOREIGN, ids=[repr(each)[:40] for each in FOREIGN])
def test_everything_else_leads_to_the_status_page(target: str) -> None:
    assert page_after(target) == "./status"


@pytest.mark.parametrize("target", [each for each in FOREIGN if len(each) < 3_000], ids=repr)
def test_through_the_form(browser: Browser, stack: Stack, target: str) -> None:
    form = {"email": OWNER, "password": stack.secrets.password_of(OWNER), "next": target}
    answer = browser.submit("/sign-in", form, page="/sign-in")
    assert answer.status_code == 303
    # The form trims the value, so that a page with spaces around it is one.
    assert location(answer) == f"{browser.url}/status"
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize("target", ['"><script>alert(1)</script>', "' onfocus=alert(1) x='", "{{ 7 * 7 }}", "</form>"])
def test_the_page_quotes_next(browser: Browser, target: str) -> None:
    page = browser.http.get("/sign-in", params={"next": target})
    assert page.status_code == 200
    assert f'name="next" value="{escape(target)}"' in page.text


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/incidents//evil.example"])
def test_no_page_redirects_to_a_path_that_was_sent(browser: Browser, path: str) -> None:
    answer = browser.http.get(f"{browser.url}{path}")
    assert answer.status_code in (303, 307, 404)
    if "location" in answer.headers:
        assert urlsplit(location(answer)).netloc == urlsplit(browser.url).netloc
