"""Signatures of Svix, which signs the webhooks of Resend, in the format of Standard Webhooks.

The header svix-signature lists signatures such as v1,K5oZ…=, separated by spaces: the base64 of the HMAC-SHA256 of the
id, the timestamp and the raw body, joined by dots. A body that was parsed and serialized again does not match. Several
signatures are sent while a secret is replaced.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers

# How old a request may be, or how far in the future: a recorded request cannot be repeated later.
TOLERANCE_SECONDS = 300
_ID = re.compile(r"[\x21-\x7e]{1,255}")
_TIMESTAMP = re.compile("[0-9]{1,12}")
_SIGNATURE = re.compile(r"v1,([A-Za-z0-9+/]{43}=)")
_SIGNATURE_LIMIT = 20


@dataclass(frozen=True)
class SvixSignature:
    """What the headers of a request claim."""

    message_id: str
    timestamp: str
    signatures: tuple[str, ...]


def has_svix_headers(headers: Headers) -> bool:
    """Whether a request says that it is signed."""
    return any(name in headers for name in ("svix-id", "svix-timestamp", "svix-signature"))


def read_svix_headers(headers: Headers, now: float) -> SvixSignature | None:
    """What the headers claim, or None if they permit no valid signature: nothing of the body needs to be read then."""
    message_id, timestamp = headers.get("svix-id", ""), headers.get("svix-timestamp", "")
    given = headers.get("svix-signature", "").split(" ")[:_SIGNATURE_LIMIT]
    signatures = tuple(match.group(1) for each in given if (match := _SIGNATURE.fullmatch(each)))
    if not (_ID.fullmatch(message_id) and _TIMESTAMP.fullmatch(timestamp) and signatures):
        return None
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return None
    return SvixSignature(message_id, timestamp, signatures)


def is_svix_signed(body: bytes, claimed: SvixSignature, keys: Iterable[bytes]) -> bool:
    """Whether one of the keys signed the raw body. All are tried, so that the time reveals nothing about them."""
    head = f"{claimed.message_id}.{claimed.timestamp}.".encode()
    expected = [b64encode(hmac.digest(key, head + body, "sha256")) for key in keys]
    given = [each.encode() for each in claimed.signatures]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    return any(matches)
