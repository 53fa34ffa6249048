"""Every plpgsql function of ours under every warning that plpgsql_check has.

`supabase db lint` leaves the trigger functions out and stops at the first error of a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from tests.support import findings
from tests.support.findings import Finding

# A trigger function is checked once for each table that it stands on.
SUBJECTS: LiteralString = """
select distinct
  function.oid::regprocedure as name,
  function.prorettype = 'trigger'::regtype as is_trigger_function,
  trigger.tgrelid,
  trigger.tgoldtable,
  trigger.tgnewtable
from pg_catalog.pg_proc as function
join pg_catalog.pg_language as language on language.oid = function.prolang
left join pg_catalog.pg_trigger as trigger on trigger.tgfoid = function.oid and not trigger.tgisinternal
where
  function.pronamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
  and language.lanname = 'plpgsql'
  and not exists (
    select
    from pg_catalog.pg_depend as dependency
    where
      dependency.classid = 'pg_catalog.pg_proc'::regclass
      and dependency.objid = function.oid
      and dependency.deptype = 'e'
  )
"""

CHECK: LiteralString = """
select subject.name::text, finding.message, finding.lineno, finding.statement, finding.detail, finding.level
from subject
cross join lateral extensions.plpgsql_check_function_tb(
  subject.name,
  coalesce(subject.tgrelid, 0),
  fatal_errors => false,
  all_warnings => true,
  oldtable => subject.tgoldtable,
  newtable => subject.tgnewtable
) as finding
where not subject.is_trigger_function or subject.tgrelid is not null
order by subject.name::text, finding.lineno
"""


@pytest.fixture(scope="module")
def postgres(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def check(postgres: psycopg.Connection) -> Iterator[Finding]:
    rows = postgres.execute(f"with subject as ({SUBJECTS}) {CHECK}").fetchall()
    for name, message, line, statement, detail, level in rows:
        yield Finding("plpgsql_check", message, name, f"line {line} ({statement}), {level}, {detail}")


def test_no_function_has_a_finding(postgres: psycopg.Connection) -> None:
    found = list(check(postgres))
    assert findings.objections(found, findings.accepted("plpgsql_check")) == []


def test_every_trigger_function_stands_on_a_table(postgres: psycopg.Connection) -> None:
    """Else it would not have been checked above."""
    query: LiteralString = f"select name::text from ({SUBJECTS}) as subject"  # noqa: S608  # literals of ours
    assert postgres.execute(f"{query} where is_trigger_function and tgrelid is null").fetchall() == []
    assert postgres.execute(f"{query} where is_trigger_function").fetchall() != []


def test_a_bad_trigger_function_would_be_found(postgres: psycopg.Connection) -> None:
    with postgres.transaction(force_rollback=True):
        postgres.execute(
            "create function monitoring.faulty() returns trigger language plpgsql"
            " as 'declare v_unused integer; begin new.nowhere := 1; return new; end'"
        )
        postgres.execute(
            "create trigger faulty before insert on public.incidents for each row execute function monitoring.faulty()"
        )
        said = {finding.name for finding in check(postgres) if finding.about == "monitoring.faulty()"}
    assert 'record "new" has no field "nowhere"' in said
    assert 'unused variable "v_unused"' in said
