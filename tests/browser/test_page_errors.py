"""Errors of web pages in Chromium become incidents of the page's public key: with @sentry/browser and without an SDK.

The pages are on another origin than the service, so the browser applies CORS.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import psycopg
import pytest
from psycopg.rows import namedtuple_row

from local import Stack
from tests.browser.conftest import await_pause, go_on, read_output, run_script
from tests.browser.shop import Shop, open_shop
from tests.support import http_client
from tests.support.pages import DOCS, blocks
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    INGEST_TOKEN,
    ServiceProcess,
    free_port,
    refusing_port,
    running_service,
    service_variables,
)
from tests.support.waiting import DEADLINE_SECONDS, wait_until

BROWSE = Path(__file__).with_name("browse.mjs")
PAGE = DOCS / "browsers.md"
KEY = "shop_key_0123456789"
OTHER_KEY = "kiosk_key_0123456789"
E2E_KEY = "e2e_key_0123456789"
SENDER = "public:shop"
AGENT = "front-end-agent"


@dataclass(frozen=True)
class Pages:
    """Visits the pages of the shop in Chromium, and reads what the database has of them."""

    chromium: str
    shop: Shop
    service: ServiceProcess
    database: psycopg.Connection[Any] = field(repr=False)

    def dsn(self, key: str = KEY) -> str:
        address = urlsplit(self.service.url)
        return f"{address.scheme}://{key}@{address.netloc}/1"

    def start(self, *steps: list[Any]) -> subprocess.Popen[str]:
        options = {"chromium": self.chromium, "timeout": DEADLINE_SECONDS * 1000, "steps": steps}
        return run_script(BROWSE, options)

    def browse(self, *steps: list[Any], until: Callable[[], bool]) -> dict[str, Any]:
        """Takes the steps, and closes the browser when the condition holds."""
        script = self.start(*steps, ["pause", ""])
        await_pause(script)
        try:
            wait_until(until, what=f"what the page did: {steps}")
        finally:
            go_on(script)
            printed = read_output(script)
        return printed

    def incidents(self, text: str, sender: str = SENDER) -> list[Any]:
        """The incidents of a sender whose message contains a text."""
        with self.database.cursor(row_factory=namedtuple_row) as cursor:
            query = "select * from public.incidents where sender = %s and strpos(message, %s) > 0 order by first_seen"
            return cursor.execute(query, [sender, text]).fetchall()

    def incident(self, text: str, sender: str = SENDER) -> Any:
        found = self.incidents(text, sender)
        assert len(found) == 1, (text, found)
        return found[0]

    def has(self, *texts: str, sender: str = SENDER) -> bool:
        return all(self.incidents(text, sender) for text in texts)

    def count(self, *texts: str, sender: str = SENDER) -> int:
        """How often errors with these texts occurred."""
        return sum(each.occurrence_count for text in texts for each in self.incidents(text, sender))

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """The service's log lines of requests whose path begins so."""
        return [line for line in self.service.logs() if line.get("method") == method and line["path"].startswith(path)]


def documented(title: str) -> str:
    """The script in a section of docs/browsers.md."""
    (script,) = [
        block.text for block in blocks("js") if block.page == PAGE.name and block.before.startswith(f"# {title}\n")
    ]
    return script


def doing(case: str) -> str:
    """A script that lets a case of cases.js happen as by a click: Playwright catches nothing."""
    return f"void setTimeout(cases.{case}, 0)"


