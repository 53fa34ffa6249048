"""A failure is believed when the service sees it too. The test says what the service sees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.service_process import refusing_port
from tests.support.waiting import wait_until


class Service:
    """Stands in for the service: takes note of what it is asked, and answers."""

    def __init__(self, health_checks: HealthChecks) -> None:
        self.health_checks = health_checks

    def is_here(self, *, here: bool = True) -> None:
        """Says that the service took looks just now, or long ago."""
        self.health_checks.superuser.execute(
            "insert into monitoring.job_runs (job, ran_at) values ('service-looks', now() - %s::interval)"
            " on conflict (job) do update set ran_at = excluded.ran_at",
            ("0" if here else "1 hour",),
        )

    def asked(self) -> list[str]:
        """The targets that it was asked about and has not looked at."""
        rows = self.health_checks.rows(
            "select target from monitoring.target_looks where recorded_at is null and target like %s order by target",
            f"%{self.health_checks.suffix}",
        )
        return [row.target.removesuffix(f"-{self.health_checks.suffix}") for row in rows]

    def sees(self, short: str, status: str) -> None:
        self.health_checks.connection.execute(
            "update monitoring.target_looks set recorded_at = clock_timestamp(), status = %s, problem = 'as told'"
            " where target = %s and recorded_at is null",
            (status, self.health_checks.name(short)),
        )

    def play(self, **seen: str) -> dict[str, str]:
        """Plays a round in which the service is asked about exactly these targets, and sees this."""
        self.is_here()
        moment = self.health_checks.start_round()
        self.wait_for(sorted(seen))
        for short, status in seen.items():
            self.sees(short, status)
        self.health_checks.finish_round()
        return self.statuses(moment)

    def wait_for(self, asked: list[str]) -> None:
        def is_asked() -> bool:
            self.health_checks.judge()
            return self.asked() == asked

        wait_until(is_asked, what="the questions")

    def statuses(self, moment: datetime) -> dict[str, str]:
        return {name: row.status for name, row in self.health_checks.checks(moment).items()}


@pytest.fixture
def service(health_checks: HealthChecks) -> Iterator[Service]:
    health_checks.set_policy(allow_private=True, confirm_from_service=True)
    stand_in = Service(health_checks)
    stand_in.is_here()
    yield stand_in
    stand_in.is_here(here=False)


def test_a_target_is_down_where_both_agree(health_checks: HealthChecks, web: Target, service: Service) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/status/500"), "backend"))
    assert service.play(api="down") == {"api": "down"}
    (incident,) = health_checks.incidents("api")
    assert (incident.severity, incident.context["seen_from"]) == ("CRITICAL", ["database", "service"])
    assert incident.context["service_problem"] == "as told"
    # Of what is known the service is not asked again.
    health_checks.run_round()
    assert service.asked() == []
    assert health_checks.incidents("api")[0].context["seen_from"] == ["database", "service"]


def test_a_target_that_the_service_reaches_is_disputed(
    health_checks: HealthChecks, web: Target, service: Service
) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/now"), "backend"))
    web.now = "/status/500"
    for rounds in range(1, 4):
        assert service.play(api="up") == {"api": "disputed"}
        assert len(health_checks.incidents("api")) == (rounds == 3)
    (incident,) = health_checks.incidents("api")
    assert (incident.severity, incident.title) == ("MEDIUM", f"{health_checks.name('api')} is disputed")

    web.now = "/status/200"
    for _ in range(2):
        assert health_checks.run_round()["api"].status == "up"
    assert health_checks.incidents("api")[0].status == "resolved"


def test_what_is_down_becomes_disputed_and_down_again(
    health_checks: HealthChecks, web: Target, service: Service
) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/status/500")))
    service.play(api="down")
    for _ in range(8):
        health_checks.run_round()
    # It is asked about again in the tenth round.
    assert service.play(api="up") == {"api": "disputed"}
    assert health_checks.incidents("api")[0].title.endswith(" is disputed")
    assert service.play(api="down") == {"api": "down"}
    (incident,) = health_checks.incidents("api")
    assert (incident.title, incident.severity) == (f"{health_checks.name('api')} is down", "HIGH")


@pytest.mark.parametrize("seen", ["unknown", None], ids=["cannot look", "does not answer"])
def test_without_a_result_the_failure_counts(
    health_checks: HealthChecks, web: Target, service: Service, seen: str | None
) -> None:
    health_checks.set_targets(health_checks.target("api", web.url("/status/500")))
    moment = health_checks.start_round()
    service.wait_for(["api"])
    assert service.statuses(moment) == {"api": "pending"}
    if seen is not None:
        service.sees("api", seen)
    else:
        health_checks.connection.execute("update monitoring.target_looks set due_at = now() where recorded_at is null")
    health_checks.finish_round()
    check = health_checks.checks(moment)["api"]
    assert (check.status, check.service_status, check.service_problem) == ("down", None, None)


def test_nobody_waits_for_a_service_that_is_not_there(
    health_checks: HealthChecks, web: Target, service: Service
) -> None:
    service.is_here(here=False)
    health_checks.set_targets(health_checks.target("api", web.url("/status/500")))
    assert health_checks.run_round()["api"].status == "down"
    assert health_checks.rows("select from monitoring.target_looks where target = %s", health_checks.name("api")) == []


def test_the_service_is_asked_only_where_its_answer_matters(
    health_checks: HealthChecks, web: Target, service: Service
) -> None:
    window = {"starts_at": "2020-01-01T00:00", "ends_at": "2099-01-01T00:00", "targets": [health_checks.name("muted")]}
    bad = web.url("/status/500")
    health_checks.set_targets(
        health_checks.target("api", bad),
        health_checks.target("child", bad, depends_on="api"),
        health_checks.target("muted", bad),
        health_checks.target("own", bad, confirm_from_service=False),
        health_checks.target("well", web.url("/status/200")),
    )
    health_checks.set_policy(allow_private=True, confirm_from_service=True, maintenance_windows=[window])
    assert service.play(api="down") == {"api": "down", "child": "down", "muted": "down", "own": "down", "well": "up"}
    assert [len(health_checks.incidents(name)) for name in ("api", "child", "muted", "own")] == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("seen", "statuses", "is_offline"),
    [
        ({"a": "down", "b": "down"}, {"a": "down", "b": "down"}, False),
        ({"a": "up", "b": "up"}, {"a": "unknown", "b": "unknown"}, True),
        ({"a": "down", "b": "degraded"}, {"a": "down", "b": "unknown"}, True),
        ({"a": "unknown", "b": "unknown"}, {"a": "unknown", "b": "unknown"}, True),
    ],
    ids=["reaches none", "reaches both", "reaches one", "cannot look"],
)
def test_the_service_decides_whose_connection_failed(
    health_checks: HealthChecks,
    service: Service,
    seen: dict[str, str],
    statuses: dict[str, str],
    *,
    is_offline: bool,
) -> None:
    with refusing_port() as port:
        health_checks.set_targets(
            health_checks.target("a", f"http://127.0.0.1:{port}/"),
            health_checks.target("b", f"http://127.0.0.2:{port}/"),
        )
        assert service.play(**seen) == statuses
    assert len(health_checks.live("connectivity")) == is_offline
    for name, status in statuses.items():
        assert len(health_checks.incidents(name)) == (status == "down")
