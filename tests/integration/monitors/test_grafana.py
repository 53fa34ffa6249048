"""The notifications of Grafana over HTTP: unified and legacy alerting, and the test of a contact point."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from tests.integration.monitors.conftest import Monitors
from tests.support.monitor_bodies import encode, grafana, grafana_alert, grafana_legacy, grafana_test

NOW = datetime.now(UTC) - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_an_alert_becomes_an_incident_with_all_its_data(monitors: Monitors, alert_id: str) -> None:
    assert monitors.deliver("grafana", grafana(grafana_alert(alert_id, NOW))) == ["opened"]
    incident = monitors.incident(f"grafana:{alert_id}")
    assert (incident.sender, incident.severity, incident.source) == ("grafana", "MEDIUM", "db")
    assert incident.title == "Disk is full: The disk of db-1 is full"
    known = incident.context["grafana"]
    assert known["values"] == {"B": 97.5, "C": 1}
    assert known["dashboard_url"] == "https://grafana.example/d/disks"
    assert known["notification"]["org_id"] == 1


def test_an_alert_opens_folds_resolves_and_reopens(monitors: Monitors, alert_id: str) -> None:
    effects = [
        monitors.deliver("grafana", grafana(grafana_alert(alert_id, begin, end)))[0]
        for begin, end in [
            (NOW, None),
            (NOW, None),
            (NOW + MINUTE, None),
            (NOW + MINUTE, NOW + 2 * MINUTE),
            (NOW + 3 * MINUTE, None),
        ]
    ]
    assert effects == ["opened", "repeated", "counted", "resolved", "reopened"]
    incident = monitors.incident(f"grafana:{alert_id}")
    assert (incident.status, incident.occurrence_count) == ("open", 3)


def test_missing_data_is_an_alert_as_any(monitors: Monitors, alert_id: str) -> None:
    missing = grafana_alert(
        alert_id, NOW, labels={"alertname": "DatasourceNoData", "rulename": "Disk is full", "ref_id": "A"}
    )
    assert monitors.deliver("grafana", grafana(missing)) == ["opened"]
    assert monitors.incident(f"grafana:{alert_id}").error_type == "DatasourceNoData"


def test_links_to_allowed_hosts_are_links(monitors: Monitors, alert_id: str) -> None:
    (row,) = monitors.rows("select monitoring.config('incident_policy') -> 'link_hosts' as hosts")
    host = row.hosts[0]
    url = f"https://{host}/alerting/grafana/c3b1f7e2/view?orgId=1"
    assert monitors.deliver("grafana", grafana(grafana_alert(alert_id, NOW, generatorURL=url))) == ["opened"]
    incident = monitors.incident(f"grafana:{alert_id}")
    assert incident.external_url == url
    assert "link" not in incident.context["grafana"]


def test_the_test_of_a_contact_point_is_recorded(monitors: Monitors) -> None:
    answer = monitors.post("grafana", encode(grafana_test()))
    assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"])
    (row,) = monitors.rows("select error from monitoring.deliveries where id = %s", answer.json()["delivery_id"])
    assert row.error == "It is the test notification of a contact point."


def test_the_legacy_alerting_opens_folds_resolves_and_reopens(monitors: Monitors) -> None:
    """Its bodies say no time, so that the same body can come again."""
    rule_id = 10**9 + secrets.randbelow(10**9)
    states = ["alerting", "no_data", "ok", "paused", "alerting", "ok", "alerting"]
    effects = [monitors.deliver("grafana", grafana_legacy(rule_id, state))[0] for state in states]
    assert effects == ["opened", "counted", "resolved", "recorded", "reopened", "resolved", "reopened"]
    incident = monitors.incident(f"grafana:rule-1-{rule_id}")
    assert (incident.severity, incident.environment, incident.source) == ("MEDIUM", "production", "grafana")
    assert incident.context["grafana"]["matches"][0]["value"] == 92.5
