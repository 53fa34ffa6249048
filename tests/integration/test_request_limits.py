"""Limits on the head of a request: its size, and the time it may take."""

import socket
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from app.web.protocol import HEAD_LIMIT
from tests.support.http_client import TIMEOUT
from tests.support.service_process import ServiceProcess


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
