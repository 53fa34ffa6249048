"""The notifications of Alertmanager over HTTP: an alert opens, folds, resolves and reopens one incident."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.integration.monitors.conftest import Monitors
from tests.support.monitor_bodies import alert, alertmanager, encode

NOW = datetime.now(UTC) - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_an_alert_becomes_an_incident_with_all_its_data(monitors: Monitors, alert_id: str) -> None:
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW))) == ["opened"]
    incident = monitors.incident(f"alertmanager:{alert_id}")
    assert (incident.sender, incident.severity, incident.rule) == ("alertmanager", "CRITICAL", "caller")
    assert incident.title == "HighErrorRate: The error rate of api is high"
    assert incident.message.endswith("More than 5 % of the requests to api-1:9100 fail.")
    assert (incident.error_type, incident.source, incident.environment) == ("HighErrorRate", "api", "production")
    assert abs(incident.first_seen - NOW) < timedelta(milliseconds=1)
    known = incident.context["alertmanager"]
    assert known["labels"]["instance"] == "api-1:9100"
    assert known["annotations"]["runbook_url"] == "https://runbooks.example/HighErrorRate"
    assert known["notification"]["external_url"] == "https://alertmanager.example"
    # prometheus.example is no host in incident_policy.link_hosts.
    assert incident.external_url is None
    assert known["link"].startswith("https://prometheus.example/graph")
    assert incident.external_id == alert_id


def test_an_alert_opens_folds_resolves_and_reopens(monitors: Monitors, alert_id: str) -> None:
    fingerprint = f"alertmanager:{alert_id}"
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW))) == ["opened"]
    # Two alerts with the same labels in a row: the second one has a new begin.
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW + MINUTE))) == ["counted"]
    ended = alertmanager(alert(alert_id, NOW + MINUTE, NOW + 2 * MINUTE))
    assert monitors.deliver("alertmanager", ended) == ["resolved"]
    incident = monitors.incident(fingerprint)
    assert (incident.status, incident.resolved_by) == ("resolved", "alertmanager")
    assert incident.resolution == "Resolved in Alertmanager."
    assert abs(incident.resolved_at - (NOW + 2 * MINUTE)) < timedelta(milliseconds=1)
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW + 3 * MINUTE))) == ["reopened"]
    incident = monitors.incident(fingerprint)
    assert (incident.status, incident.occurrence_count) == ("open", 3)
    actors = monitors.rows("select distinct agent from public.agent_actions where incident_id = %s", incident.id)
    assert [row.agent for row in actors] == ["alertmanager"]


def test_times_of_long_ago_are_believed_in_the_order_of_arrival(monitors: Monitors, alert_id: str) -> None:
    """Such as those of the examples in the documentation of a monitor."""
    began = datetime(2018, 8, 3, 9, 52, tzinfo=UTC)
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, began))) == ["opened"]
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, began + MINUTE))) == ["counted"]
    ended = alertmanager(alert(alert_id, began + MINUTE, began + 2 * MINUTE))
    assert monitors.deliver("alertmanager", ended) == ["resolved"]
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, began + 3 * MINUTE))) == ["reopened"]


def test_a_repeated_notification_neither_counts_nor_reopens(monitors: Monitors, alert_id: str) -> None:
    """Alertmanager repeats each repeat_interval, with the begin of the alert; so does the other one of a pair."""
    firing = alert(alert_id, NOW)
    assert monitors.deliver("alertmanager", alertmanager(firing)) == ["opened"]
    assert monitors.deliver("alertmanager", alertmanager(firing)) == ["repeated"]
    assert monitors.deliver("alertmanager", alertmanager(firing, externalURL="https://other.example")) == ["repeated"]
    assert monitors.incident(f"alertmanager:{alert_id}").occurrence_count == 1
    ended = alert(alert_id, NOW, NOW + MINUTE)
    assert monitors.deliver("alertmanager", alertmanager(ended)) == ["resolved"]
    assert monitors.deliver("alertmanager", alertmanager(ended, externalURL="https://other.example")) == ["repeated"]
    assert monitors.deliver("alertmanager", alertmanager(firing, groupKey="{}:{}")) == ["repeated"]
    incident = monitors.incident(f"alertmanager:{alert_id}")
    assert (incident.status, incident.occurrence_count) == ("resolved", 1)


def test_a_resolution_that_comes_first_opens_nothing(monitors: Monitors, alert_id: str) -> None:
    ended = alertmanager(alert(alert_id, NOW, NOW + MINUTE))
    assert monitors.deliver("alertmanager", ended) == ["recorded"]
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW))) == ["late"]
    assert (
        monitors.rows("select 1 as found from public.incidents where fingerprint = %s", f"alertmanager:{alert_id}")
        == []
    )
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW + 2 * MINUTE))) == ["opened"]


def test_an_old_alert_reopens_nothing_and_an_old_resolution_closes_nothing(monitors: Monitors, alert_id: str) -> None:
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW))) == ["opened"]
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW, NOW + 3 * MINUTE))) == ["resolved"]
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW + MINUTE))) == ["late"]
    assert monitors.incident(f"alertmanager:{alert_id}").status == "resolved"
    assert monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW + 5 * MINUTE))) == ["reopened"]
    early = alertmanager(alert(alert_id, NOW + MINUTE, NOW + 4 * MINUTE))
    assert monitors.deliver("alertmanager", early) == ["late"]
    assert monitors.incident(f"alertmanager:{alert_id}").status == "open"


def test_an_alert_that_flaps_ends_as_its_last_notification_says(monitors: Monitors, alert_id: str) -> None:
    """Whatever the order of arrival."""
    notifications = []
    for number in range(8):
        begin = NOW + 4 * number * MINUTE
        notifications += [alert(alert_id, begin), alert(alert_id, begin, begin + 2 * MINUTE)]
    notifications.append(alert(alert_id, NOW + 40 * MINUTE))
    Random(7).shuffle(notifications)  # noqa: S311 - no secret
    for notification in notifications:
        monitors.deliver("alertmanager", alertmanager(notification))
    assert monitors.incident(f"alertmanager:{alert_id}").status == "open"
    monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW + 40 * MINUTE, NOW + 41 * MINUTE)))
    assert monitors.incident(f"alertmanager:{alert_id}").status == "resolved"


def test_a_notification_has_one_row_an_alert(monitors: Monitors, alert_id: str) -> None:
    monitors.deliver("alertmanager", alertmanager(alert(f"{alert_id}-d", NOW)))
    firing = [alert(f"{alert_id}-{letter}", NOW, labels={"instance": letter}) for letter in "abc"]
    body = alertmanager(*firing, alert(f"{alert_id}-d", NOW, NOW + MINUTE), truncatedAlerts=7)
    answer = monitors.post("alertmanager", encode(body))
    assert (answer.status_code, answer.json()["effects"]) == (200, ["opened", "opened", "opened", "resolved"])
    ids = answer.json()["delivery_ids"]
    assert len(set(ids)) == 4
    assert answer.json()["incident_ids"][0] == monitors.incident(f"alertmanager:{alert_id}-a").id
    rows = monitors.rows("select * from monitoring.deliveries where id = any(%s) order by id", ids)
    assert [(row.kind, row.resource, row.action, row.verb) for row in rows] == [
        *[("alertmanager", "alertmanager", "firing", "count")] * 3,
        ("alertmanager", "alertmanager", "resolved", "resolve"),
    ]
    assert rows[1].body["labels"]["instance"] == "b"
    assert (
        monitors.incident(f"alertmanager:{alert_id}-a").context["alertmanager"]["notification"]["truncated_alerts"] == 7
    )
    again = monitors.post("alertmanager", encode(body)).json()
    assert (set(again["effects"]), again["duplicate"]) == ({"repeated"}, True)


@pytest.mark.parametrize(
    ("word", "severity"),
    [("page", "CRITICAL"), ("error", "HIGH"), ("Warning", "MEDIUM"), ("info", "LOW"), ("P2", "HIGH")],
)
def test_words_of_severity_are_obeyed(monitors: Monitors, alert_id: str, word: str, severity: str) -> None:
    monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW, labels={"severity": word})))
    assert monitors.incident(f"alertmanager:{alert_id}").severity == severity


def test_without_a_severity_the_rules_decide(monitors: Monitors, alert_id: str) -> None:
    monitors.deliver("alertmanager", alertmanager(alert(alert_id, NOW, labels={"severity": "purple"})))
    assert monitors.incident(f"alertmanager:{alert_id}").rule != "caller"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"alerts": []},
        {"alerts": [None, 5, "x", {}, []]},
        {"alerts": [{"status": "firing"}]},
        {"alerts": [{"status": "suppressed", "labels": {"alertname": "A"}, "fingerprint": "1"}]},
        {"alerts": [{"status": ["firing"], "labels": "none", "fingerprint": {}}]},
        {"status": "firing", "message": "of another product"},
    ],
)
def test_what_is_not_understood_is_recorded(monitors: Monitors, body: object) -> None:
    answer = monitors.post("alertmanager", encode(body))
    assert (answer.status_code, set(answer.json()["effects"])) == (202, {"recorded"})
    assert set(answer.json()["incident_ids"]) == {None}
    rows = monitors.rows("select error from monitoring.deliveries where id = any(%s)", answer.json()["delivery_ids"])
    assert all(row.error for row in rows)


def test_unusual_members_do_no_harm(monitors: Monitors, alert_id: str) -> None:
    unusual = {**alert(alert_id, NOW), "startsAt": "soon", "endsAt": 7, "annotations": ["x"], "generatorURL": {"a": 1}}
    assert monitors.deliver("alertmanager", alertmanager(unusual)) == ["opened"]
    incident = monitors.incident(f"alertmanager:{alert_id}")
    assert incident.title == "HighErrorRate"
    secret = {**alert(f"{alert_id}-s", NOW), "annotations": {"summary": "password=hunter2"}}
    monitors.deliver("alertmanager", alertmanager(secret))
    stored = monitors.rows(
        "select incidents::text || deliveries::text as everything from public.incidents"
        " join monitoring.deliveries on incident_id = incidents.id where incidents.fingerprint = %s",
        f"alertmanager:{alert_id}-s",
    )
    assert "hunter2" not in stored[0].everything


def test_an_alert_without_a_fingerprint_is_known_by_its_labels(monitors: Monitors, alert_id: str) -> None:
    def labelled(begin: datetime, end: datetime | None = None) -> dict[str, object]:
        found = alert("", begin, end, labels={"instance": alert_id})
        del found["fingerprint"]
        return found

    assert monitors.deliver("alertmanager", alertmanager(labelled(NOW))) == ["opened"]
    assert monitors.deliver("alertmanager", alertmanager(labelled(NOW, NOW + MINUTE))) == ["resolved"]
