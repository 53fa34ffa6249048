"""The envelope of Sentry's SDKs: what its format permits, and where it is damaged."""

import json

import pytest

from app.problems import Problem
from app.web.envelope import ITEM_LIMIT, Item, read_envelope

HEADER = b'{"event_id":"12c2d058d58442709aa2eca08bf20986"}\n'


def _items(raw: bytes) -> list[tuple[str, bytes]]:
    return [(item.type, item.payload) for item in read_envelope(raw).items]


def test_an_item_has_the_bytes_that_its_length_counts() -> None:
    raw = HEADER + b'{"type":"attachment","length":5}\na\nb\nc\n{"type":"event","length":2}\n{}\n'
    assert _items(raw) == [("attachment", b"a\nb\nc"), ("event", b"{}")]


def test_an_item_without_a_length_ends_with_the_line() -> None:
    raw = HEADER + b'{"type":"event"}\n{"message":"one"}\n{"type":"session","length":null}\n{}'
    assert _items(raw) == [("event", b'{"message":"one"}'), ("session", b"{}")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n\n"])
def test_the_last_line_break_is_optional(end: bytes) -> None:
    assert _items(HEADER + b'{"type":"event","length":2}\n{}' + end) == [("event", b"{}")]


@pytest.mark.parametrize("raw", [b"{}", b"{}\n", b"{}\n\n", HEADER])
def test_an_envelope_can_be_empty(raw: bytes) -> None:
    assert read_envelope(raw).items == ()


@pytest.mark.parametrize("raw", [b'{"type":"x","length":0}', b'{"type":"x","length":0}\n', b'{"type":"x"}\n\n'])
def test_a_payload_can_be_empty(raw: bytes) -> None:
    assert _items(HEADER + raw) == [("x", b"")]
    assert _items(HEADER + raw + b'\n\n\n{"type":"event"}\n{}')[-1] == ("event", b"{}")


def test_header_lines_may_end_with_a_carriage_return() -> None:
    assert _items(b'{}\r\n{"type":"event"}\r\n{}\n') == [("event", b"{}")]


def test_an_item_knows_the_line_of_its_payload() -> None:
    raw = HEADER + b'{"type":"attachment","length":3}\n\n\n\n\n{"type":"event"}\n{}'
    assert read_envelope(raw).items[1] == Item("event", b"{}", 8)


def test_every_truncation_is_refused_or_drops_whole_items() -> None:
    payload = json.dumps({"message": "payment failed", "extra": {"text": "line\nbreak"}}).encode()
    whole = HEADER + b"".join(b'{"type":"event","length":%d}\n%b\n' % (len(payload), payload) for _ in range(3))
    for length in range(len(whole)):
        refused, items = [], []
        try:
            items = _items(whole[:length])
        except Problem as error:
            refused.append(error)
        assert [each.status for each in refused] in ([], [400])
        assert items == [("event", payload)] * len(items)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", 1),
        (b"\n{}", 1),
        (b"no json\n", 1),
        (b"[]\n", 1),
        (b"\xff\n", 1),
        (b"[" * 60_000, 1),
        (b'{"dsn":"' + b"x" * 70_000 + b'"}\n', 1),
        (HEADER + b"no json\n{}", 2),
        (HEADER + b"\n" * 2**23 + b"no json", 2**23 + 2),
        (HEADER + b'{"type":"event","filename":"' + b"x" * 9000 + b'"}\n{}', 2),
        (HEADER + b'{"type":"event"}\n{}\n{"length":2}\n{}', 4),
        (HEADER + b'\n\n{"type":7}\n{}', 4),
        (HEADER + b'{"type":"event","length":3}\n{}', 2),
        (HEADER + b'{"type":"event","length":1}\n{}', 2),
        (HEADER + b'{"type":"event","length":-1}\n{}', 2),
        (HEADER + b'{"type":"event","length":true}\n{}', 2),
        (HEADER + b'{"type":"event","length":"2"}\n{}', 2),
        (HEADER + b'{"type":"event","length":2.0}\n{}', 2),
        (HEADER + b'{"type":"event","length":1' + b"0" * 9000 + b"}\n{}", 2),
    ],
)
def test_a_damaged_header_is_refused_with_its_line(raw: bytes, line: int) -> None:
    with pytest.raises(Problem, match=f"Line {line} of the envelope: ") as caught:
        read_envelope(raw)
    assert (caught.value.status, caught.value.code, caught.value.members) == (400, "envelope", {"line": line})


def test_there_are_not_too_many_items() -> None:
    item = b'{"type":"session"}\n\n'
    assert len(read_envelope(HEADER + item * ITEM_LIMIT).items) == ITEM_LIMIT
    with pytest.raises(Problem, match="1,000 items") as caught:
        read_envelope(HEADER + item * (ITEM_LIMIT + 1))
    assert caught.value.status == 413
