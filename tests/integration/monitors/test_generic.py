"""Webhooks that a mapping reads, over HTTP.

The mappings of docs/monitors.md are tried as they are printed there, with the bodies that the services document.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from tests.integration.monitors.conftest import Monitors, UseMapping
from tests.support.monitor_bodies import Body, encode, moment
from tests.support.pages import DOCS
from tests.support.service_process import GENERIC_NAME

PAGE = (DOCS / "monitors.md").read_text(encoding="utf-8")
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def example_id() -> str:
    return secrets.token_hex(6)


def documented_json(title: str) -> list[Body]:
    """The JSON of the section of a service in docs/monitors.md."""
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^###? |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found, title
    return [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", found[1], flags=re.MULTILINE | re.DOTALL)]


def better_stack(example_id: str, is_firing: bool, at: datetime) -> Body:
    started, ended = (at, None) if is_firing else (at - timedelta(seconds=30), at)
    return {
        "event": "started" if is_firing else "resolved",
        "data": {
            "id": str(at.timestamp()),
            "type": "incident",
            "attributes": {
                "name": "Shop homepage",
                "url": "https://shop.example",
                "http_method": "get",
                "cause": "Error 500",
                "started_at": moment(started),
                "acknowledged_at": None,
                "resolved_at": moment(ended) if ended else None,
                "response_content": None,
                "response_url": None,
                "screenshot_url": None,
            },
            "relationships": {"monitor": {"data": {"id": example_id, "type": "monitor"}}},
        },
    }


def datadog(example_id: str, is_firing: bool, at: datetime) -> Body:
    """The payload on the page, with its variables filled in as Datadog's documentation describes their values."""
    transition = "Triggered" if is_firing else "Recovered"
    values = {
        "$EVENT_TITLE": f"[{transition}] [P1] Disk usage",
        "$TEXT_ONLY_MSG": "system.disk.in_use over host:web-1 was > 0.9",
        "$ALERT_TRANSITION": transition,
        "$AGGREG_KEY": example_id,
        "$ALERT_ID": "1234",
        "$ALERT_PRIORITY": "P1",
        "$LINK": "https://app.datadoghq.com/event/jump_to?event_id=123456",
        "$DATE": str(int(at.timestamp() * 1000)),
    }
    return {member: values[variable] for member, variable in documented_json("Datadog")[0].items()}


def vercel(example_id: str, is_firing: bool, at: datetime) -> Body:
    return {
        "type": "deployment.error" if is_firing else "deployment.succeeded",
        "id": secrets.token_hex(6),
        "createdAt": int(at.timestamp() * 1000),
        "region": None,
        "payload": {
            "team": {"id": "team_acme"},
            "user": {"id": "user_7"},
            "alias": [],
            "deployment": {"id": "dpl_1", "meta": {}, "url": "shop-1a2b-acme.vercel.app", "name": "shop"},
            "links": {"deployment": "https://vercel.com/acme/shop/1", "project": "https://vercel.com/acme/shop"},
            "target": "production",
            "project": {"id": example_id},
            "plan": "pro",
            "regions": ["fra1"],
        },
    }


def railway(example_id: str, is_firing: bool, at: datetime) -> Body:
    return {
        "type": "Deployment.failed" if is_firing else "Deployment.deployed",
        "details": {
            "id": "8107edff-4b8e-44fc-b43a-04566e847a2a",
            "source": "GitHub",
            "status": "FAILED" if is_firing else "SUCCESS",
            "branch": "main",
            "commitHash": "3484a3fb816e0859fd6e1cea078d76385ff50625",
            "commitAuthor": "octocat",
            "commitMessage": "Add a pool",
        },
        "resource": {
            "workspace": {"id": "w", "name": "Acme"},
            "project": {"id": "p", "name": "Shop"},
            "environment": {"id": "e", "name": "production", "isEphemeral": False},
            "service": {"id": example_id, "name": "api"},
            "deployment": {"id": "d"},
        },
        "severity": "WARNING" if is_firing else "INFO",
        "timestamp": moment(at),
    }


