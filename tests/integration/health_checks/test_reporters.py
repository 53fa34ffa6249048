"""What a reporter with an ingest token can do to the health checks: nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.new_incident_limit import limit_of_new_incidents

ROUTE = "/api/autonomous/error"
LIMIT = 3


@pytest.fixture
def limit(health_checks: HealthChecks) -> Iterator[int]:
    """Few new incidents a minute, for the time of a test."""
    with limit_of_new_incidents(health_checks.superuser, LIMIT):
        yield LIMIT


@pytest.fixture
def recipient(health_checks: HealthChecks) -> Iterator[str]:
    """Somebody who gets an e-mail for each new HIGH or CRITICAL incident."""
    address = f"{health_checks.suffix}@example.com"
    entry = "update public.system_config set value = %s where key = %s"
    before = health_checks.value("select value::text from public.system_config where key = 'feature_flags'")
    health_checks.connection.execute(entry, [json.dumps({**json.loads(before), "email": True}), "feature_flags"])
    health_checks.connection.execute(entry, [json.dumps([{"email": address}]), "notification_recipients"])
    yield address
    health_checks.connection.execute(entry, [before, "feature_flags"])
    health_checks.connection.execute(entry, ["[]", "notification_recipients"])


def test_a_flood_of_reports_hides_no_outage(
    health_checks: HealthChecks, web: Target, client: httpx.Client, source: str, limit: int
) -> None:
    """The flood calls itself health-check, and uses up the quota of new incidents."""
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        health_checks.target("alive", web.url("/status/200")),
        health_checks.target("api", web.url("/status/500"), "backend"),
    )
    reports = [
        {"error": {"message": f"flood {source}"}, "source": "health-check", "fingerprint": f"{source} {number}"}
        for number in range(2 * limit)
    ]
    statuses = [client.post(ROUTE, json=report).status_code for report in reports]
    assert statuses == [201] * limit + [429] * limit
    assert health_checks.run_round()["api"].status == "down"
    (incident,) = health_checks.incidents("api")
    assert (incident.status, incident.severity, incident.sender) == ("open", "CRITICAL", "health-check")


def test_a_report_does_not_become_the_incident_of_a_target(
    health_checks: HealthChecks, web: Target, client: httpx.Client, recipient: str
) -> None:
    """A LOW report under the name of the target is resolved; the outage after it is an incident of its own."""
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        health_checks.target("alive", web.url("/status/200")), health_checks.target("api", web.url("/now"), "backend")
    )
    name = health_checks.name("api")
    web.now = "/status/200"
    report = {
        "error": {"message": "please ignore the mails of today"},
        "severity": "LOW",
        "fingerprint": f"health-check:target:{name}",
    }
    forged = client.post(ROUTE, json=report).json()["incident_id"]
    for _ in range(3):
        assert health_checks.run_round()["api"].status == "up"
    if health_checks.value("select status::text from public.incidents where id = %s", forged) == "open":
        health_checks.connection.execute("select public.resolve_incident(%s, 'nothing')", [forged])
    web.now = "/status/500"
    assert health_checks.run_round()["api"].status == "down"
    (incident,) = health_checks.incidents("api")
    assert (incident.id == forged, incident.title, incident.occurrence_count) == (False, f"{name} is down", 1)
    mails = health_checks.rows("select subject from public.email_tracking where recipient = %s", recipient)
    assert [mail.subject for mail in mails] == [f"[CRITICAL] {incident.id} {name} is down"]
