"""Free TCP ports on the loopback address."""

import socket

LOOPBACK = "127.0.0.1"
BACKLOG = 2048


def listening_socket(preferred: int = 0) -> socket.socket:
    """A socket that listens on the preferred port, or on any free port if that one is taken."""
    try:
        return _listen(preferred)
    except OSError:
        return _listen(0)


def is_free(port: int) -> bool:
    try:
        _listen(port).close()
    except OSError:
        return False
    return True


def free_port(preferred: int = 0) -> int:
    """A port that was free a moment ago, for programs that bind the port themselves."""
    with listening_socket(preferred) as listener:
        port: int = listener.getsockname()[1]
        return port


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets whose protocol is named; without it a response takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        # Another socket with SO_REUSEADDR could bind the same port until this one listens.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