@dataclass(frozen=True)
class Service:
    """A service whose mapping is on the page, and what its incident must have."""

    title: str
    body: Callable[[str, bool, datetime], Body]
    expected: dict[str, str | None]


SERVICES = [
    Service(
        "Better Stack",
        better_stack,
        {
            "message": "Shop homepage: Error 500",
            "source": "better-stack",
            "severity": "HIGH",
            "url": "https://shop.example",
        },
    ),
    Service(
        "Datadog",
        datadog,
        {
            "message": "[Triggered] [P1] Disk usage: system.disk.in_use over host:web-1 was > 0.9",
            "error_type": "DatadogMonitor",
            "source": "datadog",
            "severity": "CRITICAL",
        },
    ),
    Service(
        "Vercel",
        vercel,
        {
            "message": "The deployment shop-1a2b-acme.vercel.app of shop failed",
            "source": "shop",
            "environment": "production",
        },
    ),
    Service(
        "Railway",
        railway,
        {
            "message": "api: Deployment.failed: Add a pool",
            "source": "api",
            "environment": "production",
            "release": "3484a3fb816e0859fd6e1cea078d76385ff50625",
        },
    ),
]


def open_incident(monitors: Monitors, answer: Any) -> Any:
    (incident,) = monitors.rows("select * from public.incidents where id = %s", answer.json()["incident_id"])
    return incident


@pytest.mark.parametrize("documented", SERVICES, ids=lambda documented: documented.title)
def test_a_documented_mapping_opens_folds_resolves_and_reopens(
    monitors: Monitors, use_mapping: UseMapping, example_id: str, documented: Service
) -> None:
    use_mapping(documented_json(documented.title)[-1])

    def deliver(is_firing: bool, minutes: int) -> list[str]:
        return monitors.deliver("generic", documented.body(example_id, is_firing, NOW + minutes * MINUTE))

    first = monitors.post("generic", encode(documented.body(example_id, True, NOW)))
    assert (first.status_code, first.json()["effects"]) == (200, ["opened"]), first.text
    incident = open_incident(monitors, first)
    assert {field: getattr(incident, field) for field in documented.expected} == documented.expected
    assert (incident.sender, abs(incident.first_seen - NOW) < timedelta(seconds=1)) == (f"generic:{GENERIC_NAME}", True)
    assert deliver(True, 1) == ["counted"]
    assert deliver(False, 2) == ["resolved"]
    assert open_incident(monitors, first).status == "resolved"
    # Older ones that arrive later.
    assert deliver(True, -1) == ["late"]
    assert deliver(True, 3) == ["reopened"]
    assert deliver(False, 1) == ["late"]
    incident = open_incident(monitors, first)
    assert (incident.status, incident.occurrence_count) == ("open", 4)


@pytest.mark.parametrize("documented", SERVICES, ids=lambda documented: documented.title)
def test_a_documented_mapping_takes_a_duplicate_for_one(
    monitors: Monitors, use_mapping: UseMapping, example_id: str, documented: Service
) -> None:
    use_mapping(documented_json(documented.title)[-1])
    body = documented.body(example_id, True, NOW)
    assert monitors.deliver("generic", body) == ["opened"]
    assert monitors.deliver("generic", body) == ["repeated"]
    assert monitors.deliver("generic", {**body, "attempt": 2}) == ["repeated"]


def test_other_events_of_the_documented_services_are_recorded(
    monitors: Monitors, use_mapping: UseMapping, example_id: str
) -> None:
    preview = vercel(example_id, True, NOW)
    preview["payload"]["target"] = None
    review = railway(example_id, True, NOW)
    review["resource"]["environment"]["isEphemeral"] = True
    for title, body in (
        ("Better Stack", {**better_stack(example_id, True, NOW), "event": "acknowledged"}),
        ("Datadog", {**datadog(example_id, True, NOW), "transition": "Muted"}),
        ("Vercel", preview),
        ("Railway", review),
    ):
        use_mapping(documented_json(title)[-1])
        answer = monitors.post("generic", encode(body))
        assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"]), title


