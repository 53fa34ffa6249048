"""Every snippet runs as it is pasted; verify_database.sql passes on a fresh database; those about rules and groups find
what they are for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.support.waiting import wait_until

FOLDER = Path(__file__).parents[2] / "supabase" / "snippets"
SNIPPETS = sorted(FOLDER.glob("*.sql"))


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem)
def test_it_runs_and_has_a_comment(path: Path, database_url: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("-- ")
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        while cursor.nextset():
            pass
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


@pytest.fixture
def editor(database_url: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The SQL editor, in a transaction that is rolled back."""
    with (
        psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection,
        connection.transaction(force_rollback=True),
    ):
        yield connection


def run(editor: psycopg.Connection[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The rows of a snippet without its limit: other tests of this stack have left larger groups."""
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return editor.execute(re.sub(r"\nlimit [0-9]+;\s*$", ";", text).encode()).fetchall()


def report(editor: psycopg.Connection[dict[str, Any]], message: str, **fields: object) -> str:
    """Reports an error of this test and returns the id of its incident."""
    event = {"error": {"message": message, "type": "SnippetError"}, "source": "snippets", **fields}
    answer = editor.execute("select public.report_error(%s) as answer", [json.dumps(event)]).fetchone()
    assert answer is not None
    return str(answer["answer"]["incident_id"])


def set_severity(editor: psycopg.Connection[dict[str, Any]], incident: str, severity: str) -> None:
    editor.execute("select public.set_incident_severity(%s, %s, 'a person judged it')", [incident, severity])


def set_category(editor: psycopg.Connection[dict[str, Any]], incident: str, category: str) -> None:
    """As in the table editor of the dashboard."""
    editor.execute("update public.incidents set category = %s where id = %s", [category, incident])


def test_the_confusion_table_counts_what_people_set(editor: psycopg.Connection[dict[str, Any]]) -> None:
    def count(set_by_hand: str, decided: str) -> int:
        return sum(row[decided] for row in run(editor, "confusion_table") if row["set_by_hand"] == set_by_hand)

    confirmed, corrected, untouched = (
        report(editor, f"the {thing} is out of paper", level="error") for thing in ("printer", "plotter", "fax")
    )
    before = {cell: count(*cell) for cell in (("HIGH", "high"), ("LOW", "high"), ("security", "backend"))}
    set_severity(editor, confirmed, "HIGH")
    set_severity(editor, corrected, "LOW")
    set_category(editor, corrected, "security")

    assert count("HIGH", "high") == before["HIGH", "high"] + 1
    assert count("LOW", "high") == before["LOW", "high"] + 1
    assert count("security", "backend") == before["security", "backend"] + 1
    examples = {row["set_by_hand"]: row["examples"] or [] for row in run(editor, "confusion_table")}
    assert corrected in examples["LOW"]
    assert corrected in examples["security"]
    assert confirmed not in examples["HIGH"]
    assert not any(untouched in ids for ids in examples.values())


def test_the_precision_of_a_rule_is_the_share_that_people_confirm(editor: psycopg.Connection[dict[str, Any]]) -> None:
    editor.execute(
        "insert into public.classification_rules (name, severity, category, matches, example, counterexample)"
        " values ('out_of_paper', 'CRITICAL', 'backend', websearch_to_tsquery('simple', '\"out of paper\"'),"
        " 'the printer is out of paper', 'the paper is white')"
    )
    incidents = [report(editor, f"the {thing} is out of paper") for thing in ("printer", "plotter", "fax", "till")]
    for incident, severity in zip(incidents, ("CRITICAL", "LOW", "LOW", "CRITICAL"), strict=True):
        set_severity(editor, incident, severity)
    set_category(editor, incidents[0], "infrastructure")

    rows = {row["value_of"]: row for row in run(editor, "rule_precision") if row["rule"] == "out_of_paper"}
    assert {
        value: (row["incidents"], row["agreed"], float(row["precision_of_rule"])) for value, row in rows.items()
    } == {
        "severity": (4, 2, 0.5),
        "category": (1, 0, 0.0),
    }
    assert rows["severity"]["differences"] == f"CRITICAL should be LOW: 2 ({incidents[2]}, {incidents[1]})"
    assert rows["category"]["differences"] == f"backend should be infrastructure: 1 ({incidents[0]})"


def test_a_split_group_says_what_differs(editor: psycopg.Connection[dict[str, Any]]) -> None:
    def split(thing: str) -> dict[str, Any] | None:
        return next((row for row in run(editor, "split_groups") if thing in row["outline"]), None)

    for customer in ("17", "18"):
        report(editor, f"the printer of customer {customer} burns", fingerprint=f"printer of customer {customer}")
        report(editor, f"the plotter of customer {customer} burns")
    for source in ("copier east", "copier west"):
        report(editor, "the copier is jammed", source=source)

    row = split("printer")
    assert row is not None
    assert (row["fingerprints"], row["occurrences"]) == (2, 2)
    assert row["differs_in"] == "fingerprint of the report, text"
    assert row["titles"] == [f"SnippetError: the printer of customer {customer} burns" for customer in (17, 18)]
    assert split("plotter") is None, "they folded into one incident"
    copier = split("copier")
    assert copier is not None
    assert copier["differs_in"] == "source"


def test_a_merged_group_shows_its_titles(editor: psycopg.Connection[dict[str, Any]]) -> None:
    def merged(incident: str) -> dict[str, Any] | None:
        return next((row for row in run(editor, "merged_groups") if incident in row["incidents"]), None)

    one = report(editor, "the printer burns", fingerprint="a machine")
    editor.execute("select public.resolve_incident(%s, 'extinguished')", [one])
    assert report(editor, "the plotter is under water", fingerprint="a machine") == one
    repeats = {report(editor, f"customer {number} has no paper") for number in (17, 18)}

    row = merged(one)
    assert row is not None
    assert row["titles"] == ["SnippetError: the plotter is under water", "SnippetError: the printer burns"]
    assert merged(repeats.pop()) is None, "only a number differs"


def test_a_repeat_that_is_more_severe_may_be_another_error(editor: psycopg.Connection[dict[str, Any]]) -> None:
    incident = report(editor, "the printer burns", fingerprint="a machine", level="warning")
    assert report(editor, "the printer burns", fingerprint="a machine", level="fatal") == incident
    by_hand = report(editor, "the plotter burns", level="warning")
    set_severity(editor, by_hand, "CRITICAL")

    rows = {row["incidents"][0]: row for row in run(editor, "merged_groups")}
    assert rows[incident]["raised_by_a_repeat"] == "fallback_level_fatal: CRITICAL"
    assert by_hand not in rows
