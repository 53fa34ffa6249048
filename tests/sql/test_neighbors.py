"""Pushes to projects that already contain something: others' objects stay as they are, and ours work.

Each test pushes with the Supabase CLI to a database of its own.
"""

# ruff: noqa: S608  # every statement is ours

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from local.system.errors import StackError
from tests.support.projects import Project, list_objects, new_project

pytestmark = pytest.mark.skipif(
    "STACK_ENGINE" in os.environ, reason="the real pg_cron works in only one database of a server"
)

NEIGHBORS = """
create schema monitoring;
comment on schema monitoring is 'Dashboards of the shop';
grant usage on schema monitoring to authenticated;
create table monitoring.charts (id integer primary key, title text);
grant select, insert on monitoring.charts to authenticated;
insert into monitoring.charts values (1, 'Orders per hour');
create function monitoring.count_charts() returns bigint language sql as 'select count(*) from monitoring.charts';
grant execute on function monitoring.count_charts() to anon;

comment on schema public is 'The shop';
create table public.orders (id integer primary key, total numeric);
insert into public.orders values (1, 10), (2, 30);
create function public.sum_orders() returns numeric language plpgsql security definer as $$
begin
  create temporary table picked on commit drop as select total from public.orders;
  return (select sum(total) from picked);
end
$$;
create function public.average_order() returns numeric language plpgsql as $$
begin
  create temporary table averages (value numeric) on commit drop;
  insert into averages values (20);
  return (select value from averages);
end
$$;
create table public.documents (id integer primary key, embedding vector(3));
create index on public.documents using hnsw (embedding vector_cosine_ops);

create publication everything for all tables;
alter default privileges grant execute on functions to anon;
alter default privileges in schema monitoring grant select on tables to authenticated;
alter default privileges in schema public revoke execute on functions from authenticated;
select cron.schedule('nightly', '0 3 * * *', 'select monitoring.count_charts()');
"""
VECTOR = json.dumps([0.5] * 1536)


