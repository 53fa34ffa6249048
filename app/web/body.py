"""Reads a request body within limits on its headers, its size, its duration, and the memory of all bodies together."""

import asyncio
import re
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request

from app.problems import problem

BODY_LIMIT = 1024 * 1024
BUDGET_BYTES = 24 * 1024 * 1024
_BODY_SECONDS = 15.0

_MEDIA_TYPE = re.compile(r"application/(?:json|[a-z0-9!#$&^_.+-]+\+json)", re.IGNORECASE)
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]*)"?', re.IGNORECASE)
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class BodyBudget:
    """Limits the bytes of all bodies that are being read."""

    def __init__(self, limit: int = BUDGET_BYTES) -> None:
        self._available = limit

    def acquire(self, size: int) -> None:
        """Raises the Problem `overloaded` if the limit is reached."""
        if size > self._available:
            raise problem("overloaded")
        self._available -= size

    def release(self, size: int) -> None:
        """The bytes were passed on or dropped."""
        self._available += size


def require_json(headers: Headers) -> None:
    """Raises the Problem `content-type` or `content-encoding` before the body is read."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = _CHARSET.search(";" + parameters)
    if not _MEDIA_TYPE.fullmatch(media_type.strip()):
        raise problem("content-type")
    if charset is not None and charset.group(1).lower() not in _UTF8_NAMES:
        raise problem("content-type")
    if (headers.get("content-encoding") or "identity").strip().lower() != "identity":
        raise problem("content-encoding")


def check_declared_length(headers: Headers) -> None:
    """Raises the Problem `body-too-large` by Content-Length alone; read_body() counts what arrives."""
    length = headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 15 or int(length) > BODY_LIMIT):
        raise problem("body-too-large")


async def read_body(request: Request[Any], budget: BodyBudget) -> bytes:
    """The raw bytes. Raises the Problem `body-too-large`, `body-timeout` or `overloaded`."""
    check_declared_length(request.headers)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                budget.acquire(len(chunk))
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise problem("body-too-large")
    except TimeoutError:
        raise problem("body-timeout") from None
    finally:
        budget.release(len(body))
    return bytes(body)
