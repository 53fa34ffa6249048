"""Request bodies: values that jsonb refuses are replaced, and invalid JSON is refused with its position."""

import gc
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.ingest import payload
from app.ingest.payload import (
    DEPTH_LIMIT,
    VALUE_LIMIT,
    Arrival,
    BodyForm,
    parse_object,
    read_report,
    read_reports,
)
from app.problems import Problem
from app.web.body import BODY_LIMIT, JSON_TYPE, check_declared_length, require_identity, require_media_type
from tests.support.json_texts import KEYS, TEXTS, VALUES, write_object


def refused(raw: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        parse_object(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (rb'{"a": "x\u0000y"}', {"a": "xy"}),
        (rb'{"x\u0000y": 1}', {"xy": 1}),
        (rb'{"a": "\ud800"}', {"a": "\ufffd"}),
        (rb'{"a": "\udc00\ud800 \ud83d\ude00"}', {"a": "\ufffd\ufffd \U0001f600"}),
        (rb'{"a": "\ud83d\u0000\ude00"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": [NaN, Infinity, -Infinity, 1e400, -1e400]}', {"a": [None] * 5}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": %s}' % (b"9" * 400), {"a": int("9" * 400)}),
        (b'{"a": %s}' % (b"9" * 5000), {"a": "9" * 5000}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "ü"}'.encode(), {"a": "ü"}),
        (b"{}", {}),
    ],
)
def test_parsed_values(raw: bytes, value: object) -> None:
    read = parse_object(raw)
    assert read == value
    json.dumps(read, ensure_ascii=False, allow_nan=False).encode()


def test_invalid_utf8_is_refused_with_its_position() -> None:
    problem = refused(b'{"a": "\xff"}')
    assert (problem.status, problem.code) == (400, "body-encoding")
    assert "byte 7" in problem.detail


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": }', b"{'a': 1}", b'{"a": "line\nbreak"}', b'{"a": 1} x', b"nul"])
def test_invalid_json_is_refused_with_its_position(raw: bytes) -> None:
    problem = refused(raw)
    assert (problem.status, problem.code) == (400, "body-syntax")
    assert "line " in problem.detail
    assert isinstance(problem.members["position"], int)


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"1", b"null", b"true", b"NaN"])
def test_only_an_object_is_accepted(raw: bytes) -> None:
    assert refused(raw).code == "body-shape"


def nested(levels: int, opening: bytes = b'{"a":', closing: bytes = b"}") -> bytes:
    return opening * levels + b"1" + closing * levels


def test_the_depth_limit_is_exact() -> None:
    parse_object(nested(DEPTH_LIMIT))
    assert refused(nested(DEPTH_LIMIT + 1)).code == "body-depth"


def test_values_are_counted_and_commas_in_a_text_are_not() -> None:
    parse_object(b'{"a": "' + b"," * VALUE_LIMIT + b'"}')
    parse_object(b'{"a": [' + b"0," * (VALUE_LIMIT - 3) + b"0]}")
    assert refused(b'{"a": [' + b"0," * (VALUE_LIMIT - 2) + b"0]}").code == "body-values"


@pytest.mark.parametrize("levels", [1_000, 100_000])
def test_thousands_of_levels_are_refused(levels: int) -> None:
    assert refused(nested(levels)).code == "body-depth"
    assert refused(nested(levels, b"[", b"]")).status == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/vnd.api+json",
        "application/json; profile=x",
    ],
)
def test_json_content_types_are_accepted(content_type: str) -> None:
    require_media_type(Headers({"Content-Type": content_type}), JSON_TYPE)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json; charset=",
    ],
)
def test_other_content_types_are_refused(content_type: str | None) -> None:
    headers = Headers({} if content_type is None else {"Content-Type": content_type})
    with pytest.raises(Problem) as caught:
        require_media_type(headers, JSON_TYPE)
    assert (caught.value.status, caught.value.code) == (415, "content-type")


