"""The status page in a real browser: content, accessibility, and refreshing."""

from __future__ import annotations

import itertools
import json
import re
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import OPERATOR_TOKEN, Browser, PageSnapshot, await_pause, finish, go_on

SIZES_AND_SCHEMES = list(itertools.product([1280, 390], ["light", "dark"]))
SIGNED_IN = {"token": OPERATOR_TOKEN, "expect": "Open incidents"}


def check_page(page: PageSnapshot, browser: Browser) -> None:
    """No axe-core finding (contrast, labels), no error, no other server, no horizontal scrolling."""
    assert page.violations == []
    assert page.errors == []
    assert {urlsplit(url).netloc for url in page.requests} <= {urlsplit(browser.url).netloc, ""}
    assert not page.isTooWide


@pytest.mark.parametrize(("width", "scheme"), SIZES_AND_SCHEMES)
def test_a_signed_in_operator_sees_everything(browser: Browser, width: int, scheme: str) -> None:
    page = browser.visit(width=width, scheme=scheme, **SIGNED_IN)
    check_page(page, browser)
    assert page.title == "Outage | Status"
    assert page.bars == [90] * 6
    assert page.lines == 4
    text = page.text.replace("\n", " ")
    assert re.search(r"for \d+ min · 12 times", text)
    assert re.search(r"for 1 h \d+ min · 1,204 times", text)
    for words in (
        "checkout does not answer",
        "checkout v2.14.0",
        "Scheduler",
        "Spool",
        "agents may act within their feature flags",
        "the database cannot reach it, the service can",
        "seen from the database and the service",
        "last error: timed out after 5000 ms",
        "certificate valid for 5 days, issued by R11 (Let's Encrypt)",
        "the certificate is self-signed",
        "Other targets",
    ):
        assert words in text
    assert re.search(r"legacy\s+paused", text)
    # Groups in the order of their worst target.
    assert [text.index(word) for word in ("Shop ", "checkout down", "payments disputed", "Other targets")] == sorted(
        text.index(word) for word in ("Shop ", "checkout down", "payments disputed", "Other targets")
    )


@pytest.mark.parametrize(("width", "scheme"), SIZES_AND_SCHEMES)
def test_an_anonymous_visitor_sees_the_overall_state_and_public_targets(
    browser: Browser, width: int, scheme: str
) -> None:
    page = browser.visit(width=width, scheme=scheme)
    check_page(page, browser)
    assert page.bars == [90] * 2
    for words in ("Outage", "api", "shop", "Sign in"):
        assert words in page.text
    for words in ("checkout", "search", "INC-", "Spool", "payments", "certificate", "seen from"):
        assert words not in page.text


def test_light_and_dark_scheme_have_different_backgrounds(browser: Browser) -> None:
    assert browser.visit(scheme="light").background != browser.visit(scheme="dark").background


def test_a_refused_sign_in_is_accessible(browser: Browser) -> None:
    page = browser.visit(token="wrong", expect="That token is not accepted")  # noqa: S106 - none at all
    assert page.violations == []


def test_the_page_works_without_scripts(browser: Browser) -> None:
    page = browser.visit(hasScripts=False, **SIGNED_IN)
    check_page(page, browser)
    assert "checkout does not answer" in page.text
    assert page.reloads


def test_the_form_works_where_browsers_send_no_sec_fetch_site(browser: Browser) -> None:
    """Over http, except to this machine: then the Origin of the page decides."""
    page = browser.visit(url=browser.url.replace("127.0.0.1", "status.example"), **SIGNED_IN)
    assert page.errors == []
    assert "Sign out" in page.text


def test_the_page_refreshes_itself_and_recovers_from_an_error(browser: Browser) -> None:
    steps = [
        ["pause", ""],
        ["badGateway", ""],
        ["wait", 31],
        ["see", "the service does not answer"],
        ["evaluate", "document.title"],
        ["wait", 31],
        ["see", "it broke while you looked"],
    ]
    visit = browser.start(steps=steps, **SIGNED_IN)
    await_pause(visit)
    report = {"error": {"message": "it broke while you looked"}, "severity": "LOW"}
    row = browser.database.execute("select public.report_error(%s)", [json.dumps(report)]).fetchone()
    assert row is not None
    go_on(visit)
    try:
        page = finish(visit)
    finally:
        browser.database.execute(
            "update public.incidents set status = 'resolved', resolved_at = now() where id = %s",
            [row[0]["incident_id"]],
        )
    assert "it broke while you looked" in page.text
    assert page.results == ["⚠ Not current | Status"]
    assert (page.title, page.warnings) == ("Outage | Status", [])
    assert not page.reloads


def test_a_visitor_who_was_signed_out_elsewhere_sees_the_anonymous_page(browser: Browser) -> None:
    steps = [["signOutElsewhere", ""], ["wait", 31], ["see", "Supabase access token"]]
    page = browser.visit(steps=steps, **SIGNED_IN)
    assert "Open incidents" not in page.text
    assert "Sign out" not in page.text