def test_a_webhook_without_a_mapping_is_recorded_with_the_reason(monitors: Monitors, example_id: str) -> None:
    answer = monitors.post("generic", encode({"id": example_id, "text": "It burns"}))
    assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"])
    (row,) = monitors.rows("select error, body from monitoring.deliveries where id = %s", answer.json()["delivery_id"])
    assert row.error == f"incident_policy.webhook_mappings has no mapping {GENERIC_NAME}"
    assert row.body == {"id": example_id, "text": "It burns"}


def test_paths_that_find_nothing_open_no_incident(monitors: Monitors, use_mapping: UseMapping, example_id: str) -> None:
    use_mapping({"fingerprint": "id", "message": "text", "status": "state", "resolved": ["ok"]})
    for body, problem in (
        ({"id": example_id, "state": "bad"}, "the mapping finds no message"),
        ({"id": example_id, "text": "It burns"}, "the mapping finds no status"),
        ({"text": "It burns", "state": "bad", "salt": example_id}, "the mapping finds no fingerprint"),
    ):
        answer = monitors.post("generic", encode(body))
        assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"])
        (row,) = monitors.rows("select error from monitoring.deliveries where id = %s", answer.json()["delivery_id"])
        assert row.error == problem


def test_each_item_of_a_list_is_an_alert(monitors: Monitors, use_mapping: UseMapping, example_id: str) -> None:
    use_mapping(
        {
            "items": "alerts",
            "fingerprint": "id",
            "message": "{$.title}: {text}",
            "status": "state",
            "resolved": ["ok"],
        }
    )

    def body(*states: str) -> Body:
        alerts = [{"id": f"{example_id}-{n}", "text": "slow", "state": state} for n, state in enumerate(states)]
        return {"title": "Shop", "alerts": alerts}

    assert monitors.deliver("generic", body("bad", "bad", "seen")) == ["opened", "opened", "opened"]
    assert monitors.deliver("generic", body("ok", "bad", "ok")) == ["resolved", "counted", "resolved"]
    incident = monitors.incident(f"generic:{GENERIC_NAME}:{example_id}-0")
    assert (incident.status, incident.message) == ("resolved", "Shop: slow")


def test_a_link_that_is_not_allowed_is_text(monitors: Monitors, use_mapping: UseMapping, example_id: str) -> None:
    use_mapping({"fingerprint": "id", "message": "text", "link": "link"})
    assert monitors.deliver("generic", {"id": example_id, "text": "x", "link": "https://evil.example/"}) == ["opened"]
    incident = monitors.incident(f"generic:{GENERIC_NAME}:{example_id}")
    assert (incident.external_url, incident.context["generic"]["link"]) == (None, "https://evil.example/")


def test_wrong_types_never_fail(monitors: Monitors, use_mapping: UseMapping) -> None:
    use_mapping(
        {
            "fingerprint": ["a.id", "b"],
            "message": ["{a.text} {b}", "b"],
            "status": "a.state",
            "resolved": ["ok"],
            "severity": "b",
            "timestamp": "b",
            "url": "a",
            "link": "b",
            "source": "b",
            "environment": "a.env",
            "skip_when": {"a.skip.0.x": ["y"]},
        }
    )
    wrong: tuple[object, ...] = (
        None,
        [],
        "x",
        7,
        1e300,
        True,
        "\u202e\n\t",
        "x" * 9000,
        {"id": [], "state": {}, "skip": [{"x": "y"}]},
        {"id": {"0": 1}, "text": " ", "state": "OK", "env": "a\nb"},
        {"id": "é" * 300, "text": "t", "state": "bad"},
    )
    bodies = [{"a": left, "b": right, "salt": secrets.token_hex(6)} for left, right in product(wrong, wrong)]
    answers = [monitors.post("generic", encode(body)) for body in bodies]
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert "failed" not in {effect for answer in answers for effect in answer.json()["effects"]}