@pytest.mark.parametrize("content_encoding", ["gzip", "identity, br"])
def test_compressed_bodies_are_refused(content_encoding: str) -> None:
    with pytest.raises(Problem) as caught:
        require_identity(Headers({"Content-Encoding": content_encoding}))
    assert (caught.value.status, caught.value.code) == (415, "content-encoding")


@pytest.mark.parametrize("length", ["1048577", "9" * 5000])
def test_a_length_that_is_too_large(length: str) -> None:
    with pytest.raises(Problem) as caught:
        check_declared_length(Headers({"Content-Length": length}), BODY_LIMIT)
    assert caught.value.status == 413


@pytest.mark.parametrize("length", ["1048576", "0", "-1", "many", "²"])
def test_a_length_is_only_a_hint(length: str) -> None:
    require_identity(Headers({"Content-Encoding": "Identity"}))
    check_declared_length(Headers({"Content-Length": length}), BODY_LIMIT)


def test_a_report_is_wrapped_with_its_sender() -> None:
    """A body that looks like such an envelope is wrapped too, so it cannot name its own sender or time of receipt."""
    forged = b'"sender": "service", "received_at": "2001-01-01"'
    body = b'{%b, "event": {"error": {"message": "m"}}, "idempotency_key": "k"}' % forged
    received_at = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
    report = read_report(body, None, "server:shop", received_at)
    assert json.loads(report.payload) == {
        "sender": "server:shop",
        "received_at": "2026-01-31T10:00:00+00:00",
        "event": json.loads(body),
    }
    assert report.idempotency_key == "k"


def _read_all(raw: bytes, key: str | None) -> object:
    """What read_report() makes of a body, or its Problem; numbers with a fraction as Python reads them."""
    try:
        report = read_report(raw, key, "server:shop", datetime(2026, 11, 24, tzinfo=UTC), position=3)
    except Problem as refused:
        return refused.as_json()
    return json.loads(report.payload), report.idempotency_key


@settings(max_examples=500, deadline=None, database=None, derandomize=True)
@given(
    st.lists(st.tuples(TEXTS | st.just('"idempotency_key"'), VALUES), max_size=5),
    KEYS,
    st.sampled_from(["", " \r\n", "\ufeff", "x", "]"]),
)
def test_a_report_that_is_sent_on_as_it_is_has_the_same_meaning_as_one_that_is_written_again(
    members: list[tuple[str, str]], key: str | None, beside: str
) -> None:
    raw = (beside + write_object(members) + beside).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(payload, "urandom", bytes)
        sent = _read_all(raw, key)
        patched.setattr(payload, "_is_sendable", lambda _raw: False)
        assert sent == _read_all(raw, key)


def test_an_ordinary_report_is_sent_on_as_it_is() -> None:
    raw = b'{"error": {"message": "\xc3\xbc \\u00fc", "n": [1, 2.50]} }\n'
    report = read_report(raw, 'k"', "server:shop", datetime(2026, 11, 24, tzinfo=UTC))
    assert b'{"error": {"message": "\xc3\xbc \\u00fc", "n": [1, 2.50]} ,"idempotency_key":"k\\""}' in report.payload


@pytest.mark.parametrize("refused_line", [b'"text"', b"{", b"\xff", b'{"a": [' + b"[]," * 20_000 + b"[]]}"])
def test_a_refused_report_of_a_batch_does_not_wait_for_the_garbage_collector(refused_line: bytes) -> None:
    """Its Problem would refer to all that is known of it, and that to the Problem: 10 MiB of each batch."""
    arrival = Arrival("server:shop", datetime(2026, 11, 24, tzinfo=UTC), None)

    def problems() -> int:
        return sum(type(each) is Problem for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = problems()
        reports = read_reports(refused_line + b"\n{}", BodyForm.LINES, arrival)
        assert isinstance(reports, list)
        assert [isinstance(each, Problem) for each in reports] == [True, False]
        del reports
        assert problems() == before
    finally:
        gc.enable()
