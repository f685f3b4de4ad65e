"""Compressed captures: gzip (RFC 1952) and Zstandard (RFC 8878), told by what they start with."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import zstandard

from tls13.capture.files.framing import Readable, Rejoined

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAGIC_LENGTH = 4
DECOMPRESSION_ERRORS = (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile)
"""What reading a compressed stream can raise: where it ends early, and where it is damaged."""


def decompressed(magic: bytes, stream: Readable) -> Readable | None:
    """What the stream holds that starts with `magic`, of which those bytes are read; None where it is not compressed.

    Its reads may raise DECOMPRESSION_ERRORS.
    """
    for start, decompress in _FORMATS.items():
        if magic.startswith(start):
            return decompress(io.BufferedReader(Rejoined(magic, stream)))
    return None


def _gunzip(stream: io.BufferedReader) -> Readable:
    return io.BufferedReader(_Members(stream, lambda: zlib.decompressobj(_GZIP), padding=b"\0"), _BUFFER)


def _unzstd(stream: io.BufferedReader) -> Readable:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    return io.BufferedReader(_Members(stream, decompressor.decompressobj), _BUFFER)


_FORMATS: dict[bytes, Callable[[io.BufferedReader], Readable]] = {
    b"\x1f\x8b": _gunzip,
    b"\x28\xb5\x2f\xfd": _unzstd,
}

_BUFFER = 2**16
_ZSTD_WINDOW = 2**27
"""The most that a frame may make its reader remember: what `zstd --ultra -22` and `--long` ask for."""
_GZIP = zlib.MAX_WBITS | 16
"""What tells zlib that a gzip header comes first, and its checksum last."""
_INPUT = 512
"""Compressed bytes taken at a time. Four of zstd's can stand for 128 KiB, so this many for 16 MiB."""


class _Decompressor(Protocol):
    """What both libraries' objects have: for one member or frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class _Members(io.RawIOBase):
    """One gzip member or zstd frame after another, perhaps with `padding` between.

    The libraries' own readers don't tell one cut short from one that ends, or lose what they have read before that.
    """

    def __init__(
        self, stream: io.BufferedReader, decompressor: Callable[[], _Decompressor], padding: bytes = b""
    ) -> None:
        self._stream = stream
        self._make = decompressor
        self._padding = padding
        self._member = decompressor()
        self._begun = False
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        while not self._output:
            data = self._next_input()
            if not data:
                return 0
            self._output = memoryview(self._member.decompress(data))
            self._begun = True
        given = self._output[: len(view)]
        self._output = self._output[len(view) :]
        view[: len(given)] = given
        return len(given)

    def _next_input(self) -> bytes:
        """More of the member, or the start of the next. Raises EOFError where the stream ends within one."""
        left = b""
        if self._member.eof:
            left = self._member.unused_data
            self._member, self._begun = self._make(), False
        data = left or self._stream.read(_INPUT)
        while self._padding and not self._begun and data and not (data := data.lstrip(self._padding)):
            data = self._stream.read(_INPUT)
        if not data and self._begun:
            raise EOFError("the compressed data ends in the middle")
        return data
