# ruff: noqa: ASYNC109 - the signatures are httpcore's
"""Connections of one look: names are resolved here, and private addresses refused for exactly what is connected to.

There is no second resolution between the check and the connection, so a name that resolves to another address a moment
later gains nothing.
"""

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Protocol

import httpcore

from app.looks.certificate import Certificate, describe_handshake_error, describe_rejection, read_certificate

# The networks of monitoring.is_private_host(); a test compares them.
PRIVATE_NETWORKS = [
    ip_network(network)
    for network in (
        *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/32", "2001::/32"),
        *("2002::/16", "fc00::/7", "fe80::/9", "ff00::/8"),
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3", "168.63.129.16/32"),
    )
]
# An address that does not answer must not use up the time of the next one.
_CONNECT_SECONDS = 1.5
# The problem is known already: it must not become a timeout.
_CERTIFICATE_SECONDS = 1.5
_MOST_ADDRESSES = 20
# A resolver may keep a thread for longer than a look waits.
_RESOLVER_THREADS = threading.BoundedSemaphore(40)


class LookError(Exception):
    """A look that failed: at which step, and why in words. kind is a value of target_looks.error_kind."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem


class Resolve(Protocol):
    """Returns the addresses of a host. Raises OSError if there are none."""

    async def __call__(self, host: str) -> list[str]: ...


def is_private(address: str) -> bool:
    """Whether an address is in a private, local or reserved network."""
    number = ip_address(address.partition("%")[0])
    return any(number in network for network in PRIVATE_NETWORKS if network.version == number.version)


async def resolve(host: str) -> list[str]:
    """The addresses of a host, in the order of preference.

    In a daemon thread instead of the event loop's pool: a resolver that hangs occupies no thread that others wait for,
    and does not delay the end of the process.
    """
    if not _RESOLVER_THREADS.acquire(blocking=False):
        raise OSError("the resolver does not answer")
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str] | None, error: OSError | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(addresses or [])
        else:
            found.set_exception(error)

    def run() -> None:
        addresses, error = None, None
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        except (OSError, UnicodeError) as failure:
            error = failure if isinstance(failure, OSError) else OSError(str(failure))
        finally:
            _RESOLVER_THREADS.release()
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, addresses, error)

    threading.Thread(target=run, name="resolver of looks", daemon=True).start()
    return await found


class Network(httpcore.AsyncNetworkBackend):
    """Connects for one look, and notes what it saw: addresses, certificate, time of the first byte.

    addresses and certificate are those of the first host, not of one to which it redirects.
    """

    def __init__(self, allow_private: bool, resolve: Resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._tcp = httpcore.AnyIOBackend()
        self.step = "resolving the name"
        """What the look does now, for the words of a timeout."""
        self.addresses: list[str] | None = None
        self.certificate: Certificate | None = None
        self.first_byte_at: float | None = None
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def aclose(self) -> None:
        """Close every connection: httpcore keeps one open whose TLS handshake was cancelled."""
        for stream in self._streams:
            await stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that accepts one. Raises LookError."""
        self.step = "resolving the name"
        is_first, self.first_byte_at = self.addresses is None, None
        try:
            addresses = (await self._resolve(host.rstrip(".")))[:_MOST_ADDRESSES]
            if not addresses:
                raise OSError("it has no address")
        except OSError as error:
            raise LookError("dns", f"the name {host} cannot be resolved: {error.strerror or error}") from error
        if is_first:
            self.addresses = addresses
        permitted = [address for address in addresses if self._allow_private or not is_private(address)]
        if not permitted:
            raise LookError("private_address", f"{host} has no public address, but {', '.join(addresses)}")
        self.step = "connecting"
        for address in permitted[:-1]:
            try:
                stream = await self._tcp.connect_tcp(address, port, timeout=_CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return self._note(stream, address, port, is_first)
        try:
            stream = await self._tcp.connect_tcp(permitted[-1], port)
        except httpcore.ConnectError as error:
            raise LookError(
                "connect", f"no connection to {permitted[-1]} port {port}: {describe_failure(error)}"
            ) from error
        return self._note(stream, permitted[-1], port, is_first)

    def _note(
        self, stream: httpcore.AsyncNetworkStream, address: str, port: int, is_first: bool
    ) -> httpcore.AsyncNetworkStream:
        self._streams.append(stream)
        return _Stream(stream, self, address, port, is_first)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that notes the certificate and the first byte."""

    def __init__(
        self, stream: httpcore.AsyncNetworkStream, network: Network, address: str, port: int, is_first: bool
    ) -> None:
        self._stream = stream
        self._network = network
        self._address = address
        self._port = port
        self._is_first = is_first

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        if self._network.first_byte_at is None:
            self._network.first_byte_at = asyncio.get_running_loop().time()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.step = "waiting for the response"
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The handshake. Raises LookError; the certificate is read also if clients reject it."""
        self._network.step = "shaking hands"
        host = (server_hostname or "").rstrip(".")
        try:
            stream = await self._stream.start_tls(ssl_context, host, timeout)
        except httpcore.ConnectError as error:
            cause = error.__cause__
            if not isinstance(cause, ssl.SSLCertVerificationError):
                raise LookError("tls", describe_handshake_error(cause)) from error
            certificate = await _fetch_certificate(self._address, self._port, host)
            problem = describe_rejection(cause, host, certificate)
            self._note(replace(certificate, problem=problem))
            raise LookError("tls", problem) from error
        self._note(_certificate_of(stream.get_extra_info("ssl_object")))
        return _Stream(stream, self._network, self._address, self._port, self._is_first)

    def _note(self, certificate: Certificate) -> None:
        if self._is_first:
            self._network.certificate = certificate


async def _fetch_certificate(address: str, port: int, host: str) -> Certificate:
    """The certificate that the server sends, whatever it is worth. Empty if the server sends none this time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_CERTIFICATE_SECONDS):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    except OSError:  # TimeoutError is one
        return Certificate()
    try:
        return _certificate_of(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()


def _certificate_of(connection: ssl.SSLObject) -> Certificate:
    der = connection.getpeercert(binary_form=True)
    return Certificate() if der is None else read_certificate(der)


def describe_failure(error: BaseException) -> str:
    """The system's words for a failed connection, without the address that asyncio adds, or those of the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno)
        cause = cause.__cause__
    return str(error) or "the connection was closed"
