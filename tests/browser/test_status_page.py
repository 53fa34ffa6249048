"""The status page in a real browser: what it shows, that everybody can use it, and the pictures in docs/."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.settings import PROJECT
from tests.browser.conftest import OPERATOR_TOKEN, Browser, Seen, finish

DOCS = PROJECT / "docs"
LOOKS = list(itertools.product([1280, 390], ["light", "dark"]))
SIGNED_IN = {"token": OPERATOR_TOKEN, "expect": "Open incidents"}


def check_manners(seen: Seen, browser: Browser) -> None:
    """No finding of axe-core (contrast, labels), no error, no other server, no sideways scrolling."""
    assert seen.violations == []
    assert seen.errors == []
    assert {urlsplit(url).netloc for url in seen.requests} <= {urlsplit(browser.url).netloc, ""}
    assert not seen.isTooWide


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_who_is_signed_in_sees_everything(browser: Browser, width: int, scheme: str, tmp_path: Path) -> None:
    picture = tmp_path / f"status-{width}-{scheme}.png"
    seen = browser.look(width=width, scheme=scheme, screenshot=str(picture), **SIGNED_IN)
    check_manners(seen, browser)
    assert seen.title == "Outage | Status"
    assert seen.bars == [90] * 4
    assert seen.lines == 4
    text = seen.text.replace("\n", " ")
    assert re.search(r"for 1\d min · 12 times", text)
    assert re.search(r"for 1 h 1\d min · 1,204 times", text)
    for words in (
        "checkout does not answer",
        "checkout v2.14.0",
        "Scheduler",
        "Spool",
        "agents may act as far as the flags allow",
    ):
        assert words in text
    assert picture.read_bytes()[:4] == b"\x89PNG"
    shutil.copy(picture, DOCS)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_stranger_sees_how_the_whole_is_and_public_targets(
    browser: Browser, width: int, scheme: str
) -> None:
    seen = browser.look(width=width, scheme=scheme)
    check_manners(seen, browser)
    assert seen.bars == [90] * 2
    for words in ("Outage", "api", "shop", "Sign in"):
        assert words in seen.text
    for words in ("checkout", "search", "INC-", "Spool"):
        assert words not in seen.text


def test_light_and_dark_differ(browser: Browser) -> None:
    assert browser.look(scheme="light").background != browser.look(scheme="dark").background


def test_a_refusal_is_told_accessibly(browser: Browser) -> None:
    seen = browser.look(token="wrong", expect="That token is not accepted")  # noqa: S106 - none at all
    assert seen.violations == []


def test_it_works_without_scripts(browser: Browser) -> None:
    seen = browser.look(hasScripts=False, **SIGNED_IN)
    check_manners(seen, browser)
    assert "checkout does not answer" in seen.text
    assert seen.reloads


def test_it_refreshes_itself(browser: Browser) -> None:
    look = browser.start(waitFor="it broke while you looked", **SIGNED_IN)
    assert look.stderr is not None
    assert look.stdin is not None
    assert look.stderr.readline() == "ready\n"
    report = {"error": {"message": "it broke while you looked"}, "severity": "LOW"}
    row = browser.database.execute("select public.report_error(%s)", [json.dumps(report)]).fetchone()
    assert row is not None
    try:
        seen = finish(look)
    finally:
        browser.database.execute(
            "update public.incidents set status = 'resolved', resolved_at = now() where id = %s",
            [row[0]["incident_id"]],
        )
    assert "it broke while you looked" in seen.text
    assert "the service does not answer" not in seen.text
    assert not seen.reloads


def test_who_was_signed_out_is_told(browser: Browser) -> None:
    seen = browser.look(isSignedOutElsewhere=True, **SIGNED_IN)
    assert "Open incidents" not in seen.text
    assert "Sign out" not in seen.text
