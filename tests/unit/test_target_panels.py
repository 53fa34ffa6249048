"""How the page shows targets: disputed, paused, grouped, with certificates, and days without data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.status.page import render

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KNOWN = {
    "scheduler": "ok",
    "scheduler_last_run_at": NOW.isoformat(),
    "database": {"state": "ok", "cause": None, "latency_ms": 4.0},
    "spool": {"depth": 0, "oldest_seconds": None, "dead_letters": 0, "dropped": 0},
    "breakers": {},
    "tasks": {},
    "is_kill_switch_on": False,
    "is_monitoring_on": True,
    "sentry": None,
    "notifications": None,
}


def days(*known: str | None) -> list[dict[str, object]]:
    """90 days: up, but for the last ones."""
    statuses = ["up"] * (90 - len(known)) + list(known)
    first = date(2026, 8, 30)
    return [
        {
            "day": str(first + timedelta(days=number)),
            "status": status,
            "uptime_percent": 100 if status == "up" else None,
        }
        for number, status in enumerate(statuses)
    ]


def target(name: str, **fields: object) -> dict[str, object]:
    return {
        "target": name,
        "status": "up",
        "since": NOW.isoformat(),
        "last_check_at": NOW.isoformat(),
        "p50_ms": 20,
        "p95_ms": 40,
        "is_maintenance": False,
        "uptime_90d_percent": 99.9,
        "days": days(),
        "response_times_ms": [20, 25, None, 22],
        "is_heartbeat": False,
        "last_heartbeat_at": None,
        "next_heartbeat_at": None,
        **fields,
    }


def show(*targets: Mapping[str, Any], **view: object) -> str:
    return render(
        "status.html",
        {
            "now": NOW,
            "path": "/status",
            "root": "",
            "reader": None,
            "form_token": "",
            "is_signed_in": True,
            "is_operator": True,
            "warnings": [],
            "refusal": None,
            "known": KNOWN,
            "overall": "operational",
            "targets": targets,
            "incidents": [],
            "open_incidents": {},
            "deployments": [],
            "undelivered_emails": [],
            "dead_letters": None,
            **view,
        },
    )


def text_of(page: str) -> str:
    section = page.partition('aria-labelledby="targets-title"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", section).split())


def test_the_fields_of_an_older_schema_are_enough() -> None:
    text = text_of(show(target("shop")))
    assert "shop up since 0 s ago, checked 0 s ago" in text
    for word in ("paused", "disputed", "certificate", "seen from", "Other targets", "last error"):
        assert word not in text


def test_a_disputed_target_has_words_and_a_colour_of_its_own() -> None:
    page = show(target("shop", status="disputed", seen_from=["database", "service"], last_error="timed out"))
    assert '<span class="state disputed">' in page
    text = text_of(page)
    assert "the database cannot reach it, the service can" in text
    assert "seen from the database and the service" in text
    assert "last error: timed out" in text


@pytest.mark.parametrize("place", ["database", "service"])
def test_who_looked(place: str) -> None:
    text = text_of(show(target("shop", seen_from=[place])))
    assert f"seen from the {place}" in text
    assert "and the" not in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_paused": True}, "paused"),
        ({"is_paused": True, "paused_until": "2026-11-27T13:30:00+01:00"}, "paused until 2026-11-27 12:30 UTC"),
        (
            {"is_paused": True, "pause_reason": "its answers stopped pg_net <twice>"},
            "paused: its answers stopped pg_net &lt;twice&gt;",
        ),
    ],
)
def test_a_paused_target_says_until_when_and_why(fields: Mapping[str, object], words: str) -> None:
    text = text_of(show(target("shop", status="down", **fields)))
    assert words in text
    assert "shop paused" in text
    assert "down" not in text.partition("since")[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"certificate_expires_at": "2026-12-02T13:00:00+00:00"}, "certificate valid for 5 days"),
        ({"certificate_expires_at": "2026-11-28T13:00:00+00:00"}, "certificate valid for 1 day"),
        ({"certificate_expires_at": "2026-11-27T13:00:00+00:00"}, "certificate valid for 0 days"),
        ({"certificate_expires_at": "2026-11-24T11:00:00+00:00"}, "certificate expired 3 days ago"),
        (
            {"certificate_expires_at": "2026-12-02T13:00:00+00:00", "certificate_issuer": "R11 (Let's Encrypt)"},
            "certificate valid for 5 days, issued by R11 (Let&#39;s Encrypt)",
        ),
        ({"certificate_problem": "the certificate is self-signed"}, "the certificate is self-signed"),
    ],
)
def test_a_certificate_is_shown_with_its_days(fields: Mapping[str, object], words: str) -> None:
    assert words in text_of(show(target("shop", **fields)))


def test_targets_are_shown_by_group() -> None:
    names = [("a", "Shop"), ("b", None), ("c", "Office & <more>"), ("d", "Shop")]
    page = show(*(target(name, group_name=group) for name, group in names))
    found = re.findall(r'<h([34])(?: class="group")?>(.*?)</h', page)
    assert found == [
        *(("3", "Shop"), ("4", "a"), ("4", "d")),
        *(("3", "Office &amp; &lt;more&gt;"), ("4", "c")),
        *(("3", "Other targets"), ("4", "b")),
    ]


def test_without_groups_there_are_no_headings_of_groups() -> None:
    page = show(target("a", group_name=None), target("b"))
    assert re.findall(r"<h[34].*?>(.*?)</h", page) == ["a", "b"]


def test_days_without_data_are_gaps() -> None:
    page = show(target("shop", days=days(None, "unknown", "down", "disputed")))
    bars = re.findall(r'<rect class="(\w+)" x="\d+"( y="24")?>', page)
    assert bars[-4:] == [("none", ' y="24"'), ("none", ' y="24"'), ("bad", ""), ("disputed", "")]
    assert len(bars) == 90
    assert "1 days with failures, 2 without data" in page
    assert "<title>2026-11-24: no data</title>" in page


@pytest.mark.parametrize(("uptime", "words"), [(99.9, "99.9 % up"), (None, "no data"), (0, "0 % up")])
def test_the_uptime_of_a_target(uptime: float | None, words: str) -> None:
    assert f"<span>90 days ago</span><span>{words}</span>" in show(target("shop", uptime_90d_percent=uptime))


def test_no_targets_at_all() -> None:
    page = show(overall="no_targets")
    assert "<title>No targets are checked | Status</title>" in page
    assert '<p class="overall none" role="status"><strong>No targets are checked</strong></p>' in page


def test_a_target_says_when_its_hours_were_last_counted_if_the_job_does_not_run() -> None:
    late = (NOW - timedelta(hours=3)).isoformat()
    assert "uptime as of 3 h ago" in show(target("shop", figures_at=late))


@pytest.mark.parametrize("figures_at", [None, (NOW - timedelta(hours=1, minutes=30)).isoformat()])
def test_it_says_nothing_while_the_job_runs_each_hour(figures_at: str | None) -> None:
    assert "uptime as of" not in show(target("shop", figures_at=figures_at))


@pytest.mark.parametrize(("number", "shown"), [(0, "0"), (9_999, "9,999"), (10_000, "10,000+"), ("unknown", "unknown")])
def test_as_many_open_incidents_as_are_counted_may_be_more(number: object, shown: str) -> None:
    page = show(open_incidents={} if number == "unknown" else {"LOW": number})
    assert f'<span class="severity LOW">LOW</span> {shown}</li>' in page
