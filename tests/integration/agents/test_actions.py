"""Agent actions: one at a time per incident, exact limits, and the kill switch."""

from __future__ import annotations

import concurrent.futures
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.integration.agents.conftest import Call

Configure = Callable[[str, dict[str, object]], None]


@pytest.fixture(autouse=True)
def no_rate_limits(configure: Configure) -> None:
    """Actions that other tests began do not count."""
    configure("rate_limits", {"agent_actions_per_hour": 100_000, "all_agent_actions_per_hour": 100_000})


def test_of_fifty_agents_at_once_one_may_act(call: Call, make_incident: Callable[[], str]) -> None:
    incident_id = make_incident()

    def begin(number: int) -> Any:
        return call("begin_agent_action", agent=f"agent {number}", action_type="investigate", incident_id=incident_id)

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(begin, range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["allowed"]) == ("PT409", False)
    assert refused["reasons"][0].startswith("one_action_an_incident: agent ")
    audit = call("verify_audit", incident_id=incident_id).json()
    assert (audit["is_intact"], audit["actions"]) == (True, 51)


def test_of_two_hundred_within_a_limit_of_twenty_exactly_twenty(
    agent: httpx.Client, stack: Stack, configure: Configure
) -> None:
    configure("rate_limits", {"agent_actions_per_hour": 20})
    claims = {"role": "authenticated", "sub": f"eager {secrets.token_hex(4)}", "exp": 4102444800}
    token = jwt.encode(claims, stack.jwt_secret)

    def begin(number: int) -> int:
        body = {"agent": f"agent {number}", "action_type": "investigate"}
        headers = {"Authorization": f"Bearer {token}"}
        return agent.post("/rpc/begin_agent_action", json=body, headers=headers).status_code

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert Counter(pool.map(begin, range(200))) == {200: 20, 409: 180}


def test_the_kill_switch_between_begin_and_finish(
    call: Call, configure: Configure, make_incident: Callable[[], str], connection: psycopg.Connection[Any]
) -> None:
    incident_id = make_incident()
    begun = call("begin_agent_action", agent="a", action_type="investigate", incident_id=incident_id).json()
    configure("kill_switch", {"enabled": True})
    assert call("begin_agent_action", agent="a", action_type="investigate").status_code == 409
    finished = call("finish_agent_action", action_id=begun["action_id"], success=True)
    assert finished.status_code == 409
    configure("kill_switch", {"enabled": False})
    assert call("finish_agent_action", action_id=begun["action_id"], success=True).status_code == 409
    ends = connection.execute(
        "select success, error from public.agent_actions where finishes_id = %s", [begun["action_id"]]
    ).fetchall()
    assert ends == [(False, "stopped by the kill switch")]
    # After that, agents may act again.
    assert call("begin_agent_action", agent="a", action_type="investigate", incident_id=incident_id).json()["allowed"]


def test_the_kill_switch_is_set_although_agents_call_without_pause(
    stack: Stack, connection: psycopg.Connection[Any]
) -> None:
    stop = threading.Event()

    def begin_without_pause(number: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as own:
            while not stop.is_set():
                own.execute("select public.begin_agent_action(%s, 'investigate')", [f"agent {number}"])

    change = "update public.system_config set value = %s where key = 'kill_switch'"
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for number in range(16):
            pool.submit(begin_without_pause, number)
        try:
            # The agents go on until it is set: an update that never got its lock would time out.
            connection.execute("set statement_timeout = '180s'")
            connection.execute(change, ['{"enabled": true}'])
        finally:
            stop.set()
            connection.execute("set statement_timeout = 0")
    assert connection.execute("select count(*) from monitoring.running_actions").fetchone() == (0,)
    connection.execute(change, ['{"enabled": false}'])


@pytest.mark.parametrize("stored", [None, "{}", '{"enabled": null}', '{"enabled": "false"}', "null"])
def test_without_a_readable_kill_switch_nothing_is_deployed(
    call: Call, configure: Configure, connection: psycopg.Connection[Any], stored: str | None
) -> None:
    configure("feature_flags", {"deploy": True})
    assert call("begin_agent_action", agent="a", action_type="deploy", dry_run=True).status_code == 200
    try:
        with connection.transaction():
            # Without the triggers, as only a superuser or a restore can.
            connection.execute("set local session_replication_role = replica")
            if stored is None:
                connection.execute("delete from public.system_config where key = 'kill_switch'")
            else:
                connection.execute("update public.system_config set value = %s where key = 'kill_switch'", [stored])
        refused = call("begin_agent_action", agent="a", action_type="deploy", dry_run=True)
        assert (refused.status_code, refused.json()["reasons"]) == (409, ["kill_switch: kill_switch.enabled"])
        assert call("service_health").json()["is_kill_switch_on"] is True
    finally:
        connection.execute(
            "insert into public.system_config (key, value, description)"
            " values ('kill_switch', '{\"enabled\": false}', 'Stops all agents. Detection and notifications continue.')"
            " on conflict (key) do update set value = excluded.value"
        )


def test_the_acting_agent_is_recorded(call: Call, make_incident: Callable[[], str]) -> None:
    incident_id = make_incident()
    assert call("acknowledge_incident", incident_id=incident_id).json()["acknowledged_by"] == "fe-agent"
    twice = call("acknowledge_incident", incident_id=incident_id)
    assert (twice.status_code, twice.json()["hint"]) == (409, "Add a note instead.")
    assert call("resolve_incident", incident_id=incident_id, resolution="restarted").status_code == 200
    assert call("resolve_incident", incident_id="INC-0", resolution="x").status_code == 404
    assert call("resolve_incident", incident_id=incident_id, resolution="x").status_code == 409
    assert call("resolve_incident", incident_id=incident_id, resolution=" ").status_code == 400


def test_a_changed_byte_in_the_audit_trail_is_found(
    call: Call, make_incident: Callable[[], str], connection: psycopg.Connection[Any]
) -> None:
    incident_id = make_incident()
    call("add_incident_note", incident_id=incident_id, note="all is well")
    assert call("verify_audit", incident_id=incident_id).json()["is_intact"] is True
    with connection.transaction(force_rollback=True):
        # Without the triggers, as only a superuser can.
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            'update public.agent_actions set details = \'{"note": "all is Well"}\''
            " where incident_id = %s and action = 'incident_noted'",
            [incident_id],
        )
        row = connection.execute("select public.verify_audit(%s)", [incident_id]).fetchone()
    assert row is not None
    assert (row[0]["is_intact"], row[0]["broken_action_id"] is not None) == (False, True)
