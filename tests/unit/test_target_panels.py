"""How the status pages show targets, groups, maintenance, incidents and the name of the product."""

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


def show(*targets: Mapping[str, Any], template: str = "status.html", **view: object) -> str:
    return render(
        template,
        {
            "now": NOW,
            "path": "/status",
            "root": "",
            "reader": None,
            "form_token": "",
            "is_signed_in": template == "status.html",
            "is_operator": True,
            "warnings": [],
            "refusal": None,
            "known": KNOWN,
            "overall": "operational",
            "targets": targets,
            "targets_limit": 200,
            "targets_are_cut": False,
            "incidents": [],
            "open_incidents": {},
            "deployments": [],
            "undelivered_emails": [],
            "dead_letters": None,
            "maintenance": [],
            **view,
        },
    )


def show_public(*targets: Mapping[str, Any], **view: object) -> str:
    return show(*targets, template="public.html", **view)


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split()).replace(" ,", ",")


def text_of(page: str) -> str:
    return words_of(page.partition('aria-labelledby="targets-title"')[2].partition("</section>")[0])


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


def headings(page: str) -> list[tuple[str, str]]:
    return [(level, words_of(text)) for level, text in re.findall(r"<h([34])>(.*?)</h", page)]


def folds(page: str) -> list[bool]:
    """Whether each group that can be folded is open."""
    return [" open" in tag for tag in re.findall(r'<details class="card group"[^>]*>', page)]


def test_targets_are_shown_by_group() -> None:
    names = [("a", "Shop"), ("b", None), ("c", "Office & <more>"), ("d", "Shop")]
    page = show(*(target(name, group_name=group) for name, group in names))
    assert headings(page) == [
        *(("3", "Shop"), ("4", "a"), ("4", "d")),
        *(("3", "Office &amp; &lt;more&gt;"), ("4", "c")),
        *(("3", "Other targets"), ("4", "b")),
    ]


def test_without_groups_there_are_no_headings_of_groups() -> None:
    page = show(target("a", group_name=None), target("b"))
    assert headings(page) == [("3", "a"), ("3", "b")]
    assert folds(page) == []


@pytest.mark.parametrize(("number", "is_open"), [(10, True), (11, False)])
def test_groups_are_folded_if_there_are_many_targets(number: int, is_open: bool) -> None:
    page = show(*(target(f"t{each}", group_name="Shop") for each in range(number)))
    assert folds(page) == [is_open]
    assert f"Shop {number} up" in text_of(page)


def test_more_than_ten_targets_without_a_group_are_folded_too() -> None:
    page = show(*(target(f"t{each}") for each in range(11)))
    assert folds(page) == [False]
    assert "All targets 11 up" in text_of(page)


@pytest.mark.parametrize(
    ("fields", "is_open", "words"),
    [
        ({"status": "down"}, True, "1 of 12 down"),
        ({"status": "degraded"}, True, "1 of 12 degraded"),
        ({"status": "disputed"}, True, "1 of 12 disputed"),
        ({"status": "unknown"}, True, "1 of 12 unknown"),
        ({"status": "pending"}, True, "1 of 12 pending"),
        ({"status": "down", "is_paused": True}, False, "1 of 12 paused"),
        ({"status": "down", "is_maintenance": True}, False, "1 of 12 in maintenance"),
    ],
)
def test_a_group_is_open_if_a_target_in_it_needs_attention(
    fields: Mapping[str, object], is_open: bool, words: str
) -> None:
    calm = [target(f"t{each}", group_name="Calm") for each in range(12)]
    others = [target(f"u{each}", group_name="Shop") for each in range(11)]
    page = show(*calm, *others, target("last", group_name="Shop", **fields))
    assert folds(page) == [False, is_open]
    assert f"Shop {words}" in text_of(page)


def test_only_the_targets_that_need_attention_are_unfolded_on_a_long_page() -> None:
    others = [target(f"t{each}", group_name="Shop") for each in range(11)]
    page = show(*others, target("broken", group_name="Shop", status="down"))
    before, _, after = page.partition("<summary>11 others</summary>")
    assert "targets/broken" in before
    assert "targets/t0" not in before
    assert "targets/t10" in after
    few = show(*others[:9], target("broken", group_name="Shop", status="down"))
    assert "others</summary>" not in few


