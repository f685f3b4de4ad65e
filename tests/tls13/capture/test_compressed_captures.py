"""Compressed captures that are cut, damaged or padded: whatever can be read is read, and one warning says so."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pytest
import zstandard
from made_captures import pcap

from tls13.capture.files.formats import packets

PACKETS = [(number, bytes([number]) * 60) for number in range(200)]
COMPRESS = [gzip.compress, zstandard.ZstdCompressor().compress]


def read(data: bytes) -> tuple[int, int]:
    """How many packets, and how many warnings."""
    reader = packets(io.BytesIO(data))
    return sum(1 for _ in reader), len(reader.warnings)


@pytest.mark.parametrize("compress", COMPRESS, ids=["gzip", "zstd"])
def test_what_stands_before_other_bytes_is_read(compress: Callable[[bytes], bytes]) -> None:
    whole = compress(pcap(PACKETS))
    assert read(whole) == (200, 0)
    assert read(whole + b"trailing") == (200, 1)


def test_what_stands_before_the_cut_is_read() -> None:
    whole = gzip.compress(pcap(PACKETS))
    count, warnings = read(whole[: len(whole) * 3 // 4])
    assert warnings == 1
    assert 0 < count < 200


def test_a_gzip_whose_checksum_is_cut_off_has_lost_no_packet() -> None:
    assert read(gzip.compress(pcap(PACKETS))[:-4]) == (200, 1)


def test_zeros_behind_a_gzip_are_padding_and_another_member_goes_on() -> None:
    whole = pcap(PACKETS)
    assert read(gzip.compress(whole) + bytes(2000)) == (200, 0)
    assert read(gzip.compress(whole[:5000]) + bytes(700) + gzip.compress(whole[5000:])) == (200, 0)
