"""The payload of a report: a JSON object within limits and free of what jsonb refuses, as the text to send.

Raises the Problem of a body that is not such an object.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import uuid4

from app.problems import Problem, problem

DEPTH_LIMIT = 64
# A mebibyte of `[[],[],…]` would occupy the database for most of a second.
VALUE_LIMIT = 20_000

JsonObject = dict[str, object]

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python refuses longer integers (sys.get_int_max_str_digits): they are kept as text.
_INTEGER_DIGITS = 4000


@dataclass(frozen=True, eq=False)
class Report:
    """A report as JSON text, and whose it is.

    Text, because 1 MiB of `[[],[],…]` takes 20 MiB as Python objects, and the queues are bounded in bytes.
    """

    payload: bytes
    idempotency_key: str | None = None
    sender: str = ""


def read_report(
    raw: bytes, idempotency_key: str | None, sender: str, received_at: datetime, position: int | None = None
) -> Report:
    """The error report in a body, in an envelope that names its sender and its time of receipt: the body cannot.

    It gets an idempotency key before the first try, so that a retry counts nothing. position is its place in a batch.
    """
    event = parse_object(raw)
    if idempotency_key is not None:
        check_idempotency_key(idempotency_key)
        event["idempotency_key"] = idempotency_key
    elif event.get("idempotency_key") is None:
        event["idempotency_key"] = uuid4().hex
    envelope: JsonObject = {"sender": sender, "received_at": received_at.isoformat(), "event": event}
    if position is not None:
        envelope["position"] = position
    return Report(encode(envelope), str(event["idempotency_key"]), sender)


def check_idempotency_key(key: str) -> None:
    """Raises the Problem `idempotency-key` unless it is 1 to 255 printable ASCII characters."""
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise problem("idempotency-key")


def encode(value: Mapping[str, object]) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for what is not JSON: NaN, the infinities, half a surrogate pair."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def parse_object(raw: bytes) -> JsonObject:
    """The JSON object in raw, without what Python reads and jsonb rejects."""
    value = read_object(raw)
    # Counting bytes is cheap and gives an upper bound; a string may contain commas, so only then values are counted.
    upper_bound = raw.count(b",") + raw.count(b"[") + raw.count(b"{") + 1
    if upper_bound > VALUE_LIMIT and _count_values(value) > VALUE_LIMIT:
        raise problem("body-values", f"The body contains more than {VALUE_LIMIT:,} values.")
    return cast(JsonObject, _clean(value, DEPTH_LIMIT))


def read_object(raw: bytes) -> JsonObject:
    """The JSON object in raw, as Python reads it."""
    try:
        value: object = DECODER.decode(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise problem("body-encoding", f"The body is not UTF-8: byte {error.start} is invalid.") from None
    except json.JSONDecodeError as error:
        raise not_json(f"{error.msg} at line {error.lineno}, column {error.colno}", error.pos) from None
    except RecursionError:
        raise too_deep() from None
    if not isinstance(value, dict):
        raise problem("body-shape")
    return cast(JsonObject, value)


def clean_text(text: str) -> str:
    """Without NUL, which Postgres cannot store, and with U+FFFD in place of unpaired surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    # isascii() reads a flag of the string: most stacks of 32 kB are not searched at all.
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def clean_scalar(value: object) -> object:
    """A cleaned string, and any other value unchanged."""
    return clean_text(value) if isinstance(value, str) else value


def _clean(value: object, levels: int) -> object:
    if isinstance(value, dict | list) and levels == 0:
        raise too_deep()
    if isinstance(value, dict):
        return {clean_text(key): _clean(member, levels - 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_clean(member, levels - 1) for member in value]
    return clean_scalar(value)


def _count_values(value: object) -> int:
    count, pending = 0, [value]
    while pending:
        count += 1
        each = pending.pop()
        if isinstance(each, dict):
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return count


def _parse_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _INTEGER_DIGITS else digits


def _parse_float(digits: str) -> float | None:
    """1e400, which Python reads as infinite, becomes null."""
    value = float(digits)
    return value if math.isfinite(value) else None


def _parse_constant(_name: str) -> None:
    """NaN and the infinities, which are not JSON but which Python's json.dumps writes, become null."""


def not_json(reason: str, position: int) -> Problem:
    """The Problem of a body that is not JSON at a position."""
    return problem("body-syntax", f"The body is not JSON: {reason}.", members={"position": position})


def too_deep() -> Problem:
    """The Problem of a body that is nested too deeply."""
    return problem("body-depth", f"The body is nested more than {DEPTH_LIMIT} levels deep.")


DECODER = json.JSONDecoder(parse_constant=_parse_constant, parse_int=_parse_integer, parse_float=_parse_float)
