"""The icon in the tab shows the state, and a refresh changes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.browser.conftest import OPERATOR_TOKEN, Browser
from tests.support.page_documents import incident, incident_page
from tests.support.rpc_stub import RpcStub, running_stub, stub_variables
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import running_service
from tests.unit.test_target_template import DOCUMENT

COLOURS = {"good": "#1a7a40", "fair": "#f1b430", "bad": "#bb2d26", "info": "#1d5fb8", "none": "#56606d"}
ICON = "document.querySelector('link[rel=icon]').href"
STATES = {"operational": "good", "degraded": "fair", "outage": "bad", "no_targets": "none"}


def colour_of(icon: str) -> str:
    """The tone of an icon, by its colour."""
    assert icon.startswith("data:image/svg+xml,")
    (found,) = [tone for tone, colour in COLOURS.items() if f'r="12" stroke="none" fill="{colour}"' in unquote(icon)]
    return found


@pytest.fixture
def stub() -> Iterator[RpcStub]:
    with running_stub() as running:
        yield running


@pytest.fixture
def stub_browser(browser: Browser, stub: RpcStub, tmp_path: Path) -> Iterator[Browser]:
    """The browser at a service whose database is the stub."""
    environ = stub_variables(stub, OPERATOR_TOKEN)
    budgets = {**UNHURRIED, "public_status": 0.01}
    with running_service(environ, tmp_path / "log", budgets=budgets) as service:
        yield replace(browser, url=service.url, sessions=tmp_path)


def test_the_icon_of_the_status_page_follows_the_state(stub: RpcStub, stub_browser: Browser) -> None:
    answer = {"title": "Shop", "targets": [], "maintenance": []}
    stub.answers["public_status"] = {**answer, "overall": "operational"}
    changes = [[["evaluate", ICON], ["pause", ""], ["wait", 31], ["until", f"{ICON} !== window.icon"]] for _ in STATES]
    keep = ["evaluate", f"window.icon = {ICON}"]
    steps = [step for change in changes for step in (keep, *change)]
    visit = stub_browser.start(steps=steps)
    for overall in [*list(STATES)[1:], "operational"]:
        visit.await_pause()
        stub.answers["public_status"] = {**answer, "overall": overall}
        visit.go_on()
    page = visit.finish()
    assert [colour_of(icon) for icon in page.results[1::2]] == list(STATES.values())
    assert page.errors == []


@pytest.mark.parametrize(
    ("status", "tone"), [("open", "bad"), ("acknowledged", "info"), ("suppressed", "info"), ("resolved", "good")]
)
def test_the_icon_of_an_incident(stub: RpcStub, stub_browser: Browser, status: str, tone: str) -> None:
    stub.answers["incident_page"] = incident_page(
        incident=incident(status=status, resolved_at=DOCUMENT["target"]["since"])
    )
    page = stub_browser.visit("/incidents/INC-1001", "operator", steps=[["evaluate", ICON]])
    assert colour_of(page.results[0]) == tone


@pytest.mark.parametrize(
    ("status", "tone"), [("up", "good"), ("degraded", "fair"), ("disputed", "fair"), ("down", "bad"), (None, "none")]
)
def test_the_icon_of_a_target(stub: RpcStub, stub_browser: Browser, status: str | None, tone: str) -> None:
    target = {**DOCUMENT["target"], "status": status, "is_paused": False, "is_maintenance": False}
    stub.answers["target_page"] = {**DOCUMENT, "target": target}
    page = stub_browser.visit("/targets/api", "operator", steps=[["evaluate", ICON]])
    assert colour_of(page.results[0]) == tone
