"""Files of samples: events with the answers that are expected. docs/benchmarks.md describes the format.

A file holds a JSON object per line. The keys of a line say what is expected of its event or events:
`expected_severity` and `expected_category`, `same`, or `must_not_contain` and `must_contain`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ERROR_FIELDS = ("message", "type", "code", "stack")
REPORT_FIELDS = ("source", "url", "level", "http_status", "environment", "release", "context")
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
CATEGORIES = ("backend", "frontend", "database", "security", "infrastructure")

Event = dict[str, Any]


class SampleError(ValueError):
    """A line that is no sample. The message begins with the file, the line and the field."""


@dataclass(frozen=True)
class ClassificationSample:
    """An event, and the severities and categories that are right for it."""

    place: str
    event: Event
    severities: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True)
class GroupingSample:
    """Events that belong to one incident, or each to another one."""

    place: str
    events: tuple[Event, ...]
    is_same: bool
    why: str


@dataclass(frozen=True)
class SecretSample:
    """An event, the texts in it that must not be stored, and those that must stay."""

    place: str
    event: Event
    secrets: tuple[str, ...]
    controls: tuple[str, ...]


Sample = ClassificationSample | GroupingSample | SecretSample


def read_files(paths: Iterable[Path]) -> list[Sample]:
    """Raises SampleError with a line for each bad line of all files."""
    samples: list[Sample] = []
    problems: list[str] = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read: {error}")
            continue
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    samples.append(_read_line(f"{path}:{number}", line))
                except SampleError as error:
                    problems.append(str(error))
    if problems:
        raise SampleError("\n".join(problems))
    return samples


def _read_line(place: str, line: str) -> Sample:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise SampleError(f"{place}: is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise SampleError(f"{place}: is not a JSON object")
    if "same" in row or "events" in row:
        return _read_grouping(place, row)
    if "must_not_contain" in row or "must_contain" in row:
        secrets = _read_texts(place, row, "must_not_contain")
        return SecretSample(place, _read_event(place, row), secrets, _read_texts(place, row, "must_contain"))
    if "expected_severity" in row or "expected_category" in row:
        return ClassificationSample(
            place,
            _read_event(place, row),
            _read_choices(place, row, "expected_severity", "accept_severity", SEVERITIES),
            _read_choices(place, row, "expected_category", "accept_category", CATEGORIES),
        )
    raise SampleError(
        f"{place}: expects nothing: add expected_severity and expected_category, or events and same,"
        " or must_not_contain and must_contain"
    )


def _read_grouping(place: str, row: Mapping[str, Any]) -> GroupingSample:
    events, is_same = row.get("events"), row.get("same")
    if not isinstance(events, list) or len(events) < 2:
        raise SampleError(f"{place}: events must be a list of at least two objects")
    if not isinstance(is_same, bool):
        raise SampleError(f"{place}: same must be true or false")
    read = []
    for number, event in enumerate(events):
        if not isinstance(event, dict):
            raise SampleError(f"{place}: events[{number}] must be an object")
        read.append(_read_event(place, event, f"events[{number}]."))
    return GroupingSample(place, tuple(read), is_same, str(row.get("why", "")))


def _read_event(place: str, row: Mapping[str, Any], path: str = "") -> Event:
    """A report as POST /api/autonomous/error takes it. The database checks the other fields."""
    message = row.get("message")
    if not isinstance(message, str) or not message.strip():
        raise SampleError(f"{place}: {path}message must be a string that is not blank")
    error = {name: row[name] for name in ERROR_FIELDS if row.get(name) is not None}
    return {"error": error, **{name: row[name] for name in REPORT_FIELDS if row.get(name) is not None}}


def _read_choices(
    place: str, row: Mapping[str, Any], expected: str, accepted: str, choices: tuple[str, ...]
) -> tuple[str, ...]:
    """The expected value, and those that are right as well."""
    values = [(expected, row.get(expected)), *((accepted, value) for value in _read_texts(place, row, accepted))]
    for field, value in values:
        if value not in choices:
            raise SampleError(f"{place}: {field} must be one of {', '.join(choices)}, not {value!r}")
    return tuple(dict.fromkeys(str(value) for _, value in values))


def _read_texts(place: str, row: Mapping[str, Any], field: str) -> tuple[str, ...]:
    values = row.get(field, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise SampleError(f"{place}: {field} must be a list of strings that are not empty")
    return tuple(values)


def strings_of(value: object) -> Iterator[str]:
    """All strings in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings_of(member)