@pytest.fixture(scope="module")
def pages(stack: Stack, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The service allows the origin of the shop, and no other."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with refusing_port() as refusing, open_shop({"refusingPort": refusing, "otherOrigin": f"{url}/health"}) as shop:
        environ = {
            **service_variables(stack),
            "PUBLIC_KEYS": f"shop:{KEY}, kiosk:{OTHER_KEY}, e2e:{E2E_KEY}",
            "ALLOWED_ORIGINS": shop.origin,
        }
        log = tmp_path_factory.mktemp("pages") / "log"
        with (
            running_service(environ, log, port, budgets=UNHURRIED) as service,
            psycopg.connect(stack.superuser_database_url, autocommit=True) as database,
        ):
            shop.settings["dsn"] = f"http://{KEY}@127.0.0.1:{port}/1"
            script = documented("Without an SDK")
            shop.scripts["plain.js"] = script.replace("https://monitor.example.com", url).replace("PUBLIC_KEY", KEY)
            yield Pages(chromium, shop, service, database)


CASES_WITH_SDK = {
    "handled": "handled: the order has no item",
    "chained": "the price list is no array",
    "logged": "logged: the banner is missing",
    "described": "described: the payment was declined",
    "grouped": "grouped: the search",
    "groupedWithinDefault": "grouped within default: the export failed",
    "large": "large: the cart has 300 kB",
    "unhandled": "Cannot read properties of undefined (reading 'price')",
    "rejection": "rejected: no stock is left",
    "rejectedObject": "Object captured as promise rejection",
    "rejectedText": "no carrier serves this place",
    "failedFetch": "Failed to fetch",
    "corsFailure": "Failed to fetch",
}
# Two cases report two events each.
EVENTS_WITH_SDK = len(CASES_WITH_SDK) + 2


@pytest.fixture(scope="module")
def page_with_sdk(pages: Pages) -> dict[str, Any]:
    """One page, on which everything breaks."""
    steps = [["evaluate", doing(name)] for name in CASES_WITH_SDK]
    texts = set(CASES_WITH_SDK.values())
    return pages.browse(
        ["open", pages.shop.page("sdk")],
        *steps,
        until=lambda: pages.has(*texts) and pages.count(*texts) >= EVENTS_WITH_SDK,
    )


def test_the_sdk_needs_only_the_dsn(pages: Pages) -> None:
    text = "only a DSN: the page broke"
    raising = f"void setTimeout(() => {{ throw new Error('{text}') }}, 0)"
    pages.browse(["open", pages.shop.page("sdk-dsn-only")], ["evaluate", raising], until=lambda: pages.has(text))
    incident = pages.incident(text)
    assert (incident.source, incident.error_type, incident.environment) == ("shop", "Error", "production")


@pytest.mark.usefixtures("page_with_sdk")
@pytest.mark.parametrize(("case", "text"), CASES_WITH_SDK.items())
def test_what_the_sdk_reports_is_stored(pages: Pages, case: str, text: str) -> None:
    for incident in pages.incidents(text):
        assert (incident.source, incident.status) == ("shop", "open"), case
        assert (incident.release, incident.environment) == ("web@5.1.0", "production"), case
        assert "127.0.0.1" in incident.url, case
    assert pages.incidents(text), case


def test_every_request_of_the_sdk_is_answered(pages: Pages, page_with_sdk: dict[str, Any]) -> None:
    sent = [(method, status) for method, url, status in page_with_sdk["answers"] if "/envelope/" in url]
    assert len(sent) >= EVENTS_WITH_SDK
    assert set(sent) == {("POST", 200)}
    # They are simple requests, which need no preflight.
    assert not pages.requests("OPTIONS", "/api/1/")


@pytest.mark.usefixtures("page_with_sdk")
def test_an_error_with_a_cause_is_an_incident_of_the_cause(pages: Pages) -> None:
    incident = pages.incident(CASES_WITH_SDK["chained"])
    assert incident.error_type == "TypeError"
    assert incident.context["reported_error"]["message"] == "chained: the cart cannot be shown"


@pytest.mark.usefixtures("page_with_sdk")
def test_tags_are_stored_and_a_user_only_as_a_hash(pages: Pages) -> None:
    context = pages.incident(CASES_WITH_SDK["described"]).context
    assert context["tags"]["checkout_step"] == "payment"
    assert re.fullmatch("[a-z]{12}", context["user"])
    for personal in ("user-4711", "ann@shop.example", "192.0.2.7"):
        assert personal not in str(context)


@pytest.mark.usefixtures("page_with_sdk")
def test_an_event_of_300_kb_is_stored(pages: Pages) -> None:
    assert "an item of the cart" in str(pages.incident(CASES_WITH_SDK["large"]).context)


@pytest.mark.usefixtures("page_with_sdk")
def test_the_fingerprint_of_the_page_groups(pages: Pages) -> None:
    assert pages.incident(CASES_WITH_SDK["grouped"]).occurrence_count == 2
    # {{ default }} with the name of a tenant.
    assert len(pages.incidents(CASES_WITH_SDK["groupedWithinDefault"])) == 2


@pytest.mark.usefixtures("page_with_sdk")
def test_a_failed_fetch_and_a_cors_failure_are_stored(pages: Pages) -> None:
    found = pages.incidents("Failed to fetch")
    assert pages.count("Failed to fetch") == 2
    assert {incident.error_type for incident in found} == {"TypeError"}


@pytest.mark.parametrize("end", ["leave", "close"])
@pytest.mark.parametrize(("case", "text"), [("onClose", "the order was not saved"), ("onHidden", "the draft was not")])
def test_the_sdk_reports_what_breaks_while_the_page_closes(pages: Pages, end: str, case: str, text: str) -> None:
    before = pages.count(text)
    pages.browse(
        ["open", pages.shop.page("sdk")],
        # Not from a timer, which may fire after the page has been left.
        ["evaluate", f"cases.{case}()"],
        [end, ""],
        until=lambda: pages.count(text) > before,
    )


CASES_WITHOUT_SDK = {
    "unhandled": "Cannot read properties of undefined (reading 'price')",
    "rejection": "rejected: no stock is left",
    "rejectedObject": "voucher expired",
    "rejectedText": "no carrier serves this place",
    "failedFetch": "Failed to fetch",
    "corsFailure": "Failed to fetch",
}


def test_without_an_sdk_everything_unhandled_is_stored(pages: Pages) -> None:
    sender = "public:kiosk"
    pages.shop.scripts["kiosk.js"] = pages.shop.scripts["plain.js"].replace(KEY, OTHER_KEY)
    steps = [["evaluate", doing(name)] for name in CASES_WITHOUT_SDK]
    printed = pages.browse(
        ["open", pages.shop.page("kiosk")],
        *steps,
        until=lambda: (
            pages.has(*CASES_WITHOUT_SDK.values(), sender=sender) and pages.count("Failed to fetch", sender=sender) == 2
        ),
    )
    sent = [(method, status) for method, url, status in printed["answers"] if "/api/autonomous/error" in url]
    assert set(sent) == {("POST", 201)}
    incident = pages.incident("reading 'price'", sender)
    assert (incident.source, incident.error_type) == ("kiosk", "TypeError")
    assert "readPrice" in incident.stack
    assert pages.incident("voucher expired", sender).error_type == "Unhandled"


@pytest.mark.parametrize("end", ["leave", "close"])
@pytest.mark.parametrize("way", ["fetch", "sendBeacon"])
def test_without_an_sdk_the_last_report_of_a_page_is_stored(pages: Pages, end: str, way: str) -> None:
    text = f"{end} by {way}: the order was not saved"
    report = f"""
      addEventListener("pagehide", () => {{
        const body = JSON.stringify({{ error: {{ message: {text!r} }} }});
        const url = "{pages.service.url}/api/autonomous/error?key={KEY}";
        if ({str(way == "sendBeacon").lower()}) navigator.sendBeacon(url, body);
        else fetch(url, {{ method: "POST", keepalive: true, body }});
      }});
    """
    pages.browse(["open", pages.shop.page("cases")], ["evaluate", report], [end, ""], until=lambda: pages.has(text))
    assert pages.incident(text).occurrence_count == 1


def test_the_documented_script_repeats_what_had_no_answer_and_it_is_counted_once(pages: Pages) -> None:
    """Two errors while the page closes: each is sent by fetch, and then by sendBeacon."""
    text = "at the last moment: the order was not saved"
    raising = f"""
      addEventListener("pagehide", () => {{ throw new Error({text!r}) }});
      document.addEventListener("visibilitychange", () => {{ throw new Error({text!r}) }});
    """
    route = "/api/autonomous/error"
    before = len(pages.requests("POST", route))
    pages.browse(
        ["open", pages.shop.page("plain")],
        ["evaluate", raising],
        ["close", ""],
        until=lambda: len(pages.requests("POST", route)) == before + 3,
    )
    assert pages.count(text) == 2


def test_a_page_may_send_the_headers_of_tracing(pages: Pages) -> None:
    """They need a preflight."""
    text = "with tracing: the page broke"
    report = f"""
      fetch("{pages.service.url}/api/autonomous/error?key={KEY}", {{
        method: "POST",
        headers: {{ "Content-Type": "application/json", "Idempotency-Key": "tracing 1" }},
        body: JSON.stringify({{ error: {{ message: {text!r} }} }}),
      }}).then((answer) => answer.status)
    """
    before = len(pages.requests("OPTIONS", "/api/"))
    printed = pages.browse(
        ["open", pages.shop.page("sdk-tracing")], ["evaluate", report], until=lambda: pages.has(text)
    )
    assert printed["results"] == [201]
    assert len(pages.requests("OPTIONS", "/api/")) == before + 1


REFUSED = [
    ("sdk", "handled", "handled: the order has no item"),
    ("plain", "rejectedText", "no carrier serves this place"),
]


@pytest.mark.parametrize(("script", "action", "text"), REFUSED)
def test_a_page_of_another_origin_is_refused(pages: Pages, script: str, action: str, text: str) -> None:
    before = [(each.id, each.occurrence_count) for each in pages.incidents(text)]
    with open_shop(pages.shop.settings, pages.shop.scripts) as stranger:

        def refusals() -> list[dict[str, Any]]:
            return [line for line in pages.requests("POST", "/api/") if line["status"] == 403]

        known = len(refusals())
        pages.browse(
            ["open", stranger.page(script)],
            ["evaluate", doing(action)],
            # The browser does not show the answer to the page.
            ["failed", "/api/"],
            until=lambda: len(refusals()) > known,
        )
    assert [(each.id, each.occurrence_count) for each in pages.incidents(text)] == before


def test_a_page_cannot_read_what_it_has_no_key_for(pages: Pages) -> None:
    """Not even on an allowed origin: incidents, metrics and the status page are not for pages."""
    paths = ["/status", "/metrics", "/health", "/api/autonomous/incidents", "/", "/status/kill-switch"]
    script = f"""
      Promise.all({paths!r}.map((path) => fetch("{pages.service.url}" + path, {{ headers: {{ Accept: "*/*" }} }})
        .then((answer) => path + " " + answer.status, () => "hidden")))
    """
    printed = pages.browse(["open", pages.shop.page("cases")], ["evaluate", script], until=lambda: True)
    assert printed["results"] == [["hidden"] * len(paths)]


def test_no_key_is_in_the_log(pages: Pages, page_with_sdk: dict[str, Any]) -> None:
    assert page_with_sdk["answers"]
    text = pages.service.log_path.read_text()
    for key in (KEY, OTHER_KEY, E2E_KEY):
        assert key not in text


def test_the_front_end_agent_handles_the_errors_of_a_playwright_run(pages: Pages, stack: Stack) -> None:
    """It finds them by the source of the run's key, claims one, resolves it, and a repeat reopens it."""
    text = "e2e: the price is missing"
    pages.shop.scripts["e2e.js"] = (
        f'import * as Sentry from "@sentry/browser"; Sentry.init({{ dsn: "{pages.dsn(E2E_KEY)}" }});'
        f"setTimeout(function showPrice() {{ throw new Error({text!r}) }}, 0);"
    )
    run = ["open", pages.shop.page("e2e")]
    sender = "public:e2e"
    pages.browse(run, until=lambda: pages.has(text, sender=sender))
    ask = agent_of(stack)
    (found,) = ask("list_incidents", filters={"source": "e2e", "status": "open"})["incidents"]
    claimed = ask("claim_next_incident", agent=AGENT, source="e2e")
    assert claimed["id"] == found["id"]
    ask("resolve_incident", incident_id=found["id"], resolution="the price has a default now")
    assert pages.incident(text, sender).status == "resolved"
    pages.browse(run, until=lambda: bool(pages.incident(text, sender).occurrence_count == 2))
    incident = pages.incident(text, sender)
    assert (incident.status, incident.id) == ("open", found["id"])


def test_a_playwright_run_reports_the_errors_of_pages_that_do_not(pages: Pages, tmp_path: Path) -> None:
    source = f"run {secrets.token_hex(6)}"
    module = tmp_path / "report-page-errors.mjs"
    module.write_text(documented("Errors of a Playwright run"))
    pages.shop.scripts["silent.js"] = "setTimeout(function pay() { readPrice({}) }, 0)"
    settings = {"url": pages.service.url, "token": INGEST_TOKEN, "source": source, "release": "web@5.2.0"}

    def stored() -> list[Any]:
        return [each for each in pages.incidents("reading 'price'", "server:default") if each.source == source]

    pages.browse(
        ["openReporting", [str(module), pages.shop.page("silent"), settings]],
        ["finishReports", ""],
        until=lambda: bool(stored()),
    )
    (incident,) = stored()
    assert (incident.error_type, incident.environment, incident.release) == ("TypeError", "test", "web@5.2.0")
    assert "readPrice" in incident.stack


def agent_of(stack: Stack) -> Callable[..., Any]:
    """Calls functions with the access token of the front-end agent."""
    claims = {"role": "authenticated", "sub": AGENT, "agent": AGENT, "exp": 4102444800}
    token = jwt.encode(claims, stack.jwt_secret)

    def ask(function: str, **parameters: object) -> Any:
        answer = http_client.post(
            f"{stack.supabase_url}/rest/v1/rpc/{function}",
            json=parameters,
            headers={"apikey": stack.publishable_key, "Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask
