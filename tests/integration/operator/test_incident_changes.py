"""The buttons of an incident's page: who changes it, and what somebody is told who was not the first."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from local import Stack
from tests.support import http_client
from tests.support.waiting import wait_until

Change = Callable[..., httpx.Response]
USERS = ("ann@example.com", "ben@example.com", "cleo@example.com", "dan@example.com")
ACKNOWLEDGE = {"action": "acknowledge"}


@pytest.fixture
def change(stack: Stack) -> Iterator[Change]:
    """Changes an incident with the token of a user, by e-mail address, or with that of the service."""
    with httpx.Client(base_url=f"{stack.supabase_url}/rest/v1", timeout=http_client.TIMEOUT) as client:

        def post(who: str, incident_id: str, body: object, **arguments: object) -> httpx.Response:
            return client.post(
                "/rpc/change_incident",
                json={"incident_id": incident_id, "change": body, **arguments},
                headers=headers_of(stack, who),
            )

        yield post


@pytest.fixture
def incident_id(sql_editor: psycopg.Connection[Any]) -> str:
    """An open incident of its own."""
    row = sql_editor.execute(
        "insert into public.incidents (fingerprint, title, message, severity, category, rule, source)"
        " values (%s, 't', 'm', 'LOW', 'backend', 'r', 'changes') returning id",
        [f"changes {secrets.token_hex(6)}"],
    ).fetchone()
    assert row is not None
    return str(row[0])


def headers_of(stack: Stack, who: str) -> dict[str, str]:
    if who == "service":
        return {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    claims = {"role": "authenticated", "sub": f"sub of {who}", "email": who, "exp": 4102444800}
    return {"apikey": stack.anon_key, "Authorization": f"Bearer {jwt.encode(claims, stack.jwt_secret)}"}


def trail_of(session: psycopg.Connection[Any], incident_id: str) -> list[tuple[Any, ...]]:
    return session.execute(
        "select agent, caller, action from public.agent_actions"
        " where incident_id = %s and action <> 'incident_created' order by id",
        [incident_id],
    ).fetchall()


def test_a_user_acts_under_the_name_of_the_token(
    change: Change, incident_id: str, sql_editor: psycopg.Connection[Any]
) -> None:
    answer = change("ann@example.com", incident_id, ACKNOWLEDGE)

    assert answer.json() == {
        "incident_id": incident_id,
        "status": "acknowledged",
        "severity": "LOW",
        "action": "acknowledge",
    }
    assert trail_of(sql_editor, incident_id) == [
        ("ann@example.com", "user:sub of ann@example.com", "incident_acknowledged")
    ]


def test_the_service_acts_under_the_name_of_the_operator(
    change: Change, incident_id: str, sql_editor: psycopg.Connection[Any]
) -> None:
    for body in (ACKNOWLEDGE, {"action": "note", "note": "n"}, {"action": "resolve", "resolution": "r"}):
        assert change("service", incident_id, body, operator="Ann Lee").status_code == 200

    assert trail_of(sql_editor, incident_id) == [
        ("Ann Lee (operator)", "service_role", f"incident_{action}") for action in ("acknowledged", "noted", "resolved")
    ]


@pytest.mark.parametrize("operator", ["Ann", "", "ann@example.com"])
def test_a_user_names_no_operator(
    change: Change, incident_id: str, sql_editor: psycopg.Connection[Any], operator: str
) -> None:
    answer = change("ben@example.com", incident_id, ACKNOWLEDGE, operator=operator)

    assert (answer.status_code, answer.json()["details"]) == (403, "operator")
    assert trail_of(sql_editor, incident_id) == []


@pytest.mark.parametrize("arguments", [{}, {"operator": None}, {"operator": " "}, {"operator": "n" * 61}])
def test_the_service_names_the_operator(
    change: Change, incident_id: str, sql_editor: psycopg.Connection[Any], arguments: dict[str, object]
) -> None:
    answer = change("service", incident_id, ACKNOWLEDGE, **arguments)

    assert (answer.status_code, answer.json()["details"]) == (400, "operator")
    assert trail_of(sql_editor, incident_id) == []


def test_the_name_of_the_operator_ends_with_the_request(
    change: Change, stack: Stack, incident_id: str, sql_editor: psycopg.Connection[Any]
) -> None:
    """PostgREST keeps its connections. A change that fails leaves no name behind either."""
    resolve = {"action": "resolve", "resolution": "r"}
    for _ in range(10):
        change("service", incident_id, ACKNOWLEDGE, operator="Ann")
    assert change("service", incident_id, resolve, operator="Ann").status_code == 200
    for _ in range(10):
        change("service", incident_id, resolve, operator="Ann")
    notes = [
        httpx.post(
            f"{stack.supabase_url}/rest/v1/rpc/add_incident_note",
            json={"incident_id": incident_id, "note": "n"},
            headers=headers_of(stack, who),
            timeout=http_client.TIMEOUT,
        ).status_code
        for who in ("service", "ben@example.com") * 10
    ]

    assert set(notes) == {200}
    noted = {
        (agent, caller) for agent, caller, action in trail_of(sql_editor, incident_id) if action == "incident_noted"
    }
    assert noted == {("service_role", "service_role"), ("ben@example.com", "user:sub of ben@example.com")}


@pytest.mark.parametrize(
    ("body", "did"),
    [
        (ACKNOWLEDGE, "acknowledged"),
        ({"action": "resolve", "resolution": "r"}, "resolved"),
        ({"action": "suppress", "minutes": "60", "reason": "r"}, "suppressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_of_several_at_once_one_is_the_first_and_the_others_are_told_who(
    change: Change, incident_id: str, sql_editor: psycopg.Connection[Any], body: dict[str, object], did: str
) -> None:
    barrier = threading.Barrier(len(USERS))

    def press(user: str) -> httpx.Response:
        barrier.wait()
        return change(user, incident_id, body)

    with ThreadPoolExecutor(len(USERS)) as pool:
        answers = dict(zip(USERS, pool.map(press, USERS), strict=True))

    [first] = [user for user, answer in answers.items() if answer.status_code == 200]
    others = [answer for user, answer in answers.items() if user != first]
    assert [answer.status_code for answer in others] == [409] * (len(USERS) - 1)
    assert {answer.json()["message"] for answer in others} == {f"{incident_id} was {did} by {first}"}
    assert trail_of(sql_editor, incident_id) == [(first, f"user:sub of {first}", f"incident_{did}")]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (ACKNOWLEDGE, ACKNOWLEDGE, r"{id} was acknowledged by Ann \(operator\)"),
        (
            {"action": "set_severity", "severity": "HIGH", "reason": "checkout is down"},
            {"action": "set_severity", "severity": "MEDIUM", "reason": "r", "seen_severity": "LOW"},
            r"the severity of {id} is HIGH: Ann \(operator\) changed it from LOW to HIGH at .* UTC: checkout is down",
        ),
    ],
    ids=["acknowledge", "set_severity"],
)
def test_who_waited_for_another_session_is_told_what_it_did(
    change: Change,
    database_url: str,
    superuser_database_url: str,
    incident_id: str,
    first: dict[str, object],
    second: dict[str, object],
    message: str,
) -> None:
    def is_waiting() -> bool:
        with psycopg.connect(superuser_database_url) as observer:
            row = observer.execute(
                "select count(*) from pg_catalog.pg_stat_activity"
                " where cardinality(pg_catalog.pg_blocking_pids(pid)) > 0 and query like '%change_incident%'"
            ).fetchone()
            return row is not None and row[0] > 0

    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as session:
        session.execute("select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', true)")
        session.execute("select public.change_incident(%s, %s::jsonb, 'Ann')", [incident_id, json.dumps(first)])
        waiting = pool.submit(change, "ben@example.com", incident_id, second)
        wait_until(is_waiting)
        session.commit()
        answer = waiting.result()

    assert answer.status_code == 409
    assert re.fullmatch(message.replace("{id}", incident_id), answer.json()["message"])


def test_an_incident_that_was_purged_meanwhile_is_not_found(change: Change) -> None:
    answer = change("ann@example.com", "INC-999999999", ACKNOWLEDGE)

    assert (answer.status_code, answer.json()["message"]) == (404, "there is no incident INC-999999999")


def test_a_page_shows_what_was_done_and_no_token_of_nobody_reads_it(
    change: Change, stack: Stack, incident_id: str
) -> None:
    change(
        "service", incident_id, {"action": "suppress", "until": "2100-01-01T08:00", "reason": "known"}, operator="Ann"
    )

    def read(headers: dict[str, str], asked: str = incident_id) -> httpx.Response:
        return httpx.post(
            f"{stack.supabase_url}/rest/v1/rpc/incident_page",
            json={"incident_id": asked},
            headers=headers,
            timeout=http_client.TIMEOUT,
        )

    page = read(headers_of(stack, "ben@example.com")).json()
    newest = page["timeline"][0]
    assert page["incident"]["suppressed_until"] == "2100-01-01T08:00:00+00:00"
    assert (newest["kind"], newest["who"], newest["what"]) == ("person", "Ann (operator)", "suppressed")
    assert page["actions"] == ["resolve", "reopen", "note", "set_severity"]
    assert read(headers_of(stack, "service")).json()["incident"] == page["incident"]
    assert read(headers_of(stack, "ben@example.com"), "INC-999999999").status_code == 404
    anonymous = {"apikey": stack.anon_key, "Authorization": f"Bearer {stack.anon_key}"}
    assert read(anonymous).status_code in (401, 403)
