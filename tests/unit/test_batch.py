"""What is read from the body of reports: one, an array, or lines."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest import payload
from app.ingest.payload import Arrival, BodyForm, Report, Reports, name_report, parse_object, read_reports
from app.problems import Problem, problem

NOW = datetime(2026, 11, 27, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def read(raw: bytes, form: BodyForm = BodyForm.JSON, key: str | None = None) -> Reports:
    return read_reports(raw, form, Arrival("server:a", NOW, key))


def events(reports: Reports) -> list[Any]:
    """The events of a batch, or the codes of its problems."""
    assert isinstance(reports, list)
    return [each.code if isinstance(each, Problem) else json.loads(each.payload)["event"] for each in reports]


def code_of(raw: bytes, form: BodyForm = BodyForm.JSON) -> str:
    with pytest.raises(Problem) as caught:
        read(raw, form)
    return caught.value.code


@given(st.lists(st.dictionaries(st.text(max_size=5), json_values, max_size=4), min_size=1, max_size=5), st.booleans())
def test_an_array_and_lines_hold_the_same_reports(documents: list[dict[str, Any]], is_ascii: bool) -> None:
    keyed = [{**document, "idempotency_key": "k"} for document in documents]
    array = json.dumps(keyed, ensure_ascii=is_ascii, indent=1).encode()
    lines = "\n".join(json.dumps(each, ensure_ascii=is_ascii) for each in keyed).encode()
    assert events(read(array)) == events(read(lines, BodyForm.LINES)) == [clean(each) for each in keyed]


def clean(document: dict[str, Any]) -> Any:
    return parse_object(json.dumps(document).encode())


@given(st.binary(max_size=200), st.sampled_from(list(BodyForm)))
def test_any_bytes_are_read_or_refused(raw: bytes, form: BodyForm) -> None:
    for body in (raw, b"[" + raw, b"[{}," + raw + b"]", b'{"error":{}}\n' + raw):
        reports = _read_or_refusal(body, form)
        assert not isinstance(reports, Problem) or 400 <= reports.status < 500


@given(st.data())
def test_a_cut_or_changed_array_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray('[{"error":{"message":"é \\ud83d\\ude00 x"}}, {"a":[1,-2.5e3,true,null]} ,{"b":"\\\\"}]'.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    body = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    reports = _read_or_refusal(body)
    if isinstance(reports, Problem):
        assert reports.code.startswith(("body-", "batch-"))
    else:
        whole = json.loads(body)
        assert len(events(reports)) == len(whole) if isinstance(whole, list) else isinstance(reports, Report)


def _read_or_refusal(raw: bytes, form: BodyForm = BodyForm.JSON) -> Reports | Problem:
    try:
        return read(raw, form)
    except Problem as refused:
        return refused


def test_an_element_may_be_longer_than_the_first_window() -> None:
    longer = {"a": "é" * 20_000, "b": [1] * 9000}
    number = b"1" * (payload._WINDOW + 3)
    raw = b"[" + json.dumps(longer, ensure_ascii=False).encode() + b"," + number + b',{"c":1}]'
    found = events(read(raw))
    assert {name: value for name, value in found[0].items() if name != "idempotency_key"} == longer
    assert (found[1], found[2]["c"]) == ("body-shape", 1)


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_an_element_may_have_a_mebibyte(size: int) -> None:
    empty = b'{"pad":""}'
    element = b'{"pad":"' + b"x" * (payload.REPORT_BYTES - len(empty) + size) + b'"}'
    if size > 0:
        assert code_of(b"[" + element + b",{}]") == "body-too-large"
        assert events(read(element + b"\n{}", BodyForm.LINES))[0] == "body-too-large"
    else:
        assert len(events(read(b"[" + element + b",{}]"))) == 2


def test_each_report_names_its_place_and_has_a_key_of_its_own() -> None:
    reports = read(b'[{"error":{}},{"error":{},"idempotency_key":"own"}]', key="abc")
    assert isinstance(reports, list)
    envelopes = [json.loads(each.payload) for each in reports if isinstance(each, Report)]
    assert [(each["position"], each["event"]["idempotency_key"]) for each in envelopes] == [(0, "abc:0"), (1, "abc:1")]
    single = read(b'{"error":{}}', key="abc")
    assert isinstance(single, Report)
    assert set(json.loads(single.payload)) == {"sender", "received_at", "event"}


def test_text_is_lines_only_if_each_is_an_object() -> None:
    assert isinstance(read(b'{"a":\n"{"}', BodyForm.TEXT), Report)
    assert isinstance(read(b'{\n{"a":1}', BodyForm.TEXT), list)
    assert events(read(b'\n{"a":1,"idempotency_key":"k"}\n{b}\n', BodyForm.TEXT)) == [
        {"a": 1, "idempotency_key": "k"},
        "body-syntax",
    ]
    assert code_of(b"", BodyForm.TEXT) == "body-syntax"


def test_the_place_is_named_from_one_and_counted_from_zero() -> None:
    named = name_report(problem("rate-limited", retry_after=7), 2)
    assert re.match("Report 3 of the batch: ", named.detail)
    assert (named.members["index"], named.members["retry_after"], named.status) == (2, 7, 429)
