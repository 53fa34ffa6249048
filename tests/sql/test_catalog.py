"""Rules of the schema, checked by catalog queries instead of lists, so that they apply to new objects too.

Each query returns the objects that break the rule. "Ours" are the objects in public and monitoring that
belong to no extension. test_privileges.py lists who may use which object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

MIGRATIONS = Path(__file__).parents[2] / "supabase" / "migrations"

OUR_FUNCTIONS: LiteralString = """
select
  function.oid,
  format(
    '%s.%s(%s)', schema.nspname, function.proname, pg_get_function_identity_arguments(function.oid)
  ) as name,
  function.proname,
  function.pronamespace,
  function.proacl,
  function.proowner,
  function.proconfig,
  function.prosecdef,
  function.prolang,
  function.prosrc
from pg_catalog.pg_proc as function
join pg_catalog.pg_namespace as schema on schema.oid = function.pronamespace
where
  schema.nspname in ('public', 'monitoring')
  and not exists (
    select
    from pg_catalog.pg_depend as dependency
    where
      dependency.classid = 'pg_catalog.pg_proc'::regclass
      and dependency.objid = function.oid
      and dependency.deptype = 'e'
  )
"""

OUR_RELATIONS: LiteralString = """
select
  relation.oid,
  format('%I.%I', schema.nspname, relation.relname) as name,
  relation.relname,
  relation.relkind
from pg_catalog.pg_class as relation
join pg_catalog.pg_namespace as schema on schema.oid = relation.relnamespace
where
  schema.nspname in ('public', 'monitoring')
  and not exists (
    select
    from pg_catalog.pg_depend as dependency
    where
      dependency.classid = 'pg_catalog.pg_class'::regclass
      and dependency.objid = relation.oid
      and dependency.deptype = 'e'
  )
"""

OUR_TYPES: LiteralString = """
select
  kind.oid,
  format('%I.%I', schema.nspname, kind.typname) as name
from pg_catalog.pg_type as kind
join pg_catalog.pg_namespace as schema on schema.oid = kind.typnamespace
left join pg_catalog.pg_class as relation on relation.oid = kind.typrelid
where
  schema.nspname in ('public', 'monitoring')
  and (kind.typtype in ('e', 'd', 'r') or relation.relkind = 'c')
  and not exists (
    select
    from pg_catalog.pg_depend as dependency
    where
      dependency.classid = 'pg_catalog.pg_type'::regclass
      and dependency.objid = kind.oid
      and dependency.deptype = 'e'
  )
"""


@pytest.fixture(scope="module")
def catalog(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def rows(catalog: psycopg.Connection, source: LiteralString, query: LiteralString) -> list[tuple[Any, ...]]:
    return catalog.execute(f"with ours as ({source}) {query}").fetchall()


def offenders(catalog: psycopg.Connection, source: LiteralString, condition: LiteralString) -> list[str]:
    query: LiteralString = f"select name from ours where {condition} order by name"  # noqa: S608 - a literal
    return [row[0] for row in rows(catalog, source, query)]


def test_the_queries_return_objects(catalog: psycopg.Connection) -> None:
    """Otherwise the tests below would pass without checking anything."""
    assert len(offenders(catalog, OUR_FUNCTIONS, "true")) > 5
    assert len(offenders(catalog, OUR_RELATIONS, "relkind = 'r'")) >= 8
    assert len(offenders(catalog, OUR_TYPES, "true")) > 3


# ---- functions ----


def test_every_function_has_a_comment(catalog: psycopg.Connection) -> None:
    assert offenders(catalog, OUR_FUNCTIONS, "obj_description(oid, 'pg_proc') is null") == []


PUBLIC_COMMENTS: LiteralString = """
with commented (name, comment) as (
  select oid::regprocedure::text, obj_description(oid, 'pg_proc')
  from pg_catalog.pg_proc
  where pronamespace = 'public'::regnamespace
  union all
  select oid::regclass::text, obj_description(oid, 'pg_class')
  from pg_catalog.pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
)
select name, comment from commented where comment is not null
"""


def test_public_comments_begin_with_a_summary(catalog: psycopg.Connection) -> None:
    """PostgREST's OpenAPI document takes the first line as the summary and the rest as the description."""
    comments = catalog.execute(PUBLIC_COMMENTS).fetchall()
    assert len(comments) > 40
    summary = re.compile(r"[A-Z][^\n]*[.](\n\n\S.*)?", re.DOTALL)
    assert [name for name, comment in comments if not summary.fullmatch(comment)] == []


def test_every_function_has_an_empty_search_path(catalog: psycopg.Connection) -> None:
    condition: LiteralString = """not coalesce('search_path=""' = any(proconfig), false)"""
    assert offenders(catalog, OUR_FUNCTIONS, condition) == []


# Grantees other than the owner: 0 is PUBLIC. A null ACL means the built-in default, which contains PUBLIC.
GRANTED: LiteralString = """
pronamespace = 'monitoring'::regnamespace and exists (
  select
  from aclexplode(coalesce(proacl, acldefault('f', proowner))) as entry
  where entry.grantee <> proowner
)
"""
CLOSING_MIGRATION = "*_install_all.sql"


