"""Answers of any bytes are recorded, each by itself, and cost their neighbours nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.support.health_checks import HealthChecks
from tests.support.http_target import Target
from tests.support.waiting import wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n"


@dataclass(frozen=True)
class Answer:
    """What a server sends, and what becomes of it."""

    sent: bytes
    http_status: int | None = 200
    status: str = "up"
    error: str | None = None
    server: str | None = None
    excerpt: str | None = "ok"


def with_lines(*lines: bytes, body: bytes = b"ok") -> bytes:
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), b"Connection: close", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def with_status(code: bytes) -> bytes:
    return OK.replace(b"200", code) + b"\r\nok"


ANSWERS = {
    "Latin-1 value": Answer(with_lines(b"Server: caf\xe9"), server="caf\\351"),
    "Latin-1 name": Answer(with_lines(b"S\xe9rver: x", b"Server: y"), server="y"),
    "half a character in a value": Answer(with_lines(b"Server: \xe2\x82"), server="\\342\\202"),
    "half a character in a name": Answer(with_lines(b"Server\xe2\x82: x")),
    "UTF-8 value": Answer(with_lines("Server: café".encode()), server="café"),
    "overlong value": Answer(with_lines(b"Server: \xc0\xaf\xed\xa0\x80"), server="\\300\\257\\355\\240\\200"),
    "control characters": Answer(with_lines(b"Server: a\x01b"), server="ab"),
    "empty value": Answer(with_lines(b"Server:"), server=""),
    "colon alone": Answer(with_lines(b": x", b"Server: y"), server="y"),
    "two spellings": Answer(with_lines(b"Server: a", b"server: b"), server="a, b"),
    "same spelling": Answer(with_lines(b"Server: caf\xe9", b"Server: b"), server="b"),
    "content type": Answer(with_lines(b"Content-Type: text/plain; charset=\xff\xfe")),
    "retry after": Answer(with_lines(b"Retry-After: \xff")),
    "Latin-1 body": Answer(with_lines(body=b"caf\xe9"), excerpt="caf\\351"),
    "half a character in a body": Answer(with_lines(body=b"caf\xe2\x82"), excerpt="caf\\342\\202"),
    "17 MB of no text": Answer(with_lines(body=b"\xe9" * 17_000_000), excerpt="\\351" * 250),
    "NUL at first": Answer(with_lines(body=b"\0ok"), excerpt=None),
    "NUL within": Answer(with_lines(body=b"ok\0hidden")),
    "binary": Answer(with_lines(body=bytes(range(1, 256))), excerpt=None),
    "500 headers": Answer(with_lines(*(b"X-%d: \xe9" % n for n in range(500)), b"Server: last"), server="last"),
    "50 kB header": Answer(with_lines(b"Server: " + b"\xe9" * 50_000)),
    "1xx": Answer(b"HTTP/1.1 103 Early Hints\r\nServer: caf\xe9\r\n\r\n" + with_lines(b"Server: z"), server="z"),
    "trailers": Answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: h\r\nConnection: close\r\n\r\n"
        b"2\r\nok\r\n0\r\nServer: caf\xe9\r\n\r\n",
        server="h",
    ),
    "status 999": Answer(with_status(b"999"), 999, "down", "responded with 999, expected 200-399"),
    "status 600": Answer(with_status(b"600"), 600, "down", "responded with 600, expected 200-399"),
    "status 000": Answer(with_status(b"000"), None, "down", excerpt=None),
    "status 1000": Answer(with_status(b"1000"), None, "down", excerpt=None),
    "HTTP/0.9": Answer(b"ok", None, "down", excerpt=None),
    "100 kB header": Answer(with_lines(b"Server: " + b"x" * 110_000), None, "down", excerpt=None),
    "10,000 headers": Answer(with_lines(*(b"X-%d: y" % n for n in range(10_000))), None, "down", excerpt=None),
    "reason of bytes": Answer(b"HTTP/1.1 200 caf\xe9\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"),
}


def test_whatever_bytes_come_each_answer_is_recorded(health_checks: HealthChecks, web: Target) -> None:
    """One answer that cannot be read once stopped the judgement of all."""
    for number, answer in enumerate(ANSWERS.values()):
        web.raw[str(number)] = answer.sent
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        *(health_checks.target(name, web.url(f"/raw/{number}")) for number, name in enumerate(ANSWERS)),
        health_checks.target("neighbour", web.url("/status/500")),
    )
    moment = health_checks.start_round()
    in_flight = health_checks.wait_for_answers(moment)
    health_checks.finish_round()
    checks = health_checks.checks(moment)
    assert (checks["neighbour"].status, len(health_checks.incidents("neighbour"))) == ("down", 1)
    found = {name: (checks[name].status, checks[name].http_status) for name in ANSWERS}
    assert found == {name: (answer.status, answer.http_status) for name, answer in ANSWERS.items()}
    for name, answer in ANSWERS.items():
        check = checks[name]
        assert answer.status == "up" or check.error, name
        assert answer.error is None or check.error == answer.error
        assert answer.server is None or check.answer_headers["server"] == answer.server, name
        assert answer.excerpt is None or in_flight[name].answer_excerpt == answer.excerpt, name
        # Bodies of targets that are up are not kept.
        assert check.answer_excerpt == (in_flight[name].answer_excerpt if answer.status != "up" else None), name
    stored = "select count(*) from net._http_response where id = any(%s)"
    assert health_checks.value(stored, [check.request_id for check in in_flight.values()]) == 0


def test_without_the_trigger_any_bytes_are_collected(
    health_checks: HealthChecks, web: Target, superuser: psycopg.Connection[Any]
) -> None:
    """As in a project whose pg_net allows no trigger. What was collected is deleted, and answers to others stay."""
    for number, answer in enumerate(ANSWERS.values()):
        web.raw[str(number)] = answer.sent
    health_checks.set_policy(allow_private=True, attempts=1)
    health_checks.set_targets(
        *(health_checks.target(name, web.url(f"/raw/{number}")) for number, name in enumerate(ANSWERS))
    )
    superuser.execute("drop trigger monitoring_records_answers on net._http_response")
    try:
        foreign = health_checks.value("select net.http_get(%s)", web.url("/status/418"))
        moment = health_checks.start_round()
        ids = [check.request_id for check in health_checks.checks(moment).values()]
        health_checks.finish_round()
        checks = health_checks.checks(moment)
    finally:
        assert health_checks.value("select monitoring.install_answer_trigger()") is True
    found = {name: (check.status, check.http_status, check.response_time_ms) for name, check in checks.items()}
    assert found == {name: (answer.status, answer.http_status, None) for name, answer in ANSWERS.items()}
    stored = "select count(*) from net._http_response where id = any(%s)"
    assert health_checks.value(stored, ids) == 0
    wait_until(lambda: health_checks.value(stored, [foreign]) == 1, what="the answer to the other request")


def test_large_bodies_do_not_pile_up(health_checks: HealthChecks, web: Target) -> None:
    """Ten targets of 300 kB held 1.1 GB for six hours."""
    health_checks.set_targets(*(health_checks.target(f"big {n}", web.url("/big/300000")) for n in range(10)))
    ids = []
    for _ in range(3):
        moment = health_checks.start_round()
        ids += [check.request_id for check in health_checks.checks(moment).values()]
        health_checks.finish_round()
        assert {check.status for check in health_checks.checks(moment).values()} == {"up"}
    assert health_checks.value("select count(*) from net._http_response where id = any(%s)", ids) == 0
    assert health_checks.value("select count(*) from monitoring.awaited_checks where request_id = any(%s)", ids) == 0


@pytest.mark.parametrize("table", ["monitoring.probes", "monitoring.awaited_checks"])
def test_an_answer_whose_check_is_locked_is_collected_later(
    health_checks: HealthChecks, web: Target, database_url: str, table: str
) -> None:
    """pg_net's worker waits for no lock: it stores the answer, and the judgement finds it."""
    health_checks.set_targets(health_checks.target("api", web.url("/hold")))
    web.hold()
    moment = health_checks.start_round()
    wait_until(lambda: "/hold" in web.paths, what="the request")
    with psycopg.connect(database_url) as other:
        request_id = health_checks.checks(moment)["api"].request_id
        other.execute(f"select from {table} where request_id = %s for update".encode(), (request_id,))
        web.release()
        stored = "select count(*) from net._http_response where id = %s"
        wait_until(lambda: health_checks.value(stored, request_id) == 1, what="the stored answer")
        assert health_checks.judge() == 1
    health_checks.finish_round()
    check = health_checks.checks(moment)["api"]
    assert (check.status, check.http_status, check.response_time_ms) == ("up", 200, None)
    assert health_checks.value(stored, request_id) == 0


