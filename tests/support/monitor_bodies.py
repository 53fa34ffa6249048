"""Sample webhook bodies in the documented formats of other monitors, with invented names and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"


def encode(body: object) -> bytes:
    return json.dumps(body).encode()


def moment(at: datetime) -> str:
    """A time as Go writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def alert(
    fingerprint: str, starts_at: datetime, ends_at: datetime | None = None, labels: Mapping[str, str] | None = None
) -> Body:
    """An alert of Alertmanager; resolved if it has an end."""
    return {
        "status": "firing" if ends_at is None else "resolved",
        "labels": {
            "alertname": "HighErrorRate",
            "environment": "production",
            "instance": "api-1:9100",
            "job": "api",
            "severity": "critical",
            **(labels or {}),
        },
        "annotations": {
            "description": "More than 5 % of the requests to api-1:9100 fail.",
            "runbook_url": "https://runbooks.example/HighErrorRate",
            "summary": "The error rate of api is high",
        },
        "startsAt": moment(starts_at),
        "endsAt": NEVER if ends_at is None else moment(ends_at),
        "generatorURL": "https://prometheus.example/graph?g0.expr=rate%28http_errors%5B5m%5D%29&g0.tab=1",
        "fingerprint": fingerprint,
    }


def alertmanager(*alerts: Body, **members: object) -> Body:
    """A notification of Alertmanager, version 4."""
    is_firing = any(each.get("status") == "firing" for each in alerts)
    return {
        "receiver": "monitoring",
        "status": "firing" if is_firing else "resolved",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "HighErrorRate"},
        "commonLabels": {"alertname": "HighErrorRate", "job": "api", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example",
        "version": "4",
        "groupKey": '{}:{alertname="HighErrorRate"}',
        "truncatedAlerts": 0,
        **members,
    }


def grafana_alert(fingerprint: str, starts_at: datetime, ends_at: datetime | None = None, **members: object) -> Body:
    """An alert of Grafana's unified alerting."""
    return {
        **alert(fingerprint, starts_at, ends_at),
        "labels": {"alertname": "Disk is full", "grafana_folder": "Production", "service": "db", "priority": "P3"},
        "annotations": {"summary": "The disk of db-1 is full"},
        "generatorURL": "https://grafana.example/alerting/grafana/c3b1f7e2/view?orgId=1",
        "silenceURL": "https://grafana.example/alerting/silence/new?matcher=alertname%3DDisk+is+full",
        "dashboardURL": "https://grafana.example/d/disks",
        "panelURL": "https://grafana.example/d/disks?viewPanel=2",
        "imageURL": "https://grafana.example/images/1.png",
        "values": {"B": 97.5, "C": 1},
        "valueString": "[ var='B' labels={instance=db-1} value=97.5 ]",
        **members,
    }


def grafana(*alerts: Body) -> Body:
    """A notification of Grafana's unified alerting."""
    is_firing = any(each.get("status") == "firing" for each in alerts)
    return {
        **alertmanager(*alerts),
        "version": "1",
        "orgId": 1,
        "groupKey": '{}/{service="db"}:{alertname="Disk is full"}',
        "externalURL": "https://grafana.example/",
        "title": f"[FIRING:{len(alerts)}] Disk is full Production (db P3)",
        "state": "alerting" if is_firing else "ok",
        "message": "**Firing**\n\nValue: B=97.5, C=1\nLabels:\n - alertname = Disk is full\n",
    }


def grafana_test() -> Body:
    """What "Test" of a contact point sends."""
    body = grafana(grafana_alert("57c6d9296de2ad39", datetime.now(UTC), dashboardURL="", panelURL=""))
    body["alerts"][0]["labels"] = {"alertname": "TestAlert", "instance": "Grafana"}
    body["alerts"][0]["annotations"] = {"summary": "Notification test"}
    return {**body, "receiver": "test", "title": "[FIRING:1] TestAlert Grafana "}


def grafana_legacy(rule_id: int, state: str, **members: object) -> Body:
    """A notification of Grafana's legacy alerting."""
    return {
        "title": "[Alerting] High CPU",
        "ruleId": rule_id,
        "ruleName": "High CPU",
        "ruleUrl": "https://grafana.example/d/cpu?tab=alert&viewPanel=2&orgId=1",
        "state": state,
        "message": "The CPU of web-1 is busy",
        "imageUrl": "https://grafana.example/images/2.png",
        "orgId": 1,
        "dashboardId": 7,
        "panelId": 2,
        "tags": {"severity": "warning", "env": "production"},
        "evalMatches": [{"metric": "cpu_usage", "value": 92.5, "tags": {"host": "web-1"}}],
        **members,
    }
