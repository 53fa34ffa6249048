"""The privilege matrix, read from the catalog: a new object fails until it is listed here."""

from __future__ import annotations

from typing import Any

import psycopg

ROLES = ("anon", "authenticated", "service_role")

# Relations that agents may read. Only the owner writes tables; other roles call functions.
READ_BY_AGENTS = {
    "agent_actions",
    "deployment_history",
    "deployment_impact",
    "email_tracking",
    "error_knowledge",
    "incident_stats",
    "incident_timeline",
    "incidents",
    "monitoring_checks",
    "open_incidents",
    "security_events",
    "system_config",
    "target_days",
    "target_history",
    "target_panels",
    "target_status",
}
# Read through security invoker views; API roles have no USAGE on the schema.
READ_BEHIND_VIEWS = {"incident_daily_stats", "target_daily_stats", "target_hourly_stats", "target_states"}
FOR_THE_SERVICE_ONLY = {
    "anchor_audit",
    "approve_fix",
    "ingest_events",
    "ingest_sentry",
    "record_invalid_signature",
    "public_status",
    "record_email_event",
    "start_health_check_round",
    "write_service_targets",
}
FOR_AGENTS_TOO = {
    "acknowledge_incident",
    "add_incident_note",
    "begin_agent_action",
    "classify_error",
    "finish_agent_action",
    "incident_context",
    "list_incidents",
    "match_error_knowledge",
    "queue_email",
    "record_deployment_finished",
    "record_deployment_rolled_back",
    "record_deployment_started",
    "record_fix_outcome",
    "record_security_event",
    "remember_fix",
    "reopen_incident",
    "report_error",
    "resolve_incident",
    "search_error_knowledge",
    "service_health",
    "set_incident_severity",
    "status_page",
    "status_summary",
    "suppress_incident",
    "system_status",
    "verify_audit",
}

RELATIONS = """
select
  nspname, relname, role, privilege,
  has_table_privilege(role, pg_class.oid, privilege)
  or has_any_column_privilege(role, pg_class.oid, privilege)
from pg_catalog.pg_class
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
cross join unnest(%s::text[]) as role
cross join unnest(%s::text[]) as privilege
where nspname in ('public', 'monitoring')
  and relkind in ('r', 'p', 'v', 'm')
  and not exists (select from pg_catalog.pg_depend where objid = pg_class.oid and deptype = 'e')
"""
DELETES = """
select nspname, relname, role, has_table_privilege(role, pg_class.oid, 'delete, truncate')
from pg_catalog.pg_class
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
cross join unnest(%s::text[]) as role
where nspname in ('public', 'monitoring') and relkind in ('r', 'p', 'v', 'm')
"""
FUNCTIONS = """
select nspname, proname, role, has_function_privilege(role, pg_proc.oid, 'execute')
from pg_catalog.pg_proc
join pg_catalog.pg_namespace on pg_namespace.oid = pronamespace
cross join unnest(%s::text[]) as role
where nspname in ('public', 'monitoring')
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
"""


def may_read(schema: str, relation: str, role: str) -> bool:
    listed = READ_BY_AGENTS if schema == "public" else READ_BEHIND_VIEWS
    return role != "anon" and relation in listed


def may_execute(schema: str, function: str, role: str) -> bool:
    if schema != "public" or role == "anon":
        return False
    return function in FOR_AGENTS_TOO or (role == "service_role" and function in FOR_THE_SERVICE_ONLY)


def test_relations(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(RELATIONS, [list(ROLES), ["select", "insert", "update"]]).fetchall()
    assert len(rows) > 100
    wrong = [
        (schema, relation, role, privilege, found)
        for schema, relation, role, privilege, found in rows
        if found != (privilege == "select" and may_read(schema, relation, role))
    ]
    assert wrong == []


def test_no_role_may_delete(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(DELETES, [list(ROLES)]).fetchall()
    assert [row[:3] for row in rows if row[3]] == []


def test_functions(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(FUNCTIONS, [list(ROLES)]).fetchall()
    assert {row[1] for row in rows if row[0] == "public"} == FOR_AGENTS_TOO | FOR_THE_SERVICE_ONLY
    wrong = [
        (schema, function, role, found)
        for schema, function, role, found in rows
        if found != may_execute(schema, function, role)
    ]
    assert wrong == []


def test_the_schema_monitoring_is_closed(connection: psycopg.Connection[Any]) -> None:
    for role in ROLES:
        row = connection.execute("select has_schema_privilege(%s, 'monitoring', 'usage, create')", [role]).fetchone()
        assert row == (False,)
