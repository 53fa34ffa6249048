"""Signatures of Svix, made with the package svix: what is accepted, and that nothing raises an exception."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from svix.webhooks import Webhook

from app.web import svix

NOW = 1_800_000_000.0
KEYS = (b"old-key-of-24-bytes-or-so", b"new-key-of-24-bytes-or-so")
BODY = b'{"type":"email.sent","data":{"email_id":"\xc3\xa9"}}'


def signature_of(key: bytes, body: bytes = BODY, message_id: str = "msg_1", at: float = NOW) -> str:
    webhook = Webhook(base64.b64encode(key).decode())
    return webhook.sign(message_id, datetime.fromtimestamp(at, UTC), body.decode())


def headers_of(signature: str, message_id: str = "msg_1", timestamp: str = str(int(NOW))) -> Headers:
    return Headers({"svix-id": message_id, "svix-timestamp": timestamp, "svix-signature": signature})


def is_accepted(headers: Headers, body: bytes = BODY, keys: tuple[bytes, ...] = KEYS) -> bool:
    claimed = svix.read_svix_headers(headers, NOW)
    return claimed is not None and svix.is_svix_signed(body, claimed, keys)


@pytest.mark.parametrize("key", KEYS)
def test_each_configured_secret_is_accepted(key: bytes) -> None:
    assert is_accepted(headers_of(signature_of(key)))


def test_one_of_several_signatures_is_enough() -> None:
    """The sender signs with both secrets while one is replaced; v1a is its asymmetric kind."""
    wrong, right = signature_of(b"another-key-of-24-bytes-or-so"), signature_of(KEYS[0])
    for given_signatures in (f"{wrong} {right}", f"{right} {wrong}", f"v1a,{right[3:]} {right}", f"x {right} "):
        assert is_accepted(headers_of(given_signatures))


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("body", BODY + b" "),
        ("body", b""),
        ("message_id", "msg_2"),
        ("timestamp", str(int(NOW) + 1)),
        ("signature", signature_of(b"another-key-of-24-bytes-or-so")),
        ("signature", signature_of(KEYS[0]).replace("v1,", "v1a,")),
        ("signature", signature_of(KEYS[0]).replace("v1,", "v2,")),
        ("signature", signature_of(KEYS[0])[3:]),
        ("signature", signature_of(KEYS[0])[:-1]),
        ("signature", signature_of(KEYS[0]).replace(",", ", ")),
        ("signature", ""),
    ],
)
def test_what_was_not_signed_is_refused(change: str, value: bytes | str) -> None:
    given_values: dict[str, object] = {"signature": signature_of(KEYS[0]), "message_id": "msg_1"}
    given_values |= {"timestamp": str(int(NOW)), "body": BODY, change: value}
    body = given_values.pop("body")
    assert isinstance(body, bytes)
    assert not is_accepted(headers_of(**{name: str(each) for name, each in given_values.items()}), body)


def test_without_a_secret_nothing_is_accepted() -> None:
    assert not is_accepted(headers_of(signature_of(KEYS[0])), keys=())


@pytest.mark.parametrize(("seconds", "answer"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_request_is_at_most_five_minutes_old_and_not_of_the_future(seconds: int, answer: bool) -> None:
    at = NOW + seconds
    headers = headers_of(signature_of(KEYS[0], at=at), timestamp=str(int(at)))
    assert is_accepted(headers) is answer


@pytest.mark.parametrize("timestamp", ["", "x", "-1", "1e9", "180000000\xb2", "9" * 5000, f"{NOW}", f" {int(NOW)}"])
def test_a_malformed_timestamp_is_refused(timestamp: str) -> None:
    assert svix.read_svix_headers(headers_of(signature_of(KEYS[0]), timestamp=timestamp), NOW) is None


@pytest.mark.parametrize("missing", ["svix-id", "svix-timestamp", "svix-signature"])
def test_every_header_is_needed(missing: str) -> None:
    headers = headers_of(signature_of(KEYS[0])).mutablecopy()
    del headers[missing]
    assert svix.has_svix_headers(headers)
    assert svix.read_svix_headers(headers, NOW) is None


def test_of_a_long_list_only_the_first_signatures_count() -> None:
    """Each is compared with each secret's."""
    wrong = " ".join(["v1," + "A" * 43 + "="] * 10_000)
    claimed = svix.read_svix_headers(headers_of(f"{wrong} {signature_of(KEYS[0])}"), NOW)
    assert claimed is not None
    assert len(claimed.signatures) == 20


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=60), min_size=3, max_size=3), st.binary(max_size=50))
def test_no_header_raises_an_exception(values: list[str], body: bytes) -> None:
    assert not is_accepted(headers_of(values[2], values[0], values[1]), body)
    assert not is_accepted(headers_of(f"v1,{base64.b64encode(secrets.token_bytes(32)).decode()}", values[0]), body)


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    plain = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return plain(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert is_accepted(headers_of(signature_of(KEYS[0])))
    assert len(compared) == len(KEYS)
