"""The operator erases a person's data while the service works."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from local import Stack
from tests.support.operator_tasks import run_sql_task

ERASE = "select public.erase_personal_data(%s, %s)"


@pytest.fixture
def person() -> str:
    """A name that is nobody else's."""
    return f"Anna Q{secrets.token_hex(4)}x"


def report(client: httpx.Client, source: str, message: str) -> httpx.Response:
    body = {"error": {"message": message}, "source": source, "context": {"user": {"name": message}}}
    return client.post("/api/autonomous/error", json=body)


def rpc(stack: Stack, name: str, **arguments: object) -> Any:
    headers = {"apikey": stack.service_role_key, "Authorization": f"Bearer {stack.service_role_key}"}
    response = httpx.post(f"{stack.supabase_url}/rest/v1/rpc/{name}", json=arguments, headers=headers, timeout=60)
    response.raise_for_status()
    return response.json()


def erase(connection: psycopg.Connection[Any], person: str, most_rows: int = 1000) -> dict[str, Any]:
    row = connection.execute(ERASE, [person, most_rows]).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    return answer


def rows_with(connection: psycopg.Connection[Any], text: str) -> list[str]:
    """The tables that hold a text anywhere, by another way than the function's own."""
    tables = connection.execute(
        "select oid::regclass::text from pg_class where relkind = 'r'"
        " and relnamespace in ('public'::regnamespace, 'monitoring'::regnamespace)"
    ).fetchall()
    return [
        table
        for (table,) in tables
        if connection.execute(
            f"select true from {table} as entry where strpos(lower(to_jsonb(entry)::text), lower(%s)) > 0 limit 1",  # noqa: S608
            [text],
        ).fetchone()
    ]


def problems(connection: psycopg.Connection[Any], incident_id: str) -> str | None:
    row = connection.execute("select public.verify_audit(%s) ->> 'problem'", [incident_id]).fetchone()
    assert row is not None
    problem: str | None = row[0]
    return problem


def test_a_persons_data_is_erased(
    client: httpx.Client, stack: Stack, source: str, person: str, sql_editor: psycopg.Connection[Any]
) -> None:
    incident_id = report(client, source, f"{person} was here").json()["incident_id"]
    rpc(stack, "add_incident_note", incident_id=incident_id, note=f"{person.upper()} called")
    rpc(stack, "record_security_event", event_type="login", severity="LOW", confidence=0.1, user_id=person)
    assert rows_with(sql_editor, person)

    (((answer,),),) = run_sql_task(sql_editor, "Erase a person's data", {"anna@example.com": person})
    assert json.loads(answer)["is_complete"] is True
    assert rows_with(sql_editor, person) == []
    context = rpc(stack, "incident_context", incident_id=incident_id)
    assert "[erased] was here" in json.dumps(context)
    assert problems(sql_editor, incident_id) is None
    # Over HTTP there is nothing more to do.
    assert set(rpc(stack, "erase_personal_data", person=person)["erased"].values()) == {0}


def test_a_repeat_after_the_erasure_folds_into_the_incident(
    client: httpx.Client, source: str, person: str, sql_editor: psycopg.Connection[Any]
) -> None:
    first = report(client, source, f"{person} was here").json()
    erase(sql_editor, person)
    again = report(client, source, f"{person} was here").json()
    assert (again["incident_id"], again["occurrence_count"]) == (first["incident_id"], 2)
    # The newest occurrence is kept, and remembered: the program that sends the name must stop first.
    assert rows_with(sql_editor, person) == ["incidents", "monitoring.remembered_events"]
    erase(sql_editor, person)
    assert rows_with(sql_editor, person) == []


def test_an_incident_that_is_locked_is_left_for_the_next_call(
    client: httpx.Client, stack: Stack, source: str, person: str, sql_editor: psycopg.Connection[Any]
) -> None:
    ids = [report(client, source, f"{person} did {word}").json()["incident_id"] for word in ("this", "that")]
    with psycopg.connect(stack.database_url) as other:
        other.execute("select from public.incidents where id = %s for update", [ids[0]])
        answer = erase(sql_editor, person)
        assert (answer["is_complete"], answer["erased"]["public.incidents"]) == (False, 1)
    assert erase(sql_editor, person)["is_complete"] is True
    assert rows_with(sql_editor, person) == []


def test_many_rows_take_several_calls(
    client: httpx.Client, source: str, person: str, sql_editor: psycopg.Connection[Any]
) -> None:
    for word in ("one", "two", "three", "four", "five"):
        report(client, source, f"{person} did {word}")
    answers = [erase(sql_editor, person, 2) for _ in range(3)]
    assert [(each["is_complete"], each["erased"]["public.incidents"]) for each in answers] == [
        (False, 2),
        (False, 2),
        (True, 1),
    ]


def test_reports_that_arrive_during_an_erasure_are_stored(
    client: httpx.Client, stack: Stack, source: str, person: str, sql_editor: psycopg.Connection[Any]
) -> None:
    def send(number: int) -> int:
        letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        return report(client, source, f"{person} did {letters if number % 3 else 'it again'}").status_code

    with ThreadPoolExecutor(8) as pool, psycopg.connect(stack.database_url, autocommit=True) as eraser:
        sent = [pool.submit(send, number) for number in range(120)]
        while not all(each.done() for each in sent):
            erase(eraser, person)
        assert {each.result() for each in sent} <= {200, 201}
    while not erase(sql_editor, person)["is_complete"]:
        pass
    assert rows_with(sql_editor, person) == []
    ids = sql_editor.execute("select id, occurrence_count from public.incidents where source = %s", [source]).fetchall()
    assert sum(count for _, count in ids) == 120
    assert [problem for incident_id, _ in ids if (problem := problems(sql_editor, incident_id))] == []


def test_reports_do_not_wait_for_an_erasure(client: httpx.Client, stack: Stack, source: str, person: str) -> None:
    report(client, source, f"{person} was here")
    with psycopg.connect(stack.database_url) as eraser:
        erase(eraser, person)  # uncommitted
        assert report(client, source, "somebody else was here").status_code == 201
        eraser.rollback()
