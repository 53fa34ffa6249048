"""What a stranger may send before the service knows what he wants: little, and not for long."""

import socket
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from app.door import HEAD_LIMIT, ReadingBudget
from app.problems import Problem
from tests.support.service_process import ServiceProcess


def connect(service: ServiceProcess) -> socket.socket:
    address = urlsplit(service.url)
    return socket.create_connection((str(address.hostname), address.port or 80), timeout=15)


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def test_an_endless_header_is_cut_off(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (HEAD_LIMIT - 40))
        connection.sendall(b"a" * 80)
        assert read_to_end(connection).startswith(b"HTTP/1.1 431 ")


def test_a_large_but_usual_head_is_taken(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(
            b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + b"a" * 16_000 + b"\r\n\r\n"
        )
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_a_head_that_does_not_end_is_given_up(service: ServiceProcess) -> None:
    with connect(service) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 408 ")


def test_connections_are_used_again(service: ServiceProcess) -> None:
    """The clock of a head stops when it is complete."""
    with closing(HTTPConnection(urlsplit(service.url).netloc, timeout=15)) as connection:
        connection.connect()
        first_socket = connection.sock
        for _ in range(3):
            connection.request("GET", "/health")
            response = connection.getresponse()
            assert response.status == 200
            response.read()
            assert connection.sock is first_socket


def test_bodies_being_read_share_a_budget() -> None:
    budget = ReadingBudget(100)
    budget.take(60)
    with pytest.raises(Problem) as caught:
        budget.take(60)
    assert caught.value.code == "overloaded"
    budget.give_back(60)
    budget.take(100)
