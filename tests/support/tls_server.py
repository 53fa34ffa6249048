"""Certificates that are right or wrong in one respect, and a local server that presents them."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.waiting import DEADLINE_SECONDS

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def distinguished(common_name: str, organization: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def server_context(self, chain: Sequence[KeyPair] = ()) -> ssl.SSLContext:
        """What a server presents: the certificate, then the chain."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "certificate.pem"
            path.write_bytes(self.pem() + b"".join(each.pem() for each in chain) + key)
            context.load_cert_chain(path)
        return context


def make_certificate(
    *names: str,
    issuer: KeyPair | None = None,
    valid_from_days: float = -30,
    days_left: float = 60,
    subject: x509.Name | None = None,
    is_authority: bool = False,
) -> KeyPair:
    """A certificate for these names, signed by the issuer, or by itself. Days count from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = subject or distinguished(names[0] if names else "Unnamed")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid_from_days))
        .not_valid_after(now + timedelta(days=days_left))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(general_name, names)), critical=False)
    if issuer is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    return KeyPair(builder.sign((issuer or KeyPair(None, key)).key, hashes.SHA256()), key)  # type: ignore[arg-type]


def make_authority(common_name: str = "Test Authority") -> KeyPair:
    """The certificate of an authority."""
    subject = distinguished(common_name, "Tests")
    return make_certificate(subject=subject, is_authority=True, days_left=3650, valid_from_days=-365)


def trusting(*authorities: KeyPair) -> ssl.SSLContext:
    """What a client has that trusts these authorities only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in authorities:
        context.load_verify_locations(cadata=each.pem().decode())
    return context


@contextmanager
def tls_server(context: ssl.SSLContext | None, handshakes: int | None = None) -> Iterator[int]:
    """The port of a server in a thread that answers 200; without a context it speaks no TLS.

    With `handshakes` it is silent after so many connections.

    With blocking sockets, because asyncio closes a connection without the alert that says why a handshake failed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(8) as pool:
        thread = threading.Thread(target=_accept, args=(listener, context, pool, handshakes))
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # ends accept()
            thread.join()


def _accept(
    listener: socket.socket, context: ssl.SSLContext | None, pool: ThreadPoolExecutor, handshakes: int | None
) -> None:
    silent = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        if handshakes == 0:
            silent.append(connection)
            continue
        handshakes = None if handshakes is None else handshakes - 1
        pool.submit(_serve, connection, context)
    for connection in silent:
        connection.close()


def _serve(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    connection.settimeout(DEADLINE_SECONDS)
    with connection, suppress(OSError):
        if context is None:
            connection.recv(65536)
            connection.sendall(ANSWER.replace(b"200 OK", b"400 Bad Request"))
            return
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            try:
                secured.do_handshake()
                if secured.recv(65536):  # who only reads the certificate sends nothing
                    secured.sendall(ANSWER)
            except ssl.SSLError:
                # Closed with unread bytes, the connection would be reset, and the alert lost.
                socket.socket.shutdown(secured, socket.SHUT_WR)
                while socket.socket.recv(secured, 65536):
                    pass
