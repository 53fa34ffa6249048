"""Measures public.classify_error on real messages.

The corpus holds messages of many projects with the answer that a careful reader gave them, and beside it
the answers that can be defended too. `split` tells which part a message was collected for: `development`, or
one of the later ones, each written down before it was first measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import class_row

CORPUS = Path(__file__).parents[1] / "fixtures" / "classification.jsonl"
BAR = 0.95


@dataclass(frozen=True)
class Sample:
    message: str
    error_type: str | None
    source: str
    url: str | None
    severities: tuple[str, ...]
    categories: tuple[str, ...]
    split: str

    @classmethod
    def read(cls, line: str) -> Sample:
        row = json.loads(line)
        return cls(
            message=row["message"],
            error_type=row["type"],
            source=row["source"],
            url=row["url"],
            severities=tuple(row["accept_severity"]),
            categories=tuple(row["accept_category"]),
            split=row["split"],
        )


@dataclass(frozen=True)
class Answer:
    severity: str
    category: str
    rule: str


@dataclass(frozen=True)
class ErrorKind:
    sample: Sample
    answer: Answer

    @property
    def severity_holds(self) -> bool:
        return self.answer.severity in self.sample.severities

    @property
    def category_holds(self) -> bool:
        return self.answer.category in self.sample.categories

    def __str__(self) -> str:
        answer, sample = self.answer, self.sample
        wanted = f"{'/'.join(sample.severities)} {'/'.join(sample.categories)}"
        got = f"{answer.severity} {answer.category} ({answer.rule})"
        return f"{got}, wanted {wanted}: {sample.source}: {sample.message[:160]!r}"


@pytest.fixture(scope="module")
def verdicts(database_url: str) -> list[ErrorKind]:
    with psycopg.connect(database_url) as connection:
        return list(judge(connection, map(Sample.read, CORPUS.read_text(encoding="utf-8").splitlines())))


def judge(connection: psycopg.Connection, samples: Iterator[Sample]) -> Iterator[ErrorKind]:
    with connection.cursor(row_factory=class_row(Answer)) as cursor:
        for sample in samples:
            cursor.execute(
                "select severity::text, category::text, rule from public.classify_error(%s, %s, %s, %s)",
                (sample.message, sample.error_type, sample.source, sample.url),
            )
            answer = cursor.fetchone()
            assert answer is not None
            yield ErrorKind(sample, answer)


def test_the_corpus_is_large_and_various(verdicts: list[ErrorKind]) -> None:
    assert len(verdicts) >= 1300
    assert len({verdict.answer.rule for verdict in verdicts}) >= 20


def test_severity_and_category_meet_the_bar_in_every_part(verdicts: list[ErrorKind]) -> None:
    parts: dict[str, list[ErrorKind]] = defaultdict(list)
    for verdict in verdicts:
        parts[verdict.sample.split].append(verdict)
        if not (verdict.severity_holds and verdict.category_holds):
            print(verdict)
    for split, part in parts.items():
        assert sum(verdict.severity_holds for verdict in part) / len(part) >= BAR, f"severity in {split}"
        assert sum(verdict.category_holds for verdict in part) / len(part) >= BAR, f"category in {split}"
