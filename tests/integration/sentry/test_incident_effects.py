"""The effect of each kind of delivery on incidents, over HTTP."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.sentry.conftest import Sentry
from tests.support import sentry_bodies as bodies

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "samples" / "sentry"


def test_an_event_becomes_an_incident_with_all_its_data(sentry: Sentry, issue_id: str) -> None:
    assert sentry.deliver("event_alert", bodies.event_alert(issue_id, "e1")) == "opened"
    incident = sentry.incident(f"sentry:issue:{issue_id}")
    assert (incident.severity, incident.category, incident.source) == ("HIGH", "frontend", "sentry")
    assert incident.title == "TypeError: Cannot read properties of undefined (reading 'id')"
    assert incident.stack == "at item (app.js:44:9)\nat render (app.js:20:4)"
    assert (incident.environment, incident.release) == ("production", "shop@1.4.2")
    assert incident.url == "https://shop.example/cart?step=2"
    assert incident.external_id == issue_id
    assert incident.external_url.endswith(f"/issues/{issue_id}/events/e1/")
    assert incident.context["sentry"]["project"] == "shop"
    assert incident.context["browser"]["name"] == "Firefox"


def test_an_issue_and_its_alerts_are_one_incident(sentry: Sentry, issue_id: str) -> None:
    assert sentry.deliver("issue", bodies.issue("created", issue_id)) == "opened"
    assert sentry.deliver("event_alert", bodies.event_alert(issue_id, "e1")) == "counted"
    assert sentry.deliver("event_alert", bodies.event_alert(issue_id, "e1", level="error")) == "repeated"
    assert sentry.deliver("error", bodies.error(issue_id, "e2")) == "counted"
    incident = sentry.incident(f"sentry:issue:{issue_id}")
    assert incident.occurrence_count == 3
    assert incident.context["sentry"]["short_id"] == "SHOP-1A"
    assert incident.stack is not None


def test_the_same_body_twice_counts_once(sentry: Sentry, issue_id: str) -> None:
    raw = bodies.encode(bodies.error(issue_id, "e1"))
    first, second = (sentry.post("error", raw).json() for _ in range(2))
    assert (first["effect"], second["effect"], second["duplicate"]) == ("opened", "repeated", True)
    assert second["incident_id"] == first["incident_id"]
    assert sentry.incident(f"sentry:issue:{issue_id}").occurrence_count == 1


def test_a_body_that_is_sent_again_much_later_neither_counts_nor_reopens(sentry: Sentry, issue_id: str) -> None:
    """Nobody signs the time in the header."""
    raw = bodies.encode(bodies.error(issue_id, "e1"))
    assert sentry.post("error", raw).json()["effect"] == "opened"
    assert sentry.deliver("issue", bodies.issue("resolved", issue_id)) == "resolved"
    sentry.connection.execute(
        "update monitoring.deliveries set received_at = received_at - interval '20 days' where fingerprint = %s",
        [f"sentry:issue:{issue_id}"],
    )
    later = {"Sentry-Hook-Timestamp": str(int(time.time()) + 60)}
    assert sentry.post("error", raw, **later).json()["effect"] == "repeated"
    incident = sentry.incident(f"sentry:issue:{issue_id}")
    assert (incident.status, incident.occurrence_count) == ("resolved", 1)


def test_a_metric_alert_is_one_incident_from_warning_to_end(sentry: Sentry, issue_id: str) -> None:
    effects = [
        sentry.deliver("metric_alert", bodies.metric_alert(action, issue_id))
        for action in ("warning", "critical", "resolved")
    ]
    assert effects == ["opened", "escalated", "resolved"]
    incident = sentry.incident(f"sentry:metric:{issue_id}")
    assert (incident.severity, incident.status, incident.occurrence_count) == ("CRITICAL", "resolved", 2)


def test_a_missed_check_in_is_about_the_infrastructure(sentry: Sentry, issue_id: str) -> None:
    sentry.deliver("event_alert", bodies.monitor_failure(issue_id, "e1"))
    incident = sentry.incident(f"sentry:issue:{issue_id}")
    assert incident.category == "infrastructure"
    assert "A missed check-in was detected" in incident.message


def test_a_late_alert_reopens_nothing(sentry: Sentry, issue_id: str) -> None:
    sentry.deliver("event_alert", bodies.event_alert(issue_id, "e1"))
    sentry.deliver("issue", bodies.issue("resolved", issue_id))
    resolved = sentry.incident(f"sentry:issue:{issue_id}")
    assert (resolved.status, resolved.resolved_by) == ("resolved", "Emily Carter")
    end = resolved.resolved_at
    late = bodies.event_alert(issue_id, "e2", datetime=(end - timedelta(minutes=1)).isoformat())
    assert sentry.deliver("event_alert", late) == "late"
    assert sentry.incident(f"sentry:issue:{issue_id}").status == "resolved"
    fresh = bodies.event_alert(issue_id, "e3", datetime=(end + timedelta(minutes=1)).isoformat())
    assert sentry.deliver("event_alert", fresh) == "reopened"


def test_unusual_numbers_and_characters_are_kept(sentry: Sentry, issue_id: str) -> None:
    extra = {"float": 1.0, "integer": 2**53 + 1, "text": "naïve 日本 🚀 \u202eesrever\u202c", "nul": "a\0b"}
    body = bodies.error(issue_id, "e1", extra=extra)
    assert sentry.deliver("error", body) == "opened"
    kept = json.dumps(sentry.incident(f"sentry:issue:{issue_id}").context["extra"], ensure_ascii=False)
    assert '"float": 1.0' in kept
    assert str(2**53 + 1) in kept
    assert "naïve 日本 🚀 \u202eesrever\u202c" in kept
    assert '"nul": "ab"' in kept


def test_a_body_that_is_too_deep_or_too_wide_is_trimmed(sentry: Sentry, issue_id: str) -> None:
    lists = {f"list{number}": list(range(1_500)) for number in range(40)}
    wide = bodies.error(issue_id, "e1", extra=lists, breadcrumbs={"values": [lists]})
    assert sentry.deliver("error", wide) == "opened"
    assert sentry.incident(f"sentry:issue:{issue_id}").stack.startswith("at item")
    deep = b'{"action":"created","data":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    answer = sentry.post("error", deep)
    assert (answer.status_code, answer.json()["effect"]) == (200, "recorded")
    (row,) = sentry.rows("select error from monitoring.deliveries where id = %s", answer.json()["delivery_id"])
    assert "levels deep" in row.error


def test_secrets_are_redacted(sentry: Sentry, issue_id: str) -> None:
    body = bodies.error(issue_id, "e1", extra={"dsn": "postgres://app:hunter2@db:5432/x", "password": "hunter2"})
    sentry.deliver("error", body)
    stored = sentry.rows(
        "select incidents::text || deliveries::text as everything from public.incidents"
        " join monitoring.deliveries on incident_id = incidents.id where incidents.fingerprint = %s",
        f"sentry:issue:{issue_id}",
    )
    assert "hunter2" not in stored[0].everything
    assert "postgres://app:[redacted]@db:5432/x" in stored[0].everything


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="real bodies are read where they are, and not part of the project")
def test_recorded_bodies_are_accepted(sentry: Sentry) -> None:
    effects: dict[str, str] = {}
    for path in sorted(SAMPLES.glob("*.json")):
        body = json.loads(path.read_text())
        resource, action = path.name.split(".")[:2]
        answer = sentry.post(resource, bodies.encode(body))
        assert answer.status_code == 200, path.name
        effects[f"{resource}.{action}"] = answer.json()["effect"]
    assert "failed" not in effects.values()
    silent = ("installation", "seer", "preprod", "comment.updated", "comment.deleted", "glitchtip")
    assert {effect for name, effect in effects.items() if name.startswith(silent)} <= {"recorded", "repeated"}
