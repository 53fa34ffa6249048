"""From the first failure to the return: one incident that opens, folds and closes by itself."""

from __future__ import annotations

from tests.support.http_target import Target
from tests.support.service_process import free_port
from tests.support.watch import Watch


def test_an_outage_opens_folds_and_closes(watch: Watch, web: Target) -> None:
    watch.set_targets(watch.target("api", web.url("/now"), "backend"))
    assert watch.run_round()["api"].status == "up"

    web.now = "/status/503"
    assert [watch.run_round()["api"].consecutive_failures for _ in range(2)] == [1, 2]
    (incident,) = watch.incidents("api")
    assert (incident.status, incident.occurrence_count) == ("open", 2)

    web.now = "/status/200"
    watch.run_round()
    assert watch.incidents("api")[0].status == "open"
    watch.run_round()
    (incident,) = watch.incidents("api")
    assert (incident.status, incident.resolved_by) == ("resolved", "health-check")
    assert incident.resolution.startswith("The target was up for ")
    assert incident.resolved_at is not None
    actions = watch.rows(
        "select agent, action from public.agent_actions where incident_id = %s order by id", incident.id
    )
    assert [tuple(row) for row in actions] == [
        ("health-check", "incident_created"),
        ("health-check", "incident_resolved"),
    ]


def test_a_failure_that_passes_within_the_round_is_none(watch: Watch, web: Target) -> None:
    watch.set_targets(watch.target("api", web.url("/now"), "backend"))
    web.now = "/status/500"
    moment = watch.start_round()
    while watch.checks(moment)["api"].attempt == 1:
        watch.judge()
    web.now = "/status/200"
    while watch.judge():
        pass
    check = watch.checks(moment)["api"]
    assert (check.status, check.attempt, check.error_count, check.error) == ("up", 2, 1, None)
    assert watch.incidents("api") == []


def test_what_depends_on_a_dead_target_opens_nothing(watch: Watch, web: Target) -> None:
    watch.set_targets(
        watch.target("page", web.url("/status/502"), "frontend", depends_on="api"),
        watch.target("api", web.url("/status/500"), "backend", depends_on="db"),
        watch.target("db", web.url("/status/503"), "database"),
    )
    checks = watch.run_round()
    (incident,) = watch.incidents("db")
    assert {row.incident_id for row in checks.values()} == {incident.id}
    assert (watch.incidents("api"), watch.incidents("page")) == ([], [])


def test_no_connection_at_all_is_one_incident(watch: Watch, web: Target) -> None:
    port = free_port()
    names = [f"t{number}" for number in range(5)]
    watch.set_targets(*(watch.target(name, f"http://127.0.0.1:{port}/", "backend") for name in names))
    for _ in range(2):
        checks = watch.run_round()
        (incident,) = watch.live("connectivity")
        assert {row.status for row in checks.values()} == {"down"}
        assert {row.incident_id for row in checks.values()} == {incident.id}
    assert incident.occurrence_count >= 2
    assert [watch.incidents(name) for name in names] == [[]] * 5

    # One answers: it was the others after all.
    watch.set_targets(
        watch.target("t0", web.url("/status/200")),
        *(watch.target(name, f"http://127.0.0.1:{port}/", "backend") for name in names[1:]),
    )
    watch.run_round()
    assert watch.live("connectivity") == []
    assert [len(watch.incidents(name)) for name in names] == [0, 1, 1, 1, 1]


def test_flapping_keeps_one_incident_open(watch: Watch, web: Target) -> None:
    watch.set_policy(allow_private=True, attempts=1, successes_to_close=1)
    watch.set_targets(watch.target("api", web.url("/now")), watch.target("steady", web.url("/status/200")))
    watch.run_round()
    for _ in range(4):
        for path in ("/status/500", "/status/200"):
            web.now = path
            watch.run_round()
    (incident,) = watch.incidents("api")
    assert incident.status == "open"
    # Half an hour of calm.
    watch.rounds += 30
    watch.run_round()
    assert watch.incidents("api")[0].status == "resolved"


def test_maintenance_opens_nothing_and_is_no_downtime(watch: Watch, web: Target) -> None:
    window = {"starts_at": "2020-01-01T00:00", "ends_at": "2099-01-01T00:00", "targets": [watch.name("api")]}
    watch.set_policy(allow_private=True, attempts=1, maintenance_windows=[window])
    watch.set_targets(watch.target("api", web.url("/status/500")), watch.target("web", web.url("/status/500")))
    checks = watch.run_round()
    assert (checks["api"].is_maintenance, checks["web"].is_maintenance) == (True, False)
    assert (watch.incidents("api"), len(watch.incidents("web"))) == ([], 1)
    uptime = watch.rows(
        "select uptime_24h_percent from public.target_status where target like %s order by target",
        f"%{watch.suffix}",
    )
    assert [row.uptime_24h_percent for row in uptime] == [None, 0]


def test_a_target_that_is_removed_closes_its_incident(watch: Watch, web: Target) -> None:
    watch.set_targets(watch.target("api", web.url("/status/500")))
    watch.run_round()
    watch.set_targets()
    watch.judge()
    (incident,) = watch.incidents("api")
    assert (incident.status, incident.resolution) == ("resolved", "The target is no longer probed.")
