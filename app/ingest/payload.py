"""The reports of a request body: JSON objects within limits and free of what jsonb refuses, as the text to send.

A body is an object, or a batch: a JSON array, or lines of JSON. Reports of a batch are read one after the other, so
that only one of them is in memory as Python objects. Raises the Problem of a body of which nothing is taken.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from os import urandom
from typing import cast

from app.problems import Problem, problem

DEPTH_LIMIT = 64
# A mebibyte of `[[],[],…]` would occupy the database for most of a second.
VALUE_LIMIT = 20_000

REPORT_BYTES = 1024 * 1024
BATCH_BYTES = 10 * 1024 * 1024
BATCH_REPORTS = 1000
# ":999" is added to the key of a batch, and a key has at most 255 characters.
_KEY_CHARACTERS = 251
# Most reports are complete in so many bytes.
_WINDOW = 16 * 1024

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(rb"[ \t\n\r]*")
_BLANKS = b" \t\n\r"
# NUL, and halves of surrogate pairs: two of them may be a character.
_CHANGED_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_LINE = re.compile(rb"[^ \t\n\r][^\n]*")
# Errors of the decoder so close to the end of what it was given can be due to the rest.
_LONGEST_TOKEN = 16

JsonObject = dict[str, object]
# json.dumps() would make a new one for each text.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python refuses longer integers (sys.get_int_max_str_digits): they are kept as text.
_INTEGER_DIGITS = 4000
# Finite as a double, and far from the limits of numeric.
_PLAIN_DIGITS = 300


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
    event = _read_sendable(raw)
    is_sendable = event is not None
    if event is None:
        event = parse_object(raw)
    if idempotency_key is not None:
        check_idempotency_key(idempotency_key)
    key = idempotency_key or event.get("idempotency_key")
    if key is None:
        key = urandom(16).hex()
    if is_sendable and "idempotency_key" not in event:
        text = b'%b%b"idempotency_key":%b}' % (raw.rstrip(_BLANKS)[:-1], b"," * bool(event), json.dumps(key).encode())
    elif is_sendable and key is event["idempotency_key"]:
        text = raw
    else:
        text = encode({**event, "idempotency_key": key})
    envelope = b'{"sender":%b,"received_at":"%b",%b"event":%b}' % (
        json.dumps(sender).encode(),
        received_at.isoformat().encode(),
        b"" if position is None else b'"position":%d,' % position,
        text,
    )
    return Report(envelope, str(key), sender)


class _ChangeNeededError(ValueError):
    """The decoder met a number that is not sent on as it is."""


def _read_sendable(raw: bytes) -> JsonObject | None:
    """The object in raw if jsonb takes the text of it as it is, so that it need not be walked and written again.

    None says nothing about raw: parse_object() reads it, or says what is wrong with it. The number of brackets bounds
    the depth. Almost every report is sendable.
    """
    if not _is_sendable(raw):
        return None
    try:
        value: object = _SENDABLE.decode(raw.decode())
    except (ValueError, RecursionError):
        return None
    return cast(JsonObject, value) if isinstance(value, dict) else None


def _is_sendable(raw: bytes) -> bool:
    """Whether it is short and flat enough, and has no escape sequence that jsonb refuses or that has to be replaced."""
    brackets = raw.count(b"[") + raw.count(b"{")
    if brackets > DEPTH_LIMIT or raw.count(b",") + brackets >= VALUE_LIMIT:
        return False
    return b"\\u" not in raw or _CHANGED_ESCAPE.search(raw) is None


def check_idempotency_key(key: str) -> None:
    """Raises the Problem `idempotency-key` unless it is 1 to 255 printable ASCII characters."""
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise problem("idempotency-key")


def encode(value: Mapping[str, object]) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for what is not JSON: NaN, the infinities, half a surrogate pair."""
    return _ENCODER.encode(value).encode()


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


def _keep_integer(digits: str) -> int:
    if len(digits) > _PLAIN_DIGITS:
        raise _ChangeNeededError
    return int(digits)


def _keep_float(digits: str) -> float:
    """With an exponent a number can be infinite, or have more digits than numeric."""
    if len(digits) > _PLAIN_DIGITS or "e" in digits or "E" in digits:
        raise _ChangeNeededError
    return float(digits)


def _keep_no_constant(_name: str) -> None:
    raise _ChangeNeededError


def not_json(reason: str, position: int) -> Problem:
    """The Problem of a body that is not JSON at a position."""
    return problem("body-syntax", f"The body is not JSON: {reason}.", members={"position": position})


def too_deep() -> Problem:
    """The Problem of a body that is nested too deeply."""
    return problem("body-depth", f"The body is nested more than {DEPTH_LIMIT} levels deep.")


DECODER = json.JSONDecoder(parse_constant=_parse_constant, parse_int=_parse_integer, parse_float=_parse_float)
_SENDABLE = json.JSONDecoder(parse_constant=_keep_no_constant, parse_int=_keep_integer, parse_float=_keep_float)


class BodyForm(Enum):
    """What the content type says of a body. Text is what browsers send as text/plain: an object, an array or lines."""

    JSON = "json"
    LINES = "lines"
    TEXT = "text"


@dataclass(frozen=True)
class Arrival:
    """Who sent a request and when it was received, and its idempotency key."""

    sender: str
    received_at: datetime
    idempotency_key: str | None


# The only report of a body, or those of a batch: each as it is sent on, or the Problem for which it is refused.
Reports = Report | list[Report | Problem]


