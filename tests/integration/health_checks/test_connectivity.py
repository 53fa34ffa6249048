"""Whether the targets failed or our own connection: only the silence of two hosts puts the latter in doubt."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.service_process import refusing_port

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
"""Two hosts of this machine."""


@pytest.fixture
def port() -> Iterator[int]:
    """A port that refuses connections, of whichever host."""
    with refusing_port() as refusing:
        yield refusing


def statuses(health_checks: HealthChecks) -> dict[str, str]:
    return {name: row.status for name, row in health_checks.run_round().items()}


def opened(health_checks: HealthChecks, *names: str) -> list[str]:
    """The targets with a live incident of their own."""
    return [name for name in names if any(each.status != "resolved" for each in health_checks.incidents(name))]


def test_silence_of_two_hosts_is_one_incident_about_our_connection(
    health_checks: HealthChecks, web: Target, port: int
) -> None:
    health_checks.set_targets(
        health_checks.target("a", f"http://{FIRST}:{port}/", "backend"),
        health_checks.target("b", f"http://{SECOND}:{port}/", "database"),
    )
    before = 0
    for occurrence in range(2):
        checks = health_checks.run_round()
        (incident,) = health_checks.live("connectivity")
        assert {row.status for row in checks.values()} == {"unknown"}
        assert {row.incident_id for row in checks.values()} == {incident.id}
        # It may have been open before, in another test.
        assert occurrence == 0 or incident.occurrence_count == before + 1
        before = incident.occurrence_count
    assert incident.severity == "HIGH"
    assert opened(health_checks, "a", "b") == []
    # pg_net responded: its incident stays closed, however many rounds are unknown.
    assert health_checks.live("prober") == []

    # One answers: it was the other after all.
    health_checks.set_targets(
        health_checks.target("a", web.url("/status/200"), "backend"),
        health_checks.target("b", f"http://{SECOND}:{port}/", "database"),
    )
    assert statuses(health_checks) == {"a": "up", "b": "down"}
    assert health_checks.live("connectivity") == []
    assert opened(health_checks, "a", "b") == ["b"]


@pytest.mark.parametrize(
    "urls",
    [
        ["http://127.0.0.1:{port}/one", "http://127.0.0.1:{port}/two"],
        ["http://127.0.0.1:{port}/", "http://127.0.0.1:1/"],
        ["http://127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/"],
        ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://localhost:{port}/", "http://2130706433:{port}/"],
        ["http://127.0.0.1:{port}/"],
    ],
    ids=["two targets", "two ports", "IPv4 as IPv6", "spellings", "a single target"],
)
def test_one_host_that_refuses_is_down(health_checks: HealthChecks, port: int, urls: list[str]) -> None:
    names = [f"t{number}" for number in range(len(urls))]
    health_checks.set_targets(
        *(health_checks.target(name, url.format(port=port)) for name, url in zip(names, urls, strict=True))
    )
    assert statuses(health_checks) == dict.fromkeys(names, "down")
    assert opened(health_checks, *names) == names
    assert health_checks.live("connectivity") == []


def test_two_hosts_behind_a_bad_certificate_are_down(health_checks: HealthChecks) -> None:
    pem = self_signed_certificate()
    with self_signed_server(FIRST, pem) as first, self_signed_server(SECOND, pem) as second:
        health_checks.set_targets(
            health_checks.target("a", f"https://{FIRST}:{first}/"),
            health_checks.target("b", f"https://{SECOND}:{second}/"),
        )
        checks = health_checks.run_round()
    assert {row.error for row in checks.values()} == {"SSL peer certificate or SSH remote key was not OK"}
    assert {row.status for row in checks.values()} == {"down"}
    assert opened(health_checks, "a", "b") == ["a", "b"]
    assert health_checks.live("connectivity") == []


@pytest.mark.parametrize("path", ["/status/999", "/status/500", "/garbage", "/partial"])
def test_any_answer_shows_that_our_connection_works(
    health_checks: HealthChecks, web: Target, port: int, path: str
) -> None:
    health_checks.set_targets(
        health_checks.target("odd", web.url(path)), health_checks.target("dead", f"http://{SECOND}:{port}/")
    )
    assert statuses(health_checks) == {"odd": "down", "dead": "down"}
    assert opened(health_checks, "odd", "dead") == ["odd", "dead"]
    assert health_checks.live("connectivity") == []


def test_a_target_in_maintenance_puts_nothing_in_doubt(health_checks: HealthChecks, port: int) -> None:
    window = {"starts_at": "2020-01-01T00:00", "ends_at": "2099-01-01T00:00", "targets": [health_checks.name("b")]}
    health_checks.set_targets(
        health_checks.target("a", f"http://{FIRST}:{port}/"), health_checks.target("b", f"http://{SECOND}:{port}/")
    )
    health_checks.set_policy(allow_private=True, maintenance_windows=[window])
    assert statuses(health_checks) == {"a": "down", "b": "down"}
    assert opened(health_checks, "a", "b") == ["a"]
    assert health_checks.live("connectivity") == []


def test_a_dependent_puts_nothing_in_doubt(health_checks: HealthChecks, port: int) -> None:
    health_checks.set_targets(
        health_checks.target("a", f"http://{FIRST}:{port}/"),
        health_checks.target("b", f"http://{SECOND}:{port}/", depends_on="a"),
    )
    assert statuses(health_checks) == {"a": "down", "b": "down"}
    assert opened(health_checks, "a", "b") == ["a"]
    assert health_checks.live("connectivity") == []


def test_a_target_that_was_down_before_explains_its_silence(
    health_checks: HealthChecks, web: Target, port: int
) -> None:
    dead = health_checks.target("a", f"http://{FIRST}:{port}/")
    health_checks.set_targets(dead, health_checks.target("b", web.url("/status/200")))
    assert statuses(health_checks) == {"a": "down", "b": "up"}
    # Now the other one fails as well.
    health_checks.set_targets(dead, health_checks.target("b", f"http://{SECOND}:{port}/"))
    assert statuses(health_checks) == {"a": "down", "b": "down"}
    assert opened(health_checks, "a", "b") == ["a", "b"]
    assert health_checks.live("connectivity") == []


def test_names_that_do_not_resolve_are_two_hosts(health_checks: HealthChecks) -> None:
    """Without the service nobody knows that they were one server."""
    health_checks.set_targets(
        health_checks.target("a", "http://a.verdicts.invalid/"), health_checks.target("b", "http://b.verdicts.invalid/")
    )
    assert statuses(health_checks) == {"a": "unknown", "b": "unknown"}
    assert len(health_checks.live("connectivity")) == 1

    health_checks.connection.execute(
        "insert into monitoring.target_looks (target, purpose, due_at, recorded_at, status, addresses)"
        " select unnest(%s::text[]), 'certificate', now(), now(), 'up', '{192.0.2.1}'",
        ([health_checks.name("a"), health_checks.name("b")],),
    )
    try:
        assert statuses(health_checks) == {"a": "down", "b": "down"}
        assert opened(health_checks, "a", "b") == ["a", "b"]
    finally:
        health_checks.connection.execute("delete from monitoring.target_looks where addresses = '{192.0.2.1}'")


def test_the_answer_of_another_target_leaves_no_target_without_its_incident(
    health_checks: HealthChecks, web: Target, port: int
) -> None:
    """Targets of five minutes that fail together, and one of a minute that answers before they are due again."""
    slow = [
        health_checks.target("a", f"http://{FIRST}:{port}/", interval_minutes=5),
        health_checks.target("b", f"http://{SECOND}:{port}/", interval_minutes=5),
    ]
    health_checks.set_targets(*slow)
    assert statuses(health_checks) == {"a": "unknown", "b": "unknown"}
    assert len(health_checks.live("connectivity")) == 1
    health_checks.set_targets(*slow, health_checks.target("c", web.url("/status/200")))
    # What is unknown is due in the next minute.
    assert statuses(health_checks) == {"a": "down", "b": "down", "c": "up"}
    assert health_checks.live("connectivity") == []
    assert opened(health_checks, "a", "b", "c") == ["a", "b"]


@contextmanager
def self_signed_server(host: str, pem: bytes) -> Iterator[int]:
    """The port of a server whose certificate nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.pem"
        path.write_bytes(pem)
        context.load_cert_chain(path)

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the listener was shut down
            with suppress(OSError), context.wrap_socket(connection, server_side=True):
                pass

    with socket.create_server((host, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def self_signed_certificate() -> bytes:
    """A certificate and its key, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "self-signed")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + private
