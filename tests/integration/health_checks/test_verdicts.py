"""What becomes of a failure: further attempts, thresholds, severities, causes and titles."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from time import sleep

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target, http_target
from tests.support.service_process import refusing_port
from tests.support.waiting import wait_until


def test_attempts_of_a_round_are_apart(health_checks: HealthChecks, web: Target) -> None:
    """A short interruption is no failure."""
    health_checks.set_policy(allow_private=True, attempts=3, retry_interval_seconds=3)
    health_checks.set_targets(health_checks.target("api", web.url("/now"), "backend"))
    web.upcoming.extend(["/status/500", "/status/500", "/status/200"])
    moment = health_checks.start_round()
    sent = [health_checks.checks(moment)["api"].sent_at]

    def is_judged() -> bool:
        pending = health_checks.judge()
        check = health_checks.checks(moment)["api"]
        if check.sent_at != sent[-1]:
            sent.append(check.sent_at)
        return pending == 0

    wait_until(is_judged, what="the end of the round")
    check = health_checks.checks(moment)["api"]
    assert (check.status, check.attempt, check.error_count) == ("up", 3, 2)
    assert len(sent) == 3
    assert all(later - former >= timedelta(seconds=3) for former, later in pairwise(sent)), sent
    assert health_checks.incidents("api") == []


def test_a_server_that_is_away_for_five_seconds_is_not_down(health_checks: HealthChecks, web: Target) -> None:
    """With the defaults. Three attempts within two seconds made it CRITICAL."""
    health_checks.set_policy(allow_private=True, retry_interval_seconds=15)
    with refusing_port() as port:
        health_checks.set_targets(
            health_checks.target("failing", web.url("/now"), "backend"),
            health_checks.target("refusing", f"http://127.0.0.1:{port}/now", "database"),
        )
        web.now = "/status/500"
        moment = health_checks.start_round()

        def are_away() -> bool:
            health_checks.judge()
            return {check.error_count for check in health_checks.checks(moment).values()} == {1}

        wait_until(are_away, what="the first attempts")
        sleep(5)
        health_checks.judge()
    with http_target(port) as back:
        web.now = back.now = "/status/200"
        health_checks.finish_round()
    checks = health_checks.checks(moment)
    assert {check.status for check in checks.values()} == {"up"}
    assert all(check.attempt > 1 for check in checks.values())
    assert [health_checks.incidents(name) for name in ("failing", "refusing")] == [[], []]
    assert health_checks.live("connectivity") == []


def test_a_target_has_an_interval_of_its_own(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_policy(allow_private=True, retry_interval_seconds=55)
    health_checks.set_targets(health_checks.target("api", web.url("/status/500"), retry_interval_seconds=0))
    check = health_checks.run_round()["api"]
    assert (check.status, check.attempt) == ("down", 3)


def test_a_target_that_is_down_is_asked_once_a_round(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/now")))
    web.now = "/status/500"
    assert [health_checks.run_round()["api"].attempt for _ in range(3)] == [3, 1, 1]
    assert len(web.paths) == 5
    # Once it is back, it gets all attempts again.
    web.now = "/status/200"
    health_checks.run_round()
    web.now = "/status/500"
    assert health_checks.run_round()["api"].attempt == 3


def test_thresholds_and_severity_of_a_target(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_policy(allow_private=True, failures_to_open=2, successes_to_close=1)
    health_checks.set_targets(
        health_checks.target("usual", web.url("/now"), "backend"),
        health_checks.target(
            "own", web.url("/now"), "backend", failures_to_open=3, successes_to_close=2, severity="LOW"
        ),
    )
    web.now = "/status/500"
    opened = []
    for _ in range(3):
        health_checks.run_round()
        opened.append([len(health_checks.incidents(name)) for name in ("usual", "own")])
    assert opened == [[0, 0], [1, 0], [1, 1]]
    assert [health_checks.incidents(name)[0].severity for name in ("usual", "own")] == ["CRITICAL", "LOW"]

    web.now = "/status/200"
    health_checks.run_round()
    assert [health_checks.incidents(name)[0].status for name in ("usual", "own")] == ["resolved", "open"]
    health_checks.run_round()
    assert [health_checks.incidents(name)[0].resolution for name in ("usual", "own")] == [
        "The target was up again.",
        "The target was up for 2 consecutive rounds.",
    ]


def test_a_cause_that_comes_back_first_opens_no_consequence(health_checks: HealthChecks, web: Target) -> None:
    """The page needs a moment longer than its grandparent."""
    chain = {"page": "api", "api": "db", "db": None}
    answers = dict.fromkeys(chain, "/status/500")

    def opened() -> list[str]:
        health_checks.set_targets(
            *(
                health_checks.target(name, web.url(answers[name]), **({} if cause is None else {"depends_on": cause}))
                for name, cause in chain.items()
            )
        )
        health_checks.run_round()
        return [name for name in chain if any(each.status != "resolved" for each in health_checks.incidents(name))]

    assert opened() == ["db"]
    answers |= {"db": "/status/200", "api": "/status/200"}
    assert opened() == ["db"]
    answers |= {"page": "/status/200"}
    assert opened() == []
    assert [len(health_checks.incidents(name)) for name in chain] == [0, 0, 1]


def test_the_title_names_the_state(health_checks: HealthChecks, web: Target) -> None:
    def title(path: str) -> str | None:
        web.now = path
        health_checks.run_round()
        incidents = health_checks.incidents("api")
        return incidents[0].title.replace(health_checks.name("api"), "api") if incidents else None

    health_checks.set_targets(health_checks.target("api", web.url("/now"), max_response_ms=50))
    assert [title("/delay/200") for _ in range(3)] == [None, None, "api is degraded"]
    assert title("/status/500") == "api is down"
    assert title("/delay/200") == "api is degraded"
    (incident,) = health_checks.incidents("api")
    assert (incident.status, incident.severity) == ("open", "HIGH")
    renamed = health_checks.rows(
        "select agent from public.agent_actions where incident_id = %s and action = 'incident_renamed'", incident.id
    )
    assert [row.agent for row in renamed] == ["health-check", "health-check"]

    health_checks.connection.execute(
        "update public.incidents set title = 'Somebody names it' where id = %s", (incident.id,)
    )
    assert title("/status/500") == "Somebody names it"


def test_a_pause_resolves_the_incident(health_checks: HealthChecks, web: Target) -> None:
    target = health_checks.target("api", web.url("/status/500"))
    health_checks.set_targets(target)
    health_checks.run_round()
    health_checks.set_targets({**target, "is_paused": True})
    health_checks.judge()
    (incident,) = health_checks.incidents("api")
    assert (incident.status, incident.resolution) == ("resolved", "The target is paused.")
    state = "select status::text from monitoring.target_states where target = %s"
    assert health_checks.value(state, health_checks.name("api")) == "down"


def test_group_and_tags_are_in_the_incident(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(
        health_checks.target("api", web.url("/status/500"), group="Shop", tags=["eu", "paid"]),
        health_checks.target("plain", web.url("/status/500")),
    )
    health_checks.run_round()
    context = health_checks.incidents("api")[0].context
    assert (context["group"], context["tags"], context["seen_from"]) == ("Shop", ["eu", "paid"], ["database"])
    assert {"group", "tags", "service_problem"} & set(health_checks.incidents("plain")[0].context) == set()


def test_a_result_that_cannot_be_stored_stops_no_other(health_checks: HealthChecks, web: Target) -> None:
    names = [f"t{number}" for number in range(9)]
    health_checks.set_targets(*(health_checks.target(name, web.url("/status/500")) for name in names))
    health_checks.superuser.execute(
        "alter table public.monitoring_checks add constraint verdicts_test_rule"
        f" check (target <> '{health_checks.name('t4')}') not valid"
    )
    try:
        moment = health_checks.start_round()
        wait_until(lambda: health_checks.judge() == 1, what="the judgement of all but one")
        checks = health_checks.checks(moment)
        assert {name: row.status for name, row in checks.items()} == dict.fromkeys(names, "down") | {"t4": "pending"}
        (incident,) = health_checks.live("verdicts")
        assert (incident.severity, incident.context["targets"]) == ("HIGH", [health_checks.name("t4")])
    finally:
        health_checks.superuser.execute("alter table public.monitoring_checks drop constraint verdicts_test_rule")
    health_checks.finish_round()
    assert health_checks.live("verdicts") == []
    assert len(health_checks.incidents("t4")) == 1
