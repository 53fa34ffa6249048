"""Reads a request body within limits on its headers, its size, its duration, and the memory of all bodies together."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from app.problems import problem

BODY_LIMIT = 1024 * 1024
# A note of 4,000 characters, of which a form sends each in up to 12 bytes.
FORM_LIMIT = 64 * 1024
EMAIL_EVENT_LIMIT = 256 * 1024
_REPORT_SECONDS = 15.0
# Sentry closes the connection after one second.
_UNAUTHENTICATED_SECONDS = 5.0
# Large bodies that are inflated and parsed at a time: each takes up to some 30 MiB meanwhile.
_LARGE_BODIES = 2

_FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = re.compile(r"application/(?:json|[a-z0-9!#$&^_.+-]+\+json)", re.IGNORECASE)
LINES_TYPE = re.compile(r"application/(?:(?:x-)?ndjson|(?:x-)?jsonl|jsonlines)", re.IGNORECASE)
TEXT_TYPE = re.compile("text/plain", re.IGNORECASE)
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]*)"?', re.IGNORECASE)
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


@dataclass(frozen=True)
class BodyLimits:
    """Limits on one body, and on all bodies of its kind that are being read.

    Beyond total_bytes or bodies, a new body is refused if its headers have authenticated a server. Otherwise the
    oldest body is given up (replaces_oldest): whoever sends a whole body at once is served, whoever holds one back is
    not.
    """

    body_bytes: int
    total_bytes: int
    bodies: int
    seconds: float
    replaces_oldest: bool


def report_limits() -> BodyLimits:
    """For bodies of senders with a token."""
    return BodyLimits(BODY_LIMIT, 24 * BODY_LIMIT, 2_000, _REPORT_SECONDS, replaces_oldest=False)


def public_limits() -> BodyLimits:
    """For bodies of pages and SDKs: anyone can have their key, so it keeps nobody out. Some networks are slow."""
    return BodyLimits(BODY_LIMIT, 16 * BODY_LIMIT, 400, _REPORT_SECONDS, replaces_oldest=True)


def envelope_limits() -> BodyLimits:
    """For envelopes with a public key: pictures and recordings can come along with an event."""
    return BodyLimits(10 * BODY_LIMIT, 24 * BODY_LIMIT, 400, _REPORT_SECONDS, replaces_oldest=True)


def monitor_limits() -> BodyLimits:
    """For webhooks with a key in their URL, which gets about."""
    return BodyLimits(BODY_LIMIT, 8 * BODY_LIMIT, 200, _REPORT_SECONDS, replaces_oldest=True)


def sentry_limits() -> BodyLimits:
    """For signed bodies: whether the signature is right shows only when the body is there."""
    return BodyLimits(BODY_LIMIT, 8 * BODY_LIMIT, 200, _UNAUTHENTICATED_SECONDS, replaces_oldest=True)


def email_limits() -> BodyLimits:
    """For events of e-mail providers, which have a few kB and are repeated if they are refused."""
    return BodyLimits(EMAIL_EVENT_LIMIT, 8 * EMAIL_EVENT_LIMIT, 100, _UNAUTHENTICATED_SECONDS, replaces_oldest=True)


def form_limits() -> BodyLimits:
    """For forms, which anyone may send."""
    return BodyLimits(FORM_LIMIT, 100 * FORM_LIMIT, 100, _UNAUTHENTICATED_SECONDS, replaces_oldest=True)


@dataclass(eq=False)
class _Reading:
    """A body that is being read."""

    timeout: asyncio.Timeout
    content: bytearray = field(default_factory=bytearray)
    is_given_up: bool = False


class BodyBudget:
    """The bodies of one kind that are being read."""

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self._bytes = 0
        self._held_bytes = 0
        # By age, as a dictionary keeps the order of insertion.
        self._readings: dict[_Reading, None] = {}
        self._large = asyncio.Semaphore(_LARGE_BODIES)

    async def read(self, request: Request[Any]) -> bytes:
        """The raw bytes. Raises the Problem `body-too-large`, `body-timeout` or `overloaded`."""
        timeout = asyncio.timeout(self.limits.seconds)
        reading = _Reading(timeout)
        try:
            async with timeout:
                self._make_room(reading, 0)
                self._readings[reading] = None
                async for chunk in request.stream():
                    self._make_room(reading, len(chunk))
                    self._bytes += len(chunk)
                    reading.content += chunk
                    if len(reading.content) > self.limits.body_bytes:
                        raise _too_large(self.limits.body_bytes)
        except TimeoutError:
            raise problem("overloaded" if reading.is_given_up else "body-timeout") from None
        finally:
            self._end(reading)
        return bytes(reading.content)

    @asynccontextmanager
    async def hold_large(self, size: int) -> AsyncIterator[None]:
        """Waits until a body of so many bytes may be inflated and parsed. It counts until then and meanwhile.

        Raises the Problem `overloaded`.
        """
        if self._bytes + size > self.limits.total_bytes:
            raise problem("overloaded")
        self._bytes += size
        try:
            async with self._large:
                yield
        finally:
            self._bytes -= size

    @contextmanager
    def hold_read(self, size: int) -> Iterator[None]:
        """Counts what was read of a body until it is stored: it can be a thousand times the size of the body.

        One is held whatever its size. Raises the Problem `overloaded`.
        """
        if self._held_bytes and self._held_bytes + size > self.limits.total_bytes:
            raise problem("overloaded")
        self._held_bytes += size
        try:
            yield
        finally:
            self._held_bytes -= size

    def _make_room(self, reading: _Reading, size: int) -> None:
        if reading.is_given_up:
            # More of it arrived before its timeout, which is due now, has run.
            raise problem("overloaded")
        while self._bytes + size > self.limits.total_bytes or (
            reading not in self._readings and len(self._readings) >= self.limits.bodies
        ):
            oldest = next(iter(self._readings), reading)
            if oldest is reading or not self.limits.replaces_oldest:
                raise problem("overloaded")
            self._end(oldest)
            oldest.content.clear()
            oldest.is_given_up = True
            if not oldest.timeout.expired():
                oldest.timeout.reschedule(asyncio.get_running_loop().time())

    def _end(self, reading: _Reading) -> None:
        if reading in self._readings:
            del self._readings[reading]
            self._bytes -= len(reading.content)


def require_media_type(headers: Headers, *expected: re.Pattern[str]) -> re.Pattern[str]:
    """The expected type that the body has. Raises the Problem `content-type` for another type or charset."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = _CHARSET.search(";" + parameters)
    if charset is not None and charset.group(1).lower() not in _UTF8_NAMES:
        raise problem("content-type")
    for each in expected:
        if each.fullmatch(media_type.strip()):
            return each
    raise problem("content-type")


def require_form(headers: Headers) -> None:
    """Raises the Problem `content-type` or `content-encoding` before the body is read."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise problem("content-type", f"Content-Type must be {_FORM_TYPE}.")
    require_identity(headers)


def require_identity(headers: Headers) -> None:
    """Raises the Problem `content-encoding` for a compressed body."""
    if (headers.get("content-encoding") or "identity").strip().lower() != "identity":
        raise problem("content-encoding")


def check_declared_length(headers: Headers, limit: int) -> None:
    """Raises the Problem `body-too-large` by Content-Length alone; read_body() counts what arrives."""
    length = headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 15 or int(length) > limit):
        raise _too_large(limit)


async def read_body(request: Request[Any], budget: BodyBudget) -> bytes:
    """The raw bytes. Raises the Problem `body-too-large`, before a byte is read if possible, or those of the budget."""
    check_declared_length(request.headers, budget.limits.body_bytes)
    return await budget.read(request)


def _too_large(limit: int) -> Exception:
    unit = f"{limit // BODY_LIMIT} MiB" if limit >= BODY_LIMIT else f"{limit // 1024} KiB"
    return problem("body-too-large", f"The body is larger than {unit}.")