def check_that_ours_works(project: Project) -> None:
    """Reports an error, stores its fix with an embedding, and finds it by meaning."""
    report = json.dumps({"error": {"message": "neighbors: connection refused"}, "source": "shop"})
    (answer,) = project.run(f"select public.report_error('{report}')", role="authenticated")
    assert answer[0]["success"] is True
    fix = f"select public.remember_fix('restart it', pattern => 'neighbors', embedding => '{VECTOR}')"
    (knowledge,) = project.run(fix, role="authenticated")
    nearest = f"select id, similarity from public.match_error_knowledge('{VECTOR}', 0.9)"
    assert project.run(nearest, role="authenticated") == [(knowledge[0], pytest.approx(1))]
    assert project.run("select count(*) from cron.job where jobname like 'monitoring-%'") >= [(10,)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("projects")


@pytest.fixture(scope="module")
def before() -> set[tuple[Any, ...]]:
    """The objects of the crowded project before the push."""
    return set()


@pytest.fixture(scope="module")
def crowded(stack: Stack, folder: Path, before: set[tuple[Any, ...]]) -> Iterator[Project]:
    """A project with neighbors of every kind, after the push."""
    with new_project(stack, folder, vector_schema="public") as project:
        project.run("create publication everything for all tables", role="supabase_admin")
        project.run(NEIGHBORS.replace("create publication everything for all tables;\n", ""))
        before |= list_objects(project)
        project.push()
        yield project


def test_the_push_changes_nothing_of_others(crowded: Project, before: set[tuple[Any, ...]]) -> None:
    assert len(before) > 100
    assert before - list_objects(crowded) == set()
    assert crowded.run("select title from monitoring.charts", role="authenticated") == [("Orders per hour",)]
    assert crowded.run("select count(*) from cron.job where jobname = 'nightly'") == [(1,)]


def test_functions_of_others_may_still_use_temporary_tables(crowded: Project) -> None:
    assert crowded.run("select public.sum_orders()", role="service_role") == [(40,)]
    assert crowded.run("select public.average_order()", role="anon") == [(20,)]


def test_ours_works_beside_them(crowded: Project) -> None:
    check_that_ours_works(crowded)


def test_a_publication_for_all_tables_refuses_no_write(crowded: Project) -> None:
    """PostgreSQL refuses updates and deletes of published tables that have no replica identity."""
    tables = crowded.run("select schema, name from monitoring.list_own_objects() where kind = 'relation'")
    written = 0
    for schema, name in tables:
        query = "select attname, relkind from pg_class join pg_attribute on attrelid = pg_class.oid and attnum = 1"
        ((column, kind),) = crowded.run(f"{query} where pg_class.oid = '{schema}.{name}'::regclass")
        if kind == "r":
            generated = f"update {schema}.{name} set {column} = default where false"
            crowded.run(f"{generated}; delete from {schema}.{name} where false", role="supabase_admin")
            written += 1
    assert written > 20


def test_default_privileges_of_the_project_open_nothing_of_ours(crowded: Project) -> None:
    """Here they grant EXECUTE to anon everywhere, and SELECT on tables in monitoring, where agents have USAGE."""
    functions = """
    select own.name from monitoring.list_own_functions() as own
    join pg_catalog.pg_proc on proname = own.name and pronamespace = to_regnamespace(own.schema)
    cross join unnest('{anon,authenticated,service_role}'::text[]) as roles (role)
    where own.schema = 'monitoring' and has_function_privilege(role, pg_proc.oid, 'execute')
       or own.schema = 'public' and has_function_privilege('anon', pg_proc.oid, 'execute')
    """
    assert crowded.run(functions) == []
    tables = """
    select own.name from monitoring.list_own_objects() as own
    cross join unnest('{anon,authenticated,service_role}'::text[]) as roles (role)
    where own.kind = 'relation' and own.schema = 'monitoring'
      and has_any_column_privilege(role, format('%I.%I', own.schema, own.name), 'select, insert, update')
      and own.name not in ('job_runs', 'target_hourly_stats', 'target_daily_stats', 'target_states', 'probe_targets',
        'target_labels', 'target_looks', 'target_certificates', 'target_figures', 'target_rounds', 'counted_hours',
        'current_figures', 'incident_daily_stats', 'incident_hours', 'heartbeats', 'probes', 'all_checks')
    """
    assert crowded.run(tables) == []


# ---- other kinds of projects ----


def own_objects(project: Project) -> set[tuple[Any, ...]]:
    names = {
        f"{schema}.{name}" for schema, name in project.run("select schema, name from monitoring.list_own_objects()")
    }
    return {row for row in list_objects(project) if row[1].split("(")[0] in names or row[0] in ("policy", "trigger")}


def test_the_privileges_are_the_same_in_every_project(stack: Stack, folder: Path) -> None:
    """Older projects grant everything on new objects to the API roles by default, newer ones nothing."""
    everything = "all on tables from anon, authenticated, service_role"
    with new_project(stack, folder) as older, new_project(stack, folder) as newer:
        for what in ("tables", "functions", "sequences"):
            revoked = everything.replace("tables", what)
            newer.run(f"alter default privileges in schema public revoke {revoked}")
        older.push()
        newer.push()
        assert own_objects(older) == own_objects(newer)
        check_that_ours_works(newer)


def test_vector_may_be_in_any_schema(stack: Stack, folder: Path) -> None:
    with new_project(stack, folder, vector_schema="Own Types") as project:
        project.push()
        check_that_ours_works(project)


def test_a_realtime_publication_for_all_tables_is_left_as_it_is(stack: Stack, folder: Path) -> None:
    with new_project(stack, folder) as project:
        project.run("drop publication supabase_realtime", role="supabase_admin")
        project.run("create publication supabase_realtime for all tables", role="supabase_admin")
        project.push()
        project.run("select monitoring.install()")
        assert project.run("select puballtables from pg_catalog.pg_publication") == [(True,)]


# ---- conflicts ----


@pytest.fixture(scope="module")
def conflicting(stack: Stack, folder: Path) -> Iterator[Project]:
    with new_project(stack, folder) as project:
        yield project


@pytest.mark.parametrize(
    ("create", "named", "drop"),
    [
        ("create table public.incidents (id integer)", "table public.incidents", "drop table public.incidents"),
        ("create view public.system_config as select 1", "view public.system_config", "drop view public.system_config"),
        ("create type public.target_type as enum ('a')", "type public.target_type", "drop type public.target_type"),
        (
            "create function public.report_error(integer) returns integer language sql return 1",
            "function public.report_error(integer)",
            "drop function public.report_error",
        ),
        (
            "create schema monitoring; create table monitoring.secrets (id integer)",
            "table monitoring.secrets",
            "drop schema monitoring cascade",
        ),
        (
            "create schema monitoring; create function monitoring.config() returns integer language sql return 1",
            "function monitoring.config()",
            "drop schema monitoring cascade",
        ),
        (
            "select cron.schedule('monitoring-anchor-audit', '0 0 * * *', 'select 1')",
            "job monitoring-anchor-audit",
            "select cron.unschedule('monitoring-anchor-audit')",
        ),
    ],
)
def test_a_conflict_is_named_before_anything_is_created(
    conflicting: Project, create: str, named: str, drop: str
) -> None:
    conflicting.run(create)
    before = list_objects(conflicting)
    try:
        with pytest.raises(StackError) as failure:
            conflicting.push()
        created = {row for row in list_objects(conflicting) - before if "supabase_migrations" not in row[1]}
    finally:
        conflicting.run(drop)
    message = " ".join(str(failure.value).split())
    assert f"that the monitoring agent needs: {named}. Nothing was created. Rename" in message
    assert created == set()


def test_several_conflicts_are_all_named(conflicting: Project) -> None:
    conflicting.run("create table public.incidents (id integer); create table public.email_tracking (id integer)")
    with pytest.raises(StackError, match=r"needs: table public\.email_tracking, table public\.incidents\. Nothing"):
        conflicting.push()
    conflicting.run("drop table public.incidents, public.email_tracking")


# ---- versions of extensions ----


def set_version(project: Project, extension: str, version: str) -> None:
    """The files of the extension stay the same; the catalog names another version."""
    update = f"update pg_catalog.pg_extension set extversion = '{version}' where extname = '{extension}'"
    project.run(update, role="supabase_admin")


def test_old_extensions_stop_the_push_with_the_remedy(stack: Stack, folder: Path) -> None:
    with new_project(stack, folder) as project:
        set_version(project, "vector", "0.4.4")
        with pytest.raises(
            StackError, match=r"vector has version 0\.4\.4.* needs 0\.5\. Run `alter extension vector up"
        ):
            project.push()
        set_version(project, "vector", "0.7.4")
        set_version(project, "pg_cron", "1.4-1")
        with pytest.raises(StackError, match=r"pg_cron has version 1\.4-1.* needs 1\.5\."):
            project.push()
        set_version(project, "pg_cron", "1.6")
        project.push()
        # pgvector 0.8 introduced hnsw.iterative_scan.
        assert project.run("select monitoring.widen_vector_search()") == [(False,)]
        check_that_ours_works(project)
