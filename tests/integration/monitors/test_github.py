"""The webhooks of GitHub over HTTP: deployments, and runs of workflows that deploy, become rows."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import Any

import pytest

from tests.integration.monitors.conftest import Monitors
from tests.support.github_bodies import COMMIT, Body, deployment_status, repository, workflow_run
from tests.support.monitor_bodies import encode

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def name() -> str:
    """The name of a repository that no other test uses."""
    return f"shop-{secrets.token_hex(4)}"


@pytest.fixture
def number() -> int:
    return 10**9 + secrets.randbelow(10**9)


@pytest.fixture
def policy(monitors: Monitors) -> Iterator[None]:
    """incident_policy may be changed; afterwards it is as before."""
    (before,) = monitors.rows("select value::text from public.system_config where key = 'incident_policy'")
    yield
    monitors.rows(
        "update public.system_config set value = %s::jsonb where key = 'incident_policy' returning 1", before.value
    )


def deliver(monitors: Monitors, event: str, body: Body) -> str:
    (effect,) = monitors.deliver("github", body, **{"X-GitHub-Event": event, "X-GitHub-Delivery": secrets.token_hex(6)})
    return effect


def deployments(monitors: Monitors, name: str) -> list[Any]:
    return monitors.rows("select * from public.deployment_history where service = %s order by id", name)


def test_a_deployment_is_recorded_from_its_begin_to_its_end(monitors: Monitors, name: str, number: int) -> None:
    states = ["queued", "in_progress", "success"]
    bodies = [deployment_status(name, number, state, NOW + n * MINUTE, NOW) for n, state in enumerate(states)]
    assert [deliver(monitors, "deployment_status", body) for body in bodies] == ["recorded", "deployed", "deployed"]
    (row,) = deployments(monitors, name)
    assert (row.version, row.commit_hash, row.environment, row.status) == (COMMIT[:12], COMMIT, "staging", "succeeded")
    assert (row.deployed_by, row.caller, row.duration) == ("octocat", "github", MINUTE)
    assert (row.started_at, row.finished_at) == (NOW + MINUTE, NOW + 2 * MINUTE)
    assert row.external_id == f"github:deployment:{number}"
    assert row.external_url == f"https://github.com/acme/{name}/actions/runs/1/job/2"
    assert monitors.rows("select id from public.incidents where sender = 'github'") == []


def test_a_webhook_that_is_sent_again_changes_nothing(monitors: Monitors, name: str, number: int) -> None:
    body = deployment_status(name, number, "in_progress", NOW, NOW)
    assert [deliver(monitors, "deployment_status", body) for _ in range(2)] == ["deployed", "repeated"]
    assert len(deployments(monitors, name)) == 1


@pytest.mark.parametrize("order", list(permutations(("in_progress", "failure", "success"))))
def test_whatever_the_order_of_arrival_is_the_last_end_counts(
    monitors: Monitors, name: str, number: int, order: tuple[str, ...]
) -> None:
    minutes = {"in_progress": 1, "failure": 2, "success": 3}
    for state in order:
        at = NOW + minutes[state] * MINUTE
        assert deliver(monitors, "deployment_status", deployment_status(name, number, state, at, NOW)) in (
            "deployed",
            "late",
        )
    (row,) = deployments(monitors, name)
    assert (row.status, row.finished_at) == ("succeeded", NOW + 3 * MINUTE)


def test_an_incident_is_linked_to_the_deployment_before_it(monitors: Monitors, name: str, number: int) -> None:
    begun = datetime.now(UTC) - MINUTE
    assert (
        deliver(monitors, "deployment_status", deployment_status(name, number, "success", begun, begun)) == "deployed"
    )
    (row,) = deployments(monitors, name)
    report = json.dumps({"error": {"message": "It burns"}, "source": name})
    monitors.rows("select public.report_error(%s::jsonb)", report)
    (incident,) = monitors.rows("select deployment_id from public.incidents where source = %s", name)
    assert incident.deployment_id == row.id


def test_each_attempt_of_a_run_that_deploys_is_a_deployment(monitors: Monitors, name: str, number: int) -> None:
    def run(action: str, at: datetime, conclusion: str | None = None, attempt: int = 1) -> str:
        body = workflow_run(name, number, action, at, conclusion, run_attempt=attempt, run_started_at=NOW.isoformat())
        return deliver(monitors, "workflow_run", body)

    assert run("requested", NOW) == "recorded"
    assert run("in_progress", NOW + MINUTE) == "deployed"
    assert run("completed", NOW + 2 * MINUTE, "failure") == "deployed"
    assert run("in_progress", NOW + 3 * MINUTE, attempt=2) == "deployed"
    assert run("completed", NOW + 5 * MINUTE, "success", attempt=2) == "deployed"
    rows = deployments(monitors, name)
    assert [(row.status, row.external_id) for row in rows] == [
        ("failed", f"github:run:{number}-1"),
        ("succeeded", f"github:run:{number}-2"),
    ]
    assert {(row.environment, row.deployed_by) for row in rows} == {("production", "hubot")}


def test_runs_that_deploy_nothing_are_recorded(monitors: Monitors, name: str, number: int) -> None:
    for fields in ({"workflow": "CI"}, {"event": "pull_request"}, {"conclusion": "skipped"}):
        body = workflow_run(name, number, "completed", NOW, **{"conclusion": "success", **fields})
        assert deliver(monitors, "workflow_run", body) == "recorded"
    assert deployments(monitors, name) == []


@pytest.mark.usefixtures("policy")
def test_the_configuration_names_workflows_and_services(monitors: Monitors, name: str, number: int) -> None:
    monitors.rows(
        """update public.system_config set value = value || jsonb_build_object(
             'deployment_workflows', '["Ship"]'::jsonb, 'deployment_services', jsonb_build_object(%s::text, %s::text))
           where key = 'incident_policy' returning 1""",
        f"acme/{name}",
        f"api-{name}",
    )
    for workflow, effect in (("Deploy", "recorded"), ("ship it", "deployed")):
        body = workflow_run(name, number, "completed", NOW, "success", workflow=workflow, head_branch="v1.4.2")
        assert deliver(monitors, "workflow_run", body) == effect
    (row,) = deployments(monitors, f"api-{name}")
    assert (row.version, row.environment) == ("v1.4.2", "production")


def test_a_body_with_another_signature_gets_401(monitors: Monitors, name: str, number: int) -> None:
    body = encode(deployment_status(name, number, "success", NOW, NOW))
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "deployment_status"}
    for signature in ("", "sha256=", f"sha256={'0' * 64}", f"sha1={'0' * 40}"):
        answer = monitors.http.post(
            "/webhooks/github", content=body, headers={**headers, "X-Hub-Signature-256": signature}
        )
        assert answer.status_code == 401, answer.text
    assert deployments(monitors, name) == []


def test_a_ping_is_answered_and_other_events_are_recorded(monitors: Monitors, name: str) -> None:
    ping = {"zen": "Design for failure.", "hook_id": 1, "repository": repository(name)}
    assert monitors.post("github", encode(ping), **{"X-GitHub-Event": "ping"}).status_code == 200
    answer = monitors.post("github", encode({"ref": name}), **{"X-GitHub-Event": "push"})
    assert (answer.status_code, answer.json()["effects"]) == (202, ["recorded"])


def test_a_deployment_of_a_deleted_repository_is_recorded_with_the_reason(
    monitors: Monitors, name: str, number: int
) -> None:
    body = {**deployment_status(name, number, "success", NOW, NOW), "repository": None}
    answer = monitors.post("github", encode(body), **{"X-GitHub-Event": "deployment_status"})
    (row,) = monitors.rows("select error from monitoring.deliveries where id = %s", answer.json()["delivery_id"])
    assert (answer.status_code, row.error) == (202, "it names no repository, or neither a ref nor a commit")


def test_wrong_types_never_fail(monitors: Monitors) -> None:
    wrong: tuple[object, ...] = (
        None,
        [],
        "x",
        7,
        {"id": [], "state": {}},
        {"id": 5, "sha": "x" * 99, "ref": [], "state": "success", "name": "a\u202eb"},
        {"id": 1, "status": "completed", "conclusion": "success", "name": "deploy", "head_branch": "b\nc", "login": {}},
    )
    answers = [
        monitors.post(
            "github",
            encode(
                {
                    "deployment": left,
                    "deployment_status": right,
                    "workflow_run": left,
                    "workflow": right,
                    "repository": right,
                    "salt": secrets.token_hex(6),
                }
            ),
            **{"X-GitHub-Event": event},
        )
        for event, left, right in product(("deployment_status", "workflow_run"), wrong, wrong)
    ]
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert "failed" not in {effect for answer in answers for effect in answer.json()["effects"]}
