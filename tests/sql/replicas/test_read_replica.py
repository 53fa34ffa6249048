"""A physical replica serves everything that is read: functions, views and tables, to the roles that may read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from psycopg import sql

from local import Stack
from local.postgres.server import PostgresServer
from tests.conftest import fresh_state
from tests.sql.plans.calls import CALLS, OPEN, RESOLVED, VIEWS, Call
from tests.sql.replicas.servers import postgrest_of, read_replica
from tests.support.trust_matrix import RELATIONS
from tests.support.waiting import wait_until

# Functions that change nothing. PostgREST also lets them be called by GET, in a read-only transaction.
_READERS: LiteralString = """
select proname
from pg_catalog.pg_proc
where pronamespace = 'public'::regnamespace
  and provolatile <> 'v'
  and has_function_privilege('service_role', oid, 'execute')
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
"""
READERS = {
    "agent_guide",
    "capacity",
    "classify_error",
    "explain_classification",
    "export_incidents",
    "export_incidents_csv",
    "export_uptime",
    "export_uptime_csv",
    "incident_activity",
    "incident_context",
    "incident_page",
    "list_incidents",
    "match_error_knowledge",
    "page_settings",
    "public_status",
    "search_error_knowledge",
    "search_incidents",
    "status_page",
    "status_summary",
    "system_status",
    "target_page",
    "verify_audit",
}
CALLED = {
    **{name: call for name, call in CALLS.items() if name.partition(" ")[0] in {*READERS, "service_health"}},
    **VIEWS,
    "verify_audit": Call("select public.verify_audit()", "service_role"),
    **{
        f"table {name}": Call(f"select * from {name} limit 1", role)  # noqa: S608 - a name of ours
        for name, relation in RELATIONS.items()
        if name.startswith("public.")
        for role in relation.select
    },
}

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def incident(stack: Stack) -> str:
    """The id of an incident."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        event = [{"error": {"message": "the replica shows it", "type": "ReplicaError"}, "source": "replicas"}]
        row = connection.execute("select public.ingest_events(%s)", [json.dumps(event)]).fetchone()
        assert row is not None
        return str(row[0][0]["incident_id"])


@pytest.fixture(scope="module")
def targets(stack: Stack) -> Iterator[None]:
    """The targets whose pages CALLS reads."""
    read = "select value from public.system_config where key = 'health_check_targets'"
    write = "update public.system_config set value = %s where key = 'health_check_targets'"
    own = [
        {"name": "seed-1", "type": "backend", "url": "https://seed.example/"},
        {"name": "seed-beat", "type": "heartbeat", "period_minutes": 60},
    ]
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        row = connection.execute(read).fetchone()
        assert row is not None
        connection.execute(write, [json.dumps([*row[0], *own])])
        yield
        connection.execute(write, [json.dumps(row[0])])


@pytest.fixture(scope="module")
def server(stack: Stack, incident: str, targets: None) -> Iterator[PostgresServer]:
    """A replica that has the incident and the targets."""
    if stack.postgres is None:
        pytest.skip("the files of an external server cannot be copied")
    with fresh_state() as folder, read_replica(stack, folder) as running:
        yield running


@pytest.fixture(scope="module")
def replica(server: PostgresServer) -> Iterator[Connection]:
    """A session of a superuser on the replica."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def api(stack: Stack, server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """PostgREST on the replica, as a signed-in user."""
    with postgrest_of(stack, server, tmp_path_factory.mktemp("api")) as url:
        headers = {"Authorization": f"Bearer {stack.authenticated_jwt}"}
        with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
            yield client


def test_it_is_a_replica(replica: Connection) -> None:
    assert replica.execute("select pg_is_in_recovery()").fetchone() == (True,)


def test_what_is_reported_later_arrives(stack: Stack, replica: Connection) -> None:
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        event = [{"error": {"message": "reported later"}, "source": "replicas later"}]
        connection.execute("select public.ingest_events(%s)", [json.dumps(event)])

    def is_there() -> bool:
        return replica.execute("select from public.incidents where source = 'replicas later'").fetchone() is not None

    wait_until(is_there, what="the incident on the replica")


def test_every_function_that_changes_nothing_is_called(replica: Connection) -> None:
    assert {name for (name,) in replica.execute(_READERS)} == READERS


@pytest.mark.parametrize("name", CALLED)
def test_what_reads_works_on_a_replica(replica: Connection, incident: str, name: str) -> None:
    call = CALLED[name]
    statement = call.statement.replace(OPEN, incident).replace(RESOLVED, incident)
    _run(replica, replace(call, statement=statement))


def test_a_replica_refuses_writes(replica: Connection, incident: str) -> None:
    for name in ("add_incident_note", "report_error"):
        call = CALLS[name]
        # Ingest reads an unlogged table first, which a replica does not have.
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.FeatureNotSupported)):
            _run(replica, replace(call, statement=call.statement.replace(OPEN, incident)))


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{name}?limit=5" for name in sorted(VIEWS)),
        "/incidents?limit=5",
        "/monitoring_checks?limit=5",
        "/rpc/export_incidents?since=2026-01-01",
        "/rpc/list_incidents",
        "/rpc/search_incidents",
        "/rpc/status_page",
        "/rpc/status_summary",
        "/rpc/system_status",
    ],
)
def test_postgrest_answers_get_on_a_replica(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == httpx.codes.OK, answer.text


def test_postgrest_refuses_to_write_on_a_replica(api: httpx.Client, incident: str) -> None:
    answer = api.post("/rpc/add_incident_note", json={"incident_id": incident, "note": "n"})
    assert answer.json()["code"] == "0A000"  # it cannot begin a transaction that writes


def _run(connection: Connection, call: Call) -> None:
    with connection.transaction(force_rollback=True):
        claims = json.dumps({"role": call.role, "sub": "ann"})
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(call.role)))
        connection.execute(call.statement.encode())
