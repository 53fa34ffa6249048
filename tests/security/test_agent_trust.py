"""What follows for agents from who calls, over PostgREST. test_trust_matrix.py asks who may call what.

Two agents have tokens of two users. What an agent says of itself (`agent`) is a label; its token decides.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from local import Stack
from tests.security.conftest import Configure
from tests.support import http_client
from tests.support.service_process import KEPT_ALIVE

APPROVERS = {"ann": 403, "ben": 403, "anon": 401, "service_role": 200}


class Caller:
    """A client of PostgREST with one token."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{stack.supabase_url}/rest/v1",
            headers={"apikey": stack.anon_key, "Authorization": f"Bearer {token}"},
            timeout=http_client.TIMEOUT,
            limits=KEPT_ALIVE,
        )

    def rpc(self, function: str, **parameters: object) -> httpx.Response:
        return self._client.post(f"/rpc/{function}", json=parameters)

    def read(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._client.get(path).raise_for_status().json()
        return rows

    def patch(self, path: str, **values: object) -> httpx.Response:
        return self._client.patch(path, json=values)

    def begin(self, **parameters: object) -> httpx.Response:
        return self.rpc("begin_agent_action", **{"agent": "fe-agent", "action_type": "investigate", **parameters})

    def close(self) -> None:
        self._client.close()


def user_token(stack: Stack, name: str, **claims: object) -> str:
    given = {"role": "authenticated", "sub": f"{name}-{secrets.token_hex(6)}", "exp": 4102444800, **claims}
    return jwt.encode({key: value for key, value in given.items() if value is not None}, stack.jwt_secret)


@pytest.fixture
def callers(stack: Stack) -> Iterator[dict[str, Caller]]:
    tokens = {
        "ann": user_token(stack, "ann"),
        "ben": user_token(stack, "ben"),
        "anon": stack.anon_key,
        "service_role": stack.service_role_key,
        # A token that the project signed, but for nobody in particular.
        "nobody": user_token(stack, "nobody", sub=None),
    }
    opened = {name: Caller(stack, token) for name, token in tokens.items()}
    yield opened
    for caller in opened.values():
        caller.close()


def report(caller: Caller, message: str = "m") -> str:
    body = {"error": {"message": message}, "fingerprint": secrets.token_hex(6), "source": "trust"}
    return str(caller.rpc("report_error", report=body).raise_for_status().json()["incident_id"])


def new_message() -> str:
    return "".join(secrets.choice("abcdefghijklmnop") for _ in range(12)) + " broke"


# Actions.


@pytest.mark.usefixtures("ample_limits")
@pytest.mark.parametrize(
    ("who", "status"), [("ann", 200), ("ben", 403), ("nobody", 403), ("anon", 401), ("service_role", 200)]
)
def test_an_action_is_finished_by_its_caller_or_the_service(callers: dict[str, Caller], who: str, status: int) -> None:
    begun = callers["ann"].begin().json()
    answer = callers[who].rpc("finish_agent_action", action_id=begun["action_id"], success=True)
    assert answer.status_code == status, answer.text
    ends = callers["ann"].read(f"/agent_actions?finishes_id=eq.{begun['action_id']}&select=agent,caller")
    assert len(ends) == (status == 200)
    if status == 403:
        assert answer.json()["code"] == "PT403"
        assert answer.json()["hint"]
    # The action still runs where it was not finished.
    again = callers["ann"].rpc("finish_agent_action", action_id=begun["action_id"], success=False, error="done")
    assert again.status_code == (409 if status == 200 else 200)


@pytest.mark.usefixtures("ample_limits")
def test_the_caller_is_the_token_whatever_the_agent_calls_itself(callers: dict[str, Caller]) -> None:
    begun = [callers[name].begin(agent="service_role").json() for name in ("ann", "ben", "service_role")]
    ids = ",".join(str(one["audit_id"]) for one in begun)
    found = callers["ann"].read(f"/agent_actions?id=in.({ids})&select=agent,caller&order=id")
    assert [row["agent"] for row in found] == ["service_role"] * 3
    kinds = [row["caller"].partition("-")[0] for row in found]
    assert kinds == ["user:ann", "user:ben", "service_role"]
    for one in begun:
        callers["service_role"].rpc("finish_agent_action", action_id=one["action_id"], success=True).raise_for_status()


def test_one_caller_cannot_spend_the_limits_of_another(callers: dict[str, Caller], configure: Configure) -> None:
    configure("rate_limits", {"agent_actions_per_hour": 3, "all_agent_actions_per_hour": 100_000})
    names = (f"agent {number}" for number in range(10))
    assert [callers["ann"].begin(agent=name).status_code for name in names] == [200] * 3 + [409] * 7
    assert callers["ben"].begin(agent="agent 0").status_code == 200


def test_a_token_without_a_subject_starts_nothing(callers: dict[str, Caller]) -> None:
    answer = callers["nobody"].begin()
    assert (answer.status_code, answer.json()["code"]) == (403, "PT403")
    assert "sub" in answer.json()["hint"]


@pytest.mark.parametrize("who", ["ann", "service_role"])
def test_nobody_changes_the_audit_trail(callers: dict[str, Caller], who: str) -> None:
    assert callers[who].patch("/agent_actions?id=gt.0", caller="user:somebody").status_code == 403


# Sizes. The checks come before any lock: they are made although the incident does not exist.

HUGE = "x" * 1_100_000


@pytest.mark.parametrize(
    ("function", "field", "parameters"),
    [
        ("begin_agent_action", "plan", {"agent": "a", "action_type": "investigate", "plan": {"p": "y" * 70_000}}),
        ("begin_agent_action", "agent", {"agent": HUGE, "action_type": "investigate"}),
        ("finish_agent_action", "result", {"action_id": -1, "success": True, "result": {"p": "y" * 70_000}}),
        ("finish_agent_action", "error", {"action_id": -1, "success": False, "error": HUGE}),
        ("remember_fix", "auto_fix_code", {"solution": "s", "pattern": "p", "auto_fix_code": "y" * 20_000}),
        ("remember_fix", "solution", {"solution": HUGE, "incident_id": "INC-0"}),
        (
            "record_deployment_finished",
            "test_results",
            {"deployment_id": -1, "success": True, "test_results": {"p": HUGE}},
        ),
        (
            "record_security_event",
            "details",
            {"event_type": "t", "severity": "LOW", "confidence": 0, "details": {"p": HUGE}},
        ),
        ("resolve_incident", "resolution", {"incident_id": "INC-0", "resolution": HUGE}),
        ("add_incident_note", "note", {"incident_id": "INC-0", "note": HUGE}),
        ("reopen_incident", "reason", {"incident_id": "INC-0", "reason": HUGE}),
        ("suppress_incident", "reason", {"incident_id": "INC-0", "until": "2100-01-01T00:00:00Z", "reason": HUGE}),
        ("set_incident_severity", "reason", {"incident_id": "INC-0", "severity": "LOW", "reason": HUGE}),
        ("queue_email", "subject", {"recipient": "a@b.example", "subject": HUGE, "incident_id": "INC-0"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arguments_have_a_size(
    callers: dict[str, Caller], function: str, field: str, parameters: dict[str, object]
) -> None:
    answer = callers["ann"].rpc(function, **parameters)
    assert answer.status_code == 413, answer.text[:300]
    body = answer.json()
    assert (body["code"], body["details"]) == ("PT413", field)
    assert body["hint"]


# Known fixes.


@pytest.mark.parametrize(("who", "status"), APPROVERS.items())
def test_only_the_service_approves_a_fix(callers: dict[str, Caller], who: str, status: int) -> None:
    fix = callers["ann"].rpc("remember_fix", solution="s", pattern=new_message(), auto_fix_code="c()").json()
    answer = callers[who].rpc("approve_fix", knowledge_id=fix, revision=1, is_auto_fix_allowed=True)
    assert answer.status_code == status, answer.text
    (row,) = callers["ben"].read(
        f"/error_knowledge?id=eq.{fix}&select=remembered_by,approved_by,is_approved,is_auto_fix_allowed"
    )
    assert row.pop("remembered_by").startswith("user:ann-")
    is_approved = status == 200
    assert row == {
        "approved_by": "service_role" if is_approved else None,
        "is_approved": is_approved,
        "is_auto_fix_allowed": is_approved,
    }


def test_an_approval_ends_with_any_change_and_is_for_what_was_read(callers: dict[str, Caller]) -> None:
    pattern = new_message()
    fix = callers["ann"].rpc("remember_fix", solution="s", pattern=pattern, auto_fix_code="c()").json()
    approval: dict[str, object] = {"knowledge_id": fix, "revision": 1, "is_auto_fix_allowed": True}
    callers["service_role"].rpc("approve_fix", **approval).raise_for_status()
    # The same text again changes nothing; another solution under the approved code does.
    callers["ben"].rpc("remember_fix", solution="s", pattern=pattern).raise_for_status()
    state = f"/error_knowledge?id=eq.{fix}&select=is_approved,is_auto_fix_allowed,revision"
    assert callers["ann"].read(state) == [{"is_approved": True, "is_auto_fix_allowed": True, "revision": 1}]
    callers["ben"].rpc("remember_fix", solution="rm -rf /", pattern=pattern).raise_for_status()
    assert callers["ann"].read(state) == [{"is_approved": False, "is_auto_fix_allowed": False, "revision": 2}]
    stale = callers["service_role"].rpc("approve_fix", **approval)
    assert (stale.status_code, stale.json()["code"]) == (409, "PT409")


@pytest.mark.usefixtures("ample_limits")
def test_an_automatic_fix_needs_an_approved_fix(callers: dict[str, Caller], configure: Configure) -> None:
    configure("feature_flags", {"auto_fix": True})
    fix = callers["ann"].rpc("remember_fix", solution="s", pattern=new_message(), auto_fix_code="c()").json()

    def begin(plan: dict[str, object]) -> httpx.Response:
        return callers["ann"].begin(action_type="auto_fix", plan={"confidence": 1, **plan})

    plans: list[dict[str, object]] = [{}, {"knowledge_id": fix}, {"knowledge_id": "1 or 1"}, {"knowledge_id": -1}]
    for plan in plans:
        refused = begin(plan)
        assert refused.status_code == 409, refused.text
        assert [reason.partition(":")[0] for reason in refused.json()["reasons"]] == ["approved_fix"]
    callers["service_role"].rpc(
        "approve_fix", knowledge_id=fix, revision=1, is_auto_fix_allowed=True
    ).raise_for_status()
    assert begin({"knowledge_id": fix}).json()["allowed"] is True


def test_forty_outcomes_of_one_caller_count_once_an_incident(callers: dict[str, Caller]) -> None:
    message = new_message()
    incident_id = report(callers["service_role"], message)
    fix = callers["ann"].rpc("remember_fix", solution="s", pattern=message).json()
    outcome = {"knowledge_id": fix, "has_worked": True, "incident_id": incident_id}
    for _ in range(40):
        callers["ann"].rpc("record_fix_outcome", **outcome).raise_for_status()
    worked = callers["ben"].rpc("record_fix_outcome", **{**outcome, "has_worked": False}).json()
    assert (worked["success_count"], worked["failure_count"]) == (1, 1)
    # A caller may correct its outcome.
    worked = callers["ann"].rpc("record_fix_outcome", **{**outcome, "has_worked": False}).json()
    assert (worked["success_count"], worked["failure_count"]) == (0, 2)


def test_outcomes_need_an_incident_of_the_error_that_another_reported(callers: dict[str, Caller]) -> None:
    message = new_message()
    fix = callers["ann"].rpc("remember_fix", solution="s", pattern=message).json()

    def record(incident_id: str) -> httpx.Response:
        return callers["ann"].rpc("record_fix_outcome", knowledge_id=fix, has_worked=True, incident_id=incident_id)

    unrelated, own = report(callers["service_role"], new_message()), report(callers["ann"], message)
    assert (record("INC-0").status_code, record(unrelated).status_code, record(own).status_code) == (404, 409, 403)
    assert record(report(callers["ben"], message)).status_code == 200


# Deployments, security events, incidents.


@pytest.mark.parametrize(("who", "status"), [("ann", 200), ("ben", 403), ("anon", 401), ("service_role", 200)])
def test_a_deployment_is_finished_by_its_caller_or_the_service(
    callers: dict[str, Caller], who: str, status: int
) -> None:
    deployment = callers["ann"].rpc("record_deployment_started", service="shop", version="1", deployed_by="ben").json()
    answer = callers[who].rpc("record_deployment_finished", deployment_id=deployment, success=True)
    assert answer.status_code == status, answer.text
    (row,) = callers["ann"].read(f"/deployment_history?id=eq.{deployment}&select=caller,deployed_by")
    assert (row["caller"].partition("-")[0], row["deployed_by"]) == ("user:ann", "ben")


def test_security_events_and_changes_of_incidents_record_their_caller(callers: dict[str, Caller]) -> None:
    body = {"event_type": "probe", "severity": "LOW", "confidence": 0.1}
    event = callers["ben"].rpc("record_security_event", **body).json()["security_event_id"]
    (row,) = callers["ann"].read(f"/security_events?id=eq.{event}&select=caller")
    assert row["caller"].startswith("user:ben-")
    incident_id = report(callers["service_role"])
    callers["ann"].rpc("acknowledge_incident", incident_id=incident_id).raise_for_status()
    callers["ben"].rpc("resolve_incident", incident_id=incident_id, resolution="r").raise_for_status()
    rows = callers["ann"].read(f"/incident_timeline?incident_id=eq.{incident_id}&select=what,caller&order=id")
    assert [(row["what"], row["caller"].partition("-")[0]) for row in rows] == [
        ("incident_created", "service_role"),
        ("incident_acknowledged", "user:ann"),
        ("incident_resolved", "user:ben"),
    ]
