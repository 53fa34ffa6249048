"""Limits on a connection: the size and the time of what a client sends, and what it may leave unread."""

import json
import socket
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from app.web.protocol import HEAD_FIELDS, HEAD_LIMIT
from tests.support.http_client import TIMEOUT
from tests.support.service_process import INGEST_TOKEN, ServiceProcess

REPORT = "/api/autonomous/error"


def connect(service: ServiceProcess) -> socket.socket:
    address = urlsplit(service.url)
    return socket.create_connection((str(address.hostname), address.port or 80), timeout=TIMEOUT)


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def test_a_head_that_is_too_large_is_refused(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (HEAD_LIMIT - 40))
        connection.sendall(b"a" * 80)
        assert read_to_end(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_of_16_kb_is_accepted(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(
            b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + b"a" * 16_000 + b"\r\n\r\n"
        )
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_a_head_that_does_not_end_is_refused(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 408 ")


def test_a_connection_is_reused(service: ServiceProcess) -> None:
    """The time limit of a head ends when the head is complete."""
    with closing(HTTPConnection(urlsplit(service.url).netloc, timeout=TIMEOUT)) as connection:
        connection.connect()
        first_socket = connection.sock
        for _ in range(3):
            connection.request("GET", "/health")
            response = connection.getresponse()
            assert response.status == 200
            response.read()
            assert connection.sock is first_socket


def response(connection: socket.socket, received: bytes = b"") -> tuple[bytes, bytes]:
    """The next response, whose length its head tells, and what followed it."""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return head + b"\r\n\r\n" + rest[:length], rest[length:]


def test_a_few_requests_may_be_pipelined(service: ServiceProcess) -> None:
    paths = ["/", "/health", "/nothing", "/"]
    with connect(service) as connection:
        connection.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths).encode())
        rest = b""
        statuses = []
        for _ in paths:
            answer, rest = response(connection, rest)
            statuses.append(answer.split()[1])
        assert statuses == [b"200", b"200", b"404", b"200"]


def test_a_response_without_a_body_is_sent_at_once(service: ServiceProcess) -> None:
    with connect(service) as connection:
        for path, status in (("/health", b"200"), ("/nothing", b"404")):
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = b""
            while not received.endswith(b"\r\n\r\n"):
                received += connection.recv(65536)
            assert received.split()[1] == status
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_to_end(connection).count(b"HTTP/1.1 200 OK\r\n") == 2


def test_many_pipelined_requests_close_the_connection(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        try:
            received = read_to_end(connection)
        except ConnectionError:
            received = b""
        assert received.count(b"HTTP/1.1 200") < 20


def test_too_many_header_fields_are_refused(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_FIELDS + 1) + b"\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 431 ")


def test_trailers_are_no_headers(service: ServiceProcess) -> None:
    """A trailer must not authenticate a request whose body is read already."""
    with connect(service) as connection:
        head = f"POST {REPORT} HTTP/1.1\r\nContent-Type: application/json\r\nX-Request-Id: head\r\n"
        trailers = f"Authorization: Bearer {INGEST_TOKEN}\r\nX-Request-Id: trailer\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n{trailers}\r\n".encode())
        answer, _ = response(connection)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"x-request-id: head" in answer


def test_many_trailers_close_the_connection(service: ServiceProcess) -> None:
    with connect(service) as connection:
        head = f"POST {REPORT} HTTP/1.1\r\nAuthorization: Bearer {INGEST_TOKEN}\r\nContent-Type: application/json\r\n"
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        try:
            connection.sendall(b"a: b\r\n" * 30_000)
            assert read_to_end(connection) == b""
        except ConnectionError:
            pass


def test_tiny_chunks_are_accepted(service: ServiceProcess) -> None:
    """A program that encodes JSON piece by piece sends chunks of a few bytes."""
    body = json.dumps({"error": {"message": "x" * 500}, "context": {"numbers": list(range(2000))}}).encode()
    with connect(service) as connection:
        head = f"POST {REPORT} HTTP/1.1\r\nAuthorization: Bearer {INGEST_TOKEN}\r\nContent-Type: application/json\r\n"
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"".join(b"1\r\n%b\r\n" % body[at : at + 1] for at in range(len(body))) + b"0\r\n\r\n")
        assert response(connection)[0].startswith(b"HTTP/1.1 201 ")


def test_a_body_is_not_asked_for_before_the_headers_are_accepted(service: ServiceProcess) -> None:
    with connect(service) as connection:
        for token, expected in (("wrong", [b"401"]), (INGEST_TOKEN, [b"100", b"201"])):
            body = b'{"error": {"message": "expected"}}'
            head = f"POST {REPORT} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            connection.sendall(head.encode() + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
            received = b""
            if expected[0] == b"100":
                while not received.endswith(b"\r\n\r\n"):
                    received += connection.recv(1024)
                assert received.startswith(b"HTTP/1.1 100 ")
            else:
                assert response(connection)[0].split()[1] == expected[0]
            connection.sendall(body)
        assert response(connection)[0].split()[1] == b"201"


@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: gzip\r\n",
    ],
)
def test_a_body_of_ambiguous_length_is_refused(service: ServiceProcess, framing: bytes) -> None:
    with connect(service) as connection:
        connection.sendall(b"POST /webhooks/sentry HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n0\r\n\r\n")
        assert read_to_end(connection).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))


def test_http_1_0_closes_the_connection(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_a_request_for_another_protocol_is_answered_in_http_and_closes_the_connection(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_a_large_body_does_not_count_for_the_next_request(service: ServiceProcess) -> None:
    with connect(service) as connection:
        for size in (900_000, 2):
            connection.sendall(b"GET /health HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
            assert response(connection)[0].startswith(b"HTTP/1.1 200 ")
            connection.sendall(b"x" * size)
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert response(connection)[0].startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_does_not_go_on_is_closed(service: ServiceProcess) -> None:
    """All at once, because each takes several seconds."""
    begun = {
        "nothing is sent": b"",
        "empty lines": b"\r\n\r\n",
        "no further request": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        "the rest of a body that nobody reads": b"GET /health HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
        "the rest of a refused body": b"POST /webhooks/sentry HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
        "a chunk that nobody reads": b"POST /nothing HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
        "a trailer that nobody reads": b"POST /nothing HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ",
        "a second head": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HT",
    }
    with ExitStack() as stack:
        opened = {name: stack.enter_context(connect(service)) for name in begun}
        for name, connection in opened.items():
            connection.sendall(begun[name])
        for name, connection in opened.items():
            try:
                received = read_to_end(connection)
            except ConnectionError:
                received = b""
            assert received.count(b"HTTP/1.1 ") <= 2, name


def test_a_client_that_does_not_read_is_disconnected(service: ServiceProcess) -> None:
    """What it leaves unread is first kept by the kernel, then by the service, which then reads no more requests."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = urlsplit(service.url)
        connection.connect((address.hostname, address.port))
        connection.settimeout(TIMEOUT)
        with pytest.raises(ConnectionError):
            # A long head, because more than 8 of these requests are not read at once.
            _send_for_ever(
                connection, b"GET /status HTTP/1.1\r\nAccept: text/html\r\nX-A: %b\r\n\r\n" % (b"a" * 16_000)
            )


def _send_for_ever(connection: socket.socket, data: bytes) -> None:
    while True:
        connection.sendall(data)
