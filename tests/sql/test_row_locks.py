"""Which rows our functions lock, and how: see "Order of locks" in docs/architecture.md."""

from __future__ import annotations

import re

import psycopg

SOURCES = """
select pg_proc.proname, pg_proc.prosrc
from pg_catalog.pg_proc
where pg_proc.pronamespace in ('monitoring'::regnamespace, 'public'::regnamespace)
  and pg_proc.prosrc ~* 'for (no key )?update'
"""
STRONG = re.compile(r"^\s*for update\b", re.MULTILINE)
NOT_DELETED = {
    "judge_answers": "the judgement deletes the row, or changes it, in a later step",
    "store_answer": "the judgement may delete the row meanwhile",
    "collect_missed_answers": "pg_net may delete the response meanwhile",
}
"""Functions that lock for update and do not delete the row by themselves, and why."""


def test_rows_that_are_not_deleted_are_locked_for_no_key_update(database_url: str) -> None:
    """For update, who refers to the row by a foreign key would wait."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        functions = connection.execute(SOURCES).fetchall()
    assert len(functions) > 20
    strong = {name for name, source in functions if STRONG.search(source) and "delete from" not in source}
    assert strong <= set(NOT_DELETED), sorted(strong - set(NOT_DELETED))
