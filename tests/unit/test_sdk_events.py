"""What of an event of a Sentry SDK is passed on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.ingest.sdk import read_sdk_event
from app.problems import Problem

ID = "12c2d058d58442709aa2eca08bf20986"


def passed_on(event: dict[str, Any], default_id: object = None) -> dict[str, Any]:
    report = read_sdk_event(json.dumps(event).encode(), default_id, "public:shop", datetime.now(UTC))
    element = json.loads(report.payload)
    assert (element["sender"], report.sender) == ("public:shop", "public:shop")
    assert element["sentry_event"]["event_id"] == report.idempotency_key
    found: dict[str, Any] = element["sentry_event"]
    return found


def test_private_and_large_members_are_dropped() -> None:
    frame = {"function": "f", "lineno": 7, "vars": {"password": "x"}, "context_line": "x", "pre_context": ["x"]}
    kept = {"function": "f", "lineno": 7}
    event = {
        "event_id": ID,
        "modules": {"a": "1"},
        "debug_meta": {},
        "exception": {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": [frame], "registers": {}}}]},
        "user": {"id": "7", "ip_address": "192.0.2.1", "geo": {}},
        "request": {"url": "/cart", "cookies": "x", "data": "x", "env": {}, "headers": {"Host": "shop"}},
        "sdk": {"name": "sentry.python", "packages": [], "integrations": []},
    }
    assert passed_on(event) == {
        "event_id": ID,
        "exception": {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": [kept]}}]},
        "user": {"id": "7"},
        "request": {"url": "/cart", "headers": {"Host": "shop"}},
        "sdk": {"name": "sentry.python"},
    }


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_the_last_breadcrumbs_and_the_newest_frames_stay(is_wrapped: bool) -> None:
    def wrap(values: list[Any]) -> Any:
        return {"values": values} if is_wrapped else values

    frames = [{"lineno": number} for number in range(1000)]
    found = passed_on(
        {
            "breadcrumbs": wrap([{"message": str(number)} for number in range(100)]),
            "exception": wrap([{"type": "E", "stacktrace": {"frames": frames}}]),
            "threads": wrap([{"id": 1, "stacktrace": {"frames": frames}}]),
            "stacktrace": {"frames": frames},
        }
    )
    crumbs = found["breadcrumbs"]["values"] if is_wrapped else found["breadcrumbs"]
    assert [each["message"] for each in crumbs] == [str(number) for number in range(80, 100)]
    for name in ("exception", "threads"):
        (holder,) = found[name]["values"] if is_wrapped else found[name]
        assert holder["stacktrace"]["frames"] == frames[-250:]
    assert found["stacktrace"]["frames"] == frames[-250:]


@pytest.mark.parametrize("value", [None, True, 7, "text", [], {}, [None, 7, "x", []], {"values": None}, {"frames": 7}])
def test_members_of_any_shape_are_read(value: Any) -> None:
    names = ("exception", "threads", "stacktrace", "breadcrumbs", "user", "request", "sdk", "tags", "event_id")
    passed_on(dict.fromkeys(names, value))
    passed_on({"exception": {"values": [{"stacktrace": value}, {"stacktrace": {"frames": value}}]}})
    passed_on({"exception": {"stacktrace": value}})


def test_every_event_has_an_id() -> None:
    assert passed_on({"event_id": "12C2D058-D584-4270-9AA2-ECA08BF20986"})["event_id"] == ID
    assert passed_on({"event_id": "none"}, ID)["event_id"] == ID
    made = [passed_on({"event_id": wrong}, wrong)["event_id"] for wrong in (None, "", "x" * 32, 7, ID + "0")]
    assert len(set(made)) == 5
    assert {len(each) for each in made} == {32}


def test_what_the_database_refuses_is_cleaned() -> None:
    raw = b'{"message": "a\\u0000b\\ud800", "extra": {"n": NaN, "m": 1e999, "deep": ' + b"[" * 900 + b"]" * 900 + b"}}"
    report = read_sdk_event(raw, None, "public:shop", datetime.now(UTC))
    event = json.loads(report.payload)["sentry_event"]
    assert event["message"] == "ab\ufffd"
    assert (event["extra"]["n"], event["extra"]["m"]) == (None, None)
    assert "[trimmed]" in json.dumps(event["extra"]["deep"])


def test_a_small_event_is_cleaned_where_it_must_be() -> None:
    for depth, is_kept in ((60, True), (64, False), (900, False)):
        raw = b'{"extra": {"infinite": 1e999, "deep": ' + b"[" * depth + b"]" * depth + b"}}"
        event = json.loads(read_sdk_event(raw, None, "public:shop", datetime.now(UTC)).payload)["sentry_event"]
        assert event["extra"]["infinite"] is None
        assert ("[trimmed]" not in json.dumps(event)) == is_kept


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"text"'])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_sdk_event(raw, None, "public:shop", datetime.now(UTC))
    assert caught.value.status == 400
