"""Free TCP ports on the loopback address."""

import socket

LOOPBACK = "127.0.0.1"
BACKLOG = 2048


def listening_socket(preferred: int = 0) -> socket.socket:
    """A socket that listens on the preferred port, or on any where that one is taken."""
    try:
        return _bound(preferred)
    except OSError:
        return _bound(0)


def is_free(port: int) -> bool:
    try:
        _bound(port).close()
    except OSError:
        return False
    return True


def free_port(preferred: int = 0) -> int:
    """A port that was free a moment ago; for programs that bind by themselves."""
    with listening_socket(preferred) as bound:
        port: int = bound.getsockname()[1]
        return port


def _bound(port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only where it is: without, an answer takes 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
        # Bound alone, another socket with SO_REUSEADDR could be bound there as well.
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
