"""`make demo` fills a believable day, says where to look, and can be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local import Stack, StackSettings
from local.commands import demo
from local.demo import errors, past, targets
from local.demo.deployments import DEPLOYMENTS
from local.stack import dev_file
from tests.conftest import fresh_state
from tests.support import http_client
from tests.support.service_process import running_service, service_variables
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Day:
    """A stack of its own after the demo: what it printed, and a way to read what it left."""

    stack: Stack
    url: str
    state: Path
    output: str

    def read(self, path: str) -> list[dict[str, Any]]:
        headers = {"apikey": self.stack.publishable_key, "Authorization": f"Bearer {self.stack.authenticated_jwt}"}
        answer = http_client.get(f"{self.stack.supabase_url}/rest/v1/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()
        return rows

    def todays_incidents(self) -> dict[str, dict[str, Any]]:
        rows = self.read(f"incidents?context->>fingerprint=like.{errors.FINGERPRINT_PREFIX}*")
        return {row["source"]: row for row in rows}

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.superuser_database_url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    directory = tmp_path_factory.mktemp("demo")
    capture = pytest.MonkeyPatch()
    printed: list[str] = []
    capture.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
    with fresh_state() as state, Stack.start(StackSettings(state, testing=True)) as stack:
        environ = {
            **service_variables(stack),
            **dev_file.sender_variables(stack.secrets),
            "INGEST_TOKEN": stack.secrets.ingest_token,
            "SENTRY_CLIENT_SECRET": stack.secrets.sentry_client_secret,
            "OPERATOR_TOKEN": stack.secrets.operator_token,
        }
        with running_service(environ, directory / "log") as service:
            dev_file.write(directory / "state.env", dev_file.variables(stack, service.url))
            try:
                demo.run(directory / "state")
            finally:
                capture.undo()
            yield Day(stack, service.url, directory / "state", "\n".join(printed))


def test_todays_incidents_are_in_all_states(day: Day) -> None:
    incidents = day.todays_incidents()
    assert {row["severity"] for row in incidents.values()} == {"CRITICAL", "HIGH", "MEDIUM", "LOW"}
    assert {source: row["status"] for source, row in incidents.items()} == {
        "payments": "acknowledged",
        "orders": "acknowledged",
        "checkout": "open",
        "shop": "open",
        "search": "open",
        "sign-in": "open",
        "images": "open",
        "mailer": "resolved",
        "cart": "suppressed",
    }
    assert incidents["payments"]["claimed_by"] == past.AGENT
    assert incidents["orders"]["claimed_by"] is None
    assert incidents["search"]["reopened_at"] is not None
    assert incidents["sign-in"]["has_manual_severity"]
    assert incidents["cart"]["suppressed_until"] is not None


def test_todays_incidents_have_a_history_by_hour_and_stacks(day: Day) -> None:
    incidents = day.todays_incidents()
    for error in errors.TODAY:
        row = incidents[error.source]
        hours = day.read(f"incident_occurrences?incident_id=eq.{row['id']}&select=hour,occurrences")
        assert sum(hour["occurrences"] for hour in hours) == row["occurrence_count"] >= sum(error.by_hour)
    for source in ("payments", "orders", "shop", "checkout", "search", "mailer"):
        assert re.search("site-packages|node_modules|node:internal|/usr/local/lib", incidents[source]["stack"])
    assert incidents["payments"]["stack"].endswith("Captured the payment of order 1042 twice")


def test_deployments_are_linked_to_what_followed_them(day: Day) -> None:
    rows = day.read("deployment_history?select=id,service,version,status")
    assert sorted((row["service"], row["version"]) for row in rows) == sorted(
        (deployment.service, deployment.version) for deployment in DEPLOYMENTS
    )
    services = {row["id"]: row["service"] for row in rows}
    incidents = day.todays_incidents()
    for source in ("checkout", "shop", "payments"):
        assert services[incidents[source]["deployment_id"]] == source


def test_known_fixes_have_outcomes_of_former_incidents(day: Day) -> None:
    rows = day.read("error_knowledge?select=id,solution,success_count,is_approved")
    fixes = {row["solution"]: row for row in rows}
    pool, mail = (fixes[fix.solution] for fix in errors.FIXES)
    assert (pool["success_count"], pool["is_approved"]) == (2, True)
    assert mail["success_count"] == 2
    incidents = day.todays_incidents()
    assert incidents["checkout"]["knowledge_id"] == pool["id"]
    assert incidents["shop"]["knowledge_id"] == fixes[errors.PRICE_SOLUTION]["id"]


def test_the_past_is_complete_and_the_audit_trail_intact(day: Day) -> None:
    ((intact, problems),) = day.query(
        "select audit ->> 'is_intact', audit ->> 'problems' from public.verify_audit() as audit"
    )
    assert intact == "true", problems
    resolved = day.read("incidents?context->>demo=not.is.null&select=id,title,resolved_at,status")
    assert {row["status"] for row in resolved} == {"resolved"}
    disk = next(row["id"] for row in resolved if "No space left" in row["title"])
    timeline = [row["what"] for row in day.read(f"incident_timeline?incident_id=eq.{disk}&order=happened_at")]
    assert timeline == [
        "incident_created",
        "incident_escalated",
        "incident_acknowledged",
        "incident_noted",
        "incident_resolved",
    ]
    told = day.query(f"select channel, status from monitoring.notifications where incident_id = '{disk}'")  # noqa: S608
    assert {("team-chat", "delivered"), ("on-call", "dead")} <= set(told)


def test_the_targets_have_90_days_and_are_in_all_states(day: Day) -> None:
    def states() -> dict[str, str]:
        return {row["target"]: row["status"] for row in day.read("target_panels?select=target,status")}

    names = {target.name for target in targets.TARGETS}
    wait_until(lambda: states().get(targets.DOWN) == "down", what="the check of the target that is down")
    assert set(states()) == names
    panels = {row["target"]: row for row in day.read("target_panels")}
    assert {row["group_name"] for row in panels.values()} == set(targets.GROUPS)
    for target in targets.TARGETS:
        known = [each for each in panels[target.name]["days"] if each["status"] is not None]
        assert len(known) >= target.days - 1
        bad = [each for each in known if each["uptime_percent"] is not None and each["uptime_percent"] < 100]
        assert len(bad) >= len({outage.days_ago for outage in target.outages if outage.status == "down"})
    assert panels[targets.DEGRADED]["status"] == "degraded"
    assert panels[targets.PAUSED]["is_paused"]
    assert panels["image-cdn"]["is_maintenance"]
    assert panels["shop"]["certificate_expires_at"] is not None
    assert len([ms for ms in panels["checkout"]["response_times_ms"] if ms]) >= 50


def test_it_tells_where_to_look(day: Day) -> None:
    assert day.stack.secrets.operator_token in day.output
    incidents = day.todays_incidents()
    for path in ("/status", "/incidents", f"/incidents/{incidents['payments']['id']}", "/targets/checkout", "/sign-in"):
        assert f"{day.url}{path}\n" in day.output
    lines = [line.strip() for line in day.output.splitlines()]
    queries = [line.removeprefix('api "').removesuffix('"') for line in lines if line.startswith('api "')]
    assert len(queries) == 3
    for query in queries:
        assert day.read(query), query


def test_the_channel_of_the_demo_accepts_its_messages(day: Day) -> None:
    orders = day.todays_incidents()["orders"]["id"]

    def are_delivered() -> bool:
        rows = day.query(
            f"select event::text, status::text from monitoring.notifications where incident_id = '{orders}'"  # noqa: S608
        )
        return set(rows) == {("opened", "delivered"), ("acknowledged", "delivered")}

    wait_until(are_delivered, what="the notifications")
    # They come to the service itself, which opens no incident of them.
    assert day.read("incidents?sender=like.generic*") == []


def test_it_can_be_repeated_without_piling_up(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    def counts() -> list[int]:
        lists = ("incidents?sender=neq.health-check", "deployment_history", "error_knowledge")
        return [len(day.read(path)) for path in lists]

    before, first = counts(), day.todays_incidents()
    demo.run(day.state)
    assert counts() == before
    again = day.todays_incidents()
    assert {source: row["id"] for source, row in again.items()} == {source: row["id"] for source, row in first.items()}
    # When an hour has just ended, the hour before it is reported.
    for source, row in again.items():
        assert row["status"] == first[source]["status"]
        most = max(next(error.by_hour for error in errors.TODAY if error.source == source))
        assert row["occurrence_count"] - first[source]["occurrence_count"] in range(most + 1)
    assert "was told before" in capsys.readouterr().out
    names = [row["target"] for row in day.read("target_status?select=target")]
    assert len(names) == len(set(names))
