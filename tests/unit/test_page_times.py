"""Each time on a page is an element that the script rewrites in the reader's zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.status.page import find_warnings, render
from app.supabase.errors import UnreachableError
from tests.support.page_documents import incident_page, search
from tests.unit import test_target_panels as panels
from tests.unit import test_target_template as templates
from tests.unit.test_target_panels import NOW

FRAME = {"now": NOW, "path": "/", "root": "", "reader": None, "form_token": "", "refusal": None, "typed": {}}


def paused() -> dict[str, object]:
    return panels.target("shop", is_paused=True, paused_until=NOW.isoformat(), pause_reason="a new disk")


def incident() -> str:
    document = incident_page(
        activity={
            "pace": "8 a minute",
            "since": (NOW - timedelta(minutes=50)).isoformat(),
            "until": NOW.isoformat(),
            "is_over": True,
            "from": NOW.isoformat(),
            "hours": [1] * 168,
        }
    )
    return render("incident.html", {**FRAME, "document": document, "refused_field": None})


def status_with_older_data() -> str:
    known = {**panels.KNOWN, "version_problem": None, "judgement": "ok", "last_judged_at": None}
    task = {"state": "restarting", "since": NOW.isoformat(), "last_error": "TimeoutError"}
    warnings = find_warnings(known, UnreachableError("away"), NOW - timedelta(minutes=5), NOW)
    return panels.show(paused(), known={**known, "tasks": {"replay": task}}, warnings=warnings)


PAGES: dict[str, Callable[[], str]] = {
    "incident": incident,
    "list": lambda: render("incident_list.html", {**FRAME, "document": search()}),
    "target": lambda: templates.show(
        {**templates.DOCUMENT, "target": {**templates.DOCUMENT["target"], "is_paused": True}}
    ),
    "status": lambda: panels.show(paused()),
    "older data": status_with_older_data,
    "public": lambda: panels.show_public(paused()),
}


@pytest.mark.parametrize("name", PAGES)
def test_no_time_is_a_mere_text(name: str) -> None:
    """But for charts, which say that they are in UTC, and the field for one."""
    page = PAGES[name]()
    main = re.sub(
        r"<(time|svg|table|label)\b.*?</\1>", "", page.partition("<body")[2].partition("<script>")[0], flags=re.DOTALL
    )
    text = re.sub(r"<[^>]*>", " ", main)
    assert re.findall(r".{0,40}\d\d:\d\d(?::\d\d)?.{0,10}", text) == []
    for element in re.findall(r"<time\b[^>]*>", page):
        assert 'data-utc="' in element
