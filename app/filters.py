"""The query string of GET /api/autonomous/incidents."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.problems import Problem, problem

# The words of the enums in the database; a test compares them.
STATUSES = ("open", "acknowledged", "suppressed", "resolved")
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
CATEGORIES = ("backend", "frontend", "database", "security", "infrastructure")

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200
_MAXIMUM_OFFSET = 1_000_000
_MAXIMUM_SOURCE = 1000
_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass
class IncidentQuery:
    """Which incidents are asked for. `equals` maps a column to the value it must have."""

    equals: dict[str, str] = field(default_factory=dict)
    since: str | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0


Reader = Callable[[IncidentQuery, str], None]


def read_query(parameters: Iterable[tuple[str, str]]) -> IncidentQuery:
    """The query that the parameters ask for, or a Problem that names the one that is wrong."""
    query = IncidentQuery()
    seen: set[str] = set()
    for name, value in parameters:
        if name in seen:
            raise _wrong(name, "It is given more than once.")
        seen.add(name)
        reader = _READERS.get(name)
        if reader is None:
            raise _wrong(name, "There is no such parameter.", sorted(_READERS))
        reader(query, value)
    return query


def _one_of(column: str, words: tuple[str, ...], fold: Callable[[str], str]) -> Reader:
    def read(query: IncidentQuery, value: str) -> None:
        word = fold(value.strip())
        if word not in words:
            raise _wrong(column, f"It must be one of {', '.join(words)}.", list(words))
        query.equals[column] = word

    return read


def _source(query: IncidentQuery, value: str) -> None:
    if not value or len(value) > _MAXIMUM_SOURCE or "\0" in value:
        raise _wrong("source", f"It must be 1 to {_MAXIMUM_SOURCE} characters without NUL.")
    query.equals["source"] = value


def _since(query: IncidentQuery, value: str) -> None:
    text = value.strip()
    if "T" in text:
        # A plus sign that was not percent-encoded arrives as a space: 2026-01-31T10:00:00 02:00.
        text = text.replace(" ", "+")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong("since", "It must be an ISO 8601 time such as 2026-01-31T10:00:00Z.") from None
    query.since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _number(name: str, lowest: int, highest: int) -> Reader:
    def read(query: IncidentQuery, value: str) -> None:
        digits = value.strip()
        if not (
            digits.isascii() and digits.isdecimal() and len(digits) < 10 and lowest <= int(digits) <= highest
        ):
            raise _wrong(name, f"It must be a whole number from {lowest} to {highest}.")
        setattr(query, name, int(digits))

    return read


def _wrong(name: str, why: str, allowed: list[str] | None = None) -> Problem:
    shown = name[:100]
    return problem(
        "parameter",
        f"The parameter {shown!r} is wrong. {why}",
        members={"parameter": shown, "allowed": allowed},
    )


_READERS: dict[str, Reader] = {
    "status": _one_of("status", STATUSES, str.lower),
    "severity": _one_of("severity", SEVERITIES, str.upper),
    "category": _one_of("category", CATEGORIES, str.lower),
    "source": _source,
    "since": _since,
    "limit": _number("limit", 1, MAXIMUM_LIMIT),
    "offset": _number("offset", 0, _MAXIMUM_OFFSET),
}
