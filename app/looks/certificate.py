"""Reads the certificates of servers, and says in words why a TLS handshake failed. No rules: only what was seen."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import NameOID

_MOST_NAMES = 100
_LONGEST_TEXT = 255
# Values of SSLCertVerificationError.verify_code.
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN_ISSUERS = (2, 19, 20, 21)
_WRONG_HOST = (62, 64)

_NO_TLS = "the server speaks no TLS on this port"
_NO_VERSION = "the server speaks no version of TLS that clients accept (1.2 or newer)"
_NO_NAME = "the server has no certificate for this name"
_CLOSED = "the server closed the connection during the TLS handshake"
# By the reason that OpenSSL gives.
_HANDSHAKE_PROBLEMS = {
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _NO_VERSION,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server refused the TLS handshake: it has no version or cipher in common",
    "TLSV1_UNRECOGNIZED_NAME": _NO_NAME,
    "TLSV1_ALERT_UNRECOGNIZED_NAME": _NO_NAME,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server requires a certificate of the client",
    "UNEXPECTED_EOF_WHILE_READING": _CLOSED,
    "HTTP_REQUEST": _NO_TLS,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
}

Value = TypeVar("Value")


@dataclass(frozen=True)
class Certificate:
    """A server's certificate; times in ISO 8601. problem is why clients reject it, None if they accept it."""

    issuer: str | None = None
    subject: str | None = None
    names: list[str] = field(default_factory=list)
    not_before: str | None = None
    not_after: str | None = None
    problem: str | None = None


def read_certificate(der: bytes) -> Certificate:
    """What a certificate says. A member that cannot be read is empty, because anybody can write a certificate."""
    parsed = _try(lambda: x509.load_der_x509_certificate(der))
    if parsed is None:
        return Certificate(problem="the certificate cannot be read")
    names = _try(lambda: _find_names(parsed)) or []
    return Certificate(
        issuer=_try(lambda: _describe_name(parsed.issuer)),
        subject=_try(lambda: _describe_name(parsed.subject)) or next(iter(names), None),
        names=names,
        not_before=_try(lambda: parsed.not_valid_before_utc.isoformat()),
        not_after=_try(lambda: parsed.not_valid_after_utc.isoformat()),
    )


def describe_rejection(error: ssl.SSLCertVerificationError, host: str, certificate: Certificate) -> str:
    """Why clients reject the certificate."""
    now = datetime.now(UTC)
    code = error.verify_code
    if code == _EXPIRED and certificate.not_after and datetime.fromisoformat(certificate.not_after) <= now:
        return f"the certificate expired on {_date(certificate.not_after)}"
    if code == _EXPIRED:
        return "the certificate of the authority that issued it has expired"
    if code == _NOT_YET_VALID and certificate.not_before:
        return f"the certificate is not valid before {_date(certificate.not_before)}"
    if code == _SELF_SIGNED:
        return "the certificate is self-signed"
    if code in _UNKNOWN_ISSUERS:
        by = f" ({certificate.issuer})" if certificate.issuer else ""
        return f"the certificate was issued by an unknown authority{by}, or the server does not send the whole chain"
    if code in _WRONG_HOST:
        names = ", ".join(certificate.names[:5]) or certificate.subject or "no name"
        more = f" and {len(certificate.names) - 5} more" if len(certificate.names) > 5 else ""
        return f"the certificate is not valid for {host}, but for {names}{more}"
    return f"the certificate is not accepted: {error.verify_message}"


def describe_handshake_error(error: BaseException | None) -> str:
    """Why a TLS handshake failed before a certificate was judged."""
    if not isinstance(error, ssl.SSLError):
        return _CLOSED
    reason = error.reason or ""
    return _HANDSHAKE_PROBLEMS.get(reason) or f"the TLS handshake failed: {reason.replace('_', ' ').lower() or error}"


def _try(read: Callable[[], Value]) -> Value | None:
    """cryptography reads a part when it is asked for, and documents no complete list of exceptions."""
    try:
        return read()
    except Exception:
        return None


def _find_names(certificate: x509.Certificate) -> list[str]:
    """The names and addresses of hosts for which it is valid."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = [
        *extension.get_values_for_type(x509.DNSName),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    ]
    return [_clean(name) for name in names[:_MOST_NAMES]]


def _describe_name(name: x509.Name) -> str | None:
    """The common name, with the organization: R11 (Let's Encrypt)."""
    common, organization = (
        next((str(each.value) for each in name.get_attributes_for_oid(oid)), None)
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    )
    if common and organization and organization not in common:
        return _clean(f"{common} ({organization})")
    return _clean(common or organization or name.rfc4514_string()) or None


def _clean(text: str) -> str:
    """Printable, and not too long for a sentence."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST_TEXT]


def _date(moment: str) -> str:
    return moment[:10]
