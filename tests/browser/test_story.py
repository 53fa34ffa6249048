"""The story of a message: open, sign in, read, acknowledge, resolve; and that of a public visitor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

import pytest

from tests.browser.conftest import OPERATOR_NAME, Browser, Reader, Steps
from tests.browser.test_pages import SIZES_AND_SCHEMES, check_page
from tests.support.notification_receiver import Receiver, notification_receiver
from tests.support.waiting import wait_until

_STACK = """\
Traceback (most recent call last):
  File "/srv/invoices/.venv/lib/python3.12/site-packages/celery/app/trace.py", line 453, in trace_task
    R = retval = fun(*args, **kwargs)
  File "/srv/invoices/.venv/lib/python3.12/site-packages/celery/app/trace.py", line 736, in __protected_call__
    return self.run(*args, **kwargs)
  File "/srv/invoices/invoices/render.py", line 64, in render_invoice
    total = sum(line.net for line in invoice.lines)
invoices.errors.RenderError: The invoice has no lines"""
_LOCATION = ["evaluate", "location.href"]
_HEADING = ["evaluate", "document.querySelector('h1').innerText"]
_RELATIVE = ["evaluate", "document.querySelector('main').innerText"]


@dataclass(frozen=True)
class Told:
    """What the message says: the id of the incident, and the link to its page."""

    incident_id: str
    link: str


@pytest.fixture(scope="module")
def channel(filled_browser: Browser) -> Iterator[Receiver]:
    """A channel that is told of each incident of the source invoices."""
    database = filled_browser.database
    before = database.execute("select value from public.system_config where key = 'notification_recipients'").fetchone()
    assert before is not None
    with notification_receiver() as receiver:
        database.execute(
            "insert into monitoring.secrets (name, value)"
            " values ('story_url', %s), ('story_signing', 'whsec_c3RvcnkgYWJvdXQgYSBtZXNzYWdlIG9mIHRlc3Q=')"
            " on conflict (name) do update set value = excluded.value",
            [receiver.url("/story")],
        )
        told = {"name": "story", "kind": "webhook", "sources": ["invoices"], "min_severity": "LOW"}
        secrets = {"url_secret": "story_url", "signing_secret": "story_signing"}
        write = "update public.system_config set value = %s where key = 'notification_recipients'"
        database.execute(write, [json.dumps([*before[0], {**told, **secrets}])])
        yield receiver
        database.execute(write, [json.dumps(before[0])])


def tell_of_incident(browser: Browser, channel: Receiver, fingerprint: str) -> Told:
    """Reports an error, and waits for the message."""
    report = {
        "error": {"message": "The invoice has no lines", "type": "RenderError", "stack": _STACK},
        "severity": "HIGH",
        "source": "invoices",
        "environment": "production",
        "release": "invoices@2.2.0",
        "fingerprint": fingerprint,
    }
    row = browser.database.execute("select public.report_error(%s)", [json.dumps(report)]).fetchone()
    assert row is not None
    identifier = row[0]["incident_id"]

    def find() -> str | None:
        texts = [request.body.decode() for request in channel.received if identifier in request.body.decode()]
        links = [link for text in texts for link in re.findall(rf'https?://[^"\\ ]+/{identifier}\b', text)]
        return links[0] if links else None

    wait_until(lambda: find() is not None, what="the message with its link")
    link = find()
    assert link is not None
    return Told(identifier, link)


def story_steps(browser: Browser, reader: Reader) -> Steps:
    """By keyboard only, from the page of the sign-in to which the link of the message leads."""
    return [
        *browser.sign_in_steps(reader),
        _LOCATION,
        _HEADING,
        # Read: the frames of libraries are folded.
        ["tabTo", "4 lines of libraries"],
        ["press", "Enter"],
        ["see", "line 736, in __protected_call__"],
        ["tabTo", "Acknowledge"],
        ["submit", ""],
        _RELATIVE,
        ["tabTo", "Add a note …"],
        ["press", "Enter"],
        ["tabTo", "Note"],
        ["enter", "Orders without lines come from the import of Tuesday."],
        ["tabTo", "Add note"],
        ["submit", ""],
        _RELATIVE,
        ["tabTo", "Resolve …"],
        ["press", "Enter"],
        ["tabTo", "What fixed it"],
        ["enter", "Deleted the seven empty orders; the import refuses them now."],
        ["tabTo", "Resolve"],
        ["submit", ""],
        _RELATIVE,
    ]


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize(("width", "scheme"), SIZES_AND_SCHEMES)
def test_from_the_message_to_the_resolution(
    browser: Browser, channel: Receiver, width: int, scheme: str, has_scripts: bool
) -> None:
    reader: Reader = "user" if (width == 390) == has_scripts else "operator"
    name = browser.user[0] if reader == "user" else f"{OPERATOR_NAME} (operator)"
    told = tell_of_incident(browser, channel, f"story {width} {scheme} {has_scripts}")
    assert told.link == f"{browser.url}/incidents/{told.incident_id}"
    path = urlsplit(told.link).path
    page = browser.visit(path, width=width, scheme=scheme, hasScripts=has_scripts, steps=story_steps(browser, reader))
    check_page(page, browser)
    location, heading, acknowledged, noted, resolved = page.results
    # The sign-in leads back to the incident.
    assert location == told.link
    assert "The invoice has no lines" in heading
    assert f"by {name}" in acknowledged.replace("\n", " ")
    assert "Orders without lines come from the import of Tuesday." in noted
    assert "Deleted the seven empty orders" in resolved
    row = browser.database.execute(
        "select status::text, acknowledged_by, resolved_by, resolution from public.incidents where id = %s",
        [told.incident_id],
    ).fetchone()
    resolution = "Deleted the seven empty orders; the import refuses them now."
    assert row == ("resolved", name, name, resolution)


def test_the_link_leads_to_the_sign_in_and_back(browser: Browser, channel: Receiver) -> None:
    told = tell_of_incident(browser, channel, "sign-in")
    page = browser.visit(urlsplit(told.link).path, width=390)
    assert page.url == f"{browser.url}/sign-in?next={quote(urlsplit(told.link).path, safe='')}" or (
        urlsplit(page.url).path == "/sign-in"
    )
    assert told.incident_id not in page.text
    assert "invoice" not in page.text


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_somebody_was_faster(browser: Browser, channel: Receiver, has_scripts: bool) -> None:
    told = tell_of_incident(browser, channel, f"faster {has_scripts}")
    claims = json.dumps(
        {"sub": "5f0c4b1e-0000-4000-8000-000000000001", "role": "authenticated", "email": "ben@example.com"}
    )
    steps: Steps = [
        ["tabTo", "Resolve …"],
        ["press", "Enter"],
        ["tabTo", "What fixed it"],
        ["enter", "Restarted the worker."],
        ["pause", ""],
        ["tabTo", "Resolve"],
        ["submit", ""],
    ]
    visit = browser.start(urlsplit(told.link).path, "user", hasScripts=has_scripts, steps=steps)
    visit.await_pause()
    with browser.database.transaction():
        browser.database.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        browser.database.execute("select public.resolve_incident(%s, 'Deleted the empty order.')", [told.incident_id])
    visit.go_on()
    page = visit.finish()
    assert "was resolved by ben@example.com" in page.text
    # What was typed is not lost.
    kept = browser.visit(urlsplit(told.link).path, "user")
    assert "Deleted the empty order." in kept.text
    assert page.violations == []


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_other_buttons_by_keyboard(browser: Browser, channel: Receiver, has_scripts: bool) -> None:
    told = tell_of_incident(browser, channel, f"other buttons {has_scripts}")
    status = ["evaluate", "document.querySelector('#head').innerText"]
    steps: Steps = [
        ["tabTo", "Set severity …"],
        ["press", "Enter"],
        ["tabTo", "Severity"],
        ["press", "C"],  # the choice that begins so
        ["tabTo", "Reason"],
        ["enter", "The invoices of all customers are affected."],
        ["tabTo", "Set severity"],
        ["submit", ""],
        status,
        ["tabTo", "Suppress …"],
        ["press", "Enter"],
        ["tabTo", "Reason"],
        ["enter", "The import runs again tonight."],
        ["tabTo", "Suppress"],
        ["submit", ""],
        status,
        ["tabTo", "Reopen …"],
        ["press", "Enter"],
        ["tabTo", "Reason"],
        ["enter", "It cannot wait."],
        ["tabTo", "Reopen"],
        ["submit", ""],
        status,
    ]
    page = browser.visit(urlsplit(told.link).path, "user", width=390, hasScripts=has_scripts, steps=steps)
    check_page(page, browser)
    severe, suppressed, reopened = page.results
    assert "CRITICAL" in severe
    assert "suppressed" in suppressed
    assert "open" in reopened
    for reason in ("The invoices of all customers are affected.", "The import runs again tonight.", "It cannot wait."):
        assert reason in page.text


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize(("width", "scheme"), SIZES_AND_SCHEMES)
def test_a_public_visitor_sees_what_is_public(browser: Browser, width: int, scheme: str, has_scripts: bool) -> None:
    page = browser.visit(width=width, scheme=scheme, hasScripts=has_scripts)
    check_page(page, browser)
    for words in ("Hazel & Oak", "Shop", "Payments", "checkout", "payments-api", "gift-cards", "maintenance"):
        assert words.lower() in page.text.lower()
    for words in (
        "INC-",
        "payouts",
        "nightly-backup",
        "old-catalog",
        "ECONNREFUSED",
        "example.com",
        "certificate",
        "127.0.0.1",
    ):
        assert words not in page.text
    # Tomorrow when the demo ran, which may have been before midnight.
    row = browser.database.execute(
        "select windows.item ->> 'starts_at' from public.system_config"
        " cross join jsonb_array_elements(value -> 'maintenance_windows') as windows (item)"
        " where key = 'health_check_policy' and windows.item ->> 'reason' like 'The payment database%'"
    ).fetchone()
    assert row is not None
    planned = datetime.fromisoformat(row[0])
    assert re.search(rf"{planned:%Y-%m-%d}|{planned.day} {planned:%b}|{planned:%b} {planned.day}", page.text)


def test_times_are_those_of_the_reader(browser: Browser) -> None:
    """In the reader's zone, which the script knows, with UTC beside or on focus; without scripts in UTC."""
    path = f"/incidents/{browser.incidents['checkout']}"
    tokyo, utc = (browser.visit(path, "user", timezone=zone) for zone in ("Asia/Tokyo", "UTC"))
    without = browser.visit(path, "user", timezone="Asia/Tokyo", hasScripts=False)
    assert tokyo.text != utc.text
    assert "UTC" in without.text


def test_the_first_stops_of_the_keyboard(browser: Browser) -> None:
    page = browser.visit(steps=[["tabTo", "Skip to the content"], ["tabTo", "Sign in"], ["submit", ""]])
    assert urlsplit(page.url).path == "/sign-in"


def test_the_days_of_a_target_are_told_by_keyboard(browser: Browser) -> None:
    """One tab stop; the arrows go from day to day, and the numbers of the day are shown."""
    steps: Steps = [
        ["evaluate", "document.querySelector('input[type=radio]')?.focus()"],
        ["press", "ArrowLeft"],
        ["press", "ArrowLeft"],
        ["evaluate", "document.querySelector('main').innerText"],
    ]
    page = browser.visit("/targets/checkout", "user", steps=steps, hasScripts=False)
    assert re.search(r"\d{4}-\d\d-\d\d|uptime|up \d", page.results[1])
    check_page(page, browser)