def test_the_closing_migration_revokes_whatever_default_privileges_grant(catalog: psycopg.Connection) -> None:
    """Also on a project whose default privileges grant new functions to the API roles by name."""
    with catalog.transaction(force_rollback=True):
        catalog.execute("alter default privileges grant execute on functions to anon, authenticated, service_role")
        catalog.execute("create function monitoring.read_role(appended text) returns integer language sql return 1")
        assert offenders(catalog, OUR_FUNCTIONS, GRANTED) == ["monitoring.read_role(appended text)"]
        catalog.execute("select monitoring.secure_objects()")
        assert offenders(catalog, OUR_FUNCTIONS, GRANTED) == []


def test_the_closing_migration_leaves_functions_of_others_alone(catalog: psycopg.Connection) -> None:
    """Also in the schema monitoring, which a project may have had before."""
    query = "select proacl, proconfig from pg_catalog.pg_proc where oid = 'monitoring.of_somebody_else()'::regprocedure"
    with catalog.transaction(force_rollback=True):
        catalog.execute("create function monitoring.of_somebody_else() returns integer language sql return 1")
        catalog.execute("grant execute on function monitoring.of_somebody_else() to authenticated")
        before = catalog.execute(query).fetchone()
        catalog.execute("select monitoring.secure_objects()")
        assert catalog.execute(query).fetchone() == before


def test_the_closing_migration_is_the_last_one(catalog: psycopg.Connection) -> None:
    """Functions that a later file creates would keep EXECUTE for PUBLIC."""
    (migration,) = MIGRATIONS.glob(CLOSING_MIGRATION)
    assert migration == max(MIGRATIONS.glob("*.sql"))


def test_the_push_leaves_other_schemas_alone(catalog: psycopg.Connection) -> None:
    """Default privileges without a schema would also apply to what others create in this database."""
    query = "select defaclrole::regrole, defaclobjtype from pg_catalog.pg_default_acl where defaclnamespace = 0"
    assert catalog.execute(query).fetchall() == []
    with catalog.transaction(force_rollback=True):
        catalog.execute("create schema of_somebody_else")
        catalog.execute("create function of_somebody_else.one() returns integer language sql return 1")
        assert catalog.execute(
            "select has_function_privilege('anon', 'of_somebody_else.one()', 'execute')"
        ).fetchone() == (True,)


def test_a_definer_function_has_a_reason_in_its_comment(catalog: psycopg.Connection) -> None:
    condition: LiteralString = "prosecdef and coalesce(obj_description(oid, 'pg_proc'), '') !~* 'definer'"
    assert offenders(catalog, OUR_FUNCTIONS, condition) == []


def test_every_raise_has_an_errcode(catalog: psycopg.Connection) -> None:
    query: LiteralString = (
        "select name, prosrc from ours join pg_catalog.pg_language as language on language.oid = prolang"
        " where lanname = 'plpgsql' order by name"
    )
    bare = [
        f"{name}: {statement}"
        for name, source in rows(catalog, OUR_FUNCTIONS, query)
        for statement in raises_without_errcode(source)
    ]
    assert bare == []


RAISE = re.compile(r"\braise\b(?!\s*;)(?!\s+(?:debug|log|info|notice|warning)\b)[^;]*", re.IGNORECASE)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
STRING = re.compile(r"'(?:[^']|'')*'")


def raises_without_errcode(source: str) -> list[str]:
    """In plpgsql, except re-raises and notices. String literals are emptied: they may contain semicolons."""
    code = STRING.sub("''", COMMENT.sub("", source))
    statements = [" ".join(statement.split()) for statement in RAISE.findall(code)]
    return [statement for statement in statements if not re.search(r"\b(errcode|sqlstate)\b", statement.lower())]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise exception 'a; b';", ["raise exception ''"]),
        ("raise exception using message = 'm';", ["raise exception using message = ''"]),
        ("raise exception 'x' using errcode = 'PT400', message = 'it''s; so';", []),
        ("raise sqlstate 'PT400' using message = 'm';", []),
        ("exception when others then raise; -- raise exception 'no';", []),
        ("raise notice 'hello';", []),
        ("raise 'bare';", ["raise ''"]),
    ],
)
def test_raises_without_errcode_are_found(source: str, found: list[str]) -> None:
    assert raises_without_errcode(source) == found


def test_no_function_body_is_over_100_lines(catalog: psycopg.Connection) -> None:
    """Counted from the line after `as $$` to the one before the closing `$$`."""
    query: LiteralString = """
    select name, lines
    from ours
    cross join lateral (
      select cardinality(string_to_array(btrim(prosrc, E'\n'), E'\n')) as lines
    ) as counted
    where lines > 100
    order by name
    """
    assert rows(catalog, OUR_FUNCTIONS, query) == []


def test_no_function_name_is_in_two_schemas(catalog: psycopg.Connection) -> None:
    """A reader who finds a name in a stack trace or in a grant must know which function is meant."""
    query: LiteralString = """
    select proname from ours group by proname having count(distinct pronamespace) > 1 order by proname
    """
    assert rows(catalog, OUR_FUNCTIONS, query) == []


