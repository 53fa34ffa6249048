"""A connection as the operator has it in the SQL editor."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def sql_editor(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection as the role postgres, which is no superuser. Each block is committed."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
