"""Direct edits are refused with a sentence, and what PostgreSQL would accept is not refused."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

INSERT = (
    "insert into public.incidents (id, fingerprint, title, message, severity, category, rule)"
    " values ('INC-refused', 'refused', 't', 'm', 'HIGH', 'backend', 'r')"
)
BLANK = "insert into public.agent_actions (agent, action) values ('', 'a')"
SENTENCE = "Another incident has this id. Leave id out, and it is assigned."


@pytest.fixture
def editor(database_url: str) -> Iterator[psycopg.Connection]:
    """A session of the SQL editor. It is rolled back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def test_a_duplicate_is_explained(editor: psycopg.Connection) -> None:
    editor.execute(INSERT)
    with pytest.raises(psycopg.errors.UniqueViolation) as refusal:
        editor.execute("-- from the dashboard\n" + INSERT.replace("'refused'", "'refused too'"))
    assert refusal.value.diag.message_primary == SENTENCE


def test_a_statement_that_handles_duplicates_may_follow_one_that_does_not(editor: psycopg.Connection) -> None:
    editor.execute(INSERT)
    assert editor.execute(INSERT + " on conflict do nothing").rowcount == 0


def test_a_function_may_handle_duplicates(editor: psycopg.Connection) -> None:
    """The text of the statement does not show it: PostgreSQL decides."""
    editor.execute(
        f"create function pg_temp.upsert() returns void language sql as $$ {INSERT} on conflict do nothing $$"
    )
    editor.execute("select pg_temp.upsert()")
    editor.execute("select pg_temp.upsert()")
    assert editor.execute("select count(*) from public.incidents where id = 'INC-refused'").fetchone() == (1,)


def test_no_setting_is_run_as_sql(editor: psycopg.Connection) -> None:
    """Any role can write a setting, and the owner of a function that it then calls would run what it wrote."""
    for operation in ("insert", "update", "delete"):
        editor.execute(
            f"select set_config('monitoring.rules_' || 'public.incidents'::regclass::oid || '_{operation}',"
            " 'select array[1 / 0]', true)"
        )
    editor.execute(INSERT)
    editor.execute("update public.incidents set release = '2' where id = 'INC-refused'")


def test_rows_beyond_the_first_1000_of_a_transaction_are_refused_by_postgresql(editor: psycopg.Connection) -> None:
    """A sentence for each row would make a large load take ten times as long."""
    editor.execute("select set_config('monitoring.explained_rows', '999', true)")
    with pytest.raises(psycopg.errors.CheckViolation, match="agent must not be blank"), editor.transaction():
        editor.execute(BLANK)
    editor.execute("select set_config('monitoring.explained_rows', '1000', true)")
    with pytest.raises(psycopg.errors.CheckViolation, match="agent_is_not_blank"):
        editor.execute(BLANK)