def read_reports(raw: bytes, form: BodyForm, arrival: Arrival) -> Reports:
    """The reports in a body.

    Raises the Problem of a body of which nothing is taken: of a single report, of an empty or too large batch, and of
    an array that is not JSON, because it is unknown where its next report begins.
    """
    raw = raw.removeprefix(_BOM)
    if form is not BodyForm.LINES and _starts_with(raw, b"["):
        return _read_batch(_split_array(raw), arrival)
    if form is BodyForm.LINES or (form is BodyForm.TEXT and _has_lines(raw)):
        return _read_batch(_split_lines(raw), arrival)
    if len(raw) > REPORT_BYTES:
        raise problem("body-too-large")
    return read_report(raw, arrival.idempotency_key, arrival.sender, arrival.received_at)


def _read_batch(documents: Iterator[bytes], arrival: Arrival) -> list[Report | Problem]:
    if arrival.idempotency_key is not None:
        check_idempotency_key(arrival.idempotency_key)
        if len(arrival.idempotency_key) > _KEY_CHARACTERS:
            raise problem("idempotency-key", f"Idempotency-Key of a batch must be 1 to {_KEY_CHARACTERS} characters.")
    reports: list[Report | Problem] = []
    for document in documents:
        index = len(reports)
        if index == BATCH_REPORTS:
            raise problem("batch-size")
        try:
            reports.append(_read_one(document, index, arrival))
        except Problem as refused:
            # A copy: this one refers to the text, by its traceback, and to this list. It would stay until the garbage
            # collector runs, and some requests with 10 MiB each need few objects.
            reports.append(replace(refused))
    if not reports:
        raise problem("batch-empty")
    return reports


def name_report(refused: Problem, index: int) -> Problem:
    """The Problem of a report with its place in the batch: index counts from 0, as the results do."""
    members: JsonObject = {**refused.members, "index": index}
    if "Retry-After" in refused.headers:
        members["retry_after"] = int(refused.headers["Retry-After"])
    return replace(refused, detail=f"Report {index + 1} of the batch: {refused.detail}", members=members)


def _read_one(document: bytes, index: int, arrival: Arrival) -> Report:
    if len(document) > REPORT_BYTES:
        raise problem("body-too-large", "It is larger than 1 MiB. Shorten its stack or its context.")
    key = None if arrival.idempotency_key is None else f"{arrival.idempotency_key}:{index}"
    return read_report(document, key, arrival.sender, arrival.received_at, position=index)


def _starts_with(raw: bytes, token: bytes) -> bool:
    return raw.startswith(token, _skip_space(raw, 0))


def _skip_space(raw: bytes, at: int) -> int:
    match = _SPACE.match(raw, at)
    assert match is not None  # noqa: S101 - it matches nothing, too
    return match.end()


def _has_lines(raw: bytes) -> bool:
    """Whether several lines each begin an object: an object over several lines has its members there."""
    lines = [match.group()[:1] for _, match in zip(range(2), _LINE.finditer(raw), strict=False)]
    return lines == [b"{", b"{"]


def _split_lines(raw: bytes) -> Iterator[bytes]:
    """The lines that are not blank."""
    return (match.group() for match in _LINE.finditer(raw))


def _split_array(raw: bytes) -> Iterator[bytes]:
    """The texts of the elements of an array. Raises a Problem if it is not JSON, or an element is too large."""
    at = _skip_space(raw, _skip_space(raw, 0) + 1)
    index = 0
    is_complete = raw.startswith(b"]", at)
    while not is_complete:
        end = _end_of_value(raw, at, index)
        yield raw[at:end]
        at = _skip_space(raw, end)
        is_complete = raw.startswith(b"]", at)
        if not is_complete:
            if not raw.startswith(b",", at):
                raise name_report(not_json("Expecting ',' or ']' after it", at), index)
            at = _skip_space(raw, at + 1)
            index += 1
    if _skip_space(raw, at + 1) < len(raw):
        raise not_json("Extra data after the array", at + 1)


def _end_of_value(raw: bytes, at: int, index: int) -> int:
    """Where the JSON value that begins at this byte ends."""
    for size in (_WINDOW, REPORT_BYTES + 1):
        window = raw[at : at + size]
        text, invalid_at = _decode_start(window)
        is_cut = at + size < len(raw)
        try:
            _, end = DECODER.raw_decode(text)
        except RecursionError:
            raise name_report(too_deep(), index) from None
        except json.JSONDecodeError as error:
            if is_cut and size == _WINDOW:
                continue
            if invalid_at is not None:
                where = f"byte {at + invalid_at} is invalid"
                raise name_report(problem("body-encoding", f"The body is not UTF-8: {where}."), index) from None
            if is_cut and (error.pos > len(text) - _LONGEST_TOKEN or error.msg.startswith("Unterminated")):
                break
            raise name_report(not_json(error.msg, at + len(text[: error.pos].encode())), index) from None
        if is_cut and end == len(text) and invalid_at is None:
            continue  # a number may continue
        return at + len(text[:end].encode())
    raise name_report(problem("body-too-large", "It is larger than 1 MiB. Shorten its stack or its context."), index)


def _decode_start(window: bytes) -> tuple[str, int | None]:
    """The text up to the first byte that is not UTF-8, and where that is. A character may be cut at the end."""
    try:
        return window.decode(), None
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data"
        return window[: error.start].decode(), None if is_cut else error.start
