"""`make measure`: how samples of errors are classified, grouped and redacted. docs/benchmarks.md describes the files.

Every sample is reported to `ingest_events`, as the service reports errors, in a transaction that is rolled back.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row

from benchmarks.sample_files import (
    CATEGORIES,
    SEVERITIES,
    ClassificationSample,
    Event,
    GroupingSample,
    Sample,
    SampleError,
    SecretSample,
    read_files,
    strings_of,
)
from local import Stack, StackSettings
from local.stack.state_directory import remove_state
from local.system.paths import LOCAL

EVENTS_A_CALL = 200
VERDICT = "select severity::text, category::text, rule from public.incidents where id = %s"
STORED = """
select jsonb_build_object(
  'incident', (select to_jsonb(incidents) from public.incidents where incidents.id = %(id)s),
  'audit', (select jsonb_agg(to_jsonb(agent_actions)) from public.agent_actions where incident_id = %(id)s)
)
"""

Connection = psycopg.Connection[Any]
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Verdict:
    """What the rules decided about a sample."""

    severity: str
    category: str
    rule: str


@dataclass(frozen=True)
class Classified:
    sample: ClassificationSample
    verdict: Verdict

    @property
    def is_severity_right(self) -> bool:
        return self.verdict.severity in self.sample.severities

    @property
    def is_category_right(self) -> bool:
        return self.verdict.category in self.sample.categories

    def __str__(self) -> str:
        got = f"{self.verdict.severity} {self.verdict.category} by {self.verdict.rule}"
        wanted = f"{'/'.join(self.sample.severities)} {'/'.join(self.sample.categories)}"
        return f"{self.sample.place}: {got}, expected {wanted}: {_shorten(self.sample.event)}"


@dataclass(frozen=True)
class Grouped:
    sample: GroupingSample
    incidents: tuple[str, ...]
    """The incident of each event."""

    @property
    def is_right(self) -> bool:
        return len(set(self.incidents)) == (1 if self.sample.is_same else len(self.incidents))

    def __str__(self) -> str:
        expected = "one incident" if self.sample.is_same else "an incident each"
        numbers = {incident: number for number, incident in enumerate(dict.fromkeys(self.incidents), 1)}
        events = "".join(
            f"\n      {numbers[incident]}: {_shorten(event)}"
            for event, incident in zip(self.sample.events, self.incidents, strict=True)
        )
        return f"{self.sample.place}: {len(numbers)} incidents, expected {expected}: {self.sample.why}{events}"


@dataclass(frozen=True)
class Redacted:
    sample: SecretSample
    leaked: tuple[str, ...]
    lost: tuple[str, ...]

    def __str__(self) -> str:
        faults = [f"{name} {list(texts)}" for name, texts in (("leaked", self.leaked), ("lost", self.lost)) if texts]
        return f"{self.sample.place}: {', '.join(faults)}: {_shorten(self.sample.event)}"


def classify(connection: Connection, samples: Sequence[ClassificationSample]) -> list[Classified]:
    classified = []
    for start in range(0, len(samples), EVENTS_A_CALL):
        some = samples[start : start + EVENTS_A_CALL]
        # With a fingerprint each, no sample folds into the incident of another one.
        events = [{**sample.event, "fingerprint": sample.place} for sample in some]
        with connection.transaction(force_rollback=True), connection.cursor(row_factory=class_row(Verdict)) as cursor:
            answers = _report(connection, events, [sample.place for sample in some])
            for sample, answer in zip(some, answers, strict=True):
                verdict = cursor.execute(VERDICT, [answer["incident_id"]]).fetchone()
                assert verdict is not None
                classified.append(Classified(sample, verdict))
    return classified


def group(connection: Connection, samples: Iterable[GroupingSample]) -> list[Grouped]:
    grouped = []
    for sample in samples:
        with connection.transaction(force_rollback=True):
            answers = _report(connection, sample.events, [sample.place] * len(sample.events))
        grouped.append(Grouped(sample, tuple(answer["incident_id"] for answer in answers)))
    return grouped


def redact(connection: Connection, samples: Iterable[SecretSample]) -> list[Redacted]:
    """Looks for the texts in everything that is stored of an event, and in the answer."""
    redacted = []
    for sample in samples:
        with connection.transaction(force_rollback=True):
            (answer,) = _report(connection, [sample.event], [sample.place])
            row = connection.execute(STORED, {"id": answer["incident_id"]}).fetchone()
        assert row is not None
        stored = list(strings_of([row[0], answer]))
        leaked = tuple(text for text in sample.secrets if any(text in string for string in stored))
        lost = tuple(text for text in sample.controls if not any(text in string for string in stored))
        redacted.append(Redacted(sample, leaked, lost))
    return redacted


def _report(connection: Connection, events: Sequence[Event], places: Sequence[str]) -> list[dict[str, Any]]:
    """Raises SampleError if the database rejects an event."""
    connection.execute("set local role service_role")
    row = connection.execute("select public.ingest_events(%s)", [json.dumps(events)]).fetchone()
    connection.execute("reset role")
    assert row is not None
    for place, answer in zip(places, row[0], strict=True):
        if not answer["success"]:
            error = answer["error"]
            raise SampleError(f"{place}: {error['message']}. {error['hint']}")
    return list(row[0])


def _shorten(event: Event) -> str:
    return repr(event["error"]["message"][:160])


def print_report(connection: Connection, samples: Sequence[Sample]) -> None:
    _print_classified(classify(connection, _of_kind(samples, ClassificationSample)))
    _print_grouped(group(connection, _of_kind(samples, GroupingSample)))
    _print_redacted(redact(connection, _of_kind(samples, SecretSample)))


def _of_kind(samples: Iterable[Sample], kind: type[Kind]) -> list[Kind]:
    return [sample for sample in samples if isinstance(sample, kind)]


def _print_classified(classified: Sequence[Classified]) -> None:
    if not classified:
        return
    _print_share("severity as expected", [each.is_severity_right for each in classified])
    _print_share("category as expected", [each.is_category_right for each in classified])
    _print_table(SEVERITIES, [(each.sample.severities, each.verdict.severity) for each in classified])
    _print_table(CATEGORIES, [(each.sample.categories, each.verdict.category) for each in classified])
    _print_list([each for each in classified if not (each.is_severity_right and each.is_category_right)])


def _print_grouped(grouped: Sequence[Grouped]) -> None:
    for name, is_same in (("repeats folded", True), ("different errors kept apart", False)):
        _print_share(name, [each.is_right for each in grouped if each.sample.is_same == is_same])
    _print_list([each for each in grouped if not each.is_right])


def _print_redacted(redacted: Sequence[Redacted]) -> None:
    _print_share("secrets removed", [not each.leaked for each in redacted if each.sample.secrets])
    _print_share("other text kept", [not each.lost for each in redacted if each.sample.controls])
    _print_list([each for each in redacted if each.leaked or each.lost])


def _print_share(name: str, results: Sequence[bool]) -> None:
    if results:
        print(f"{name:<28} {sum(results):6,} of {len(results):6,}   {sum(results) / len(results):6.3f}")


def _print_table(names: Sequence[str], decisions: Iterable[tuple[tuple[str, ...], str]]) -> None:
    """A confusion table: expected in rows, decided in columns. Of several right answers, the decided one counts."""
    cells = Counter((decided if decided in right else right[0], decided) for right, decided in decisions)
    print(f"\n  {'expected':<16}" + "".join(f"{name:>16}" for name in names))
    for expected in names:
        print(f"  {expected:<16}" + "".join(f"{cells[expected, decided] or '·':>16}" for decided in names))
    print()


def _print_list(faults: Sequence[object]) -> None:
    for fault in faults:
        print(f"  {fault}")


def main(values: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.samples",
        description="Measures how samples are classified, grouped and redacted. See docs/benchmarks.md.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="file", help="samples, a JSON object per line")
    given = parser.parse_args(values)
    try:
        samples = read_files(given.files)
        state = LOCAL / "measure" / "state"
        remove_state(state)
        try:
            with (
                Stack.start(StackSettings(state)) as stack,
                psycopg.connect(stack.database_url, autocommit=True) as connection,
            ):
                print_report(connection, samples)
        finally:
            remove_state(state)
    except SampleError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
