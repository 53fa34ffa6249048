"""Runs every file of supabase/tests as the role postgres."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support import tap

FOLDER = Path(__file__).parents[2] / "supabase" / "tests"
FILES = sorted(FOLDER.rglob("*.test.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_file(path: Path, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c statement_timeout=60s") as connection:
        report = tap.run(connection, path.read_text(encoding="utf-8"))
    problems = report.problems()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_every_sql_file_there_is_a_test() -> None:
    """A file with another ending would not run."""
    assert FILES
    assert sorted(FOLDER.rglob("*.sql")) == FILES


# ---- the runner itself ----


def problems_of(database_url: str, script: str) -> list[str]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        return tap.run(connection, script).problems()


def test_a_good_file_has_no_problem(database_url: str) -> None:
    script = """-- why; and what
    begin; select plan(2); select ok(true, 'a;b'); select is(1, 1, 'c'); select finish(); rollback;
    """
    assert problems_of(database_url, script) == []


def test_a_failure_comes_with_its_diagnostics(database_url: str) -> None:
    script = "begin; select plan(1); select is(1, 2, 'equal'); select * from finish(); rollback;"
    (problem,) = problems_of(database_url, script)
    assert problem.startswith("not ok 1 - equal\n")
    assert "have: 1" in problem
    assert "want: 2" in problem


def test_an_error_is_a_problem_and_what_came_before_it_is_kept(database_url: str) -> None:
    script = "begin; select plan(2); select ok(false, 'first'); select 1/0; select ok(true); rollback;"
    problems = problems_of(database_url, script)
    assert problems[0] == "ERROR:  division by zero"
    assert problems[1] == "it planned 2 assertions and made 1"
    assert problems[2].startswith("not ok 1 - first")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("begin; select plan(2); select pass(); rollback;", "it planned 2 assertions and made 1"),
        ("begin; select pass(); rollback;", "You tried to run a test without a plan!"),
        ("begin; select plan(0); rollback;", "it asserts nothing"),
        ("begin; select 1; rollback;", "it asserts nothing"),
        ("select plan(1); select pass(); rollback;", "its first statement is not begin"),
        ("begin; select plan(1); select pass();", "its last statement is not rollback"),
        ("begin; select plan(1); select pass(); commit; begin; rollback;", "it commits"),
        ("begin; select plan(1); select skip('later', 1); rollback;", "later"),
    ],
)
def test_a_file_that_proves_nothing_fails(database_url: str, script: str, problem: str) -> None:
    assert any(problem in found for found in problems_of(database_url, script))
