"""One look at a target from the service's own network: a request as SQL orders it, and what was seen.

No rules: neither the status of the target nor how bad a problem is.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import httpcore
import httpx

from app.looks.certificate import Certificate, describe_handshake_error
from app.looks.network import LookError, Network, Resolve, describe_failure, resolve

BODY_LIMIT = 1024 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PROBLEM_LENGTH = 1000
_FAILURES = (httpcore.ProtocolError, httpcore.UnsupportedProtocol, httpcore.NetworkError, httpcore.TimeoutException)
_OWN_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "autonomous-monitoring-agent"}


@dataclass(frozen=True)
class Order:
    """A look that SQL asks for, as take_looks() returns it."""

    id: int
    url: str
    method: str
    headers: Mapping[str, str] = field(repr=False)  # may be secrets
    body: str | None
    content_type: str | None
    timeout_ms: int
    allow_private: bool
    wants_body: bool


@dataclass
class Sighting:
    """What a look saw, as record_looks() takes it. Times are in milliseconds from the beginning of the look.

    An HTTP response has http_status; without one error_kind and problem say at which step the look failed and why.
    """

    id: int
    http_status: int | None = None
    headers: Mapping[str, str] | None = None
    body: str | None = None
    error_kind: str | None = None
    problem: str | None = None
    response_time_ms: int | None = None
    first_byte_ms: int | None = None
    addresses: list[str] | None = None
    certificate: Certificate | None = None


def read_order(row: object) -> Order:
    """An order of take_looks(). Raises ValueError for anything else."""
    if not isinstance(row, Mapping):
        raise ValueError("an order is an object")
    try:
        return Order(
            id=int(row["id"]),
            url=str(row["url"]),
            method=str(row["method"]),
            headers={str(name): str(value) for name, value in (row.get("headers") or {}).items()},
            body=row.get("body"),
            content_type=row.get("content_type"),
            timeout_ms=int(row["timeout_ms"]),
            allow_private=row.get("allow_private") is True,
            wants_body=row.get("wants_body") is True,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("an order lacks a member") from error


async def look(order: Order, certificates: ssl.SSLContext, resolve: Resolve = resolve) -> Sighting:
    """Send the request of an order once, within its timeout. A failure is part of what is seen, and not raised.

    certificates: the authorities to trust.
    """
    clock = asyncio.get_running_loop().time
    started, network, seen = clock(), Network(order.allow_private, resolve), Sighting(order.id)
    try:
        async with asyncio.timeout(order.timeout_ms / 1000):
            await _follow(order, network, certificates, seen)
        seen.response_time_ms = round((clock() - started) * 1000)
        if network.first_byte_at is not None:
            seen.first_byte_ms = round((network.first_byte_at - started) * 1000)
    except TimeoutError:
        _fail(seen, "timeout", f"timeout of {order.timeout_ms} ms while {network.step}")
    except LookError as error:
        _fail(seen, error.kind, error.problem)
    except ssl.SSLError as error:  # with TLS 1.3 a server may refuse the client after the handshake
        _fail(seen, "tls", describe_handshake_error(error))
    except (httpcore.LocalProtocolError, ValueError):  # h11 quotes the header, which may be a secret
        _fail(seen, "protocol", "the request cannot be sent: its URL or one of its headers is not valid")
    except (*_FAILURES, httpx.InvalidURL) as error:
        _fail(seen, "protocol", f"{network.step} failed: {describe_failure(error)}")
    finally:
        await network.aclose()
    seen.addresses, seen.certificate = network.addresses, network.certificate
    return seen


def _fail(seen: Sighting, kind: str, problem: str) -> None:
    """The look has no response: that of a redirect, or half of one, is none."""
    if seen.http_status is not None:
        problem = f"HTTP {seen.http_status}, but {problem}"
    seen.http_status, seen.headers, seen.body = None, None, None
    seen.error_kind, seen.problem = kind, _clean(problem)[:_PROBLEM_LENGTH]


async def _follow(order: Order, network: Network, certificates: ssl.SSLContext, seen: Sighting) -> None:
    """Send the request and follow redirects; a pool for each, so that every connection is checked."""
    url, method, body, headers = httpx.URL(order.url), order.method, (order.body or "").encode(), _headers(order)
    for _ in range(_MOST_REDIRECTS + 1):
        address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = [(b"Host", url.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        async with (
            httpcore.AsyncConnectionPool(ssl_context=certificates, network_backend=network) as pool,
            pool.stream(method, address, headers=sent, content=body if method == "POST" else None) as response,
        ):
            received = _read_headers(response.headers)
            location = received.get("location") if response.status in _REDIRECTS else None
            if location is None:
                seen.http_status, seen.headers = response.status, received
                network.step = "reading the response"
                content = await _read_body(response)
                seen.body = _read_text(content) if order.wants_body else None
                return
        target = url.join(location)
        if not _is_same_server(url, target):
            headers = dict(_OWN_HEADERS)  # those of the order may be secrets of the first server
        if response.status not in (307, 308):
            method, body = "GET", b""
        url = target
    raise LookError("protocol", f"more than {_MOST_REDIRECTS} redirects")


def _headers(order: Order) -> dict[str, str]:
    headers = {name.lower(): value for name, value in (_OWN_HEADERS | dict(order.headers)).items()}
    if order.method == "POST":
        headers["content-type"] = order.content_type or headers.get("content-type", "application/json")  # as pg_net
    return headers


def _is_same_server(url: httpx.URL, target: httpx.URL) -> bool:
    """Whether a redirect leads to the same host and port, or from http to https of the same host."""
    is_upgrade = (url.scheme, target.scheme, url.port, target.port) == ("http", "https", None, None)
    return url.host == target.host and ((url.scheme, url.port) == (target.scheme, target.port) or is_upgrade)


def _read_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By their names in lower case; repeated ones joined."""
    read: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), _clean(value.decode("latin-1"))
        read[key] = f"{read[key]}, {text}" if key in read else text
    return read


async def _read_body(response: httpcore.Response) -> bytes:
    """The body as it was sent, which may be compressed: up to the limit, the rest is not received."""
    content = bytearray()
    async for chunk in response.aiter_stream():
        content += chunk
        if len(content) >= BODY_LIMIT:
            break
    return bytes(content[:BODY_LIMIT])


def _read_text(content: bytes) -> str:
    """As UTF-8, at most the limit when it is encoded again: each wrong byte becomes a character of three."""
    return _clean(content.decode(errors="replace")).encode()[:BODY_LIMIT].decode(errors="ignore")


def _clean(text: str) -> str:
    """Without NUL, which jsonb refuses."""
    return text.replace("\x00", "\ufffd")
