"""The trust matrix over the catalog: exactly the privileges of tests/support/trust_matrix.py, for every object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from tests.support.trust_matrix import (
    ALLOWED,
    DEFINERS_IN_MONITORING,
    FUNCTIONS,
    RELATIONS,
    SCHEMAS,
    SEQUENCES,
    TYPES,
)

API_ROLES = ("anon", "authenticated", "service_role")

# Each privilege that the ACL gives to others than the owner; PUBLIC has no role. A null ACL means the built-in default.
GRANTS: LiteralString = """
select format('%s.%s', nspname, relname), coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), privilege_type
from pg_catalog.pg_class
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
cross join lateral aclexplode(
  coalesce(relacl, acldefault((case relkind when 'S' then 's' else 'r' end)::"char", relowner))
) as entry
where nspname in ('public', 'monitoring') and grantee <> relowner
"""
COLUMN_GRANTS: LiteralString = """
select attrelid::regclass::text, attname
from pg_catalog.pg_attribute
join pg_catalog.pg_class on pg_class.oid = attrelid
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
where nspname in ('public', 'monitoring') and attacl is not null
"""
RELATION_NAMES: LiteralString = """
select format('%%s.%%s', nspname, relname)
from pg_catalog.pg_class
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
where nspname in ('public', 'monitoring') and relkind = any(%s) and not relispartition
"""
# relkinds of everything that holds or shows rows.
TABLES, VIEWS = ["r", "p", "m", "f"], ["v"]
POLICIES: LiteralString = """
select format('%s.%s', schemaname, tablename), cmd, roles::text[], qual
from pg_catalog.pg_policies
where schemaname in ('public', 'monitoring')
  and format('%I.%I', schemaname, tablename)::regclass not in (select inhrelid from pg_catalog.pg_inherits)
"""
# Those of extensions too: where postgres may not create in another schema, they would be here.
ROUTINES: LiteralString = """
select
  nspname, proname, prosecdef, proowner::regrole::text,
  array(
    select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC')
    from aclexplode(coalesce(proacl, acldefault('f', proowner)))
    where grantee <> proowner
    order by 1
  )
