"""Input that is expensive to process: compressed or nested bodies, and texts against regular expressions.

How long such input takes is measured by `make bench`.
"""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import psycopg
import pytest

from app.signatures import sign
from tests.integration.sentry.conftest import ROUTE as WEBHOOK
from tests.integration.sentry.conftest import SECRETS

BYTES = 100_000
TEXTS = {
    "a's": "a" * BYTES,
    "blanks": " " * BYTES,
    "digits": "1" * BYTES,
    "card numbers": "4111 1111 1111 1111 " * (BYTES // 20),
    "addresses": "a@b.c " * (BYTES // 6),
    "at signs": "@" * BYTES,
    "keys": "password=" * (BYTES // 9),
    "keys and values": 'password: "x", ' * (BYTES // 15),
    "dots": "eyJ." * (BYTES // 4),
    "slashes": "://" * (BYTES // 3),
    "colons": "a:b@" * (BYTES // 4),
    "brackets": "[(<{" * (BYTES // 4),
    "quotes": "\"'`" * (BYTES // 3),
    "backslashes": "\\" * BYTES,
    "escapes": "\x1b[" * (BYTES // 2),
    "statuses": "http 502 status 503 " * (BYTES // 20),
    "hex": "deadbeef-" * (BYTES // 9),
    "private keys": "-----BEGIN PRIVATE KEY-----" * (BYTES // 27),
    "percents": "%40%3a%2f" * (BYTES // 9),
    "timestamps": "2026-01-01T00:00:00Z " * (BYTES // 21),
    "letters beyond ASCII": "é日🚀" * (BYTES // 9),
}
FUNCTIONS = {
    "classification": "select public.classify_error(%s)",
    "sanitising": "select monitoring.sanitise_text(%s, 4096)",
    "fingerprint": "select monitoring.fingerprint_error(%s, 'E', 's')",
}


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_makes_a_regular_expression_backtrack_without_end(
    connection: psycopg.Connection[Any], text: str
) -> None:
    """100 kB take milliseconds; catastrophic backtracking would take hours."""
    connection.execute("set statement_timeout = '60s'")
    for query in FUNCTIONS.values():
        assert connection.execute(query.encode(), [TEXTS[text]]).fetchone() is not None


def test_compressed_bodies_are_refused(http: httpx.Client) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert http.post("/api/autonomous/error", content=bomb, headers=headers).status_code == 415
    signed = {**headers, "Sentry-Hook-Resource": "issue", "Sentry-Hook-Signature": sign(bomb, SECRETS[0])}
    assert http.post(WEBHOOK, content=bomb, headers=signed).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"error":{"message":"m"},"context":{"a":[' + b"[]," * 300_000 + b"[]]}}",
        b'{"error":{"message":"m"},"n":' + b"9" * 900_000 + b"}",
        b'{"error":{"message":"m"},"n":1e' + b"9" * 900_000 + b"}",
        b'{"error":{"message":"' + b"\\u0000" * 150_000 + b'"}}',
        b'{"error":{"message":"' + b"\\ud800" * 150_000 + b'"}}',
        b'{"error":{"message":"m"},' + b",".join(b'"k%d":1' % n for n in range(15_000)) + b"}",
    ],
    ids=[
        "deep object",
        "deep list",
        "many lists",
        "long number",
        "large exponent",
        "nuls",
        "surrogates",
        "keys",
    ],
)
def test_expensive_bodies_are_answered(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/api/autonomous/error", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (201, 400, 413), answer.text
