"""Compressed certificates: what other programs compressed is read, and nothing is made that was not promised."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
import zstandard

from schemas.certificate import Certificate, CertificateEntry, CompressedCertificate
from schemas.code_points import CertificateCompressionAlgorithm as Algorithm
from tls13.capture.tls.compressed_certificate import decompressed

CERTIFICATE = Certificate(certificate_list=[CertificateEntry(cert_data=b"leaf" * 100)])
LENGTH = 409
"""Of that message: a context of a byte, two lengths of three bytes, 400 bytes and the length of no extensions."""

# Made with Node 20's zlib.brotliCompressSync, at the qualities 1, 5 and 11.
BROTLI = (
    "0bcc000080aaaaaaea1ff9703aca41e424b7835c040ee0e2578a4cf1810dc61c37a8c8cb6dd7742232",
    "1b9801000471703b1006451924952404063023f272db3500",
    "1b9801f8059c700b0883a20c2e4f494061ad022020d0dfe8161700",
)
BROTLI_BOMB = bytes.fromhex(
    "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff83"
    "7f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffcbffff3ffc1300715800a07bff07"
)
"""64 MiB of zeros, of Node's too."""
ZERO_BYTES = 2**26


def compressed(algorithm: Algorithm, data: bytes, length: int = LENGTH) -> CompressedCertificate:
    return CompressedCertificate(algorithm=algorithm, uncompressed_length=length, compressed_certificate_message=data)


@pytest.mark.parametrize("data", BROTLI)
def test_brotli_of_another_program_is_read(data: str) -> None:
    assert decompressed(compressed(Algorithm.brotli, bytes.fromhex(data))) == (CERTIFICATE, "")


def test_brotli_is_read_as_rfc_7932_writes_it() -> None:
    """§9.2: bytes that are stored, in a stream that this test spells out bit by bit."""
    content = CERTIFICATE.build()
    bits = "".join(
        [
            "0",  # WBITS: a window of 16 bits
            "0",  # ISLAST: no
            "00",  # MNIBBLES: four nibbles of MLEN - 1 follow
            f"{LENGTH - 1:016b}"[::-1],
            "1",  # ISUNCOMPRESSED
        ]
    )
    header = int(bits[::-1], 2).to_bytes(3, "little")
    last = b"\x03"  # ISLAST and ISLASTEMPTY
    assert decompressed(compressed(Algorithm.brotli, header + content + last)) == (CERTIFICATE, "")
    # All of the content, and no end.
    assert decompressed(compressed(Algorithm.brotli, header + content)).certificate is None


ALL = [
    (Algorithm.zlib, zlib.compress(CERTIFICATE.build())),
    (Algorithm.brotli, bytes.fromhex(BROTLI[1])),
    (Algorithm.zstd, zstandard.ZstdCompressor().compress(CERTIFICATE.build())),
]
EACH = pytest.mark.parametrize(("algorithm", "data"), ALL, ids=[str(algorithm) for algorithm, _ in ALL])


@EACH
def test_another_length_than_promised_is_no_certificate(algorithm: Algorithm, data: bytes) -> None:
    assert decompressed(compressed(algorithm, data)) == (CERTIFICATE, "")
    for length in (0, 1, LENGTH - 1, LENGTH + 1, 2**20, 2**24 - 1):
        assert decompressed(compressed(algorithm, data, length)).certificate is None


@EACH
def test_what_is_cut_is_no_certificate(algorithm: Algorithm, data: bytes) -> None:
    for end in range(1, len(data)):
        assert decompressed(compressed(algorithm, data[:end])).certificate is None


@EACH
def test_what_is_damaged_is_another_certificate_at_most(algorithm: Algorithm, data: bytes) -> None:
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
        found = decompressed(compressed(algorithm, damaged)).certificate
        assert found is None or len(found.build()) == LENGTH
        # Only zlib has a check that is always there, which leaves the bits that say nothing.
        assert found in (None, CERTIFICATE) or algorithm is not Algorithm.zlib


@pytest.mark.parametrize("algorithm", list(dict(ALL)))
def test_what_stands_behind_the_end_makes_it_none(algorithm: Algorithm) -> None:
    assert decompressed(compressed(algorithm, dict(ALL)[algorithm] + b"\0")).certificate is None


def bombs() -> list[tuple[Algorithm, bytes]]:
    zeros = bytes(ZERO_BYTES)
    return [
        (Algorithm.zlib, zlib.compress(zeros)),
        (Algorithm.brotli, BROTLI_BOMB),
        (Algorithm.zstd, zstandard.ZstdCompressor().compress(zeros)),
    ]


@pytest.mark.parametrize(("length", "most"), [(1000, 2**18), (2**20, 2**23), (2**24 - 1, 2**18)])
def test_no_more_is_made_than_was_promised(length: int, most: int) -> None:
    for algorithm, data in bombs():
        tracemalloc.start()
        try:
            assert decompressed(compressed(algorithm, data, length)).certificate is None
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < most, algorithm


def test_an_algorithm_of_another_number_is_left_alone() -> None:
    assert decompressed(compressed(Algorithm(77), zlib.compress(CERTIFICATE.build()))) == (None, "")


def test_what_is_wrong_is_said() -> None:
    (_, deflated), *_ = ALL
    for message, says in (
        (compressed(Algorithm.zlib, b"nonsense"), "what was compressed with zlib is damaged"),
        (compressed(Algorithm.brotli, b"\xff" * 20), "what was compressed with brotli is damaged"),
        (compressed(Algorithm.zlib, deflated, 410), "what was compressed with zlib is no 410 bytes, as was promised"),
        (compressed(Algorithm.zlib, zlib.compress(b"x" * LENGTH)), "no Certificate was compressed: certificate"),
    ):
        found = decompressed(message)
        assert found.certificate is None
        assert found.breach.startswith(says)