from pg_catalog.pg_proc
join pg_catalog.pg_namespace on pg_namespace.oid = pronamespace
where nspname in ('public', 'monitoring')
"""


@pytest.fixture(scope="module")
def catalog(superuser_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(superuser_database_url, autocommit=True) as connection:
        yield connection


def names(catalog: psycopg.Connection[Any], kinds: list[str]) -> set[str]:
    return {name for (name,) in catalog.execute(RELATION_NAMES, [kinds])}


def rpc_names() -> set[str]:
    return {row.partition(" ")[0] for row in FUNCTIONS}


def roles_of(function: str) -> list[str]:
    """The roles that need EXECUTE: a function may refuse some callers of a role by itself."""
    rows = [cells for row, cells in FUNCTIONS.items() if row.partition(" ")[0] == function]
    columns = {"anon": ["anon"], "authenticated": ["ann", "ben", "no-sub"], "service_role": ["service"]}
    return [role for role, whos in columns.items() if any(cells[who] == ALLOWED for cells in rows for who in whos)]


# ---- objects ----


def test_every_relation_sequence_and_type_has_a_row(catalog: psycopg.Connection[Any]) -> None:
    assert names(catalog, TABLES + VIEWS) == set(RELATIONS)
    assert names(catalog, ["S"]) == SEQUENCES
    types = """
    select format('%s.%s', nspname, typname), typacl from pg_catalog.pg_type
    join pg_catalog.pg_namespace on pg_namespace.oid = typnamespace
    where nspname = 'public' and typtype in ('e', 'd', 'r', 'm')
    """
    assert dict(catalog.execute(types).fetchall()) == dict.fromkeys(TYPES)


def test_relations_sequences_and_columns(catalog: psycopg.Connection[Any]) -> None:
    expected = {(name, role, "SELECT") for name, relation in RELATIONS.items() for role in relation.select}
    assert set(catalog.execute(GRANTS).fetchall()) == expected
    assert catalog.execute(COLUMN_GRANTS).fetchall() == []


def test_policies(catalog: psycopg.Connection[Any]) -> None:
    """Row-level security is on for every table, and each one has one policy: it says which rows agents may read."""
    query = """
    select format('%s.%s', nspname, relname) from pg_catalog.pg_class
    join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('public', 'monitoring') and relkind in ('r', 'p') and not relrowsecurity
    """
    assert catalog.execute(query).fetchall() == []
    shown = {"all": "true", "none": "false"}
    expected = [
        (name, "SELECT", ["authenticated"], shown[RELATIONS[name].rows]) for name in sorted(names(catalog, TABLES))
    ]
    assert sorted(catalog.execute(POLICIES).fetchall()) == expected


def test_partitions_are_read_through_their_table_alone(catalog: psycopg.Connection[Any]) -> None:
    query = """
    select count(*), count(*) filter (where relrowsecurity), array_agg(distinct qual)
    from pg_catalog.pg_inherits
    join pg_catalog.pg_class on pg_class.oid = inhrelid and relkind = 'r'
    left join pg_catalog.pg_policies on schemaname = relnamespace::regnamespace::text and tablename = relname
    """
    found, secured, policies = catalog.execute(query).fetchall()[0]
    assert found == secured >= 6
    assert policies == ["false"]


def test_views_have_the_privileges_of_their_reader(catalog: psycopg.Connection[Any]) -> None:
    query = """
    select format('%s.%s', nspname, relname) from pg_catalog.pg_class
    join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
    where nspname in ('public', 'monitoring') and relkind = 'v' and 'security_invoker=true' = any(reloptions)
    """
    invokers = {name for (name,) in catalog.execute(query)}
    assert invokers == {name for name, relation in RELATIONS.items() if relation.rows == "of its tables"}
    assert invokers == names(catalog, VIEWS)


def test_functions(catalog: psycopg.Connection[Any]) -> None:
    """Nothing is executable by PUBLIC, nothing of monitoring by anybody but the owner."""
    found = catalog.execute(ROUTINES).fetchall()
    assert {name for schema, name, *_ in found if schema == "public"} == rpc_names()
    wrong = [
        (schema, name, grantees)
        for schema, name, _, _, grantees in found
        if grantees != (roles_of(name) if schema == "public" else [])
    ]
    assert wrong == []
    assert len(found) > 250


def test_definer_functions(catalog: psycopg.Connection[Any]) -> None:
    found = {(schema, name): owner for schema, name, is_definer, owner, _ in catalog.execute(ROUTINES) if is_definer}
    public = {row.partition(" ")[0] for row, cells in FUNCTIONS.items() if cells["runs-as"] == "owner"}
    assert {name for schema, name in found if schema == "public"} == public
    assert {name for schema, name in found if schema == "monitoring"} == set(DEFINERS_IN_MONITORING)
    assert set(found.values()) == {"postgres"}


# ---- schemas and roles ----


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas(catalog: psycopg.Connection[Any], schema: str) -> None:
    query = """
    select
      exists (
        select from aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
        where grantee = 0 and privilege_type = %(privilege)s
      ),
      has_schema_privilege('anon', oid, %(privilege)s),
      has_schema_privilege('authenticated', oid, %(privilege)s),
      has_schema_privilege('service_role', oid, %(privilege)s)
    from pg_catalog.pg_namespace
    where nspname = %(schema)s
    """
    usage = catalog.execute(query, {"privilege": "USAGE", "schema": schema}).fetchone()
    assert usage == tuple(cell == "u" for cell in SCHEMAS[schema].values())
    create = catalog.execute(query, {"privilege": "CREATE", "schema": schema}).fetchone()
    assert create == (False,) * 4


def test_extensions_are_outside_of_the_exposed_schema(catalog: psycopg.Connection[Any]) -> None:
    """What an extension creates in public, PostgREST would expose."""
    query = """
    select extname, extnamespace::regnamespace::text from pg_catalog.pg_extension
    where extname in ('vector', 'pg_cron', 'pg_net')
    """
    expected = {"vector": "extensions", "pg_cron": "pg_catalog", "pg_net": "extensions"}
    assert dict(catalog.execute(query).fetchall()) == expected
    query = """
    select objid from pg_catalog.pg_depend
    where deptype = 'e' and refobjid <> 0 and (
      (classid = 'pg_proc'::regclass and objid in (select oid from pg_proc where pronamespace = 'public'::regnamespace))
      or (classid = 'pg_class'::regclass and objid in (
        select oid from pg_class where relnamespace = 'public'::regnamespace
      ))
    )
    """
    assert catalog.execute(query).fetchall() == []


def test_api_roles_have_no_other_powers(catalog: psycopg.Connection[Any]) -> None:
    """They belong to no role whose privileges they would have. service_role bypasses RLS, as on hosted Supabase."""
    query = """
    select
      rolname,
      array_remove(array[
        case when rolsuper then 'superuser' end, case when rolbypassrls then 'bypassrls' end,
        case when rolcreaterole then 'createrole' end, case when rolcreatedb then 'createdb' end,
        case when rolcanlogin then 'login' end, case when rolreplication then 'replication' end
      ], null),
      array(select roleid::regrole::text from pg_catalog.pg_auth_members where member = pg_roles.oid)
    from pg_catalog.pg_roles
    where rolname = any(%s)
    """
    found = {role: (powers, memberships) for role, powers, memberships in catalog.execute(query, [list(API_ROLES)])}
    assert found == {"anon": ([], []), "authenticated": ([], []), "service_role": (["bypassrls"], [])}
    query = """
    select rolname, has_database_privilege(oid, current_database(), 'create')
    from pg_catalog.pg_roles where rolname = any(%s)
    """
    assert dict(catalog.execute(query, [list(API_ROLES)]).fetchall()) == dict.fromkeys(API_ROLES, False)


def test_default_privileges_are_those_of_the_platform(catalog: psycopg.Connection[Any]) -> None:
    """They grant everything on new objects of public, so each object needs its own revoke. None is for monitoring."""
    query = """
    select distinct defaclnamespace::regnamespace::text, grantee::regrole::text
    from pg_catalog.pg_default_acl
    cross join lateral aclexplode(defaclacl)
    where defaclrole = 'postgres'::regrole
    """
    assert set(catalog.execute(query).fetchall()) == {("public", role) for role in ("postgres", *API_ROLES)}


# ---- the checks themselves ----

CHANGES = {
    "create table public.added (id integer)": {"row", "relations", "policies"},
    "create view public.added as select 1 as one": {"row", "relations", "views"},
    "create sequence public.added": {"row", "relations"},
    "create type public.added as enum ('a')": {"row"},
    "create table monitoring.added (id integer)": {"row", "policies"},
    "create function public.added() returns integer language sql return 1": {"functions"},
    "create function monitoring.added() returns integer language sql return 1": {"functions"},
    "grant select on monitoring.secrets to authenticated": {"relations"},
    "grant truncate on public.incidents to service_role": {"relations"},
    "grant update (title) on public.incidents to authenticated": {"relations"},
    "grant usage on sequence public.incident_number to anon": {"relations"},
    "revoke select on public.incidents from authenticated": {"relations"},
    "grant execute on function public.ingest_events(jsonb) to authenticated": {"functions"},
    "grant execute on function public.list_incidents(jsonb) to public": {"functions"},
    "alter function public.list_incidents(jsonb) security definer": {"definers"},
    "alter function monitoring.overall_state(boolean) security definer": {"definers"},
    "alter table public.incidents disable row level security": {"policies"},
    "alter policy system_config_is_read_by_nobody on public.system_config using (true)": {"policies"},
    "create policy added on public.incidents for update to authenticated using (true)": {"policies"},
    "alter view public.target_status reset (security_invoker)": {"views"},
    "grant pg_read_all_data to authenticated": {"roles"},
    "alter default privileges in schema monitoring grant select on tables to authenticated": {"defaults"},
}
CHECKS: dict[str, Callable[[psycopg.Connection[Any]], None]] = {
    "row": test_every_relation_sequence_and_type_has_a_row,
    "relations": test_relations_sequences_and_columns,
    "policies": test_policies,
    "views": test_views_have_the_privileges_of_their_reader,
    "functions": test_functions,
    "definers": test_definer_functions,
    "roles": test_api_roles_have_no_other_powers,
    "defaults": test_default_privileges_are_those_of_the_platform,
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_noticed(catalog: psycopg.Connection[Any], change: str) -> None:
    with catalog.transaction(force_rollback=True):
        # Who pushes migrations is postgres. Only a superuser may grant the memberships of the platform.
        if not change.startswith("grant pg_"):
            catalog.execute("set local role postgres")
        catalog.execute(change.encode())
        catalog.execute("reset role")
        assert {name for name, check in CHECKS.items() if not passes(check, catalog)} == CHANGES[change]


def passes(check: Callable[[psycopg.Connection[Any]], None], catalog: psycopg.Connection[Any]) -> bool:
    try:
        check(catalog)
    except AssertionError:
        return False
    return True
