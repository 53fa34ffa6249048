"""Content-Encoding of request bodies: what is inflated, what is refused, and that a bomb costs only its limit."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from starlette.datastructures import Headers

from app.problems import Problem
from app.web.inflate import inflate, inflate_beginning, require_encoding

LIMIT = 1024 * 1024
TEXT = b'{"message": "payment failed"}\n' * 100


def _raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


COMPRESSORS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", _raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.ZstdCompressor().compress),
}
by_format = pytest.mark.parametrize(("encoding", "compress"), COMPRESSORS.values(), ids=COMPRESSORS)


@by_format
@pytest.mark.parametrize("body", [b"", b"x", TEXT, b"\0" * LIMIT], ids=["empty", "byte", "text", "at the limit"])
def test_a_body_is_inflated(encoding: str, compress: Callable[[bytes], bytes], body: bytes) -> None:
    assert inflate(compress(body), encoding, LIMIT) == body


@by_format
def test_one_byte_more_than_the_limit_is_refused(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    assert _refusal(compress(b"\0" * (LIMIT + 1)), encoding) == (413, "body-too-large")


@by_format
def test_every_truncation_is_refused(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(TEXT)
    for length in range(len(whole)):
        assert _refusal(whole[:length], encoding) == (400, "body-compression")


@by_format
def test_what_follows_the_body_is_refused(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    assert _refusal(compress(TEXT) + b"more", encoding) == (400, "body-compression")


@by_format
def test_text_that_is_not_compressed_is_refused(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Problem, match=f"Content-Encoding is {encoding}"):
        inflate(TEXT, encoding, LIMIT)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members_are_joined_up_to_a_number(name: str) -> None:
    encoding, compress = COMPRESSORS[name]
    assert inflate(compress(b"one,") + compress(b"") + compress(b"two"), encoding, LIMIT) == b"one,two"
    assert inflate(compress(b"1") * 1000, encoding, LIMIT) == b"1" * 1000
    assert _refusal(compress(b"") * 1001, encoding) == (400, "body-compression")


@by_format
def test_a_bomb_costs_no_more_than_the_limit(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(b"\0" * (256 * LIMIT))
    tracemalloc.start()
    try:
        assert _refusal(bomb, encoding) == (413, "body-too-large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * LIMIT


@by_format
def test_the_beginning_of_a_bomb_costs_little(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(b'{"dsn": ""}\n' + b"\0" * (256 * LIMIT))
    tracemalloc.start()
    try:
        assert inflate_beginning(bomb, encoding, 12) == b'{"dsn": ""}\n'
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT
    assert inflate_beginning(compress(b"x"), encoding, 12) == b"x"
    assert inflate_beginning(TEXT, "identity", 12) == TEXT[:12]


def test_a_window_of_128_mib_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert _refusal(compressor.compress(TEXT) + compressor.flush(), "zstd") == (400, "body-compression")


def test_a_body_without_encoding_stays_as_it_is() -> None:
    assert inflate(TEXT, "identity", LIMIT) == TEXT
    assert _refusal(b"x" * (LIMIT + 1), "identity") == (413, "body-too-large")


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], "identity"), ([""], "identity"), (["Identity"], "identity"), ([" GZip "], "gzip"), (["br, identity"], "br")],
)
def test_one_encoding_is_read(values: list[str], expected: str) -> None:
    assert require_encoding(_headers(values)) == expected


@pytest.mark.parametrize("values", [["gzip, br"], ["gzip", "gzip"], ["compress"], ["gzip;q=1"], ["*"], ["\xff"]])
def test_other_encodings_are_refused(values: list[str]) -> None:
    with pytest.raises(Problem, match="gzip, deflate, br, zstd") as caught:
        require_encoding(_headers(values))
    assert (caught.value.status, caught.value.code) == (415, "content-encoding")


def _headers(values: list[str]) -> Headers:
    return Headers(raw=[(b"content-encoding", value.encode("latin-1")) for value in values])


def _refusal(raw: bytes, encoding: str) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        inflate(raw, encoding, LIMIT)
    return caught.value.status, caught.value.code
