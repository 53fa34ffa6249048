"""agent_guide(): its examples work, and its state is the one that decides."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.integration.agents.conftest import Call
from tests.support import http_client

Configure = Callable[[str, dict[str, object]], None]
JsonObject = dict[str, Any]

TOO_LONG_TO_SHOW = {"match_error_knowledge"}
# Arguments that name what an earlier call returned, and the member of its answer. None: the answer is the id.
IDS = {
    "incident_id": ("report_error", "incident_id"),
    "action_id": ("begin_agent_action", "action_id"),
    "knowledge_id": ("remember_fix", None),
    "deployment_id": ("record_deployment_started", None),
}


@pytest.fixture
def second_agent(stack: Stack) -> Iterator[httpx.Client]:
    """An agent that reports the errors, so that the outcomes of the other one count."""
    claims = {"role": "authenticated", "sub": f"reporter {secrets.token_hex(4)}", "exp": 4102444800}
    token = jwt.encode(claims, stack.jwt_secret)
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{stack.supabase_url}/rest/v1", headers=headers, timeout=http_client.TIMEOUT) as client:
        yield client


@pytest.fixture
def open_configuration(configure: Configure, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Everything that the examples need a person for."""
    configure("rate_limits", {"agent_actions_per_hour": 100_000, "all_agent_actions_per_hour": 100_000})
    configure("feature_flags", {"email": True})
    key = "notification_recipients"
    select = "select value from public.system_config where key = %s"
    (before,) = connection.execute(select, [key]).fetchone() or (None,)
    update = "update public.system_config set value = %s where key = %s"
    connection.execute(update, ['[{"email": "ops@example.com", "min_severity": "CRITICAL"}]', key])
    targets = "health_check_targets"
    (targets_before,) = connection.execute(select, [targets]).fetchone() or (None,)
    connection.execute(update, ['[{"name": "nightly-backup", "type": "heartbeat", "cron": "@daily"}]', targets])
    yield
    connection.execute(update, [json.dumps(targets_before), targets])
    connection.execute(update, [json.dumps(before), key])


def read_guide(call: Call) -> JsonObject:
    answer = call("agent_guide")
    assert answer.status_code == 200, answer.text
    guide: JsonObject = answer.json()
    return guide


def with_real_ids(arguments: JsonObject, answers: JsonObject) -> JsonObject:
    real = dict(arguments)
    for name in real.keys() & IDS.keys():
        function, member = IDS[name]
        real[name] = answers[function] if member is None else answers[function][member]
    return real


def test_the_guide_has_every_function_that_agents_may_call(call: Call, connection: psycopg.Connection[Any]) -> None:
    functions = {function["function"]: function for function in read_guide(call)["functions"]}
    granted = connection.execute(
        "select proname from pg_catalog.pg_proc where pronamespace = 'public'::regnamespace"
        " and has_function_privilege('authenticated', oid, 'execute') and not exists ("
        "select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')"
    ).fetchall()
    assert set(functions) == {name for (name,) in granted}
    assert {name for name, function in functions.items() if "example" not in function} == TOO_LONG_TO_SHOW
    for name, function in functions.items():
        assert function["purpose"].endswith("."), name
        example = function.get("example", {})
        required = {argument for argument, kind in function["arguments"].items() if not kind.endswith(", optional")}
        assert example.keys() <= function["arguments"].keys(), name
        assert name in TOO_LONG_TO_SHOW or required <= example.keys(), name


@pytest.mark.usefixtures("open_configuration")
def test_every_example_works(call: Call, second_agent: httpx.Client) -> None:
    """In the order of the guide, which is that of an incident."""
    answers: JsonObject = {}
    for function in read_guide(call)["functions"]:
        name = function["function"]
        if name in TOO_LONG_TO_SHOW:
            continue
        arguments = with_real_ids(function["example"], answers)
        if name == "report_error":
            arguments["report"]["fingerprint"] = secrets.token_hex(6)
            arguments["report"]["severity"] = "CRITICAL"
            answer = second_agent.post("/rpc/report_error", json=arguments)
        else:
            answer = call(name, **arguments)
        assert answer.status_code == 200, (name, answer.text)
        is_json = answer.headers["content-type"].startswith("application/json")
        answers[name] = answer.json() if is_json else answer.text
        if name == "claim_next_incident":
            # The worst incident can be another test's: the incident of the examples is the one that was claimed.
            assert answers[name] is not None
            answers["report_error"]["incident_id"] = answers[name]["id"]


