"""What the status page says at its top and in its title when it is not current, and what a refresh keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from tests.browser.conftest import Browser, Reader, service_environment
from tests.browser.test_status_page import NOT_CURRENT
from tests.browser.test_status_page import TITLE as CURRENT
from tests.support import http_client
from tests.support.fault_proxy import Fault, FaultProxy, running_proxy
from tests.support.rounds import note_round
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import free_port, running_service, service_variables
from tests.support.waiting import wait_until

TITLE = ["evaluate", "document.title"]
WARNINGS = ["evaluate", "document.querySelector('#warnings').innerText"]


@pytest.fixture(scope="module")
def proxy(seeded_stack: Stack) -> Iterator[FaultProxy]:
    with running_proxy(seeded_stack.supabase_url) as running:
        yield running


def test_the_page_says_that_the_service_has_stopped_and_recovers(
    browser: Browser, seeded_stack: Stack, tmp_path: Path
) -> None:
    environ = service_environment(seeded_stack)
    port = free_port()
    steps = [
        ["pause", ""],
        ["wait", 31],
        ["see", "the service does not answer"],
        TITLE,
        WARNINGS,
        ["wait", 95],
        ["see", "min ago."],
        WARNINGS,
        ["pause", ""],
        ["wait", 31],
        ["missing", "the service does not answer"],
    ]
    with running_service(environ, tmp_path / "log", port, budgets=UNHURRIED) as service:
        note_round(seeded_stack, service.url)
        visit = replace(browser, url=service.url).start(steps=steps)
        visit.await_pause()
        service.stop()
    visit.go_on()
    visit.await_pause()
    with running_service(environ, tmp_path / "log", port, budgets=UNHURRIED) as service:
        note_round(seeded_stack, service.url)
        visit.go_on()
        page = visit.finish()
    title, first, later = page.results
    assert title == NOT_CURRENT
    assert first.startswith("This page is not current: the service does not answer.")
    assert "It shows the state of 20" in first
    assert "min ago" in later
    assert (page.title, page.warnings) == (CURRENT, [])


@pytest.mark.parametrize("reader", [None, "operator"])
def test_the_page_says_that_the_database_is_unreachable_and_shows_older_data(
    browser: Browser, seeded_stack: Stack, proxy: FaultProxy, tmp_path: Path, reader: Reader | None
) -> None:
    environ = {**service_environment(seeded_stack), "SUPABASE_URL": proxy.url}
    steps = [["pause", ""], ["wait", 31], ["see", "The database does not answer"], TITLE]
    with running_service(environ, tmp_path / "log") as service:
        note_round(seeded_stack, service.url)
        visit = replace(browser, url=service.url).start(reader=reader, steps=steps)
        visit.await_pause()
        proxy.target = b"/rpc/"
        proxy.always = Fault.RESET
        try:
            wait_until(lambda: http_client.get(f"{service.url}/health/db").status_code == 503, what="the outage")
            visit.go_on()
            page = visit.finish()
        finally:
            proxy.reset()
    assert page.results == ["⚠ Database unreachable | Hazel & Oak"]
    (warning,) = page.warnings
    assert "Incidents and targets are as of" in warning
    assert page.violations == []
    assert "Unknown" in page.text  # the overall state is not taken from older data
    assert "payments-api" in page.text
    assert ("gift-cards is down" in page.text) is (reader == "operator")


def test_the_page_says_that_the_scheduler_has_stopped(browser: Browser, seeded_stack: Stack, tmp_path: Path) -> None:
    stop = "update monitoring.job_runs set ran_at = now() - interval '12 minutes'"
    job = "update cron.job set active = %s where jobname = 'monitoring-health-checks'"
    was_active = browser.database.execute(
        "select active from cron.job where jobname = 'monitoring-health-checks'"
    ).fetchone()
    assert was_active is not None
    with running_service(service_variables(seeded_stack), tmp_path / "log", budgets=UNHURRIED) as service:
        try:
            browser.database.execute(stop)
            browser.database.execute(job, [False])
            http_client.get(f"{service.url}/health/db")
            page = replace(browser, url=service.url).visit()
        finally:
            browser.database.execute(job, [was_active[0]])
            # The service of the other tests may have read it, too.
            note_round(seeded_stack, browser.url)
    assert page.title == "⚠ Health checks stopped | Hazel & Oak"
    (warning,) = page.warnings
    assert "no health checks run" in warning
    assert re.search(r"\b1[2-5] min ago", warning)
    assert page.violations == []


def test_a_refresh_keeps_the_focus_the_scroll_position_and_what_is_folded_out(browser: Browser) -> None:
    parts = (
        "<details id='more'><summary>More</summary><p style='height: 3000px'>Text</p></details>"
        "<details id='other'><summary>Other</summary></details>"
        "<p><a href='https://a.example/'>The first</a> <a href='https://b.example/'>The second</a></p>"
    )
    script = """(() => {
      document.querySelector('#more').open = true;
      document.querySelector('main a[href="https://b.example/"]').focus();
      window.scrollTo(0, 700);
      document.querySelector('main').dataset.isOld = 'yes';
    })()"""
    is_fresh = "document.querySelector('main').dataset.isOld === undefined"
    state = """[document.activeElement.textContent, window.scrollY, document.querySelector('#more').open,
      document.querySelector('#other').open]"""
    steps: list[list[Any]] = [
        ["insert", parts],
        ["reload", ""],
        ["see", "More"],
        ["evaluate", script],
        ["evaluate", state],
    ]
    steps += [["wait", 31], ["until", is_fresh], ["evaluate", state], TITLE]
    page = browser.visit(reader="operator", steps=steps)
    _, before, after, title = page.results
    # The browser itself may have moved the page a little before, so that what is visible stays in place.
    assert before[1] > 500
    assert (after, title) == (before, CURRENT)
    assert after[::2] == ["The second", True]


def test_the_focus_goes_to_the_page_if_its_element_is_gone(browser: Browser) -> None:
    script = """(() => {
      const link = Object.assign(document.createElement('a'), { href: 'https://gone.example/', textContent: 'gone' });
      document.querySelector('main').append(link);
      link.focus();
    })()"""
    steps = [["evaluate", script], ["wait", 31], ["missing", "gone"], ["evaluate", "document.activeElement.tagName"]]
    page = browser.visit(reader="operator", steps=steps)
    assert page.results[1:] == ["MAIN"]


def test_text_that_was_not_sent_holds_a_refresh_back_and_the_page_says_so(browser: Browser) -> None:
    report = {"error": {"message": "it broke while you typed"}, "severity": "CRITICAL"}
    form = "<form><label for='reason'>Reason</label><input id='reason'></form>"
    hint = "a form contains text that was not sent"
    steps = [
        ["insert", form],
        ["reload", ""],
        ["type", ["Reason", "because"]],
        ["pause", ""],
        ["wait", 31],
        ["see", hint],
        TITLE,
        ["evaluate", "[document.querySelector('#reason').value, document.activeElement.id]"],
        ["evaluate", "document.querySelector('#reason').value = ''"],
        ["wait", 31],
        ["see", "it broke while you typed"],
        ["missing", hint],
    ]
    visit = browser.start(reader="operator", steps=steps)
    visit.await_pause()
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
    assert page.results[:2] == [NOT_CURRENT, ["because", "reason"]]
    assert page.warnings == []
