"""The service beside the health checks: its own targets, the first round, and the watchdog from outside."""

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
from tests.support.service_process import (
    INGEST_TOKEN,
    ServiceProcess,
    free_port,
    running_service,
    service_variables,
)
from tests.support.waiting import wait_until

PATIENCE = 30


@pytest.fixture
def environ(stack: Stack) -> dict[str, str]:
    return service_variables(stack)


@pytest.fixture
def forgetful(health_checks: HealthChecks) -> Iterator[HealthChecks]:
    """Nothing is known of targets that the service wrote, before and after."""
    health_checks.connection.execute("delete from monitoring.service_targets")
    yield health_checks
    health_checks.connection.execute("delete from monitoring.service_targets")


def health(service: ServiceProcess) -> dict[str, Any]:
    return dict(http_client.get(f"{service.url}/health").json())


def test_two_replicas_write_the_targets_and_make_one_round(
    environ: dict[str, str], forgetful: HealthChecks, web: Target, tmp_path: Path
) -> None:
    environ |= {"BACKEND_API_URL": web.url("/"), "ADMIN_CONSOLE_URL": web.url("")}
    with ExitStack() as replicas:
        for number in range(2):
            replicas.enter_context(running_service(environ, tmp_path / f"log-{number}"))
        query = "select name, type::text, url, depends_on from monitoring.probe_targets order by place"
        wait_until(lambda: len(forgetful.rows(query)) == 3, PATIENCE, "the targets")
        assert [tuple(row) for row in forgetful.rows(query)] == [
            ("backend", "backend", web.url("/health"), None),
            ("frontend", "frontend", web.url(""), None),
            ("database", "database", web.url("/health/db"), "backend"),
        ]
        rounds = "select scheduled_at, target from public.monitoring_checks"
        wait_until(lambda: len(forgetful.rows(rounds)) >= 3, PATIENCE, "the first round")
        # The other replica's call may fall into the next minute; none has two rounds.
        assert len(set(forgetful.rows(rounds))) == len(forgetful.rows(rounds))
        wait_until(lambda: forgetful.judge() == 0, 60, "the end of the round")
        found = forgetful.rows(
            "select distinct status::text from public.monitoring_checks where target = 'backend'"
        )
        assert [row.status for row in found] == ["up"]


def test_a_refused_address_is_logged_and_the_service_goes_on(
    environ: dict[str, str], forgetful: HealthChecks, tmp_path: Path
) -> None:
    forgetful.set_policy(allow_private=False)
    environ |= {"BACKEND_API_URL": "http://169.254.169.254/latest"}
    with running_service(environ, tmp_path / "log") as service:

        def refusals() -> list[str]:
            return [line["msg"] for line in service.logs() if "refused" in line["msg"]]

        wait_until(lambda: len(refusals()) == 2, PATIENCE, "the refusals")
        assert all("health_check_policy.allow_private" in said for said in refusals())
        assert health(service)["status"] == "ok"
    assert forgetful.rows("select from monitoring.probe_targets") == []


def test_a_scheduler_that_stopped_is_reported(
    environ: dict[str, str], health_checks: HealthChecks, tmp_path: Path
) -> None:
    """How long it has stood still is what the table says: pg_cron itself goes on."""
    job = "monitoring-health-checks"
    ran = "update monitoring.job_runs set ran_at = now() - make_interval(mins => %s) where job = %s"

    with running_service(environ, tmp_path / "log") as service:

        def says(state: str, minutes_ago: int) -> bool:
            health_checks.connection.execute(ran, (minutes_ago, job))
            http_client.get(f"{service.url}/health/db")  # asks the database now
            return bool(health(service)["scheduler"] == state)

        wait_until(lambda: says("stopped", 0), PATIENCE, "a job that is switched off")
        health_checks.switch_jobs([job], active=True)
        try:
            wait_until(lambda: says("ok", 0), PATIENCE, "a job that runs")
            assert health(service)["scheduler_lag_seconds"] < 10
            wait_until(lambda: says("stopped", 3), PATIENCE, "a job that ran long ago")
            assert 115 < health(service)["scheduler_lag_seconds"] < 190
        finally:
            health_checks.switch_jobs([job], active=False)


def test_status_tells_strangers_the_parts_and_operators_the_rest(
    environ: dict[str, str], health_checks: HealthChecks, web: Target, stack: Stack, tmp_path: Path
) -> None:
    health_checks.set_targets(
        health_checks.target("api", web.url("/delay/0"), "backend"),
        health_checks.target("b", web.url("/status/500")),
    )
    health_checks.run_round()
    with running_service(environ, tmp_path / "log") as service:
        http_client.get(f"{service.url}/health/db")
        open_to_all = http_client.get(f"{service.url}/status").json()
        assert open_to_all["database"]["state"] == "ok"
        assert open_to_all["scheduler"] in {"ok", "late", "stopped"}
        assert (open_to_all["is_monitoring_on"], open_to_all["has_response_times"]) == (True, True)
        assert "targets" not in open_to_all
        assert "open_incidents" not in open_to_all

        bearer = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
        told = http_client.get(f"{service.url}/status", headers=bearer).json()
        assert told.keys() > open_to_all.keys()
        targets = {row["target"]: row for row in told["targets"]}
        good, bad = targets[health_checks.name("api")], targets[health_checks.name("b")]
        assert (good["status"], good["uptime_24h_percent"], good["incident_id"]) == ("up", 100, None)
        assert (bad["status"], bad["incident_id"]) == ("down", health_checks.incidents("b")[0].id)
        assert set(told["open_incidents"]) == {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
        assert told["open_incidents"]["HIGH"] >= 1

        for token in (INGEST_TOKEN, "a.b.c", stack.anon_key):
            answer = http_client.get(f"{service.url}/status", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in {401, 403}
            assert "targets" not in answer.json()


def test_status_without_a_database_tells_what_is_known(environ: dict[str, str], tmp_path: Path) -> None:
    environ["SUPABASE_URL"] = f"http://127.0.0.1:{free_port()}"
    with running_service(environ, tmp_path / "log") as service:
        http_client.get(f"{service.url}/health/db")
        body = http_client.get(f"{service.url}/status").json()
        assert (body["database"]["state"], body["scheduler"]) == ("down", "unknown")
        answer = http_client.get(f"{service.url}/status", headers={"Authorization": "Bearer a.b.c"})
        assert answer.status_code == 503
        assert answer.json()["database"]["state"] == "down"
