"""The envelope in which Sentry's SDKs send: a header line, then items, each with a header line and a payload.

See https://develop.sentry.dev/sdk/foundations/transport/envelopes/. Header lines are JSON objects. The payload of an
item has the `length` that its header says, or else ends with the line. Empty lines between items mean nothing.
"""

import re
from dataclasses import dataclass

from app.ingest.payload import JsonObject, read_object
from app.problems import Problem, problem

# As received and as inflated: pictures and recordings come along with an event, and are dropped.
ENVELOPE_LIMIT = 10 * 1024 * 1024
# Each header is parsed, however little its item holds.
ITEM_LIMIT = 1000
ITEM_HEADER_LIMIT = 8 * 1024
# It can contain the DSN and the context of a trace.
HEADER_LIMIT = 64 * 1024
_EMPTY_LINES = re.compile(rb"\n*")


@dataclass(frozen=True)
class Item:
    """One item: its type, its payload, and the line on which the payload begins."""

    type: str
    payload: bytes
    line: int


@dataclass(frozen=True)
class Envelope:
    """The header and the items of an envelope."""

    header: JsonObject
    items: tuple[Item, ...]


def read_header(beginning: bytes) -> JsonObject:
    """The header of the envelope that begins like this. Raises the Problem `envelope`."""
    return _Lines(beginning).read_header("the envelope", HEADER_LIMIT)


def read_envelope(raw: bytes) -> Envelope:
    """The envelope in a body. Raises the Problem `envelope`, whose detail names the line, or `body-too-large`."""
    lines = _Lines(raw)
    header = lines.read_header("the envelope", HEADER_LIMIT)
    items: list[Item] = []
    while lines.skip_empty():
        if len(items) == ITEM_LIMIT:
            raise problem("body-too-large", f"The envelope has more than {ITEM_LIMIT:,} items.")
        items.append(lines.read_item())
    return Envelope(header, tuple(items))


class _Lines:
    """What of a body is not read yet."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self._line = 1

    def skip_empty(self) -> bool:
        """Skips empty lines. Returns whether anything follows."""
        found = _EMPTY_LINES.match(self._raw, self._at)
        self._move(found.end() if found else self._at)
        return self._at < len(self._raw)

    def read_header(self, holder: str, limit: int) -> JsonObject:
        """The JSON object on the next line."""
        end = self._end_of_line()
        if end - self._at > limit:
            raise self._damaged(f"the header of {holder} is longer than {limit // 1024} KiB.")
        try:
            header = read_object(self._raw[self._at : end])
        except Problem as refused:
            raise self._damaged(f"the header of {holder} is not a JSON object. {refused.detail}") from None
        self._move(end + 1)
        return header

    def read_item(self) -> Item:
        """The next item. The last payload need not end with a line break."""
        header_line = self._line
        header = self.read_header("the item", ITEM_HEADER_LIMIT)
        kind, length = header.get("type"), header.get("length")
        if not isinstance(kind, str):
            raise _damaged(header_line, "the header of the item has no type.")
        if length is None:
            end = self._end_of_line()
        elif isinstance(length, int) and not isinstance(length, bool) and 0 <= length <= len(self._raw) - self._at:
            end = self._at + length
        else:
            raise _damaged(header_line, "the length of the item is no number of bytes that follow.")
        if end < len(self._raw) and not self._raw.startswith(b"\n", end):
            raise _damaged(header_line, "no line break follows the bytes that the length of the item counts.")
        item = Item(kind, self._raw[self._at : end], self._line)
        self._move(end + 1)
        return item

    def _end_of_line(self) -> int:
        end = self._raw.find(b"\n", self._at)
        return len(self._raw) if end < 0 else end

    def _move(self, at: int) -> None:
        self._line += self._raw.count(b"\n", self._at, at)
        self._at = min(at, len(self._raw))

    def _damaged(self, what: str) -> Problem:
        return _damaged(self._line, what)


def _damaged(line: int, what: str) -> Problem:
    return problem("envelope", f"Line {line} of the envelope: {what}", members={"line": line})