def test_the_refusals_of_the_guide_are_those_of_the_functions(call: Call) -> None:
    guide = read_guide(call)
    statuses = {refusal["status"] for refusal in guide["refusals"]}
    refused = [
        call("set_incident_severity", incident_id="INC-0", severity="urgent", reason="r"),
        call("incident_context", incident_id="INC-0"),
        call("finish_agent_action", action_id=-1, success=True),
        call("add_incident_note", incident_id="INC-0", note="x" * 1_100_000),
    ]
    assert [answer.status_code for answer in refused] == [400, 404, 409, 413]
    assert {answer.status_code for answer in refused} <= statuses
    for answer in refused:
        body = answer.json()
        assert all(body[member] for member in ("code", "message", "details", "hint")), body


def test_the_guide_names_what_postgrest_refuses_itself(call: Call) -> None:
    remedies = {refusal["status"]: str(refusal) for refusal in read_guide(call)["refusals"]}
    for refused in (
        call("finish_agent_action", action_id=1),  # without success
        call("claim_next_incident", agent="a", lease_seconds="15 minutes"),
    ):
        assert refused.json()["code"] in remedies[refused.status_code]


def test_the_state_is_the_one_that_decides(call: Call, configure: Configure) -> None:
    configure("rate_limits", {"agent_actions_per_hour": 100_000, "all_agent_actions_per_hour": 100_000})

    def refusals(action_type: str) -> list[str]:
        kinds = read_guide(call)["state"]["action_types"]
        (reasons,) = (kind["refused_now_because"] for kind in kinds if kind["action_type"] == action_type)
        return list(reasons)

    assert refusals("investigate") == []
    begun = call("begin_agent_action", agent="a", action_type="investigate").json()
    state = read_guide(call)["state"]
    assert begun["action_id"] in [action["action_id"] for action in state["your_running_actions"]]
    assert state["you"] == {"caller": "user:0f0f", "agent": "fe-agent"}
    assert call("finish_agent_action", action_id=begun["action_id"], success=True).status_code == 200

    configure("kill_switch", {"enabled": True, "reason": "a drill"})
    state = read_guide(call)["state"]
    assert (state["is_kill_switch_on"], state["kill_switch_reason"]) == (True, "a drill")
    refused = call("begin_agent_action", agent="a", action_type="investigate").json()
    assert refusals("investigate") == refused["reasons"] == ["kill_switch: a drill"]
    assert refused["hint"] == read_guide(call)["failed_checks"]["kill_switch"]


def test_the_deployment_window_of_the_guide_is_the_one_of_the_checks(call: Call, configure: Configure) -> None:
    configure("feature_flags", {"deploy": True})
    assert read_guide(call)["state"]["deployment_windows"]["is_open_now"] is True
    # Of another day, so that it neither opens nor closes between the two calls.
    day = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    configure("deployment_windows", {"windows": [{"days": [day], "from": "03:00", "to": "03:01"}]})
    windows = read_guide(call)["state"]["deployment_windows"]
    allowed = call("begin_agent_action", agent="a", action_type="deploy", dry_run=True).status_code == 200
    assert (windows["windows"][0]["from"], windows["is_open_now"], allowed) == ("03:00", False, False)


def test_the_schema_is_described_by_the_openapi_document(stack: Stack) -> None:
    answer = http_client.get(f"{stack.supabase_url}/rest/v1/", headers={"apikey": stack.secret_key})
    info = answer.json()["info"]
    assert info["title"] == "Autonomous monitoring agent"
    assert "POST /rest/v1/rpc/agent_guide" in info["description"]
