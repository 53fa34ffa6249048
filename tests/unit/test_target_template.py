"""The page of a target as a template: whatever the document contains, it is text, and missing parts are left out."""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.status.page import render
from app.web.session import Reader

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOSTILE = "'\"></bdi><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}&amp;"
Path = tuple[str | int, ...]


def ago(**length: float) -> str:
    return (NOW - timedelta(**length)).isoformat()


DOCUMENT: dict[str, Any] = {
    "target": {
        "target": "api",
        "type": "backend",
        "is_enabled": True,
        "status": "down",
        "since": ago(hours=2),
        "last_check_at": ago(minutes=1),
        "last_response_time_ms": 5000,
        "p50_ms": 96,
        "p95_ms": 240,
        "incident_id": "INC-1007",
        "is_heartbeat": False,
        "last_heartbeat_at": None,
        "next_heartbeat_at": None,
        "group_name": "Shop",
        "tags": ["eu", "checkout"],
        "is_paused": True,
        "paused_until": ago(hours=-2),
        "pause_reason": "its server moves",
        "http_status": 502,
        "last_error": "the answer has HTTP status 502",
        "seen_from": ["database", "service"],
        "service_status": "degraded",
        "service_problem": "the answer is slow",
        "figures_at": ago(hours=3),
        "is_maintenance": False,
    },
    "days": [
        {
            "day": str((NOW - timedelta(days=89 - index)).date()),
            "status": "up",
            "uptime_percent": 100.0,
            "up_minutes": 1440,
            "degraded_minutes": 0,
            "down_minutes": 0,
            "unknown_minutes": 0,
            "maintenance_minutes": 0,
            "checks": 1440,
            "p50_ms": 80,
            "p95_ms": 210,
        }
        for index in range(90)
    ],
    "uptime": {"24h": 99.514, "7d": 99.93, "30d": 99.872, "90d": 99.81},
    "latency_7d": [{"at": ago(hours=167 - index), "p50_ms": 80, "p95_ms": 210} for index in range(168)],
    "latency_90d": [{"at": ago(days=89 - index), "p50_ms": 80, "p95_ms": 210} for index in range(90)],
    "outages": [
        {
            "incident_id": "INC-1002",
            "title": "api is degraded",
            "severity": "MEDIUM",
            "status": "resolved",
            "from": ago(days=3),
            "until": ago(days=2),
            "seconds": 86_400,
        }
    ],
    "certificate": {
        "expires_at": ago(days=-41),
        "issuer": "R11",
        "subject": "api.example",
        "names": ["api.example"],
        "problem": "it is self-signed",
        "looked_at": ago(hours=1),
    },
    "heartbeat": None,
    "checks": [
        {
            "at": ago(minutes=1),
            "status": "down",
            "http_status": 502,
            "response_time_ms": 5000,
            "error": "the answer has HTTP status 502",
            "seen_from": ["database", "service"],
            "is_maintenance": True,
        }
    ],
    "maintenance": [{"starts_at": ago(days=-1), "ends_at": ago(days=-2), "reason": "a new disk"}],
}
HEARTBEAT = {
    "schedule": "0 3 * * * (Europe/Berlin)",
    "state": "ok",
    "next_expected_at": ago(hours=-2),
    "grace_minutes": 5,
    "max_run_minutes": 30,
    "last_ok_at": ago(hours=20),
    "last_failed_at": ago(days=3),
    "is_running": True,
    "runs": [
        {"at": ago(hours=20), "status": "ok", "duration_ms": 81_234, "exit_code": 0},
        {"at": ago(days=3), "status": "failed", "duration_ms": None, "exit_code": 2},
    ],
}


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """What is neither an object nor a list; of a list the first two."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value[:2]):
            yield from leaves(each, (*path, index))
    else:
        yield path, value


def with_leaf(document: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def show(document: dict[str, Any]) -> str:
    view = {"page": document, "now": NOW, "path": "/targets/api", "root": "../", "form_token": "t"}
    return render("target.html", {**view, "reader": Reader(None, "Ann")})


def text_of(page: str) -> str:
    main = page.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


DOCUMENTS = {"target": DOCUMENT, "heartbeat": {**DOCUMENT, "heartbeat": HEARTBEAT}}
TEXTS = [
    pytest.param(kind, path, id=f"{kind}-{'.'.join(map(str, path))}")
    for kind, document in DOCUMENTS.items()
    for path, value in leaves(document)
    if isinstance(value, str) and not is_time(value) and (kind == "target" or path[0] == "heartbeat")
]
# target_page() always has these: keys, times and states of what is listed.
ALWAYS = {"target", "is_enabled", "type", "day", "at", "starts_at", "ends_at", "looked_at", "from", "seconds", "title"}
ALWAYS |= {"severity", "schedule"}
NULLABLE = [
    pytest.param(kind, path, id=f"{kind}-{'.'.join(map(str, path))}")
    for kind, document in DOCUMENTS.items()
    for path, _value in leaves(document)
    if path[-1] not in ALWAYS and isinstance(path[-1], str)
    if path[0] in ("target", "days") or path[-1] not in ("status", "incident_id")
]


@pytest.mark.parametrize(("kind", "path"), TEXTS)
def test_every_text_is_escaped(kind: str, path: Path) -> None:
    page = show(with_leaf(DOCUMENTS[kind], path, HOSTILE))
    for markup in ("<script>alert", "<img", "</bdi><script", '="\'">'):
        assert markup not in page
    assert "49" not in re.findall(r"alert\(1\)&gt;(\d+)", page)


@pytest.mark.parametrize(("kind", "path"), NULLABLE)
def test_every_value_may_be_missing(kind: str, path: Path) -> None:
    text = text_of(show(with_leaf(DOCUMENTS[kind], path, None)))
    assert "None" not in re.sub(r"None( within 14 days| yet)?\.", "", text)


@pytest.mark.parametrize("name", ["outages", "checks", "maintenance"])
def test_empty_lists(name: str) -> None:
    assert "None" in text_of(show({**DOCUMENT, name: []}))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"is_paused": False}, "down"),
        ({"is_paused": False, "status": "up"}, "up"),
        ({"is_paused": False, "status": "disputed"}, "disputed"),
        ({"is_paused": False, "status": None}, "pending"),
        ({"is_paused": False, "status": "pending"}, "pending"),
        ({"is_paused": False, "is_maintenance": True}, "in maintenance"),
        ({"is_paused": True, "is_maintenance": True}, "paused"),
        ({"is_enabled": False}, "not checked"),
    ],
)
def test_the_state_in_the_heading_and_the_title(fields: dict[str, object], word: str) -> None:
    page = show({**DOCUMENT, "target": {**DOCUMENT["target"], **fields}})
    assert text_of(page).startswith(f"Status api api {word} since")
    assert f"<title>api: {word} |" in page


def test_a_heartbeat_has_no_response_times_but_runs() -> None:
    text = text_of(show(DOCUMENTS["heartbeat"]))
    assert "Response time" not in text
    for words in ("0 3 * * * (Europe/Berlin)", "in 2 h", "running", "1 min 21 s exit code 0", "failed", "exit code 2"):
        assert words in text


def test_a_refresh_replaces_every_part() -> None:
    """Each part has an id, by which the script finds it in the fresh page, and none contains a form."""
    page = show(DOCUMENTS["heartbeat"])
    parts = re.findall(r"<(?:section|div)[^>]* data-refresh[^>]*>", page)
    ids = [found[1] for part in parts if (found := re.search(r' id="([\w-]+)"', part))]
    assert len(ids) == len(parts) == len(set(ids))
    assert {"head", "uptime", "days", "outages", "checks", "state", "heartbeat", "certificate", "maintenance"} <= set(
        ids
    )