def test_no_function_is_overloaded(catalog: psycopg.Connection) -> None:
    """PostgREST chooses an overload by the names of the arguments, which can be ambiguous."""
    query: LiteralString = "select proname from ours group by proname having count(*) > 1 order by proname"
    assert rows(catalog, OUR_FUNCTIONS, query) == []


# ---- tables, views, types ----


def test_no_relation_name_is_in_two_schemas(catalog: psycopg.Connection) -> None:
    """A table and the view over it have different names, so that a query shows which one it reads."""
    query: LiteralString = """
    select relname from ours where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    group by relname having count(*) > 1 order by relname
    """
    assert rows(catalog, OUR_RELATIONS, query) == []


def test_no_function_has_the_name_of_a_relation(catalog: psycopg.Connection) -> None:
    query: LiteralString = """
    select distinct proname from ours
    join pg_catalog.pg_class
      on pg_class.relname = ours.proname and pg_class.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_catalog.pg_namespace as schema on schema.oid = pg_class.relnamespace
    where schema.nspname in ('public', 'monitoring')
    order by proname
    """
    assert rows(catalog, OUR_FUNCTIONS, query) == []


def test_every_relation_and_type_has_a_comment(catalog: psycopg.Connection) -> None:
    condition: LiteralString = "relkind in ('r', 'p', 'v', 'm', 'f') and obj_description(oid, 'pg_class') is null"
    assert offenders(catalog, OUR_RELATIONS, condition) == []
    assert offenders(catalog, OUR_TYPES, "obj_description(oid, 'pg_type') is null") == []


def test_every_column_of_a_table_has_a_comment(catalog: psycopg.Connection) -> None:
    query: LiteralString = """
    select name || '.' || attname
    from ours
    join pg_catalog.pg_attribute on attrelid = ours.oid and attnum > 0 and not attisdropped
    where relkind in ('r', 'p') and col_description(ours.oid, attnum) is null
    order by 1
    """
    assert rows(catalog, OUR_RELATIONS, query) == []


def test_every_foreign_key_has_an_index_that_begins_with_its_columns(catalog: psycopg.Connection) -> None:
    query: LiteralString = """
    select name || ': ' || conname
    from ours
    join pg_catalog.pg_constraint as foreign_key
      on foreign_key.conrelid = ours.oid and foreign_key.contype = 'f'
    where not exists (
      select
      from pg_catalog.pg_index as index
      where
        index.indrelid = foreign_key.conrelid
        and index.indisvalid
        -- A partial index serves only if it leaves out just the rows without a reference.
        and (
          index.indpred is null
          or pg_get_expr(index.indpred, index.indrelid) = (
            select '(' || attname || ' IS NOT NULL)'
            from pg_catalog.pg_attribute
            where attrelid = foreign_key.conrelid and attnum = foreign_key.conkey[1]
          )
        )
        and (index.indkey::int2[])[0:cardinality(foreign_key.conkey) - 1] @> foreign_key.conkey
    )
    order by 1
    """
    assert rows(catalog, OUR_RELATIONS, query) == []


# Whoever edits a table in the dashboard reads these.
RULES = """
select format('%s.%s', relation.relname, rules.name), monitoring.describe_row_rule(relation.oid, rules.name)
from pg_catalog.pg_class as relation
cross join unnest(array['INSERT', 'DELETE']) as operations (operation)
cross join monitoring.list_row_rules(relation.oid, operations.operation) as rules
where relation.relnamespace = 'public'::regnamespace
  and relation.relkind in ('r', 'p')
"""

EXPLAINED_TABLES = """
select relation.relname
from pg_catalog.pg_class as relation
where relation.relnamespace = 'public'::regnamespace
  and relation.relkind in ('r', 'p')
  and exists (select from pg_trigger where tgrelid = relation.oid and tgname = 'violations_are_explained')
"""


def test_every_rule_of_a_public_table_is_a_sentence(catalog: psycopg.Connection) -> None:
    sentences: dict[str, str] = dict(catalog.execute(RULES).fetchall())
    assert len(sentences) > 100
    assert {name for name, text in sentences.items() if text.startswith("The row breaks the rule")} == set()
    assert {name for name, text in sentences.items() if not text.endswith(".")} == set()


def test_every_public_table_explains_its_rules(catalog: psycopg.Connection) -> None:
    tables = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    assert set(catalog.execute(tables).fetchall()) == set(catalog.execute(EXPLAINED_TABLES).fetchall())


def test_the_trigger_that_explains_comes_after_those_that_correct_a_row(catalog: psycopg.Connection) -> None:
    query = """
    select tgrelid::regclass, max(tgname collate "C")
    from pg_trigger
    where tgrelid in (select tgrelid from pg_trigger where tgname = 'violations_are_explained')
      and tgtype & 3 = 3 and not tgisinternal
    group by 1
    """
    assert {name for _, name in catalog.execute(query).fetchall()} == {"violations_are_explained"}
