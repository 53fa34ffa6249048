"""The lines of the smoke test, and what is in an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httpx


@dataclass(frozen=True)
class Check:
    """One line of the result. passed is None for what could not be tried."""

    name: str
    passed: bool | None
    detail: str


def read_object(answer: httpx.Response) -> Mapping[str, object]:
    """The JSON object in it, or an empty one."""
    try:
        body: object = answer.json()
    except ValueError:
        return {}
    return cast(Mapping[str, object], body) if isinstance(body, dict) else {}


def quote(answer: httpx.Response) -> str:
    """Its status, and its own words."""
    return f"{answer.status_code} {read_object(answer).get('detail') or answer.reason_phrase}"
