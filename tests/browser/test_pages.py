"""Every page in a real browser: accessibility, errors, readable texts, and no request to another server."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import Browser, PageSnapshot, Reader
from tests.support import http_client
from tests.support.waiting import wait_until

SIZES_AND_SCHEMES = list(itertools.product([1280, 390], ["light", "dark"]))
# The layout depends on the width, the contrast on the scheme.
EACH_SIZE_AND_SCHEME = [(1280, "light"), (390, "dark")]
# Each page with its reader: the path may name an incident of the demo by its source.
PAGES: list[tuple[str, Reader | None]] = [
    ("/", None),
    ("/status", None),
    ("/sign-in", None),
    ("/status", "user"),
    ("/status", "operator"),
    ("/incidents", "user"),
    ("/incidents?status=all&period=7d", "operator"),
    ("/incidents?text=nothing-has-these-words", "user"),
    ("/incidents/{checkout}", "user"),
    ("/incidents/{payments}", "operator"),
    ("/incidents/{orders}", "user"),
    ("/incidents/{search}", "user"),
    ("/incidents/{mailer}", "user"),
    ("/incidents/{cart}", "user"),
    ("/incidents/{sign-in}", "user"),
    ("/incidents/{long word}", "user"),
    ("/targets/checkout", "user"),
    ("/targets/gift-cards", "operator"),
    ("/targets/search", "user"),
    ("/targets/payouts", "user"),
    ("/targets/image-cdn", "user"),
    ("/targets/old-catalog", "user"),
    ("/targets/nightly-backup", "user"),
    ("/targets/invoice-export", "user"),
    ("/status/kill-switch", "operator"),
]
MISSING = [("/incidents/INC-999999", "user"), ("/targets/nothing", "user")]


def path_of(page: str, browser: Browser) -> str:
    """The path with the ids of the incidents that it names."""
    row = browser.database.execute("select id from public.incidents where error_type = 'LongWord'").fetchone()
    assert row is not None
    return page.format(**browser.incidents, **{"long word": row[0]})


def check_page(page: PageSnapshot, browser: Browser) -> None:
    """No axe-core finding (contrast, labels), no error, no other server, no horizontal scrolling, all readable."""
    assert page.violations == []
    assert page.errors == []
    assert {urlsplit(url).netloc for url in page.requests} <= {urlsplit(browser.url).netloc, ""}
    assert not page.isTooWide
    assert page.unreadable == []


@pytest.mark.parametrize(("width", "scheme"), EACH_SIZE_AND_SCHEME)
@pytest.mark.parametrize(("page", "reader"), PAGES)
def test_the_page_is_accessible_and_readable(
    browser: Browser, page: str, reader: Reader | None, width: int, scheme: str
) -> None:
    path = path_of(page, browser)
    seen = browser.visit(path, reader, width=width, scheme=scheme)
    check_page(seen, browser)
    assert seen.url == f"{browser.url}{path}"
    assert seen.counts == {}
    assert seen.warnings == []


@pytest.mark.parametrize(("page", "reader"), [each for each in PAGES if each[1] is not None])
def test_the_page_works_without_scripts(browser: Browser, page: str, reader: Reader) -> None:
    path = path_of(page, browser)
    with_scripts = browser.visit(path, reader)
    without = browser.visit(path, reader, hasScripts=False)
    check_page(without, browser)
    assert without.title == with_scripts.title
    assert len(without.text) > 0.9 * len(with_scripts.text)


@pytest.fixture
def many_targets(browser: Browser) -> Iterator[Browser]:
    """200 targets more, in 8 groups; one of each group is down."""
    database = browser.database
    write = "update public.system_config set value = %s where key = 'health_check_targets'"
    row = database.execute("select value from public.system_config where key = 'health_check_targets'").fetchone()
    assert row is not None
    more = [
        {
            "name": f"service-{number:03}-of-the-warehouse-in-the-north",
            "type": "backend",
            "url": f"https://service-{number}.shop.example/health",
            "group": f"Region {number % 8 + 1}",
            "public": number % 2 == 0,
        }
        for number in range(200)
    ]
    database.execute(write, [json.dumps([*row[0], *more])])
    database.execute(
        "insert into monitoring.target_states (target, status, since, last_check_at)"
        " select given ->> 'name', case when place <= 8 then 'down' else 'up' end::public.check_status,"
        " now() - interval '2 hours', now() from jsonb_array_elements(%s) with ordinality as targets (given, place)",
        [json.dumps(more)],
    )
    yield browser
    database.execute(write, [json.dumps(row[0])])
    database.execute("delete from monitoring.target_states where target like 'service-%-of-the-warehouse-%'")


@pytest.mark.parametrize(("reader", "groups"), [("user", 8), (None, 4)])
@pytest.mark.parametrize(("width", "scheme"), EACH_SIZE_AND_SCHEME)
def test_two_hundred_targets_are_grouped_and_folded(
    many_targets: Browser, width: int, scheme: str, reader: Reader | None, groups: int
) -> None:
    # The page for everybody is kept for a second.
    html = {"Accept": "text/html"}
    wait_until(
        lambda: "Region 7" in http_client.get(f"{many_targets.url}/status", headers=html).text, what="the public page"
    )
    page = many_targets.visit(reader=reader, width=width, scheme=scheme, counted=["main details"])
    check_page(page, many_targets)
    assert page.counts["main details"] >= groups
    # Those that are down are seen, and those that are up are folded.
    shown = re.findall(r"service-\d{3}-of", page.text)
    assert 0 < len(shown) < 60


@pytest.mark.parametrize(("page", "reader"), MISSING)
def test_what_does_not_exist_is_a_page_too(browser: Browser, page: str, reader: Reader) -> None:
    seen = browser.visit(page, reader, width=390)
    # Chromium logs the status.
    assert [error for error in seen.errors if "404" not in error] == []
    assert seen.violations == []
    assert not seen.isTooWide
    assert "{" not in seen.text


@pytest.mark.parametrize("page", ["/incidents", "/incidents/{checkout}", "/targets/checkout"])
def test_who_is_not_signed_in_is_asked_to(browser: Browser, page: str) -> None:
    seen = browser.visit(path_of(page, browser))
    assert urlsplit(seen.url).path == "/sign-in"
    assert "checkout" not in seen.text
    assert "Password" in seen.text


@pytest.mark.parametrize("page", ["/status", "/incidents", "/incidents/{checkout}", "/targets/checkout"])
def test_light_and_dark_scheme_have_different_backgrounds(browser: Browser, page: str) -> None:
    path = path_of(page, browser)
    backgrounds = {browser.visit(path, "user", scheme=scheme).background for scheme in ("light", "dark")}
    assert len(backgrounds) == 2
