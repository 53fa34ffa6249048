"""Repeats of a known error: what they cost in the table of incidents, and which incident they find."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from tests.support.waiting import wait_until

REPEATS = 120


def report(connection: psycopg.Connection[Any], events: list[dict[str, object]]) -> None:
    connection.execute("select public.ingest_events(%s::jsonb)", (json.dumps(events),))


def count_updates(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """Updates of incidents that this session has not published yet, and how many of them were HOT."""
    row = connection.execute(
        """
        select n_tup_upd, n_tup_hot_upd
        from pg_stat_xact_user_tables
        where relid = 'public.incidents'::regclass
        """
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_repeats_are_hot_updates(database_url: str) -> None:
    """At least nine of ten write into no index. Each is a transaction of its own, as in the service.

    An update needs room in the page. While any other session has an older snapshot, such as autovacuum's, no page gets
    room, so this is tried again.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        wait_until(lambda: repeat_known_errors(connection) >= 0.9, 60)


def repeat_known_errors(connection: psycopg.Connection[Any]) -> float:
    """The share of HOT updates when four known errors are repeated."""
    events: list[dict[str, object]] = [
        {
            "error": {"message": f"hot {number}", "type": "HotError", "stack": "at f (a.js:1:1)\n" * 20},
            "fingerprint": f"tap hot {number}",
            "source": "tap-hot",
        }
        for number in range(4)
    ]
    report(connection, events)
    updates = hot = 0
    for number in range(REPEATS):
        with connection.transaction():
            before = count_updates(connection)
            report(connection, [{**event, "release": f"1.{number}"} for event in events])
            after = count_updates(connection)
        updates += after[0] - before[0]
        hot += after[1] - before[1]
    assert updates == REPEATS * len(events)
    return hot / updates


def test_no_index_contains_what_a_repeat_changes(database_url: str) -> None:
    """A new index on one of these columns makes each repeat write into all indexes of the table."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """
            select pg_index.indexrelid::regclass::text, pg_attribute.attname
            from pg_index
            join pg_depend
              on pg_depend.classid = 'pg_class'::regclass
              and pg_depend.objid = pg_index.indexrelid
              and pg_depend.refobjid = pg_index.indrelid
            join pg_attribute
              on pg_attribute.attrelid = pg_index.indrelid and pg_attribute.attnum = pg_depend.refobjsubid
            where pg_index.indrelid = 'public.incidents'::regclass
              and pg_attribute.attname = any(%s)
            """,
            (
                [
                    *("occurrence_count", "last_seen", "message", "error_type", "error_code", "stack", "environment"),
                    *("release", "url", "context", "title", "rule"),
                ],
            ),
        ).fetchall()
    assert rows == []
