"""The reports of one request body: a JSON object, or a batch: a JSON array, or lines of JSON.

Reports of a batch are read one after the other, so that only one of them is in memory as Python objects.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from app.ingest.payload import DECODER, JsonObject, Report, check_idempotency_key, not_json, read_report, too_deep
from app.problems import Problem, problem

REPORT_BYTES = 1024 * 1024
BATCH_BYTES = 10 * 1024 * 1024
BATCH_REPORTS = 1000
# ":999" is added to the key of a batch, and a key has at most 255 characters.
_KEY_CHARACTERS = 251
# Most reports are complete in so many bytes.
_WINDOW = 16 * 1024

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(rb"[ \t\n\r]*")
_LINE = re.compile(rb"[^ \t\n\r][^\n]*")
# Errors of the decoder so close to the end of what it was given can be due to the rest.
_LONGEST_TOKEN = 16


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
            reports.append(refused)
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
