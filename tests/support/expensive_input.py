"""Texts and request bodies that are expensive to process; the tests and `make bench` use them."""

from __future__ import annotations

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
    "explanation": (
        "select monitoring.find_deciding_part(jsonb_build_object('message', message), verdict.rule, 200)"
        " from (select %s::text as message) as given cross join lateral public.classify_error(message) as verdict"
    ),
    "sanitizing": "select monitoring.sanitize_text(%s, 4096)",
    "fingerprint": "select monitoring.fingerprint_error(%s, 'E', 's')",
}
BODIES = {
    "deep object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep list": b"[" * 10_000 + b"]" * 10_000,
    "many lists": b'{"error":{"message":"m"},"context":{"a":[' + b"[]," * 300_000 + b"[]]}}",
    "long number": b'{"error":{"message":"m"},"n":' + b"9" * 900_000 + b"}",
    "large exponent": b'{"error":{"message":"m"},"n":1e' + b"9" * 900_000 + b"}",
    "nuls": b'{"error":{"message":"' + b"\\u0000" * 150_000 + b'"}}',
    "surrogates": b'{"error":{"message":"' + b"\\ud800" * 150_000 + b'"}}',
    "keys": b'{"error":{"message":"m"},' + b",".join(b'"k%d":1' % n for n in range(15_000)) + b"}",
}