def test_a_page_says_that_there_are_more_targets_than_it_shows() -> None:
    page = show(target("t1"), targets_are_cut=True)
    assert "Only 200 targets, those in the worst state, are shown." in text_of(page)
    assert "Only 200" not in text_of(show(target("t1")))


def test_a_group_says_the_worst_state_of_its_targets() -> None:
    states = ["degraded", "up", "down", "down", "disputed"]
    page = show(*(target(f"t{number}", group_name="Shop", status=state) for number, state in enumerate(states)))
    assert "Shop 2 of 5 down" in text_of(page)
    calm = [target("a", group_name="Shop", is_paused=True), target("b", group_name="Shop", is_maintenance=True)]
    assert "Shop 1 of 2 in maintenance" in text_of(show(*calm))


def test_a_target_links_to_its_page_for_signed_in_readers_only() -> None:
    name = "pay/ments <b> ?#%"
    assert 'href="targets/pay%2Fments%20%3Cb%3E%20%3F%23%25"' in show(target(name))
    assert "targets/" not in show_public(target(name))


def test_days_without_data_are_counted() -> None:
    page = show(target("shop", days=days(None, "unknown", "down", "disputed")))
    assert "1 day with failures, 2 without data" in page
    assert "<title>2026-11-24: no data</title>" in page


@pytest.mark.parametrize(("uptime", "words"), [(99.9, "99.9 % up"), (None, "no data"), (0, "0 % up")])
def test_the_uptime_of_a_target(uptime: float | None, words: str) -> None:
    for page in (show, show_public):
        assert f"90 days ago {words} today" in text_of(page(target("shop", uptime_90d_percent=uptime)))


def test_the_public_page_lists_the_days_with_failures_for_touch_and_keyboard() -> None:
    shown = days("down", "up", "degraded", None)
    shown[-4]["uptime_percent"], shown[-2]["uptime_percent"] = 12.3, 99.2
    text = text_of(show_public(target("shop", days=shown)))
    assert "2 days with failures 2026-11-26: 99.2 % 2026-11-24: 12.3 %" in text
    assert "with failures" not in text_of(show_public(target("shop")))


def test_the_public_page_has_no_internals_of_a_target() -> None:
    hidden = {
        "last_error": "timed out after 5000 ms",
        "service_problem": "no route",
        "seen_from": ["database"],
        "pause_reason": "moved",
        "certificate_problem": "self-signed",
    }
    page = show_public(target("shop", status="down", **hidden), target("old", is_paused=True, **hidden))
    page = page.partition("<body")[2].partition("<script")[0]
    for text in ("timed out", "no route", "seen from", "moved", "self-signed", "checked", "INC-", "<form"):
        assert text not in page


@pytest.mark.parametrize("status", ["down", "disputed", "unknown"])
def test_a_target_that_does_not_answer_has_no_response_time_on_the_public_page(status: str) -> None:
    assert "20 ms" not in text_of(show_public(target("shop", status=status)))
    assert "20 ms" in text_of(show_public(target("shop")))


def window(starts: timedelta, ends: timedelta, targets: list[str] | None) -> dict[str, object]:
    return {"starts_at": (NOW + starts).isoformat(), "ends_at": (NOW + ends).isoformat(), "targets": targets}


def maintenance_of(page: str) -> str:
    return words_of(page.partition('aria-labelledby="maintenance-title"')[2].partition("</section>")[0])


def test_maintenance_in_progress_and_planned() -> None:
    hour = timedelta(hours=1)
    windows = [window(-hour, hour, ["search", "api <b>"]), window(20 * hour, 21 * hour, None)]
    text = maintenance_of(show_public(maintenance=windows))
    assert "in progress search, api &lt;b&gt; until 2026-11-27 13:00 UTC" in text
    assert "planned All services 2026-11-28 08:00 UTC to 2026-11-28 09:00 UTC" in text
    assert "planned All targets" in maintenance_of(show(maintenance=windows))
    assert maintenance_of(show_public()) == ""


