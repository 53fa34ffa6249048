"""From raw bytes to a JSON object that jsonb takes, or a Problem that says where it is wrong."""

import json
import math
import re
from typing import cast

from app.problems import problem

BODY_LIMIT = 1024 * 1024
DEPTH_LIMIT = 64
# A mebibyte of `[[],[],…]` would keep the database busy for most of a second.
VALUE_LIMIT = 20_000

JsonObject = dict[str, object]

_MEDIA_TYPE = re.compile(r"application/(?:json|[a-z0-9!#$&^_.+-]+\+json)", re.IGNORECASE)
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]*)"?', re.IGNORECASE)
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_SURROGATE = re.compile("[\ud800-\udfff]")
# Longer integers Python refuses to read (sys.get_int_max_str_digits): they are kept as text.
_INTEGER_DIGITS = 4000


def check_content_headers(content_type: str | None, content_encoding: str | None) -> None:
    """Refuse by headers alone what need not be read."""
    media_type, _, parameters = (content_type or "").partition(";")
    charset = _CHARSET.search(";" + parameters)
    if not _MEDIA_TYPE.fullmatch(media_type.strip()):
        raise problem("content-type")
    if charset is not None and charset.group(1).lower() not in _UTF8_NAMES:
        raise problem("content-type")
    if (content_encoding or "identity").strip().lower() != "identity":
        raise problem("content-encoding")


def check_content_length(length: str | None) -> None:
    """Refuse what says of itself that it is too large. It is a hint: the reader counts."""
    if length is not None and length.isdecimal() and (len(length) > 15 or int(length) > BODY_LIMIT):
        raise problem("body-too-large")


def parse_object(raw: bytes) -> JsonObject:
    """The JSON object in raw, cleaned of what Python reads and jsonb refuses (DESIGN fact 15)."""
    value = read_object(raw)
    # There are no more values than this, and counting bytes costs nothing; but a text may be full of commas.
    at_most = raw.count(b",") + raw.count(b"[") + raw.count(b"{") + 1
    if at_most > VALUE_LIMIT and _count_values(value) > VALUE_LIMIT:
        raise problem("body-values", f"The body holds more than {VALUE_LIMIT:,} values.")
    return cast(JsonObject, _clean(value, DEPTH_LIMIT))


def read_object(raw: bytes) -> JsonObject:
    """The JSON object in raw, as Python reads it."""
    try:
        value: object = _DECODER.decode(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise problem("body-encoding", f"The body is not UTF-8: byte {error.start} is wrong.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise problem(
            "body-syntax", f"The body is not JSON: {error.msg} at {where}.", members={"position": error.pos}
        ) from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise problem("body-shape")
    return cast(JsonObject, value)


def clean_text(text: str) -> str:
    """Without NUL, which Postgres cannot hold, and with U+FFFD for halves of a surrogate pair."""
    if "\0" in text:
        text = text.replace("\0", "")
    # isascii() is a flag on the string: the usual 32 kB stack is not searched at all.
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def clean_scalar(value: object) -> object:
    """A text cleaned, a number that is one; everything else as it is."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # 1e400 reads as Infinity
    return value


def _clean(value: object, room: int) -> object:
    if isinstance(value, dict):
        if room == 0:
            raise _too_deep()
        return {clean_text(key): _clean(member, room - 1) for key, member in value.items()}
    if isinstance(value, list):
        if room == 0:
            raise _too_deep()
        return [_clean(member, room - 1) for member in value]
    return clean_scalar(value)


def _count_values(value: object) -> int:
    count, left = 0, [value]
    while left:
        count += 1
        each = left.pop()
        if isinstance(each, dict):
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
    return count


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _INTEGER_DIGITS else digits


def _not_a_number(_name: str) -> None:
    """NaN and the infinities, which are no JSON but which Python's own json.dumps writes."""


def _too_deep() -> Exception:
    return problem("body-depth", f"The body is nested more than {DEPTH_LIMIT} levels deep.")


_DECODER = json.JSONDecoder(parse_constant=_not_a_number, parse_int=_integer)
