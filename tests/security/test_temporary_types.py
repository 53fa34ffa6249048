"""A type in the temporary schema of a session does not replace ours in a security definer function.

PostgREST gives nobody a way to create one, but a function of the project that runs dynamic SQL may.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from local import Stack

HIJACKED = "a definer function used a type of the caller"
# A domain named text that runs a function of the caller whenever a value is cast to it.
TRAP = """
create function pg_temp.trap(value pg_catalog.text) returns boolean language plpgsql as $$
begin
  if current_user <> 'authenticated' then
    raise exception 'a definer function used a type of the caller';
  end if;
  return true;
end
$$;
create domain pg_temp.text as pg_catalog.text check (pg_temp.trap(value));
"""
CALL = 'select public.report_error(\'{"error": {"message": "temporary types"}, "source": "trap"}\')'


@pytest.fixture
def agent(stack: Stack) -> Iterator[psycopg.Connection]:
    """A new session, because a session keeps the functions that it has compiled."""
    with psycopg.connect(stack.superuser_database_url) as connection:
        connection.execute("set session authorization postgres")
        yield connection
        connection.rollback()


def set_trap(agent: psycopg.Connection) -> None:
    agent.execute("set local role authenticated")
    agent.execute(TRAP.encode())


def test_agents_cannot_replace_types(agent: psycopg.Connection) -> None:
    set_trap(agent)
    assert agent.execute(CALL.encode()).fetchone() is not None


def test_with_an_empty_search_path_they_could(agent: psycopg.Connection) -> None:
    """Else the test above would prove nothing."""
    signatures = agent.execute(
        "select pg_proc.oid::regprocedure::text from monitoring.list_own_functions() as own"
        " join pg_catalog.pg_proc on proname = own.name and pronamespace = to_regnamespace(own.schema)"
    ).fetchall()
    for (signature,) in signatures:
        agent.execute(sql.SQL("alter function {} set search_path = ''").format(sql.SQL(signature)))
    set_trap(agent)
    with pytest.raises(psycopg.Error, match=HIJACKED):
        agent.execute(CALL.encode())
