"""Reading files of samples: a bad line is named by its file, its line and its field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sample_files import ClassificationSample, GroupingSample, SampleError, SecretSample, read_files
from tests.support.pages import blocks

CLASSIFICATION = {"message": "m", "expected_severity": "LOW", "expected_category": "backend"}
GROUPING = {"events": [{"message": "a"}, {"message": "b"}], "same": True}


def write(folder: Path, *rows: Any) -> Path:
    path = folder / "samples.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_keys_of_a_line_say_what_is_expected(tmp_path: Path) -> None:
    path = write(tmp_path, CLASSIFICATION, "", GROUPING, {"message": "m", "must_contain": ["m"]})
    kinds = [type(sample) for sample in read_files([path])]
    assert kinds == [ClassificationSample, GroupingSample, SecretSample]


def test_an_event_is_reported_with_the_fields_that_it_has(tmp_path: Path) -> None:
    row = {**CLASSIFICATION, "code": "42P01", "source": "worker", "url": None, "http_status": 500, "origin": "a note"}
    (sample,) = read_files([write(tmp_path, row)])
    assert isinstance(sample, ClassificationSample)
    assert sample.event == {"error": {"message": "m", "code": "42P01"}, "source": "worker", "http_status": 500}


def test_accepted_answers_are_right_as_well(tmp_path: Path) -> None:
    (sample,) = read_files([write(tmp_path, {**CLASSIFICATION, "accept_severity": ["MEDIUM", "LOW"]})])
    assert isinstance(sample, ClassificationSample)
    assert sample.severities == ("LOW", "MEDIUM")
    assert sample.categories == ("backend",)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('{"message": "m"', "is not JSON"),
        ("[]", "is not a JSON object"),
        ({"message": "m"}, "expects nothing: add expected_severity and expected_category"),
        ({**CLASSIFICATION, "message": " \n"}, "message must be a string that is not blank"),
        ({**CLASSIFICATION, "expected_severity": "high"}, "expected_severity must be one of LOW, MEDIUM"),
        ({"message": "m", "expected_severity": "LOW"}, "expected_category must be one of backend"),
        ({**CLASSIFICATION, "accept_category": ["network"]}, "accept_category must be one of backend"),
        ({**CLASSIFICATION, "accept_severity": "LOW"}, "accept_severity must be a list of strings"),
        ({**GROUPING, "same": "yes"}, "same must be true or false"),
        ({**GROUPING, "events": [{"message": "a"}]}, "events must be a list of at least two objects"),
        ({**GROUPING, "events": ["a", "b"]}, "events[0] must be an object"),
        ({**GROUPING, "events": [{"message": "a"}, {"type": "E"}]}, "events[1].message must be a string"),
        ({"message": "m", "must_not_contain": [""]}, "must_not_contain must be a list of strings"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: Any, problem: str) -> None:
    path = write(tmp_path, CLASSIFICATION, row)
    with pytest.raises(SampleError) as caught:
        read_files([path])
    assert str(caught.value).startswith(f"{path}:2: {problem}")


def test_all_bad_lines_of_all_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "{", CLASSIFICATION, "[]")
    with pytest.raises(SampleError) as caught:
        read_files([path, tmp_path / "absent.jsonl"])
    first, second, third = str(caught.value).splitlines()
    assert first.startswith(f"{path}:1: ")
    assert second.startswith(f"{path}:3: ")
    assert third.startswith(f"{tmp_path / 'absent.jsonl'}: cannot be read")


def test_the_example_in_the_docs_can_be_read(tmp_path: Path) -> None:
    (example,) = [block.text for block in blocks("jsonl")]
    path = tmp_path / "example.jsonl"
    path.write_text(example, encoding="utf-8")
    kinds = [type(sample) for sample in read_files([path])]
    assert kinds == [ClassificationSample, GroupingSample, SecretSample]
