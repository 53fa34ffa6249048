"""From the first failure to the recovery: one incident that opens, folds and closes by itself."""

from __future__ import annotations

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target


def test_an_outage_opens_folds_and_closes(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/now"), "backend"))
    assert health_checks.run_round()["api"].status == "up"

    web.now = "/status/503"
    assert [health_checks.run_round()["api"].consecutive_failures for _ in range(2)] == [1, 2]
    (incident,) = health_checks.incidents("api")
    assert (incident.status, incident.occurrence_count) == ("open", 2)

    web.now = "/status/200"
    health_checks.run_round()
    assert health_checks.incidents("api")[0].status == "open"
    health_checks.run_round()
    (incident,) = health_checks.incidents("api")
    assert (incident.status, incident.resolved_by) == ("resolved", "health-check")
    assert incident.resolution == "The target was up for 2 consecutive rounds."
    assert incident.resolved_at is not None
    actions = health_checks.rows(
        "select agent, action from public.agent_actions where incident_id = %s order by id", incident.id
    )
    assert [tuple(row) for row in actions] == [
        ("health-check", "incident_created"),
        ("health-check", "incident_resolved"),
    ]


def test_a_failure_that_passes_within_the_round_opens_nothing(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/now"), "backend"))
    web.upcoming.extend(["/status/500", "/status/200"])
    check = health_checks.run_round()["api"]
    assert (check.status, check.attempt, check.error_count, check.error) == ("up", 2, 1, None)
    assert health_checks.incidents("api") == []


def test_what_depends_on_a_dead_target_opens_nothing(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(
        health_checks.target("page", web.url("/status/502"), "frontend", depends_on="api"),
        health_checks.target("api", web.url("/status/500"), "backend", depends_on="db"),
        health_checks.target("db", web.url("/status/503"), "database"),
    )
    checks = health_checks.run_round()
    (incident,) = health_checks.incidents("db")
    assert {row.incident_id for row in checks.values()} == {incident.id}
    assert (health_checks.incidents("api"), health_checks.incidents("page")) == ([], [])


def test_flapping_keeps_one_incident_open(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_policy(allow_private=True, attempts=1, successes_to_close=1)
    health_checks.set_targets(
        health_checks.target("api", web.url("/now")), health_checks.target("steady", web.url("/status/200"))
    )
    health_checks.run_round()
    for _ in range(4):
        for path in ("/status/500", "/status/200"):
            web.now = path
            health_checks.run_round()
    (incident,) = health_checks.incidents("api")
    assert incident.status == "open"
    # Half an hour of calm.
    health_checks.rounds += 30
    health_checks.run_round()
    assert health_checks.incidents("api")[0].status == "resolved"


def test_maintenance_opens_nothing_and_is_no_downtime(health_checks: HealthChecks, web: Target) -> None:
    window = {
        "starts_at": "2020-01-01T00:00",
        "ends_at": "2099-01-01T00:00",
        "targets": [health_checks.name("api")],
    }
    health_checks.set_targets(
        health_checks.target("api", web.url("/status/500")),
        health_checks.target("web", web.url("/status/500")),
    )
    health_checks.set_policy(allow_private=True, attempts=1, maintenance_windows=[window])
    checks = health_checks.run_round()
    assert (checks["api"].is_maintenance, checks["web"].is_maintenance) == (True, False)
    assert (health_checks.incidents("api"), len(health_checks.incidents("web"))) == ([], 1)
    uptime = health_checks.rows(
        "select uptime_24h_percent from public.target_status where target like %s order by target",
        f"%{health_checks.suffix}",
    )
    assert [row.uptime_24h_percent for row in uptime] == [None, 0]


def test_a_target_that_is_removed_closes_its_incident(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/status/500")))
    health_checks.run_round()
    health_checks.set_targets()
    health_checks.judge()
    (incident,) = health_checks.incidents("api")
    assert (incident.status, incident.resolution) == ("resolved", "The target is no longer probed.")
