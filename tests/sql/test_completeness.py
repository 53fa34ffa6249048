"""The pgTAP files call every function and name every CHECK constraint of ours."""

from __future__ import annotations

import psycopg

from local import Stack
from tests.sql.test_pgtap import FILES
from tests.support import tap

UNCALLED = """
select format('%I.%I', nspname, proname)
from pg_catalog.pg_proc
join pg_catalog.pg_namespace on pg_namespace.oid = pg_proc.pronamespace
left join pg_catalog.pg_stat_user_functions on pg_stat_user_functions.funcid = pg_proc.oid
where nspname in ('public', 'monitoring')
  and not exists (select from pg_catalog.pg_depend where objid = pg_proc.oid and deptype = 'e')
  and coalesce(calls, 0) = 0
order by 1
"""

# PostgreSQL counts a call when it returns. These functions always raise, which pgTAP files assert.
ALWAYS_RAISE = {
    "monitoring.refuse_conflict",
    "monitoring.refuse_event",
    "monitoring.refuse_request",
    "monitoring.refuse_unknown_incident",
    "monitoring.refuse_system_config_truncate",
}

CHECKS = """
select conname
from pg_catalog.pg_constraint
where connamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
  and contype = 'c'
"""


def test_every_function_is_called(stack: Stack) -> None:
    """Calls in rolled-back transactions count. No function is inlined, because each sets its search_path."""
    with psycopg.connect(stack.superuser_database_url, autocommit=True) as connection:
        connection.execute("set track_functions = 'all'")
        connection.execute("select pg_stat_reset()")
        connection.execute("set session authorization postgres")
        for path in FILES:
            assert (path.name, tap.run(connection, path.read_text(encoding="utf-8")).problems()) == (path.name, [])
        connection.execute("select pg_stat_force_next_flush()")
        uncalled = [name for (name,) in connection.execute(UNCALLED)]
    assert set(uncalled) <= ALWAYS_RAISE


def test_every_check_is_named(stack: Stack) -> None:
    words = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    with psycopg.connect(stack.database_url) as connection:
        names = {name for (name,) in connection.execute(CHECKS)}
    assert names
    assert sorted(name for name in names if name not in words) == []
