"""What the service does for the health checks: its own targets, the first round, the scheduler's state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from tests.support import http_client
from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.service_budgets import UNHURRIED
from tests.support.service_process import (
    INGEST_TOKEN,
    ServiceProcess,
    refusing_port,
    running_service,
    service_variables,
)
from tests.support.tokens import forged_token
from tests.support.waiting import wait_until


@pytest.fixture
def environ(stack: Stack) -> dict[str, str]:
    return service_variables(stack)


@pytest.fixture
def without_service_targets(health_checks: HealthChecks) -> Iterator[HealthChecks]:
    """Deletes the targets that the service wrote, before and after."""
    health_checks.connection.execute("delete from monitoring.service_targets")
    yield health_checks
    health_checks.connection.execute("delete from monitoring.service_targets")


def health(service: ServiceProcess) -> dict[str, Any]:
    return dict(http_client.get(f"{service.url}/health").json())


def test_two_replicas_write_the_targets_and_make_one_round(
    environ: dict[str, str], without_service_targets: HealthChecks, web: Target, tmp_path: Path
) -> None:
    environ |= {"BACKEND_API_URL": web.url("/"), "ADMIN_CONSOLE_URL": web.url("")}
    without_service_targets.unlock_rounds()
    with ExitStack() as replicas:
        for number in range(2):
            replicas.enter_context(running_service(environ, tmp_path / f"log-{number}"))
        query = "select name, type::text, url, depends_on from monitoring.probe_targets order by place"
        wait_until(lambda: len(without_service_targets.rows(query)) == 3, what="the targets")
        assert [tuple(row) for row in without_service_targets.rows(query)] == [
            ("backend", "backend", web.url("/health"), None),
            ("frontend", "frontend", web.url(""), None),
            ("database", "database", web.url("/health/db"), "backend"),
        ]
        rounds = "select scheduled_at, target from monitoring.all_checks"
        wait_until(lambda: len(without_service_targets.rows(rounds)) >= 3, what="the first round")
        # The other replica's call may come in the next minute; no minute has two rounds.
        found = without_service_targets.rows(rounds)
        assert len(set(found)) == len(found)
        without_service_targets.finish_round()
        found = without_service_targets.rows(
            "select distinct status::text from public.monitoring_checks where target = 'backend'"
        )
        assert [row.status for row in found] == ["up"]


def test_a_refused_address_is_logged_and_the_service_goes_on(
    environ: dict[str, str], without_service_targets: HealthChecks, tmp_path: Path
) -> None:
    without_service_targets.set_policy(allow_private=False)
    environ |= {"BACKEND_API_URL": "http://169.254.169.254/latest"}
    with running_service(environ, tmp_path / "log") as service:

        def refusals() -> list[str]:
            return [line["msg"] for line in service.logs() if "refused" in line["msg"]]

        wait_until(lambda: len(refusals()) == 2, what="the refusals")
        assert all("health_check_policy.allow_private" in said for said in refusals())
        assert health(service)["status"] == "ok"
    assert without_service_targets.rows("select from monitoring.probe_targets") == []


def test_a_scheduler_that_stopped_is_reported(
    environ: dict[str, str], health_checks: HealthChecks, tmp_path: Path
) -> None:
    """The table says when the job ran last: pg_cron itself goes on."""
    job = "monitoring-health-checks"
    ran = "update monitoring.job_runs set ran_at = now() - make_interval(mins => %s) where job = %s"

    with running_service(environ, tmp_path / "log", budgets=UNHURRIED) as service:

        def lag_when(state: str, minutes_ago: int) -> float:
            """The lag in the answer that first has this state."""
            found: list[float] = []

            def is_reported() -> bool:
                health_checks.connection.execute(ran, (minutes_ago, job))
                http_client.get(f"{service.url}/health/db")  # reads the database now
                body = health(service)
                found.append(body["scheduler_lag_seconds"])
                return bool(body["scheduler"] == state)

            wait_until(is_reported, what=f"{state} after {minutes_ago} minutes")
            return found[-1]

        lag_when("stopped", 0)  # the job is switched off
        health_checks.switch_jobs([job], active=True)
        try:
            assert lag_when("ok", 0) < 10
            # The next run was due within a minute of the last one.
            assert lag_when("stopped", 3) > 115
        finally:
            health_checks.switch_jobs([job], active=False)


def test_status_shows_anonymous_callers_the_parts_and_users_the_rest(
    environ: dict[str, str], health_checks: HealthChecks, web: Target, stack: Stack, tmp_path: Path
) -> None:
    health_checks.set_targets(
        health_checks.target("api", web.url("/delay/0"), "backend"),
        health_checks.target("b", web.url("/status/500")),
    )
    health_checks.run_round()
    with running_service(environ, tmp_path / "log", budgets=UNHURRIED) as service:
        http_client.get(f"{service.url}/health/db")
        anonymous = http_client.get(f"{service.url}/status").json()
        assert anonymous["database"]["state"] == "ok"
        assert anonymous["scheduler"] in {"ok", "late", "stopped"}
        assert "targets" not in anonymous
        assert "open_incidents" not in anonymous

        bearer = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
        summary = http_client.get(f"{service.url}/status", headers=bearer).json()
        assert summary.keys() > anonymous.keys()
        assert (summary["is_monitoring_on"], summary["is_kill_switch_on"]) == (True, False)
        assert summary["has_response_times"] is True
        assert summary["response_times"]["are_measured"] is True
        assert set(summary["versions"]) >= {"service", "python", "postgres"}
        assert "last_error" in summary["tasks"]["monitor"]
        targets = {row["target"]: row for row in summary["targets"]}
        good, bad = targets[health_checks.name("api")], targets[health_checks.name("b")]
        assert (good["status"], good["uptime_24h_percent"], good["incident_id"]) == ("up", 100, None)
        assert (bad["status"], bad["incident_id"]) == ("down", health_checks.incidents("b")[0].id)
        assert set(summary["open_incidents"]) == {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
        assert summary["open_incidents"]["HIGH"] >= 1

        for token in (INGEST_TOKEN, "a.b.c", forged_token(), stack.anon_key):
            answer = http_client.get(f"{service.url}/status", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in {401, 403}
            assert "targets" not in answer.json()


def test_status_without_a_database_shows_what_is_known(environ: dict[str, str], tmp_path: Path) -> None:
    with (
        refusing_port() as port,
        running_service({**environ, "SUPABASE_URL": f"http://127.0.0.1:{port}"}, tmp_path / "log") as service,
    ):
        http_client.get(f"{service.url}/health/db")
        body = http_client.get(f"{service.url}/status").json()
        assert (body["database"]["state"], body["scheduler"]) == ("down", "unknown")
        answer = http_client.get(f"{service.url}/status", headers={"Authorization": f"Bearer {forged_token()}"})
        assert answer.status_code == 503
        assert answer.json()["database"]["state"] == "down"
