"""`make measure`: the shares, the confusion tables and what is wrong, of samples of which some are wrong on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.sample_files import SampleError, read_files
from benchmarks.samples import main, print_report

SAMPLES = Path(__file__).parents[2] / "fixtures" / "samples.jsonl"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def count_incidents(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select count(*) from public.incidents").fetchone()
    assert row is not None
    return int(row[0])


def test_shares_and_tables(connection: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]) -> None:
    print_report(connection, read_files([SAMPLES]))
    output = capsys.readouterr().out
    shares = dict(re.findall(r"^(\w[\w ]+?) {2,}(\d+ of +\d+)", output, flags=re.MULTILINE))
    assert {name: share.split(" of ") for name, share in shares.items()} == {
        "severity as expected": ["2", "     3"],
        "category as expected": ["2", "     3"],
        "repeats folded": ["1", "     2"],
        "different errors kept apart": ["1", "     1"],
        "secrets removed": ["1", "     2"],
        "other text kept": ["2", "     3"],
    }
    # The second sample is LOW, which is accepted, though MEDIUM is expected.
    assert re.search(r"^  LOW +1 +1 +· +·$", output, flags=re.MULTILINE)
    assert re.search(r"^  CRITICAL +· +· +· +1$", output, flags=re.MULTILINE)


def test_what_is_wrong_is_listed_with_its_line(
    connection: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    print_report(connection, read_files([SAMPLES]))
    output = capsys.readouterr().out
    assert re.search(r"samples\.jsonl:3: [A-Z]+ database by \w+, expected LOW frontend: 'relation", output)
    assert re.search(
        r"samples\.jsonl:7: 2 incidents, expected one incident: wrong on purpose.*\n +1: 'the roof", output
    )
    assert re.search(r"samples\.jsonl:10: leaked \['roof'\], lost \['water'\]: 'the roof is on fire'", output)
    assert len(re.findall(r"samples\.jsonl:\d+: ", output)) == 3


def test_nothing_is_stored(connection: psycopg.Connection[Any]) -> None:
    before = count_incidents(connection)
    print_report(connection, read_files([SAMPLES]))
    assert count_incidents(connection) == before


def test_an_event_that_the_database_rejects_is_named(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    path = tmp_path / "rejected.jsonl"
    sample = {"message": "m", "http_status": "teapot", "expected_severity": "LOW", "expected_category": "backend"}
    path.write_text(json.dumps(sample), encoding="utf-8")
    with pytest.raises(SampleError, match=r"rejected\.jsonl:1: http_status must be a status code"):
        print_report(connection, read_files([path]))


def test_the_command_ends_with_2_for_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.jsonl")]) == 2
    assert "absent.jsonl: cannot be read" in capsys.readouterr().err


def test_the_command_starts_a_stack_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SAMPLES)]) == 0
    assert "repeats folded" in capsys.readouterr().out