@pytest.fixture
def slow_recording(superuser: psycopg.Connection[Any]) -> Iterator[None]:
    """Each answer takes at least 5 ms to record, as on a busy server."""
    superuser.execute(
        "create function public.slow_recording() returns trigger language plpgsql as"
        " 'begin perform pg_sleep(0.005); return new; end'"
    )
    superuser.execute(
        "create trigger slow_recording before update on monitoring.probes"
        " for each row when (old.answered_at is null and new.answered_at is not null)"
        " execute function public.slow_recording()"
    )
    yield
    superuser.execute("drop function public.slow_recording() cascade")


@pytest.mark.usefixtures("slow_recording")
def test_recording_neighbours_is_no_response_time(health_checks: HealthChecks, web: Target) -> None:
    """200 answers arrive together. The worker records one after the other, so the last waits for a second."""
    health_checks.set_targets(*(health_checks.target(f"t{number}", web.url("/delay/0")) for number in range(200)))
    checks = sorted(health_checks.run_round().values(), key=lambda check: check.answered_at)
    assert [check.http_status for check in checks] == [200] * 200
    first, waited_longest = checks[0], max(checks, key=lambda check: check.response_time_error_ms)
    assert milliseconds_between(first, checks[-1]) >= 199 * 5
    # The first waited for nobody. What others waited is left out of their time, and said to be uncertain.
    assert first.response_time_error_ms == 0
    assert waited_longest.response_time_error_ms > 0
    assert waited_longest.response_time_ms - first.response_time_ms < milliseconds_between(first, waited_longest)


def milliseconds_between(earlier: Any, later: Any) -> float:
    """From the recording of one answer to that of another."""
    return float((later.answered_at - earlier.answered_at).total_seconds() * 1000)
