"""The audit trail against its owner: anchors leave the database through the log of the service."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from local import Stack
from tests.integration.agents.conftest import Call
from tests.support.service_process import ServiceProcess
from tests.support.waiting import wait_until

VERIFY = "select public.verify_audit(null, %s, %s)"

# What an owner can do who knows every function: change an action, then recompute all that follows from it.
REWRITE = """
do $$
declare
  v_entry public.agent_actions;
  v_previous text;
begin
  for v_entry in
    select agent_actions.* from public.agent_actions where chain = 'CHAIN' order by chain_position
  loop
    v_entry.details := '{"rewritten": true}';
    v_entry.previous_hash := v_previous;
    v_entry.content_hash := monitoring.hash_action_content(v_entry);
    v_entry.hash := monitoring.hash_agent_action(v_entry);
    update public.agent_actions
    set
      details = v_entry.details, content_hash = v_entry.content_hash, previous_hash = v_entry.previous_hash,
      hash = v_entry.hash
    where id = v_entry.id;
    update monitoring.audit_anchor_heads
    set hash = v_entry.hash
    where chain = 'CHAIN' and chain_position = v_entry.chain_position;
    v_previous := v_entry.hash;
  end loop;
  update monitoring.audit_heads set hash = v_previous where chain = 'CHAIN';
  update monitoring.audit_anchors set hash = monitoring.hash_audit_anchor(anchored_on);
end
$$
"""


@pytest.fixture(autouse=True)
def no_anchors(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Anchors of other tests may have any day."""
    connection.execute("delete from monitoring.audit_anchors")
    yield
    connection.execute("delete from monitoring.audit_anchors")


def as_user(connection: psycopg.Connection[Any], name: str) -> None:
    claims = json.dumps({"role": "authenticated", "sub": name})
    connection.execute("select set_config('request.jwt.claims', %s, false)", [claims])


def act(connection: psycopg.Connection[Any]) -> None:
    connection.execute("insert into public.agent_actions (agent, action) values ('a', 'looked')")


def write_anchor(connection: psycopg.Connection[Any], day: str) -> set[str]:
    """The chains that the anchor of a day covers."""
    connection.execute("select monitoring.write_audit_anchor(%s)", [day])
    rows = connection.execute("select chain from monitoring.audit_anchor_heads where anchored_on = %s", [day])
    return {chain for (chain,) in rows.fetchall()}


def test_the_service_logs_the_anchor_and_a_rewritten_trail_differs_from_it(
    service: ServiceProcess, call: Call, make_incident: Callable[[], str], connection: psycopg.Connection[Any]
) -> None:
    incident_id = make_incident()
    call("add_incident_note", incident_id=incident_id, note="n")
    row = connection.execute("select public.anchor_audit() ->> 'hash'").fetchone()
    assert row is not None

    def logged() -> list[dict[str, Any]]:
        return [line for line in service.logs() if line["msg"] == "audit anchor" and line["anchor_hash"] == row[0]]

    wait_until(lambda: bool(logged()), what="the anchor in the log of the service")
    (line,) = logged()
    assert line["chains"] >= 1
    copy = [line["anchored_on"], line["anchor_hash"]]
    assert problems_of(connection, *copy) == []
    with connection.transaction(force_rollback=True):
        connection.execute("set local session_replication_role = replica")
        connection.execute(REWRITE.replace("CHAIN", incident_id).encode())
        assert problems_of(connection, None, None) == []
        assert problems_of(connection, *copy) == [f"the anchor of {copy[0]} is not the one to compare with"]
    assert problems_of(connection, *copy) == []


def problems_of(connection: psycopg.Connection[Any], anchored_on: str | None, anchor_hash: str | None) -> list[str]:
    row = connection.execute(VERIFY, [anchored_on, anchor_hash]).fetchone()
    assert row is not None
    assert row[0]["is_intact"] == (row[0]["problems"] == [])
    return [problem["problem"] for problem in row[0]["problems"]]


def test_callers_do_not_wait_for_each_other(stack: Stack, call: Call) -> None:
    names = [f"waiting {secrets.token_hex(4)}" for _ in range(2)]
    with psycopg.connect(stack.database_url) as first, psycopg.connect(stack.database_url, autocommit=True) as second:
        as_user(first, names[0])
        act(first)  # uncommitted
        second.execute("set lock_timeout = '5s'")
        as_user(second, names[1])
        act(second)
        body = {"error": {"message": "m"}, "fingerprint": secrets.token_hex(6), "source": "agents"}
        assert call("report_error", report=body).status_code == 200
        first.rollback()


