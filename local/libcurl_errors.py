"""The words of libcurl and pg_net for what can go wrong with a request (net._http_response.error_msg).

Read from libcurl 7.88 (curl_easy_strerror); newer ones write "Could not" for "Couldn't".
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import httpcore
import httpx

UNSUPPORTED_PROTOCOL = "Unsupported protocol"
MALFORMED_URL = "URL using bad/illegal format or missing URL"
COULD_NOT_RESOLVE_HOST = "Couldn't resolve host name"
COULD_NOT_CONNECT = "Couldn't connect to server"
WEIRD_SERVER_REPLY = "Weird server reply"
PARTIAL_FILE = "Transferred a partial file"
BAD_ARGUMENT = "A libcurl function was given a bad argument"
SSL_CONNECT_ERROR = "SSL connect error"
TOO_MANY_REDIRECTS = "Number of redirects hit maximum amount"
GOT_NOTHING = "Server returned nothing (no headers, no data)"
SEND_ERROR = "Failed sending data to the peer"
RECEIVE_ERROR = "Failure when receiving data from the peer"
BAD_CERTIFICATE = "SSL peer certificate or SSH remote key was not OK"


class TransferError(Exception):
    """A request that got no answer; the text goes to error_msg."""


class UnknownHostError(OSError):
    """The name of a host could not be resolved."""


@dataclass
class Timings:
    """Seconds of the event loop's clock at which a step of a transfer ended; None while it has not."""

    started: float
    name_resolved: float | None = None
    connected: float | None = None


def timeout_message(timings: Timings, now: float, timeout_milliseconds: int) -> str:
    """pg_net's sentence, which says at which step the time ran out."""
    total = now - timings.started
    dns = (now if timings.name_resolved is None else timings.name_resolved) - timings.started
    handshake = 0.0
    exchange = 0.0
    if timings.name_resolved is not None:
        handshake = (now if timings.connected is None else timings.connected) - timings.name_resolved
    if timings.connected is not None:
        exchange = now - timings.connected
    return (
        f"Timeout of {timeout_milliseconds} ms reached. Total time: {total * 1000:f} ms"
        f" (DNS time: {dns * 1000:f} ms, TCP/SSL handshake time: {handshake * 1000:f} ms,"
        f" HTTP Request/Response time: {exchange * 1000:f} ms)"
    )


def describe(error: Exception, *, answered: bool) -> str:
    """The curl_easy_strerror of what httpcore raised. `answered`: the headers of an answer had come."""
    if isinstance(error, TransferError):
        return str(error)
    causes = _chain(error)
    if any(isinstance(cause, UnknownHostError) for cause in causes):
        return COULD_NOT_RESOLVE_HOST
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return BAD_CERTIFICATE
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return SSL_CONNECT_ERROR
    if isinstance(error, httpcore.RemoteProtocolError):
        return _describe_bad_answer(str(error), answered=answered)
    return next((text for kind, text in BY_KIND if isinstance(error, kind)), RECEIVE_ERROR)


BY_KIND: tuple[tuple[type[Exception], str], ...] = (
    (httpcore.ConnectError, COULD_NOT_CONNECT),
    (httpcore.ReadError, RECEIVE_ERROR),
    (httpcore.WriteError, SEND_ERROR),
    (httpcore.UnsupportedProtocol, UNSUPPORTED_PROTOCOL),
    (httpcore.LocalProtocolError, BAD_ARGUMENT),
    (httpx.InvalidURL, MALFORMED_URL),
)


def _describe_bad_answer(text: str, *, answered: bool) -> str:
    if answered:
        return PARTIAL_FILE
    # "Server disconnected without sending a response."
    return GOT_NOTHING if "without sending" in text else WEIRD_SERVER_REPLY


def _chain(error: BaseException | None) -> list[BaseException]:
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
