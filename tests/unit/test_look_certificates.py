"""Looks at TLS servers: what they say about certificates and failed handshakes."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from app.looks.certificate import Certificate, read_certificate
from app.looks.vantage import Order, Sighting, look
from tests.support.tls_server import (
    KeyPair,
    distinguished,
    make_authority,
    make_certificate,
    tls_server,
    trusting,
)

HOST = "shop.example"
AUTHORITY = make_authority()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that was not accepted is read however busy the machine is."""
    monkeypatch.setattr("app.looks.network._CERTIFICATE_SECONDS", 60)


async def resolve_here(host: str) -> list[str]:
    return ["127.0.0.1"]


async def look_at(port: int, host: str = HOST, context: ssl.SSLContext | None = None) -> Sighting:
    order = Order(1, f"https://{host}:{port}/", "GET", {}, None, None, 30_000, allow_private=True, wants_body=False)
    return await look(order, context or trusting(AUTHORITY), resolve_here)


async def test_a_certificate_that_clients_accept_is_read() -> None:
    pair = make_certificate(HOST, "*.shop.example", "127.0.0.1", issuer=AUTHORITY, days_left=5)
    with tls_server(pair.server_context()) as port:
        seen = await look_at(port)
    assert (seen.http_status, seen.error_kind, seen.problem) == (200, None, None)
    found = seen.certificate
    assert found is not None
    assert (found.issuer, found.subject, found.problem) == ("Test Authority (Tests)", HOST, None)
    assert found.names == [HOST, "*.shop.example", "127.0.0.1"]
    assert found.not_after is not None
    left = datetime.fromisoformat(found.not_after) - datetime.now(UTC)
    assert timedelta(days=4.9) < left <= timedelta(days=5)
    assert found.not_before is not None
    assert found.not_before.endswith("+00:00")


def rejected() -> dict[str, tuple[KeyPair, list[KeyPair], str]]:
    unknown_issuer = make_authority("Unknown Authority")
    expired = make_certificate(HOST, issuer=AUTHORITY, days_left=-3)
    early = make_certificate(HOST, issuer=AUTHORITY, valid_from_days=2)
    middle = make_certificate(
        issuer=AUTHORITY, is_authority=True, subject=distinguished("Middle Authority"), days_left=-1
    )
    return {
        "self-signed": (make_certificate(HOST), [], "the certificate is self-signed"),
        "expired": (
            expired,
            [],
            f"the certificate expired on {expired.certificate.not_valid_after_utc.date()}",
        ),
        "not yet valid": (
            early,
            [],
            f"the certificate is not valid before {early.certificate.not_valid_before_utc.date()}",
        ),
        "wrong name": (
            make_certificate("other.example", "www.other.example", issuer=AUTHORITY),
            [],
            "the certificate is not valid for shop.example, but for other.example, www.other.example",
        ),
        "another common name": (
            make_certificate(issuer=AUTHORITY, subject=distinguished("other.example")),
            [],
            "the certificate is not valid for shop.example, but for other.example",
        ),
        "unknown authority": (
            make_certificate(HOST, issuer=unknown_issuer),
            [],
            "the certificate was issued by an unknown authority (Unknown Authority (Tests)), or the server does not "
            "send the whole chain",
        ),
        "unknown authority in the chain": (
            make_certificate(HOST, issuer=unknown_issuer),
            [unknown_issuer],
            "the certificate was issued by an unknown authority (Unknown Authority (Tests)), or the server does not "
            "send the whole chain",
        ),
        "expired authority": (
            make_certificate(HOST, issuer=middle),
            [middle],
            "the certificate of the authority that issued it has expired",
        ),
    }


@pytest.mark.parametrize("kind", rejected())
async def test_a_certificate_that_clients_reject_is_read_as_well(kind: str) -> None:
    pair, chain, problem = rejected()[kind]
    with tls_server(pair.server_context(chain)) as port:
        seen = await look_at(port)
    assert (seen.http_status, seen.error_kind, seen.problem) == (None, "tls", problem)
    assert seen.certificate is not None
    assert seen.certificate.problem == problem
    assert seen.certificate.not_after == pair.certificate.not_valid_after_utc.isoformat()
    assert seen.certificate.subject in (HOST, "other.example")
    assert seen.response_time_ms is None


async def test_a_rejected_certificate_that_cannot_be_read_again_is_no_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.looks.network._CERTIFICATE_SECONDS", 0.05)
    with tls_server(make_certificate(HOST).server_context(), handshakes=1) as port:
        seen = await look_at(port)
    assert (seen.error_kind, seen.problem) == ("tls", "the certificate is self-signed")
    assert seen.certificate == Certificate(problem="the certificate is self-signed")


async def test_the_certificate_of_an_address_is_checked() -> None:
    with tls_server(make_certificate("127.0.0.1", issuer=AUTHORITY).server_context()) as port:
        assert (await look_at(port, "127.0.0.1")).http_status == 200
    with tls_server(make_certificate(HOST, issuer=AUTHORITY).server_context()) as port:
        seen = await look_at(port, "127.0.0.1")
    assert seen.problem == "the certificate is not valid for 127.0.0.1, but for shop.example"


async def test_a_final_dot_in_the_name_does_not_matter() -> None:
    with tls_server(make_certificate(HOST, issuer=AUTHORITY).server_context()) as port:
        assert (await look_at(port, f"{HOST}.")).http_status == 200


async def test_the_server_is_told_which_name_is_meant() -> None:
    context = make_certificate(HOST, issuer=AUTHORITY).server_context()
    names: list[str | None] = []

    def choose(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        names.append(name)
        return None if name == HOST else int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)

    context.sni_callback = choose
    with tls_server(context) as port:
        assert (await look_at(port)).http_status == 200
        assert (await look_at(port, "other.example")).problem == "the server has no certificate for this name"
    assert names == [HOST, "other.example"]


async def test_a_server_without_a_version_in_common() -> None:
    context = make_certificate(HOST, issuer=AUTHORITY).server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    for name in ("minimum_version", "maximum_version"):
        with pytest.warns(DeprecationWarning, match=r"TLSv1_1 is deprecated"):
            setattr(context, name, ssl.TLSVersion.TLSv1_1)
    with tls_server(context) as port:
        seen = await look_at(port)
    assert seen.error_kind == "tls"
    assert seen.problem == "the server speaks no version of TLS that clients accept (1.2 or newer)"
    assert seen.certificate is None


async def test_a_server_without_tls() -> None:
    with tls_server(None) as port:
        seen = await look_at(port)
    assert (seen.error_kind, seen.problem) == ("tls", "the server speaks no TLS on this port")
    assert seen.addresses == ["127.0.0.1"]


async def test_a_server_that_wants_a_certificate_of_the_client() -> None:
    context = make_certificate(HOST, issuer=AUTHORITY).server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    with tls_server(context) as port:
        seen = await look_at(port)
    assert (seen.error_kind, seen.problem) == ("tls", "the server requires a certificate of the client")


def test_a_certificate_that_cannot_be_parsed() -> None:
    for der in (b"", b"no certificate", b"\x30\x82\xff\xff" + b"\x00" * 100):
        assert read_certificate(der).problem == "the certificate cannot be read"


def test_long_and_unprintable_names_are_bounded() -> None:
    subject = distinguished("a\x07" + "b" * 60, "c" * 64)
    found = read_certificate(_der(make_certificate(*(f"n{number}.example" for number in range(300)), subject=subject)))
    assert found.subject is not None
    assert found.subject.startswith("a?bbb")
    assert len(found.names) == 100


def _der(pair: KeyPair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.pem().decode())
