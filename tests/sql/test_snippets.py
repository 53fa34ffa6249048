"""Every snippet runs as it is pasted, and verify_database.sql passes on a fresh database."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.waiting import wait_until

FOLDER = Path(__file__).parents[2] / "supabase" / "snippets"
SNIPPETS = sorted(FOLDER.glob("*.sql"))


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem)
def test_it_runs_and_has_a_comment(path: Path, database_url: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("-- ")
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        assert cursor.description
        cursor.fetchall()


def test_a_fresh_database_passes(database_url: str) -> None:
    query = (FOLDER / "verify_database.sql").read_text(encoding="utf-8").encode()

    def failures() -> list[str]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            rows = connection.execute(query).fetchall()
        assert rows[-1][0] == "verdict"
        return [name for name, result, _ in rows[:-1] if result == "failed"]

    wait_until(lambda: failures() == [], what="verify_database.sql to pass")


def test_a_missing_index_fails(database_url: str) -> None:
    query = (FOLDER / "verify_database.sql").read_text(encoding="utf-8").encode()
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("drop index public.incidents_live_fingerprint_idx")
        rows = connection.execute(query).fetchall()
    results = {name: result for name, result, _ in rows}
    assert results["indexes"] == "failed"
    assert results["verdict"] == "failed"
