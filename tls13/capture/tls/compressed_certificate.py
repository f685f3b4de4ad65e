"""The Certificate message inside a compressed one. RFC 8879 §4

Captures alone have them: this package's own endpoints offer no compression.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import brotli
import zstandard

from schemas.certificate import Certificate, CompressedCertificate
from schemas.code_points import CertificateCompressionAlgorithm
from schemas.errors import DecodeError

_LONGEST = 2**17
"""Bytes of a Certificate message that are made of a compressed one."""
_ZSTD_WINDOW = 2**23
"""What a frame may make its reader remember: as much as RFC 8878 §3.1.1.1.2 wants supported."""


_ZSTD_PIECE, _ZSTD_BUFFER = 4, 2**14


class Decompressed(NamedTuple):
    """The message inside, None where it is not known, and what is wrong with the one that was sent."""

    certificate: Certificate | None
    breach: str = ""


def decompressed(message: CompressedCertificate) -> Decompressed:
    """What a compressed message holds. Of an algorithm that is not known, or of what is too long, nothing is known."""
    decompress = _ALGORITHMS.get(message.algorithm)
    length = message.uncompressed_length
    if decompress is None or length > _LONGEST:
        return Decompressed(None)
    try:
        content = decompress(message.compressed_certificate_message, length + 1)
    except (zlib.error, brotli.error, zstandard.ZstdError):
        return Decompressed(None, f"what was compressed with {message.algorithm} is damaged")
    if len(content) != length:
        return Decompressed(None, f"what was compressed with {message.algorithm} is no {length} bytes, as was promised")
    try:
        return Decompressed(Certificate.parse(content))
    except DecodeError as error:
        return Decompressed(None, f"no Certificate was compressed: {error}")


def _inflate(data: bytes, most: int) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(data, most)
    return content if stream.eof and not stream.unused_data else b""


def _unbrotli(data: bytes, most: int) -> bytes:
    # Its limit holds between buffers, which double in size: what is too long may come to twice as much.
    stream = brotli.Decompressor()
    content: bytes = stream.process(data, output_buffer_limit=most)
    return content if stream.is_finished() else b""


def _unzstd(data: bytes, most: int) -> bytes:
    # It has no limit of its own, so it is given no more at a time than the least block takes, which may hold 128 KiB.
    stream = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(_ZSTD_BUFFER)
    content = bytearray()
    at = 0
    while at < len(data) and not stream.eof:
        more = stream.decompress(data[at : at + _ZSTD_PIECE])
        if len(content) + len(more) > most:
            return b""
        content += more
        at += _ZSTD_PIECE
    return bytes(content) if stream.eof and at >= len(data) and not stream.unused_data else b""


_ALGORITHMS: Mapping[CertificateCompressionAlgorithm, Callable[[bytes, int], bytes]] = {
    CertificateCompressionAlgorithm.zlib: _inflate,
    CertificateCompressionAlgorithm.brotli: _unbrotli,
    CertificateCompressionAlgorithm.zstd: _unzstd,
}
"""Each makes the whole of what was compressed, nothing where that has not come to its end by so many bytes."""
