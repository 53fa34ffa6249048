"""Two stacks that start at the same moment take different ports."""

from __future__ import annotations

import socket

from local.gateway_server import GatewayServer
from local.ports import LOOPBACK, free_port, is_free, listening_socket


def test_a_listening_socket_occupies_its_port_at_once() -> None:
    """Two sockets that are only bound may share a port, until one of them listens."""
    with listening_socket() as first:
        port = first.getsockname()[1]
        assert not is_free(port)
        with listening_socket(port) as second:
            assert second.getsockname()[1] != port
    assert is_free(port)


def test_two_gateways_that_start_together_have_different_addresses() -> None:
    port = free_port()
    first, second = GatewayServer(port), GatewayServer(port)
    try:
        assert first.url == f"http://{LOOPBACK}:{port}"
        assert second.url != first.url
    finally:
        for gateway in (first, second):
            gateway._socket.close()


def test_a_port_of_another_socket_is_not_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        assert not is_free(other.getsockname()[1])
