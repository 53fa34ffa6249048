"""Content-Encoding of request bodies: gzip, deflate, br and zstd, inflated step by step up to a limit.

A body of 1 MiB can inflate to a thousand times its size and more. Whatever it claims, no more than the limit and one
step beyond it is ever in memory: a body that is larger when inflated is refused as soon as it passes the limit.
"""

import asyncio
import zlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import brotli
import zstandard
from starlette.datastructures import Headers
from starlette.requests import Request

from app.problems import Problem, problem
from app.web.body import BodyBudget, read_body

# A body that is small, compressed and inflated, costs less than handing it to a thread.
_SMALL = 64 * 1024
_GZIP, _ZLIB, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
# RFC 8878 asks every decoder for 8 MiB, and permits to refuse more.
_ZSTD_WINDOW = 8 * 1024 * 1024
# A block of zstd has 4 bytes or more and inflates to 128 KiB at most: 64 bytes to 2 MiB.
_ZSTD_STEP = 64
_STEP = 16 * 1024
# brotli needs several times what it returns at once.
_BROTLI_STEP = 256 * 1024
# Each member of a gzip body and each frame of a zstd body starts a decoder, however little it holds.
_MEMBERS = 1000

Parsed = TypeVar("Parsed")


async def read_inflated(
    request: Request[Any],
    budget: BodyBudget,
    limit: int,
    parse: Callable[[bytes], Parsed],
    check: Callable[[bytes], object] | None = None,
) -> Parsed:
    """What parse makes of the inflated body, for which limit is the most bytes. A large one is parsed in a thread.

    check is called with its first 64 KiB before the rest is inflated. Raises the Problems of read_body(), of inflate(),
    of check and of parse.
    """
    encoding = require_encoding(request.headers)
    raw = await read_body(request, budget)
    if check is not None:
        check(inflate_beginning(raw, encoding, _SMALL))
    if len(raw) <= min(_SMALL, limit) and encoding == "identity":
        return parse(raw)
    if len(raw) <= _SMALL:
        small = _inflate_small(raw, encoding, limit)
        if small is not None:
            return parse(small)
    # Threads share the memory of large bodies: a few are inflated at a time, the others wait as they arrived.
    async with budget.hold_large(len(raw)):
        return await asyncio.to_thread(lambda: parse(inflate(raw, encoding, limit)))


def require_encoding(headers: Headers) -> str:
    """The one content encoding. Raises the Problem `content-encoding` for others, and for several one over another."""
    given = ",".join(headers.getlist("content-encoding")).lower().split(",")
    encodings = [each for each in (name.strip() for name in given) if each not in ("", "identity")]
    if not encodings:
        return "identity"
    if len(encodings) > 1 or encodings[0] not in _DECODERS:
        raise problem(
            "content-encoding", "Content-Encoding must be one of gzip, deflate, br, zstd and identity, not several."
        )
    return encodings[0]


def inflate(raw: bytes, encoding: str, limit: int) -> bytes:
    """The inflated body. Raises the Problem `body-too-large` or, if it is damaged or truncated, `body-compression`."""
    inflated = bytearray()
    for part in _inflate_parts(raw, encoding, limit + 1):
        inflated += part
        if len(inflated) > limit:
            raise _too_large(limit)
    return bytes(inflated)


def inflate_beginning(raw: bytes, encoding: str, size: int) -> bytes:
    """The first bytes of the inflated body, or all if it has fewer. Raises the Problem `body-compression`."""
    inflated = bytearray()
    for part in _inflate_parts(raw, encoding, size):
        inflated += part
        if len(inflated) >= size:
            break
    return bytes(inflated[:size])


def _inflate_parts(raw: bytes, encoding: str, limit: int) -> Iterator[bytes]:
    try:
        yield from _DECODERS[encoding](raw, limit)
    except (zlib.error, brotli.error, zstandard.ZstdError):
        raise _damaged(encoding, "damaged") from None
    except EOFError:
        raise _damaged(encoding, "truncated") from None


def _inflate_small(raw: bytes, encoding: str, limit: int) -> bytes | None:
    """The inflated body, or None for one that is large and below the limit."""
    try:
        return inflate(raw, encoding, min(limit, _SMALL))
    except Problem as refused:
        if refused.code != "body-too-large" or limit <= _SMALL:
            raise
        return None


def _gunzip(raw: bytes, limit: int) -> Iterator[bytes]:
    return _inflate_members(raw, lambda: _ZlibDecoder(_GZIP, limit), _STEP)


def _inflate_deflate(raw: bytes, limit: int) -> Iterator[bytes]:
    """What HTTP calls deflate has a header of zlib; some clients leave it out."""
    has_header = len(raw) > 1 and raw[0] & 0x0F == zlib.DEFLATED and int.from_bytes(raw[:2]) % 31 == 0
    yield from _inflate_members(raw, lambda: _ZlibDecoder(_ZLIB if has_header else _RAW_DEFLATE, limit), _STEP, 1)


def _inflate_brotli(raw: bytes, _limit: int) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    yield decoder.process(raw, output_buffer_limit=_BROTLI_STEP)
    while not decoder.is_finished():
        part = decoder.process(b"", output_buffer_limit=_BROTLI_STEP)
        if not part and decoder.can_accept_more_data():
            raise EOFError
        yield part


def _inflate_zstd(raw: bytes, _limit: int) -> Iterator[bytes]:
    return _inflate_members(raw, zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj, _ZSTD_STEP)


class _ZlibDecoder:
    """A decoder of zlib whose output is limited: what it leaves of a step goes into the next one."""

    def __init__(self, format_bits: int, limit: int) -> None:
        self._decoder = zlib.decompressobj(format_bits)
        self._limit = limit

    def decompress(self, data: bytes) -> bytes:
        """The inflated data, or as much of it as passes the limit."""
        return self._decoder.decompress(data, self._limit)

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""
        return self._decoder.unused_data


def _inflate_members(raw: bytes, new_decoder: Callable[[], Any], step: int, members: int = _MEMBERS) -> Iterator[bytes]:
    """Members that follow each other, each with a decoder of its own. Raises EOFError if the last is not complete."""
    at = 0
    for _ in range(members):
        decoder = new_decoder()
        while not decoder.eof:
            data = raw[at : at + step]
            if not data:
                raise EOFError
            at += len(data)
            yield decoder.decompress(data)
        at -= len(decoder.unused_data)
        if at == len(raw):
            return
    raise zlib.error("more members than are read")


_DECODERS: dict[str, Callable[[bytes, int], Iterator[bytes]]] = {
    "identity": lambda raw, _limit: iter([raw]),
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate_deflate,
    "br": _inflate_brotli,
    "zstd": _inflate_zstd,
}


def _damaged(encoding: str, how: str) -> Problem:
    return problem("body-compression", f"Content-Encoding is {encoding}, but the body is {how} as such.")


def _too_large(limit: int) -> Problem:
    return problem("body-too-large", f"The body is larger than {limit // 2**20 or 1} MiB when inflated.")
