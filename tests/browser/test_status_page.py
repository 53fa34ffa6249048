"""The status page in a real browser: content, refreshing, and the sign-in there."""

from __future__ import annotations

import json
import re

import pytest

from tests.browser.conftest import Browser
from tests.browser.test_pages import SIZES_AND_SCHEMES, check_page

TITLE = "Outage | Hazel & Oak"
NOT_CURRENT = "⚠ Not current | Hazel & Oak"


@pytest.mark.parametrize(("width", "scheme"), SIZES_AND_SCHEMES)
def test_a_signed_in_reader_sees_everything(browser: Browser, width: int, scheme: str) -> None:
    page = browser.visit(reader="user", width=width, scheme=scheme)
    check_page(page, browser)
    assert page.title == TITLE
    text = re.sub(r"\s+", " ", page.text)
    for words in (
        "DoubleChargeError: Captured the payment of order 1042 twice",
        "gift-cards is down",
        "checkout",
        "Scheduler",
        "Spool",
        "the database cannot reach it, the service can",
        "the certificate is self-signed",
        "Hazel & Oak",
    ):
        assert words in text
    # Folded, because nothing in the group needs attention: one target is in maintenance, the other is paused.
    assert "Delivery 1 of 2 in maintenance" in text
    assert "old-catalog" not in text


@pytest.mark.parametrize(("width", "scheme"), SIZES_AND_SCHEMES)
def test_an_anonymous_visitor_sees_the_overall_state_and_public_targets(
    browser: Browser, width: int, scheme: str
) -> None:
    page = browser.visit(width=width, scheme=scheme)
    check_page(page, browser)
    for words in ("Outage", "checkout", "shop", "Sign in"):
        assert words in page.text
    for words in ("INC-", "Spool", "payouts", "certificate", "seen from", "nightly-backup"):
        assert words not in page.text


def test_a_refused_sign_in_is_accessible(browser: Browser) -> None:
    steps = [
        ["tabTo", "E-mail"],
        ["enter", "nobody@example.com"],
        ["tabTo", "Password"],
        ["enter", "wrong"],
        ["submit", ""],
    ]
    page = browser.visit("/sign-in", steps=steps)
    assert page.violations == []
    assert not page.isTooWide
    assert "Password" in page.text


def test_the_page_works_without_scripts(browser: Browser) -> None:
    page = browser.visit(reader="user", hasScripts=False)
    check_page(page, browser)
    assert "gift-cards is down" in page.text
    assert page.reloads


def test_the_forms_work_where_browsers_send_no_sec_fetch_site(browser: Browser) -> None:
    """Over http, except to this machine: then the Origin of the page decides."""
    url = browser.url.replace("127.0.0.1", "status.example")
    page = browser.visit(url=f"{url}/sign-in?next=status", steps=browser.sign_in_steps("user"))
    assert page.errors == []
    assert page.url == f"{url}/status"
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
    visit = browser.start(reader="user", steps=steps)
    visit.await_pause()
    report = {"error": {"message": "it broke while you looked"}, "severity": "CRITICAL"}
    row = browser.database.execute("select public.report_error(%s)", [json.dumps(report)]).fetchone()
    assert row is not None
    visit.go_on()
    try:
        page = visit.finish()
    finally:
        browser.database.execute(
            "update public.incidents set status = 'resolved', resolved_at = now() where id = %s",
            [row[0]["incident_id"]],
        )
    assert "it broke while you looked" in page.text
    assert page.results == [NOT_CURRENT]
    assert (page.title, page.warnings) == (TITLE, [])
    assert not page.reloads


def test_a_visitor_who_was_signed_out_elsewhere_sees_the_anonymous_page(browser: Browser) -> None:
    steps = [["signOutElsewhere", ""], ["wait", 31], ["missing", "Spool"]]
    page = browser.visit(reader="operator", steps=steps)
    assert "Spool" not in page.text
    assert "INC-" not in page.text


def test_signing_out_by_keyboard_shows_the_public_page(browser: Browser) -> None:
    steps = [*browser.sign_in_steps("user"), ["see", "Sign out"], ["tabTo", "Sign out"], ["submit", ""]]
    page = browser.visit("/sign-in?next=status", steps=steps)
    assert "Sign out" not in page.text
    assert "INC-" not in page.text
