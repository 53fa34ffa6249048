"""Compressed bodies of less than 1 MiB that inflate to 1 GiB."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import brotli
import zstandard

INFLATED_BYTES = 2**30
ENVELOPE = b'{}\n{"type":"event","length":%d}\n{"message":"' % (INFLATED_BYTES + 14)
_PART = b" " * 2**20


def zip_bombs() -> dict[str, bytes]:
    """Bodies by the content encoding that they claim. Each begins as an envelope, and its event has 1 GiB."""
    once = _gzip(_parts())
    return {
        "gzip": once,
        # What is between the header and the checksum: a deflate stream without a header.
        "deflate": once[10:-8],
        "br": _brotli(_parts()),
        "zstd": _zstd(_parts()),
        "gzip, gzip": _gzip(iter([once])),
    }


def _parts() -> Iterator[bytes]:
    yield ENVELOPE
    for _ in range(INFLATED_BYTES // len(_PART)):
        yield _PART
    yield b'"}\n'


def _gzip(parts: Iterator[bytes]) -> bytes:
    encoder = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([*(encoder.compress(part) for part in parts), encoder.flush()])


def _brotli(parts: Iterator[bytes]) -> bytes:
    encoder = brotli.Compressor(quality=1)
    return b"".join([*(encoder.process(part) for part in parts), encoder.finish()])


def _zstd(parts: Iterator[bytes]) -> bytes:
    encoder = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join([*(encoder.compress(part) for part in parts), encoder.flush()])
