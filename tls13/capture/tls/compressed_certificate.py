"""The Certificate message inside a compressed one. RFC 8879 §4

Brotli takes a library that is not among this package's; what it compresses stays as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import zstandard

from schemas.certificate import Certificate, CompressedCertificate
from schemas.code_points import CertificateCompressionAlgorithm
from schemas.errors import DecodeError

_LONGEST = 2**20
"""Bytes of a Certificate message that are made of a compressed one."""
_ZSTD_WINDOW = 2**23
"""What a frame may make its reader remember: as much as RFC 8878 §3.1.1.1.2 wants supported."""


def decompressed(message: CompressedCertificate) -> Certificate | None:
    """The message inside; None where the algorithm is not known, or where it does not give the length promised."""
    decompress = _ALGORITHMS.get(message.algorithm)
    length = message.uncompressed_length
    if decompress is None or length > _LONGEST:
        return None
    try:
        content = decompress(message.compressed_certificate_message, length + 1)
        return Certificate.parse(content) if len(content) == length else None
    except (zlib.error, zstandard.ZstdError, DecodeError):
        return None


def _inflate(data: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(data, most)


def _unzstd(data: bytes, most: int) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(data) as reader:
        return reader.read(most)


_ALGORITHMS: Mapping[CertificateCompressionAlgorithm, Callable[[bytes, int], bytes]] = {
    CertificateCompressionAlgorithm.zlib: _inflate,
    CertificateCompressionAlgorithm.zstd: _unzstd,
}
