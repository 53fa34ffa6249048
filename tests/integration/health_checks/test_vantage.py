"""The second vantage point: the real service looks at local servers when the database asks it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.service_process import ServiceProcess, refusing_port, running_service
from tests.support.tcp_server import port_of, tcp_server
from tests.support.tls_server import KeyPair, make_authority, make_certificate, tls_server
from tests.support.waiting import wait_until

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return make_authority()


@pytest.fixture
def looking(
    service_environ: dict[str, str], health_checks: HealthChecks, authority: KeyPair, tmp_path: Path
) -> Iterator[ServiceProcess]:
    """A service that trusts the authority of these tests only, and has begun to take looks."""
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(authority.pem())
    health_checks.connection.execute("delete from monitoring.job_runs where job = 'service-looks'")
    environ = {**service_environ, "SSL_CERT_FILE": str(trusted)}
    with running_service(environ, tmp_path / "log", budgets={"certificate": 60}) as service:
        wait_until(lambda: bool(health_checks.value("select monitoring.is_service_looking()")), what="the first look")
        yield service


def outdated() -> ssl.SSLContext:
    """Speaks TLS 1.1 only."""
    context = make_certificate(HOST).server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    for name in ("minimum_version", "maximum_version"):
        with pytest.warns(DeprecationWarning, match=r"TLSv1_1 is deprecated"):
            setattr(context, name, ssl.TLSVersion.TLSv1_1)
    return context


def test_certificates_are_read_and_open_incidents(
    looking: ServiceProcess, health_checks: HealthChecks, authority: KeyPair
) -> None:
    unknown_issuer = make_authority("Unknown Authority")
    pairs = {
        "good": make_certificate(HOST, issuer=authority),
        "soon": make_certificate(HOST, issuer=authority, days_left=5),
        "self-signed": make_certificate(HOST),
        "expired": make_certificate(HOST, issuer=authority, days_left=-2),
        "early": make_certificate(HOST, issuer=authority, valid_from_days=3),
        "wrong-name": make_certificate("other.example", issuer=authority),
        "unknown": make_certificate(HOST, issuer=unknown_issuer),
    }
    contexts: Mapping[str, ssl.SSLContext | None] = {
        **{name: pair.server_context() for name, pair in pairs.items()},
        "old-version": outdated(),
        "no-tls": None,
    }
    with ExitStack() as servers:
        urls = {
            name: f"https://{HOST}:{servers.enter_context(tls_server(context))}/" for name, context in contexts.items()
        }
        health_checks.set_targets(*(health_checks.target(name, url) for name, url in urls.items()))
        names = [health_checks.name(name) for name in contexts]
        looked = "select count(*) from monitoring.target_looks where target = any(%s) and recorded_at is not null"
        wait_until(lambda: health_checks.value(looked, names) >= len(names), what="all looks")
    certificates = {
        row.target.removesuffix(f"-{health_checks.suffix}"): row
        for row in health_checks.rows(
            "select * from monitoring.target_certificates where target = any(%s) and looked_at is not null", names
        )
    }
    assert set(certificates) == set(pairs)
    assert {name: row.problem for name, row in certificates.items() if row.problem is None} == {
        "good": None,
        "soon": None,
    }
    for name, words in {
        "self-signed": "the certificate is self-signed",
        "expired": "the certificate expired on ",
        "early": "the certificate is not valid before ",
        "wrong-name": f"the certificate is not valid for {HOST}, but for other.example",
        "unknown": "the certificate was issued by an unknown authority (Unknown Authority (Tests))",
    }.items():
        assert certificates[name].problem.startswith(words), certificates[name].problem
    assert certificates["soon"].issuer == "Test Authority (Tests)"
    assert (certificates["soon"].not_after - datetime.now(UTC)).days == 4
    for name, pair in pairs.items():
        assert certificates[name].not_after == pair.certificate.not_valid_after_utc
    problems = {
        row.target.removesuffix(f"-{health_checks.suffix}"): (row.error_kind, row.problem)
        for row in health_checks.rows("select * from monitoring.target_looks where target = any(%s)", names)
    }
    assert problems["old-version"] == ("tls", "the server speaks no version of TLS that clients accept (1.2 or newer)")
    assert problems["no-tls"] == ("tls", "the server speaks no TLS on this port")
    assert problems["good"] == (None, None)
    incidents = {
        row.fingerprint.rpartition(":")[2].removesuffix(f"-{health_checks.suffix}"): row.severity
        for row in health_checks.rows(
            "select * from public.incidents where fingerprint like %s and status <> 'resolved'",
            f"health-check:certificate:%-{health_checks.suffix}",
        )
    }
    assert set(incidents) == set(pairs) - {"good"}
    assert incidents["soon"] == "HIGH"


def wait_longer(health_checks: HealthChecks) -> None:
    """On a busy machine a look may take longer than a judgement waits for it."""
    health_checks.connection.execute(
        "update monitoring.target_looks set due_at = clock_timestamp() + interval '3 minutes'"
        " where purpose = 'confirm' and recorded_at is null"
    )


def request_confirmations(health_checks: HealthChecks) -> None:
    health_checks.connection.execute(
        "insert into monitoring.probes (target, target_type, url, scheduled_at)"
        " select name, type, url, now() - interval '3 hours' from monitoring.probe_targets"
    )
    health_checks.value("select monitoring.request_confirmations(array(select id from monitoring.probes))")
    wait_longer(health_checks)


def test_the_service_looks_at_what_is_to_be_confirmed(
    looking: ServiceProcess, health_checks: HealthChecks, web: Target
) -> None:
    with refusing_port() as closed:
        targets = {
            "up": health_checks.target("up", web.url("/delay/0"), body_contains="ok"),
            "redirected": health_checks.target("redirected", web.url("/redirect/3")),
            "posted": health_checks.target("posted", web.url("/echo"), method="POST", body='{"a": 1}'),
            "lacking": health_checks.target("lacking", web.url("/delay/0"), body_contains="healthy"),
            "wrong-status": health_checks.target("wrong-status", web.url("/status/500")),
            "bad-bytes": health_checks.target("bad-bytes", web.url("/header/636166e9"), body_contains="ok"),
            "nul": health_checks.target("nul", web.url("/bytes/6f6b00ff"), body_contains="ok"),
            "refused": health_checks.target("refused", f"http://{HOST}:{closed}/"),
            "garbage": health_checks.target("garbage", web.url("/garbage")),
            "hung-up": health_checks.target("hung-up", web.url("/hang-up")),
            "silent": health_checks.target("silent", web.url("/silent"), timeout_ms=300),
            "unresolved": health_checks.target("unresolved", "http://nowhere.invalid/"),
        }
        health_checks.set_targets(*targets.values())
        request_confirmations(health_checks)
        waiting = "select count(*) from monitoring.target_looks where target like %s and recorded_at is null"
        wait_until(lambda: health_checks.value(waiting, f"%-{health_checks.suffix}") == 0, what="all looks")
    seen: dict[str, Any] = {
        row.target.removesuffix(f"-{health_checks.suffix}"): row
        for row in health_checks.rows(
            "select * from monitoring.target_looks where target like %s", f"%-{health_checks.suffix}"
        )
    }
    up = {"up", "redirected", "posted", "bad-bytes", "nul"}
    assert {name for name, row in seen.items() if row.status == "up"} == up
    assert {name: row.error_kind for name, row in seen.items() if row.error_kind} == {
        "refused": "connect",
        "garbage": "protocol",
        "hung-up": "protocol",
        "silent": "timeout",
        "unresolved": "dns",
    }
    assert (seen["wrong-status"].status, seen["wrong-status"].http_status) == ("down", 500)
    assert "healthy" in seen["lacking"].problem
    assert seen["up"].addresses == [HOST]
    assert seen["up"].first_byte_ms <= seen["up"].response_time_ms
    assert [line for line in looking.logs() if line["level"] not in ("INFO", "WARNING")] == []


def test_a_look_in_progress_is_cancelled_at_the_end_of_the_service(
    looking: ServiceProcess, health_checks: HealthChecks, web: Target
) -> None:
    health_checks.set_targets(health_checks.target("silent", web.url("/silent"), timeout_ms=5000))
    web.paths.clear()
    request_confirmations(health_checks)
    wait_until(lambda: web.paths == ["/silent"], what="the look")
    assert looking.stop() == 0
    messages = [line["msg"] for line in looking.logs()]
    assert [message for message in messages if "restarted" in message or "failed" in message] == []


async def refuse_pg_net(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up on the database, and answers the service."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"pg_net" not in head:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()


def test_a_target_is_down_only_where_both_agree(
    looking: ServiceProcess, health_checks: HealthChecks, web: Target
) -> None:

    def is_over() -> bool:
        pending = health_checks.judge()
        wait_longer(health_checks)
        return pending == 0

    health_checks.set_policy(allow_private=True, confirm_from_service=True)
    with tcp_server(refuse_pg_net) as server:
        health_checks.set_targets(
            health_checks.target("disputed", f"http://{HOST}:{port_of(server)}/"),
            health_checks.target("down", web.url("/status/500")),
            health_checks.target("up", web.url("/status/200")),
        )
        for number in range(3):
            moment = health_checks.start_round()
            wait_until(is_over, what="the end of the round")
            checks = health_checks.checks(moment)
            found = {name: (row.status, row.service_status) for name, row in checks.items()}
            # What is down already is not confirmed in each round.
            expected = ("down", "down" if number == 0 else None)
            assert found == {"disputed": ("disputed", "up"), "down": expected, "up": ("up", None)}
    (incident,) = health_checks.incidents("disputed")
    assert (incident.severity, incident.title) == ("MEDIUM", f"{health_checks.name('disputed')} is disputed")
    assert [row.status for row in health_checks.incidents("down")] == ["open"]