def test_first_actions_of_a_caller_at_once_are_one_chain(stack: Stack, connection: psycopg.Connection[Any]) -> None:
    name = f"first {secrets.token_hex(4)}"

    def once(_: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as own:
            as_user(own, name)
            act(own)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(once, range(12)))
    rows = connection.execute(
        "select chain_position from public.agent_actions where chain = %s order by 1", [f"user:{name}"]
    ).fetchall()
    assert [position for (position,) in rows] == list(range(1, 13))
    assert problems_of(connection, None, None) == []


def test_what_commits_after_an_anchor_is_in_the_next_one(stack: Stack, connection: psycopg.Connection[Any]) -> None:
    name = f"late {secrets.token_hex(4)}"
    with psycopg.connect(stack.database_url) as late:
        as_user(late, name)
        act(late)
        assert f"user:{name}" not in write_anchor(connection, "2001-01-01")
        late.commit()
    assert f"user:{name}" in write_anchor(connection, "2001-01-02")
    assert f"user:{name}" not in write_anchor(connection, "2001-01-03")
    assert problems_of(connection, None, None) == []


def test_what_is_written_while_an_anchor_is_written_is_in_the_next_one(
    stack: Stack, connection: psycopg.Connection[Any]
) -> None:
    """The heads are read first and marked as anchored then: a chain that begins in between is not marked."""
    name = f"between {secrets.token_hex(4)}"
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(stack.database_url) as between,
        psycopg.connect(stack.database_url, autocommit=True) as anchoring,
    ):
        as_user(between, name)
        between.execute("lock table monitoring.audit_heads in share mode")  # heads can be read, and not be marked
        written = pool.submit(write_anchor, anchoring, "2001-01-01")
        blockers = "select cardinality(pg_blocking_pids(%s)) > 0"
        wait_until(lambda: connection.execute(blockers, [anchoring.info.backend_pid]).fetchone() == (True,))
        act(between)
        between.commit()
        assert f"user:{name}" not in written.result()
    assert f"user:{name}" in write_anchor(connection, "2001-01-02")
    assert problems_of(connection, None, None) == []


def test_agents_ingest_purges_and_anchors_at_once_break_no_chain(
    stack: Stack, make_incident: Callable[[], str], connection: psycopg.Connection[Any]
) -> None:
    """No deadlock either: a statement that lost one would raise."""
    incidents = [make_incident() for _ in range(4)]
    old = "insert into public.agent_actions (agent, action, created_at) values ('a', 'old', '2001-01-01')"

    def write(number: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as own:
            for turn in range(20):
                as_user(own, f"busy {number}")
                incident_id = incidents[(number + turn) % len(incidents)]
                own.execute("select public.add_incident_note(%s, 'n')", [incident_id])
                own.execute("select public.remember_fix('s', incident_id => %s)", [incident_id])
                own.execute("select public.begin_agent_action('a', 'investigate', %s, '{}', true)", [incident_id])
                own.execute("select public.begin_agent_action('a', 'investigate', null, '{}', true)")
                as_user(own, f"aged {turn % 2}")
                own.execute(old)

    def ingest(number: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as own:
            own.execute("select set_config('request.jwt.claims', '{\"role\": \"service_role\"}', false)")
            for turn in range(20):
                names = [f"{number} {turn} {place}" for place in range(20)]
                batch = [{"error": {"message": "m"}, "fingerprint": name, "source": f"busy {number}"} for name in names]
                own.execute("select public.ingest_events(%s)", [json.dumps(batch)])

    def keep_house(number: int) -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as own:
            for turn in range(20):
                own.execute("select monitoring.purge_agent_actions(5000)")
                own.execute("select monitoring.write_audit_anchor(%s)", [f"20{number:02}-01-{turn + 1:02}"])

    with ThreadPoolExecutor(9) as pool:
        runs = [pool.submit(work, number) for work in (write, ingest, keep_house) for number in range(3)]
        for run in runs:
            run.result()
    connection.execute("select monitoring.purge_agent_actions(5000)")
    assert problems_of(connection, None, None) == []
    row = connection.execute(
        "select count(*), sum(purged_position) from monitoring.audit_heads where chain like 'user:aged %'"
    ).fetchone()
    assert row == (2, 60)