def test_a_long_list_of_maintenance_is_folded_and_long_lists_of_names_are_cut() -> None:
    windows = [
        window(timedelta(days=day), timedelta(days=day, hours=1), [f"t{number}" for number in range(12)])
        for day in range(1, 6)
    ]
    page = show_public(maintenance=windows)
    assert "<summary>2 more</summary>" in page
    assert "t8, t9 and 2 more" in maintenance_of(page)
    assert "t10" not in page


def test_the_name_of_the_product_is_text_and_its_logo_a_picture() -> None:
    logo = "data:image/png;base64,AAAA"
    for page in (show, show_public):
        shown = page(site={"title": "<Shop> & more", "logo": logo})
        assert "| &lt;Shop&gt; &amp; more</title>" in shown
        assert f'<img src="{logo}" alt="">' in shown
        assert "<img" not in page()


@pytest.mark.parametrize(
    ("overall", "words", "tone"),
    [
        ("operational", "All systems operational", "good"),
        ("degraded", "Degraded", "fair"),
        ("outage", "Outage", "bad"),
        ("unknown", "Unknown", "none"),
        ("no_targets", "No targets are checked", "none"),
        ("a later word", "a later word", "none"),
    ],
)
def test_the_overall_state_is_in_the_title_the_banner_and_the_icon(overall: str, words: str, tone: str) -> None:
    colours = {"good": "1a7a40", "fair": "f1b430", "bad": "bb2d26", "none": "56606d"}
    for page in (show(overall=overall), show_public(overall=overall)):
        assert f"<title>{words} | Status</title>" in page
        assert f'<div class="overall {tone}">' in page
        icon = page.partition('<link rel="icon" href="')[2].partition('"')[0]
        assert icon.startswith("data:image/svg+xml,%3Csvg")
        assert f"%23{colours[tone]}" in icon


def test_incidents_link_to_their_pages_and_ten_are_shown() -> None:
    incidents = [
        {
            "id": f"INC-{number}",
            "title": f"title {number} <b>",
            "severity": "HIGH",
            "category": "backend",
            "status": "open",
            "source": None,
            "occurrence_count": 1,
            "last_seen": NOW.isoformat(),
            "age_seconds": 61,
            "external_url": "javascript:alert(1)",
        }
        for number in range(12)
    ]
    page = show(incidents=incidents, open_incidents={"HIGH": 12})
    assert '<a href="incidents/INC-9">title 9 &lt;b&gt;</a>' in page
    assert "INC-10" not in page
    assert "javascript:" not in page
    assert '<a href="incidents">All incidents</a>' in page
    assert 'href="incidents?severity=HIGH"' in page


def test_no_targets_at_all() -> None:
    page = show(overall="no_targets")
    assert "<title>No targets are checked | Status</title>" in page
    assert "No targets yet" in text_of(page)
    assert "No public targets" in text_of(show_public(overall="no_targets"))


def test_a_target_says_when_its_hours_were_last_counted_if_the_job_does_not_run() -> None:
    late = (NOW - timedelta(hours=3)).isoformat()
    assert "uptime as of 3 h ago" in show(target("shop", figures_at=late))


@pytest.mark.parametrize("figures_at", [None, (NOW - timedelta(hours=1, minutes=30)).isoformat()])
def test_it_says_nothing_while_the_job_runs_each_hour(figures_at: str | None) -> None:
    assert "uptime as of" not in show(target("shop", figures_at=figures_at))


@pytest.mark.parametrize(("number", "shown"), [(0, "0"), (9_999, "9,999"), (10_000, "10,000+"), ("unknown", "unknown")])
def test_as_many_open_incidents_as_are_counted_may_be_more(number: object, shown: str) -> None:
    page = show(open_incidents={} if number == "unknown" else {"LOW": number})
    assert f'aria-label="{shown} LOW">{shown}</a>' in page
