"""Pages on paper: without what can only be clicked, and with what is folded."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Browser, Reader
from tests.browser.test_pages import check_page, path_of

# What is seen of the elements that a selector finds.
SEEN = """(selector) => [...document.querySelectorAll(selector)]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && each.getClientRects().length)
  .map((each) => each.textContent.trim().slice(0, 40))"""
CLICKED = "button, .button, a.skip, nav, form, select, textarea, .account *"
# The tables of numbers below charts are left out.
FOLDED = "details:not([open]):not(.chart details, .print-hidden details) > :not(summary)"
PAGES: list[tuple[str, Reader | None]] = [
    ("/status", None),
    ("/status", "operator"),
    ("/incidents", "user"),
    ("/incidents/{checkout}", "user"),
    ("/targets/checkout", "user"),
]


@pytest.mark.parametrize(("page", "reader"), PAGES)
def test_a_printed_page(browser: Browser, page: str, reader: Reader | None) -> None:
    """In black on white, also for a reader with a dark scheme."""
    parts = [["evaluate", f"({SEEN})({selector!r})"] for selector in ("h1, h2", CLICKED, FOLDED)]
    steps = [*parts, ["media", "print"], *parts]
    printed = browser.visit(path_of(page, browser), reader, scheme="dark", steps=steps, counted=[FOLDED])
    headings, clicked, hidden, left_headings, left, unfolded = printed.results
    assert clicked
    assert left == []
    assert set(left_headings) == set(headings) - {"Actions", "Filters"}
    assert hidden == []
    assert len(unfolded) == printed.counts[FOLDED]
    assert printed.background == "rgb(255, 255, 255)"
    assert not printed.isTooWide
    assert printed.unreadable == []


def test_the_words_of_a_folded_part_are_on_paper(browser: Browser) -> None:
    """A stack has frames of libraries, the sample has a context."""
    path = path_of("/incidents/{checkout}", browser)
    screen = browser.visit(path, "user")
    paper = browser.visit(path, "user", steps=[["media", "print"]])
    check_page(screen, browser)
    folded = browser.visit(
        path,
        "user",
        steps=[
            [
                "evaluate",
                "[...document.querySelectorAll('main .stack details ol li')].map((each) => each.textContent.trim())",
            ]
        ],
    ).results[0]
    assert folded
    assert folded[0] not in screen.text
    assert folded[0] in paper.text
