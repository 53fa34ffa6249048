"""Conditions of targets against real HTTP servers: status, headers, texts and JSON."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target


def answer(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Case:
    sent: bytes
    fields: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    """Why the target is down; None when it is up."""


HEALTH = json.dumps({"status": "degraded", "queue": {"length": 12}, "token": "hunter2hunter2"}).encode()
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
CONTAINS: dict[str, Any] = {"body_contains": "healthy"}
STATUS_OK = {"jsonb_path": '$.status == "ok"'}

CASES = {
    "contains": Case(answer(b"all healthy"), CONTAINS),
    "contains no more": Case(answer(b"all dead"), CONTAINS, 'the body does not contain "healthy"'),
    "204": Case(NO_CONTENT, CONTAINS, 'the body is empty, so it does not contain "healthy"'),
    "empty 200": Case(answer(b""), CONTAINS, 'the body is empty, so it does not contain "healthy"'),
    "NUL at first": Case(answer(b"\0healthy"), CONTAINS, 'the body is empty, so it does not contain "healthy"'),
    "Latin-1 before": Case(answer(b"caf\xe9 healthy"), CONTAINS),
    "after 1 MiB": Case(
        answer(b"x" * 1_048_576 + b"healthy"), CONTAINS, 'the first MiB of the body does not contain "healthy"'
    ),
    "gzip": Case(
        answer(gzip.compress(b"all healthy"), "Content-Encoding: gzip"),
        CONTAINS,
        "the body is compressed (gzip), so it cannot be searched",
    ),
    "brotli": Case(
        answer(b"\x0b\x02\x80healthy\x03", "content-encoding: BR"),
        {"body_lacks": "error"},
        "the body is compressed (br), so it cannot be searched",
    ),
    "identity": Case(answer(b"all healthy", "Content-Encoding: identity"), CONTAINS),
    "compressed without conditions": Case(answer(gzip.compress(b"x"), "Content-Encoding: gzip")),
    "lacks": Case(answer(b"fine"), {"body_lacks": "error"}),
    "lacks, empty": Case(NO_CONTENT, {"body_lacks": "error"}),
    "lacks no more": Case(answer(b"an error"), {"body_lacks": "error"}, 'the body contains "error"'),
    "JSON": Case(answer(b'{"status": "ok"}'), STATUS_OK),
    "JSON with a mark": Case(answer(b'\xef\xbb\xbf{"status": "ok"}'), STATUS_OK),
    "other JSON": Case(answer(HEALTH), STATUS_OK, 'the body does not satisfy $.status == "ok": $.status is "degraded"'),
    "a number": Case(
        answer(HEALTH),
        {"jsonb_path": "$.queue.length < 10"},
        "the body does not satisfy $.queue.length < 10: $.queue.length is 12",
    ),
    "a secret": Case(
        answer(HEALTH),
        {"jsonb_path": '$.token == "x"'},
        'the body does not satisfy $.token == "x": $.token is [redacted]',
    ),
    "no such key": Case(answer(b"{}"), STATUS_OK, 'the body does not satisfy $.status == "ok": $.status is missing'),
    "HTML": Case(answer(b"<html>"), STATUS_OK, 'the body is no JSON: Token "<" is invalid.'),
    "no body": Case(NO_CONTENT, STATUS_OK, "the body is empty, so it is no JSON"),
    "bad bytes": Case(
        answer(b'{"status": "\xe9"}'),
        STATUS_OK,
        'the body is no JSON: invalid byte sequence for encoding "UTF8": 0xe9 0x22 0x7d',
    ),
    "a huge number": Case(
        answer(b'{"status": 1e999999999}'), STATUS_OK, "the body is no JSON: value overflows numeric format"
    ),
    "many digits": Case(
        answer(b'{"status": ' + b"9" * 100_000 + b"}"),
        STATUS_OK,
        'the body does not satisfy $.status == "ok": $.status is a value of 100000 bytes',
    ),
    "deep": Case(answer(b"[" * 500_000), STATUS_OK, "the body is no JSON: stack depth limit exceeded"),
    "NUL in JSON": Case(
        answer(rb'{"status": "\u0000"}'), STATUS_OK, "the body is no JSON: \\u0000 cannot be converted to text."
    ),
    "very large JSON": Case(
        answer(b" " * 17_000_000 + b"{}"), STATUS_OK, "the body is larger than 1 MiB, so it is not read as JSON"
    ),
    "large JSON": Case(
        answer(b" " * 1_048_576 + b"{}"),
        STATUS_OK,
        "the body is larger than 1 MiB, so it is not read as JSON",
    ),
    "header": Case(answer(b"ok", "X-Version: 2.1"), {"header_contains": {"x-version": "2."}}),
    "other header": Case(
        answer(b"ok", "X-Version: 1.9"),
        {"header_contains": {"x-version": "2."}},
        'the header "x-version: 1.9" does not contain "2."',
    ),
    "no header": Case(answer(b"ok"), {"header_contains": {"X-Version": "2."}}, "the response has no header X-Version"),
    "bytes of a header": Case(
        answer(b"ok", "X-Version: caf\xe9"),
        {"header_contains": {"x-version": "café"}},
        'the header "x-version: caf\\351" does not contain "café"',
    ),
    "a cookie": Case(
        answer(b"ok", "Set-Cookie: sid=hunter2hunter2; Path=/"),
        {"header_contains": {"set-cookie": "theme"}},
        'the header "set-cookie: [redacted]" does not contain "theme"',
    ),
    "status first": Case(
        answer(b"", status="503 No"),
        {**CONTAINS, "header_contains": {"x-a": "b"}},
        "responded with 503, expected 200-399",
    ),
    "not found as expected": Case(answer(b"", status="404 No"), {"expected_status": [404]}),
}


def test_each_condition_has_its_reason(health_checks: HealthChecks, web: Target) -> None:
    for number, case in enumerate(CASES.values()):
        web.raw[str(number)] = case.sent
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        *(
            health_checks.target(name, web.url(f"/raw/{number}"), **case.fields)
            for number, (name, case) in enumerate(CASES.items())
        )
    )
    checks = health_checks.run_round()
    assert {name: check.error for name, check in checks.items()} == {name: case.reason for name, case in CASES.items()}
    assert {name for name, check in checks.items() if check.status == "up"} == {
        name for name, case in CASES.items() if case.reason is None
    }
    for name, case in CASES.items():
        assert len(health_checks.incidents(name)) == (case.reason is not None), name
        assert "hunter2" not in repr(checks[name])


def test_the_content_type_is_that_of_what_a_redirect_leads_to(health_checks: HealthChecks, web: Target) -> None:
    health_checks.set_targets(
        health_checks.target("moved", web.url("/moved"), header_contains={"Content-Type": "application/json"}),
        health_checks.target(
            "moved, gzip", web.url("/raw/moved"), body_contains='"GET"', header_contains={"content-type": "json"}
        ),
    )
    web.raw["moved"] = answer(b"\x1f\x8b", "Location: /echo", "Content-Encoding: gzip", status="302 Found")
    checks = health_checks.run_round()
    assert {name: (check.status, check.error) for name, check in checks.items()} == {
        "moved": ("up", None),
        "moved, gzip": ("up", None),
    }
