"""Formats incidents for their pages: the folded stack, the query of a link, choices of forms, web addresses."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode, urlsplit

_SHOWN_OF_FIX = 80
_TONES = {"person": "info", "agent": "disputed"}
_DELIVERY_TONES = {"sent": "good", "waiting": "fair", "given up": "bad"}


@dataclass(frozen=True)
class StackPart:
    """Lines of a stack that stand together. kind: library (frames that are folded), own (of the application), other."""

    kind: str
    lines: Sequence[str]


def fold_stack(lines: Sequence[Mapping[str, Any]]) -> list[StackPart]:
    """The stack in parts. Without a frame of the application, nothing is folded: something has to be seen."""
    has_own = any(_kind_of(line) == "own" for line in lines)
    parts = groupby(lines, _kind_of)
    return [
        StackPart(kind if has_own or kind == "own" else "other", [line["text"] for line in part])
        for kind, part in parts
    ]


def _kind_of(line: Mapping[str, Any]) -> str:
    if not line["is_frame"]:
        return "other"
    return "own" if line["is_in_app"] else "library"


def timeline_tone(entry: Mapping[str, Any]) -> str:
    """The colour of an entry of a timeline: by who acted, and of a notification by its delivery."""
    if entry["kind"] == "notification":
        return _DELIVERY_TONES.get(entry["status"], "none")
    return _TONES.get(entry["kind"], "none")


def query_of(filters: Mapping[str, str | None], **changes: str | None) -> str:
    """The query of a link to the list with these filters, some of them replaced; without those that are None."""
    merged = {**filters, **changes}
    return f"?{urlencode({name: value for name, value in merged.items() if value})}"


def fix_choices(choices: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The known fixes of which the reader may say whether they worked, as choices of a form."""
    return [(str(each["id"]), f"{each['id']}: {_shortened(each['text'] or '')}") for each in choices]


def minute_choices(choices: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """How long an incident may be suppressed, as choices of a form: the last one leaves it to a time."""
    return [*((str(each["minutes"]), each["label"]) for each in choices), ("", "until the time below")]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_OF_FIX else f"{line[: _SHOWN_OF_FIX - 1]}…"


def plain_value(value: object) -> str:
    """A value of the context as a person reads it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_web_address(text: str | None) -> bool:
    """Whether a page may link there: http or https, and nothing that a browser would leave out or read otherwise."""
    if not text or not text.isprintable() or " " in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def host(address: str) -> str:
    """The host of a web address: where a link leads."""
    return urlsplit(address).hostname or ""
