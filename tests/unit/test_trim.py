"""A body is trimmed only where it has to be: most are passed on as they are."""

from __future__ import annotations

from typing import Any

import pytest

from app.ingest.delivery import trim
from app.ingest.payload import DEPTH_LIMIT, VALUE_LIMIT


def nested(levels: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(levels - 1):
        body = {"a": body}
    return body


WITHIN_LIMITS: list[dict[str, Any]] = [
    {},
    {"text": "日本語 🚀", "number": 1.5, "nothing": None, "list": [[], {}, True]},
    {"list": list(range(1000))},
    nested(DEPTH_LIMIT),
]
BEYOND_LIMITS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"a\0b": "c\0d"}, {"ab": "cd"}),
    ({"\ud800": ["\udfff"]}, {"\ufffd": ["\ufffd"]}),
    ({"a": list(range(1001))}, {"a": list(range(1000))}),
    (
        {"a": {"b": {str(number): 1 for number in range(1001)}}},
        {"a": {"b": {str(number): 1 for number in range(1000)}}},
    ),
]


@pytest.mark.parametrize("body", WITHIN_LIMITS, ids=range(len(WITHIN_LIMITS)))
def test_what_is_within_the_limits_stays_as_it_is(body: dict[str, Any]) -> None:
    assert trim(body) is body


@pytest.mark.parametrize(("body", "trimmed"), BEYOND_LIMITS, ids=range(len(BEYOND_LIMITS)))
def test_the_rest_is_changed(body: dict[str, Any], trimmed: dict[str, Any]) -> None:
    assert trim(body) == trimmed


def test_depth_and_number_of_values_are_limited() -> None:
    deep = trim(nested(DEPTH_LIMIT + 1))
    for _ in range(DEPTH_LIMIT - 1):
        deep = deep["a"]  # type: ignore[assignment]
    assert deep["a"] != {}
    many = trim({str(number): [0] * 1000 for number in range(30)})
    assert sum(len(each) for each in many.values() if isinstance(each, list)) == VALUE_LIMIT - 30
