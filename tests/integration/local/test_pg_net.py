"""The emulated pg_net against the behaviour of the real one.

The facts are those of DESIGN §6 and §7. The expected values are those of pg_net 0.20.5 with libcurl 8.14 on
PostgreSQL 17.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from local import Stack
from local.emulators.pg_net.worker import HttpWorker
from tests.support.emulator import Database, poll_until, scratch_database, worker_running
from tests.support.http_target import Target, http_target
from tests.support.waiting import DEADLINE_SECONDS

ANSWERS = "select * from net._http_response order by id"


@pytest.fixture(scope="module")
def net_url(stack: Stack) -> Iterator[str]:
    with scratch_database(stack.superuser_database_url, "emulated_pg_net", "pg_net") as url:
        yield url


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with http_target() as running_target:
        yield running_target


@pytest.fixture
def database(net_url: str) -> Iterator[Database]:
    with psycopg.connect(net_url, autocommit=True) as connection:
        connection.execute("drop schema if exists observed cascade")
        connection.execute("truncate net.http_request_queue, net._http_response")
        yield Database(connection)


@pytest.fixture
def held(target: Target) -> Iterator[Target]:
    """The target, whose /hold answers only after the test has released it."""
    target.hold()
    yield target
    target.release()


@pytest.fixture
def running(database: Database, net_url: str) -> Iterator[Database]:
    with worker_running(HttpWorker(net_url).run):
        database.rows("select net.wait_until_running()")
        yield database


def watch_answers(database: Database, body: str) -> None:
    """Creates a row trigger on net._http_response, as the migrations do."""
    database.rows("create schema observed")
    database.rows(
        "create table observed.answers (id bigint, milliseconds numeric, created timestamptz, at timestamptz)"
    )
    database.rows(
        f"create function observed.note() returns trigger language plpgsql as $$ begin {body} return new; end $$"
    )
    database.rows(
        "create trigger note before insert on net._http_response for each row execute function observed.note()"
    )


NOTE_TIME = """
insert into observed.answers
values (new.id, extract(epoch from clock_timestamp() - new.created) * 1000, new.created, clock_timestamp());
"""


def answer_to(database: Database, request_id: int) -> dict[str, Any]:
    columns = "status_code, content_type, headers, textsend(content), timed_out, error_msg"
    query = f"select {columns} from net._http_response where id = %s"  # noqa: S608 - a list of columns
    row = poll_until(lambda: database.rows(query, request_id), bool, f"the answer to request {request_id}")[0]
    return dict(zip(("status", "type", "headers", "content", "timed_out", "error"), row, strict=True))


def get(database: Database, url: str, timeout_milliseconds: int = 5000) -> dict[str, Any]:
    query = "select net.http_get(%s, timeout_milliseconds := %s)"
    return answer_to(database, database.value(query, url, timeout_milliseconds))


def enqueue(database: Database, url: str) -> int:
    request_id: int = database.value("select net.http_get(%s, timeout_milliseconds := 60000)", url)
    return request_id


def wait_for_requests(target: Target, path: str, count: int = 1) -> None:
    poll_until(lambda: target.paths.count(path), lambda n: n >= count, f"{count} requests of {path}")


# ---- fact 1: one transaction, and what a trigger can measure ----


def test_a_trigger_can_measure_the_response_time(running: Database, target: Target) -> None:
    """Of each request, although all are in one transaction."""
    watch_answers(running, NOTE_TIME)
    delays = [1000, 0, 500, 50]
    urls = [target.url(f"/delay/{delay}") for delay in delays]
    ids = [row[0] for row in running.rows("select net.http_get(url) from unnest(%s::text[]) as url", urls)]
    answer_to(running, ids[0])
    rows = running.rows("select id, milliseconds, created from observed.answers order by milliseconds")
    measured = {row[0]: row[1] for row in rows}
    assert len({row[2] for row in rows}) == 1, "one batch"
    assert [row[0] for row in rows] == [ids[1], ids[3], ids[2], ids[0]]
    assert all(measured[request_id] >= delay for request_id, delay in zip(ids, delays, strict=True))


def test_an_answer_that_a_trigger_drops_is_not_stored_and_the_batch_goes_on(running: Database, target: Target) -> None:
    """The worker asks whether the insertion succeeded, not whether it inserted a row."""
    watch_answers(running, "if new.status_code = 404 then return null; end if;")
    urls = [target.url(f"/status/{status}") for status in (404, 200, 404)]
    dropped, kept, also_dropped = (
        row[0] for row in running.rows("select net.http_get(url) from unnest(%s::text[]) as url", urls)
    )
    assert answer_to(running, kept)["status"] == 200
    assert running.rows("select from net._http_response where id in (%s, %s)", dropped, also_dropped) == []
    assert running.value("select count(*) from net.http_request_queue") == 0


def test_a_batch_is_one_transaction_committed_after_its_slowest_request(running: Database, held: Target) -> None:
    before = len(held.paths)
    running.rows("select net.http_get(%s), net.http_get(%s)", held.url("/delay/0?fast"), held.url("/hold"))
    poll_until(lambda: len(held.paths) - before, lambda n: n == 2, "both requests")
    assert running.rows(ANSWERS) == []
    assert running.value("select count(*) from net.http_request_queue") == 2
    held.release()
    seen = poll_until(lambda: running.rows(ANSWERS), bool, "answers")
    assert len(seen) == 2
    assert len({row[-1] for row in seen}) == 1, "created is the batch's start"
    assert running.value("select count(*) from net.http_request_queue") == 0


def test_batches_hold_200_requests_and_are_a_second_apart(running: Database, target: Target) -> None:
    watch_answers(running, NOTE_TIME)
    running.rows("select net.http_get(%s) from generate_series(1, 450)", target.url("/delay/0"))
    poll_until(lambda: running.value("select count(*) from net._http_response"), lambda n: n == 450, "450 answers")
    batches = running.rows(
        "select count(*), extract(epoch from created - lag(max(at)) over (order by created))"
        " from observed.answers group by created order by created"
    )
    assert [row[0] for row in batches] == [200, 200, 50]
    assert all(row[1] >= 0.95 for row in batches[1:]), batches


def test_600_requests_that_time_out_take_three_batches(running: Database, target: Target) -> None:
    running.rows(
        "select net.http_get(%s, timeout_milliseconds := 500) from generate_series(1, 600)",
        target.url("/delay/60000"),
    )
    poll_until(lambda: running.value("select count(*) from net._http_response"), lambda n: n == 600, "600 answers")
    summary = running.rows(
        "select bool_and(timed_out), count(distinct created),"
        " extract(epoch from max(created) - min(created)) from net._http_response"
    )[0]
    assert summary[:2] == (True, 3)
    assert summary[2] >= 3.0


# ---- facts 2 and 3: triggers inside the worker ----


def test_a_trigger_that_raises_ends_the_worker_and_the_batch_is_sent_again(running: Database, target: Target) -> None:
    watch_answers(running, "raise exception 'no' using errcode = 'P0001';")
    before = len(target.paths)
    request_id = running.value("select net.http_get(%s)", target.url("/delay/0?again"))
    poll_until(lambda: target.paths[before:].count("/delay/0?again"), lambda count: count >= 2, "a second try")
    assert running.rows(ANSWERS) == []
    running.rows("drop schema observed cascade")
    assert answer_to(running, request_id)["status"] == 200


def test_a_request_enqueued_by_a_trigger_is_sent_without_the_pause_between_batches(
    database: Database, net_url: str, target: Target
) -> None:
    """The wake at the commit of the batch ends the pause, as it sets the latch of the real worker."""
    watch_answers(
        database,
        f"if new.status_code = 503 then perform net.http_get('{target.url('/echo')}'); end if;",
    )
    with worker_running(HttpWorker(net_url, pause_seconds=3600).run):
        enqueue(database, target.url("/status/503"))
        poll_until(lambda: database.rows("select from net._http_response where status_code = 200"), bool, "the retry")


# ---- stops and restarts ----


def test_requests_stay_queued_while_the_worker_is_stopped(database: Database, net_url: str, target: Target) -> None:
    request_id = enqueue(database, target.url("/delay/0?queued"))
    assert database.value("select count(*) from net.http_request_queue") == 1
    assert "/delay/0?queued" not in target.paths
    with worker_running(HttpWorker(net_url).run):
        assert answer_to(database, request_id)["status"] == 200


def test_after_sigterm_the_running_batch_is_finished_and_committed(running: Database, held: Target) -> None:
    before = len(held.paths)
    first = enqueue(running, held.url("/hold?sigterm"))
    wait_for_requests(held, "/hold?sigterm")
    terminated = running.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name like 'pg_net %' and datname = current_database()"
    )
    assert terminated == [(True,)], "one worker, as in pg_stat_activity of the real one"
    second = enqueue(running, held.url("/delay/0?next"))
    assert running.rows(ANSWERS) == []
    held.release()
    assert answer_to(running, first)["status"] == 200
    assert answer_to(running, second)["status"] == 200
    assert held.paths[before:] == ["/hold?sigterm", "/delay/0?next"], "each was sent once"


def test_a_stop_of_the_stack_finishes_the_running_batch_and_starts_no_other(
    database: Database, net_url: str, held: Target
) -> None:
    worker = HttpWorker(net_url)
    with worker_running(worker.run) as loop:
        first = enqueue(database, held.url("/hold?stop"))
        wait_for_requests(held, "/hold?stop")
        second = enqueue(database, held.url("/delay/0?later"))
        stopped = asyncio.run_coroutine_threadsafe(worker.stop(DEADLINE_SECONDS), loop)
        held.release()
        stopped.result(DEADLINE_SECONDS)
    assert database.rows("select id from net._http_response") == [(first,)]
    assert database.rows("select id from net.http_request_queue") == [(second,)]


def test_a_body_over_the_limit_kills_the_worker_which_sends_the_batch_again_for_ever(
    database: Database, net_url: str, target: Target
) -> None:
    """The limit is 1 GB, that of a value in PostgreSQL; here it is smaller."""
    with worker_running(HttpWorker(net_url, body_limit=10_000).run):
        enqueue(database, target.url("/big/10000?fits"))
        poll_until(lambda: database.rows(ANSWERS), bool, "a body of the size of the limit")
        database.rows(
            "select net.http_get(%s), net.http_get(%s)",
            target.url("/big/10001"),
            target.url("/delay/0?beside"),
        )
        wait_for_requests(target, "/big/10001", count=3)
        assert database.value("select count(*) from net._http_response") == 1
        assert target.paths.count("/delay/0?beside") >= 2, "another request of the batch"
        database.rows("delete from net.http_request_queue where url like '%/big/%'")
        poll_until(lambda: database.value("select count(*) from net._http_response"), lambda n: n == 2, "the other")


# ---- fact 4: a crash ----


def test_the_tables_are_unlogged_and_so_is_the_sequence(database: Database) -> None:
    unlogged = database.rows(
        "select relname from pg_class where relnamespace = 'net'::regnamespace and relpersistence = 'u'"
        " and relkind in ('r', 'S') order by 1"
    )
    assert [row[0] for row in unlogged] == [
        "_http_response",
        "http_request_queue",
        "http_request_queue_id_seq",
    ]


def test_the_worker_recovers_from_closed_connections(running: Database, target: Target) -> None:
    get(running, target.url("/delay/0"))
    running.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name like '%pg_net%' and datname = current_database()"
    )
    assert get(running, target.url("/status/204"))["status"] == 204


def test_a_batch_whose_worker_crashes_is_rolled_back_and_sent_again(running: Database, held: Target) -> None:
    request_id = enqueue(running, held.url("/hold?crash"))
    wait_for_requests(held, "/hold?crash")
    running.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'emulated pg_net batch' and datname = current_database()"
    )
    held.release()
    assert answer_to(running, request_id)["status"] == 200
    assert held.paths.count("/hold?crash") == 2


# ---- fact 5: what is stored ----


def test_redirects_are_followed(running: Database, target: Target) -> None:
    answer = get(running, target.url("/redirect/3"))
    assert (answer["status"], json.loads(answer["content"])["method"]) == (200, "GET")


def test_a_post_sends_its_body_and_the_user_agent(running: Database, target: Target) -> None:
    request_id = running.value(
        """select net.http_post(%s, '{"a": 1}', '{"q": "a b"}', '{"X-Key": "k"}')""", target.url("/echo")
    )
    echo = json.loads(answer_to(running, request_id)["content"])
    headers = dict(echo["headers"])
    assert (echo["method"], json.loads(echo["body"])) == ("POST", {"a": 1})
    assert headers["Content-Type"] == "application/json"
    assert (headers["X-Key"], headers["User-Agent"]) == ("k", "pg_net/0.20.4")
    assert target.paths[-1] == "/echo?q=a%20b"


def test_a_delete_without_a_body(running: Database, target: Target) -> None:
    request_id = running.value("select net.http_delete(%s)", target.url("/echo"))
    assert json.loads(answer_to(running, request_id)["content"])["method"] == "DELETE"


def test_invalid_utf_8_reaches_the_column(running: Database, target: Target) -> None:
    request_id = running.value("select net.http_get(%s)", target.url("/bytes/61ff62"))
    octets = "select octet_length(content), encode(textsend(content), 'hex') from net._http_response"
    poll_until(lambda: running.value("select count(*) from net._http_response where id = %s", request_id), bool, "it")
    assert running.rows(octets) == [(3, "61ff62")]


def test_a_header_value_that_is_not_utf_8_is_stored_and_fails_when_read(running: Database, target: Target) -> None:
    request_id = enqueue(running, target.url("/header/61ff62"))
    value = "select encode(textsend(headers ->> 'X-Raw'), 'hex') from net._http_response where id = %s"
    assert poll_until(lambda: running.rows(value, request_id), bool, "the answer") == [("61ff62",)]
    with pytest.raises(psycopg.errors.CharacterNotInRepertoire):
        running.rows("select convert_to(headers ->> 'X-Raw', 'UTF8') from net._http_response")
    with pytest.raises(UnicodeDecodeError):
        running.rows("select headers from net._http_response")


def test_a_content_type_that_is_not_utf_8_is_stored(running: Database, target: Target) -> None:
    request_id = enqueue(running, target.url("/type/61ff62"))
    value = "select encode(textsend(content_type), 'hex') from net._http_response where id = %s"
    assert poll_until(lambda: running.rows(value, request_id), bool, "the answer") == [("61ff62",)]


def test_after_a_redirect_the_headers_are_the_first_responses_and_the_content_type_the_last_ones(
    running: Database, target: Target
) -> None:
    """pg_net asks libcurl for the headers of request 0, and for the content type of request -1."""
    answer = get(running, target.url("/moved"))
    assert answer["status"] == 200
    assert answer["type"] == "application/json"
    assert (answer["headers"]["X-Hop"], answer["headers"]["Content-Type"]) == ("first", "text/html")


def test_interim_responses_and_trailers_are_not_stored(running: Database, target: Target) -> None:
    assert get(running, target.url("/hints"))["headers"].keys() == {"Connection", "Content-Length", "X-Final"}
    trailers = get(running, target.url("/trailers"))["headers"]
    assert trailers.keys() == {"Connection", "Transfer-Encoding", "X-Head"}


def test_a_folded_header_is_one_line(running: Database, target: Target) -> None:
    assert get(running, target.url("/folded"))["headers"]["X-Folded"] == "one two"


@pytest.mark.parametrize(("path", "content"), [("/bytes/616200ff63", b"ab"), ("/bytes/", None)])
def test_a_body_ends_at_the_first_nul_and_an_empty_one_is_null(
    running: Database, target: Target, path: str, content: bytes | None
) -> None:
    assert get(running, target.url(path))["content"] == content


def test_a_body_has_no_cap(running: Database, target: Target) -> None:
    request_id = running.value("select net.http_get(%s)", target.url("/big/5000000"))
    size = "select octet_length(content) from net._http_response where id = %s"
    assert poll_until(lambda: running.rows(size, request_id), bool, "the answer") == [(5_000_000,)]


def test_of_a_repeated_header_the_last_value_is_kept(running: Database, target: Target) -> None:
    answer = get(running, target.url("/status/404"))
    assert (answer["status"], answer["headers"]["X-Twice"]) == (404, "second")


@pytest.mark.parametrize(
    ("head", "status", "headers"),
    [
        (b"http/1.1 200 OK", 200, {"X-Raw", "Content-Length"}),
        (b"HTTP/1.1 999 X", 999, {"X-Raw", "Content-Length"}),
        (b"HTTP/1.1 101 Switching Protocols", 101, set()),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
            200,
            {"X-Raw", "Content-Length"},
        ),
    ],
)
def test_unusual_status_lines(running: Database, target: Target, head: bytes, status: int, headers: set[str]) -> None:
    target.raw["head"] = head + b"\r\nX-Raw: 1\r\nContent-Length: 2\r\n\r\nok"
    answer = get(running, target.url("/raw/head"))
    assert (answer["status"], set(answer["headers"])) == (status, headers)


def test_bytes_of_header_names_that_are_not_ascii_are_stored(running: Database, target: Target) -> None:
    target.raw["name"] = b"HTTP/1.1 200 OK\r\nX-Caf\xe9: 1\r\nContent-Length: 2\r\n\r\nok"
    request_id = enqueue(running, target.url("/raw/name"))
    names = (
        "select encode(textsend(key), 'hex') from net._http_response, jsonb_object_keys(headers) as key where id = %s"
    )
    stored = poll_until(lambda: running.rows(names, request_id), bool, "the answer")
    assert (b"X-Caf\xe9".hex(),) in stored


def test_a_negative_timeout_is_none(running: Database, target: Target) -> None:
    assert get(running, target.url("/delay/0"), timeout_milliseconds=-5)["status"] == 200


# ---- errors ----


def unused_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/hang-up", "Server returned nothing (no headers, no data)"),
        ("/partial", "Transferred a partial file"),
        ("/garbage", "Unsupported protocol"),  # HTTP/0.9
        ("/redirect/99", "Number of redirects hit maximum amount"),
    ],
)
def test_a_broken_response_has_libcurls_error_text(running: Database, target: Target, path: str, message: str) -> None:
    answer = get(running, target.url(path))
    assert (answer["status"], answer["timed_out"], answer["error"]) == (None, False, message)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:{closed}/", "Could not connect to server"),
        ("http://localhost:{closed}/", "Could not connect to server"),
        ("http://no-such-host.invalid/", "Could not resolve hostname"),
        ("https://127.0.0.1:{open}/delay/0", "SSL connect error"),
        ("ftp://127.0.0.1/x", "Unsupported protocol"),
    ],
)
def test_a_failed_connection_has_libcurls_error_text(running: Database, target: Target, url: str, message: str) -> None:
    answer = get(running, url.format(closed=unused_port(), open=target.port))
    assert (answer["status"], answer["timed_out"], answer["error"]) == (None, False, message)


def test_a_timeout_message_contains_the_time_of_each_step(running: Database, target: Target) -> None:
    answer = get(running, target.url("/delay/60000"), timeout_milliseconds=300)
    number = r"(\d+\.\d{6})"
    pattern = (
        rf"Timeout of 300 ms reached\. Total time: {number} ms \(DNS time: {number} ms,"
        rf" TCP/SSL handshake time: {number} ms, HTTP Request/Response time: {number} ms\)"
    )
    found = re.fullmatch(pattern, answer["error"])
    assert found is not None, answer["error"]
    total, dns, handshake, exchange = map(float, found.groups())
    assert answer["timed_out"] is True
    assert total >= 300
    # The preparation between handshake and request belongs to none of the three.
    assert 0 < exchange <= dns + handshake + exchange <= total + 0.001


# ---- fact 6 and the rest of the interface ----


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/relative", "Bad scheme"),
        ("example.com/x", "Bad scheme"),
        ("localhost:6666", "Unsupported URL scheme"),
        ("http:////a/", "Unsupported number of slashes following scheme"),
        ("http://", "No host part in the URL"),
        ("http://a b.com/", "Bad hostname"),
        ("http://a.com:99999/", "Port number was not a decimal number between 0 and 65535"),
        ("http://[::g]/", "Bad IPv6 address"),
        ("http://a.com/a b", "Bad path"),
    ],
)
def test_one_malformed_url_fails_the_whole_statement(database: Database, url: str, reason: str) -> None:
    with pytest.raises(psycopg.errors.InternalError_, match=re.escape(reason)):
        database.rows("select net.http_get(url) from unnest(array['http://a.com/', %s]) as url", url)
    assert database.value("select count(*) from net.http_request_queue") == 0


@pytest.mark.parametrize(
    ("url", "params", "full_url"),
    [
        ("http://example.com", [], "http://example.com/"),
        ("http://example.com?a=1", ["b=2"], "http://example.com/?a=1&b=2"),
        ("http://example.com?", ["b=2", "c=3"], "http://example.com/?b=2&c=3"),
        ("http://a.com#y?z", ["q=1"], "http://a.com/?q=1#y?z"),
        ("HTTP://Example.COM/A/../b/./c", [], "http://Example.COM/b/c"),
        ("http://u:p@a.com:080/b/..", [], "http://u:p@a.com:80/"),
        ("http:/a.com:/", [], "http://a.com/"),
        ("http://[::1]:80/", [], "http://[::1]:80/"),
    ],
)
def test_urls_are_normalized_as_by_libcurl(database: Database, url: str, params: list[str], full_url: str) -> None:
    assert database.value("select net._encode_url_with_params_array(%s, %s::text[])", url, params) == full_url


def test_nothing_is_sent_before_commit(running: Database, target: Target) -> None:
    before = len(target.paths)
    with running.connection.transaction(force_rollback=True):
        running.rows("select net.http_get(%s)", target.url("/delay/0?never"))
    get(running, target.url("/delay/0?later"))
    assert target.paths[before:] == ["/delay/0?later"]


def test_expired_answers_are_deleted(running: Database, target: Target) -> None:
    running.rows("insert into net._http_response (id, created) values (-1, now() - interval '7 hours')")
    get(running, target.url("/delay/0"))
    poll_until(lambda: running.rows("select from net._http_response where id = -1"), lambda rows: not rows, "its end")


def test_collecting_a_response(running: Database, target: Target) -> None:
    request_id = running.value("select net.http_get(%s)", target.url("/delay/0"))
    collected = running.rows("select * from net._http_collect_response(%s, async := false)", request_id)
    assert collected[0][:2] == ("SUCCESS", "ok")
    missing = running.rows("select * from net._http_collect_response(-5)")
    assert missing == [("ERROR", "request matching request_id not found", None)]


def test_the_worker_restarts_on_request_and_leaves_no_connection_open(database: Database, net_url: str) -> None:
    pid = (
        "select max(pid) from pg_stat_activity"
        " where application_name = 'pg_net 0.20.4' and datname = current_database()"
    )
    with worker_running(HttpWorker(net_url).run):
        database.rows("select net.wait_until_running()")
        first = database.value(pid)
        database.rows("select net.check_worker_is_up()")
        poll_until(
            lambda: (database.value("select net.worker_restart()"), database.value(pid))[1],
            lambda now: now not in (None, first),
            "another backend",
        )
    sessions = (
        "select count(*) from pg_stat_activity where application_name like '%pg_net%' and datname = current_database()"
    )
    poll_until(lambda: database.value(sessions), lambda count: count == 0, "closed connections")
    with pytest.raises(psycopg.errors.RaiseException, match="the pg_net background worker is not up"):
        database.rows("select net.check_worker_is_up()")
