"""Every column that can hold text about a person is known to erase_personal_data()."""

from __future__ import annotations

import psycopg

# Enums are closed sets, and a vector is computed from texts.
TEXT_COLUMNS = """
select relation.oid::regclass::text, attname
from pg_catalog.pg_attribute
join pg_catalog.pg_class as relation on relation.oid = attrelid
join pg_catalog.pg_type as kind on kind.oid = atttypid
left join pg_catalog.pg_type as element on element.oid = kind.typelem and kind.typcategory = 'A'
where relnamespace in ('public'::regnamespace, 'monitoring'::regnamespace)
  and relkind in ('r', 'p')
  and not relispartition
  and attnum > 0
  and not attisdropped
  and not exists (select from pg_catalog.pg_depend where objid = relation.oid and deptype = 'e')
  and coalesce(element.typname, kind.typname)
    in ('text', 'varchar', 'bpchar', 'name', 'citext', 'json', 'jsonb', 'xml', 'bytea', 'inet', 'cidr', 'tsvector')
"""
LISTED = "select relation, name from monitoring.list_personal_data_columns()"


def test_every_column_with_text_is_listed(database_url: str) -> None:
    """A new column fails here until list_personal_data_columns() says what is done with it."""
    with psycopg.connect(database_url) as connection:
        connection.execute("set search_path = ''")
        columns = set(connection.execute(TEXT_COLUMNS).fetchall())
        listed = connection.execute(LISTED).fetchall()
    assert len(listed) == len(set(listed))
    assert columns - set(listed) == set()
    # These follow others, and hold no text.
    assert set(listed) - columns == {("public.error_knowledge", "embedding"), ("public.email_tracking", "status")}


def test_each_treatment_is_complete(database_url: str) -> None:
    query = "select relation, name from monitoring.list_personal_data_columns() where not ("
    query += " (treatment = 'erased' and reason is null)"
    query += " or (treatment = 'follows' and expression is not null)"
    query += " or (treatment in ('reported', 'ignored') and expression is null and reason is not null))"
    with psycopg.connect(database_url) as connection:
        assert connection.execute(query).fetchall() == []
