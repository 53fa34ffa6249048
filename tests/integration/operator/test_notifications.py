"""The operator adds a notification channel, tests it, finds out what was sent, and repairs it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.notification_receiver import Receiver, notification_receiver, status
from tests.support.operator_tasks import run_sql_task, task_blocks
from tests.support.waiting import wait_until

ENTRY = "select value from public.system_config where key = 'notification_recipients'"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with notification_receiver() as running:
        yield running


@dataclass
class Operator:
    """Runs the tasks for a channel and a secret of names of their own."""

    connection: psycopg.Connection[Any]
    channel: str
    secret: str

    def run(self, title: str, values: Mapping[str, str] | None = None) -> list[tuple[Any, ...]]:
        text = "\n".join(task_blocks(title, "sql"))
        names = {'"ops"': f'"{self.channel}"', "'ops'": f"'{self.channel}'", "slack-url": self.secret}
        used = {example: name for example, name in names.items() if example in text}
        return run_sql_task(self.connection, title, {**(values or {}), **used})[-1]

    def value(self, query: str, *parameters: object) -> Any:
        row = self.connection.execute(query.encode(), parameters).fetchone()
        assert row is not None
        return row[0]

    def test_until(self, expected: str) -> dict[str, Any]:
        """Sends a test and calls again until its status is this one."""
        answers: list[dict[str, Any]] = []

        def is_there() -> bool:
            ((answer,),) = self.run("Send a test notification")
            answers.append(answer)
            return bool(answer["status"] == expected)

        wait_until(is_there, what=f"a test with the status {expected}")
        return answers[-1]

    def report(self) -> str:
        """Opens an incident and returns its id."""
        report = {
            "error": {"message": "checkout failed"},
            "severity": "CRITICAL",
            "fingerprint": f"{self.channel} {secrets.token_hex(6)}",
        }
        answers = self.value("select public.ingest_events(%s)", json.dumps([report]))
        return str(answers[0]["incident_id"])

    def statuses(self, incident_id: str) -> list[str]:
        rows = self.run("See who was told of an incident", {"INC-1001": incident_id})
        return [row[3] for row in rows if row[1] == self.channel]


@pytest.fixture
def operator(sql_editor: psycopg.Connection[Any]) -> Iterator[Operator]:
    name = secrets.token_hex(6)
    operator = Operator(sql_editor, f"ops-{name}", f"url_{name}")
    kept = operator.value(ENTRY)
    try:
        yield operator
    finally:
        sql_editor.execute(
            "update public.system_config set value = %s where key = 'notification_recipients'", [json.dumps(kept)]
        )
        sql_editor.execute("delete from monitoring.secrets where name = %s", [operator.secret])


EXAMPLE_URL = "https://hooks.example.com/services/T0/B0/secret"


def test_a_channel_is_added_and_tested(operator: Operator, receiver: Receiver) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="url_secret names no secret that exists"):
        operator.run("Add a Slack channel")
    operator.run("Create a secret", {EXAMPLE_URL: receiver.url("/first")})
    operator.run("Add a Slack channel")

    receiver.answer("/first", status(404, b"no_service"))
    refused = operator.test_until("dead")
    assert (refused["answer_status"], refused["answer"]) == (404, "no_service")
    assert "404" in refused["error"]

    operator.run("Replace a secret", {EXAMPLE_URL.replace("/secret", "/new"): receiver.url("/second")})
    accepted = operator.test_until("delivered")
    assert (accepted["channel"], accepted["answer_status"], accepted["answer"]) == (operator.channel, 200, "ok")
    assert accepted["error"] is None
    assert len(receiver.at("/second")) == 1


def test_the_address_is_neither_in_the_audit_trail_nor_in_the_configuration(
    operator: Operator, receiver: Receiver
) -> None:
    operator.run("Create a secret", {EXAMPLE_URL: receiver.url("/hidden")})
    operator.run("Add a Slack channel")
    entry = json.dumps(operator.value(ENTRY))
    change = operator.value(
        "select details::text from public.agent_actions where action = 'config_changed' order by id desc limit 1"
    )
    assert operator.channel in change
    assert "/hidden" not in entry + change


def test_the_service_key_tests_a_channel(operator: Operator, receiver: Receiver, stack: Stack) -> None:
    operator.run("Create a secret", {EXAMPLE_URL: receiver.url("/service")})
    operator.run("Add a Slack channel")
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}

    def call(channel: str) -> httpx.Response:
        url = f"{stack.supabase_url}/rest/v1/rpc/send_test_notification"
        return httpx.post(url, headers=headers, json={"channel": channel}, timeout=60)

    first = call(operator.channel).json()
    assert first["status"] in ("queued", "sending")
    assert "Call the function again" in first["hint"]
    wait_until(lambda: call(operator.channel).json()["status"] == "delivered", what="the answer to the test")
    unknown = call("nobody")
    assert unknown.status_code == 404
    assert operator.channel in unknown.json()["hint"]


def test_a_paused_channel_and_a_removed_one_are_told_nothing(operator: Operator, receiver: Receiver) -> None:
    operator.run("Create a secret", {EXAMPLE_URL: receiver.url("/paused")})
    operator.run("Add a Slack channel")
    operator.run("Pause a notification channel")
    with pytest.raises(psycopg.Error, match="the channel is disabled"):
        operator.run("Send a test notification")
    assert operator.statuses(operator.report()) == []
    operator.run("Remove a notification channel")
    with pytest.raises(psycopg.Error, match="there is no notification channel of this name"):
        operator.run("Send a test notification")
    assert receiver.received == []


def test_dead_notifications_are_found_and_sent_again(operator: Operator, receiver: Receiver) -> None:
    operator.run("Create a secret", {EXAMPLE_URL: receiver.url("/dead")})
    operator.run("Add a Slack channel")
    receiver.answer("/dead", status(410, b"channel_is_archived"))
    incident_id = operator.report()
    wait_until(lambda: operator.statuses(incident_id) == ["dead"], what="the notification to be given up")
    given_up = operator.run("See which notifications were given up")
    # The channel can be told of incidents of other tests, too.
    (row,) = [row for row in given_up if row[1:3] == (operator.channel, incident_id)]
    assert row[3] == "opened"
    assert "channel_is_archived" in row[-1]

    receiver.answer("/dead", status(200))
    ((queued,),) = operator.run("Send dead notifications again")
    assert queued >= 1
    wait_until(lambda: operator.statuses(incident_id) == ["delivered"], what="the notification to arrive")
    assert len([request for request in receiver.at("/dead") if incident_id.encode() in request.body]) == 2
