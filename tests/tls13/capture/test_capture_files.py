"""Files to packets: every format, told by content; every way a file can be wrong."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from capture.made_captures import START, block, enhanced, interface, option, pcap, secrets, section
from hypothesis import given
from hypothesis import strategies as st

from tls13.capture import CaptureError, Limits, WarningKind
from tls13.capture.files.bare_records import LINKTYPE_RECORDS
from tls13.capture.files.formats import Packet, PacketReader, packets

DATA = b"\x45packet"
PCAP = pcap([(START, DATA), (START + 1_000_000, b"\x45second")])
PCAPNG = section() + interface() + enhanced(START // 1000, DATA) + enhanced(START // 1000 + 1000, b"\x45second")


def read(data: bytes, limits: Limits | None = None) -> tuple[list[Packet], PacketReader]:
    reader = packets(io.BytesIO(data), limits)
    return list(reader), reader


def in_parts(data: bytes) -> bytes:
    """Two frames of Zstandard, with one between that is to be skipped. RFC 8878 §3.1.2"""
    skippable = bytes.fromhex("502a4d18 03000000 616263")
    return zstandard.compress(data[:50]) + skippable + zstandard.compress(data[50:])


# -- formats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_is_read_in_both_byte_orders_and_resolutions(order: str, nanoseconds: bool) -> None:
    timestamp = START + (123 if nanoseconds else 123_000)
    found, reader = read(pcap([(timestamp, DATA)], order=order, nanoseconds=nanoseconds, link_type=113))
    assert found == [Packet(timestamp, 113, DATA, len(DATA))]
    assert not reader.warnings


def test_pcap_bytes_annotated() -> None:
    file = bytes.fromhex(
        "d4c3b2a1"  # magic, little-endian, microseconds
        "0200 0400"  # version 2.4
        "00000000 00000000"  # time zone, accuracy
        "00000400"  # snap length
        "01000050"  # link type 1, and a frame check sequence of 4 bytes in the upper bits
        "01000000 02000000"  # 1 second, 2 microseconds
        "02000000 ea050000"  # 2 bytes captured of 1514
        "abcd"
    )
    assert read(file)[0] == [Packet(1_000_002_000, 1, b"\xab\xcd", 1514)]


def test_modified_pcap_has_longer_packet_headers() -> None:
    file = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 262144, 1)
    file += struct.pack("<IIIIIHBB", 5, 6, 3, 3, 0, 0, 0, 0) + b"abc"
    assert read(file)[0] == [Packet(5_000_006_000, 1, b"abc", 3)]


def test_pcapng_sections_have_their_own_byte_order_and_interfaces() -> None:
    nanoseconds, binary = option(9, b"\x09"), option(9, b"\x8a", ">") + option(14, struct.pack(">q", 100), ">")
    file = (
        section("<")
        + interface(1)
        + interface(101, nanoseconds)
        + enhanced(5_000_001, b"micro", number=0)
        + enhanced(5_000_000_007, b"nano", number=1, length=60)
        + section(">")
        + interface(113, binary, order=">")
        + enhanced(1024 + 512, b"binary", order=">")
    )
    assert read(file)[0] == [
        Packet(5_000_001_000, 1, b"micro", 5),
        Packet(5_000_000_007, 101, b"nano", 60),
        Packet(101_500_000_000, 113, b"binary", 6),
    ]


def test_pcapng_simple_and_obsolete_packet_blocks() -> None:
    simple = block(3, struct.pack("<I", 9) + b"abcdefghi")
    obsolete = block(2, struct.pack("<HHIIII", 0, 0, 0, 7_000_000, 4, 4) + b"wxyz")
    found, reader = read(section() + interface(1, snap_length=6) + simple + obsolete)
    assert found == [Packet(0, 1, b"abcdef", 9), Packet(7_000_000_000, 1, b"wxyz", 4)]
    assert not reader.warnings


def test_pcapng_blocks_and_options_that_tell_nothing_are_passed_over() -> None:
    ipv6_address = option(5, bytes(17))
    unknown_twice = option(999, b"a") + option(999, b"b")
    not_utf8 = option(2, b"\xff\xfe")
    file = section() + interface(1, ipv6_address + unknown_twice + not_utf8) + block(0x0BAD, b"what")
    found, reader = read(file + enhanced(1, b"abc"))
    assert [packet.data for packet in found] == [b"abc"]
    assert not reader.warnings


@pytest.mark.parametrize("wrong", [option(14, bytes(3000)), option(14, b""), option(9, b""), option(9, b"\6\6")])
def test_times_of_an_interface_whose_options_are_no_numbers_are_warned_of(wrong: bytes) -> None:
    found, reader = read(section() + interface(options=wrong) + enhanced(1_000_000, b"data"))
    assert [packet.timestamp for packet in found] == [10**9]
    assert [warning.kind for warning in reader.warnings] == [WarningKind.unreadable]


def test_a_block_whose_length_leaves_the_padding_out_is_read_all_the_same() -> None:
    body = struct.pack("<5I", 0, 0, 1, 3, 3) + b"abc"
    length = struct.pack("<I", 12 + len(body))
    unpadded = struct.pack("<I", 6) + length + body + b"\0" + length
    found, reader = read(section() + interface() + unpadded + enhanced(2, b"next"))
    assert [packet.data for packet in found] == [b"abc", b"next"]
    assert not reader.warnings


def test_secrets_are_bounded_by_their_length_too() -> None:
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
    without_end = secrets(line + b"ab" * 2**22)
    file = gzip.compress(section() + without_end * 9 + secrets(line.replace(b"ab", b"cd")), 1)
    _, reader = read(file)
    assert {warning.kind for warning in reader.warnings} == {WarningKind.limit, WarningKind.key_log}
    assert len(reader.secrets) == 1


def test_pcapng_secrets_are_handed_on() -> None:
    line = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
    other_kind = block(10, struct.pack("<II", 0x57474B4C, len(line)) + line)
    _, reader = read(section("<") + other_kind + secrets(line) + section(">") + secrets(b"garbage\n", ">"))
    assert reader.secrets.secret("CLIENT_RANDOM", b"\xab" * 32) == b"\xcd" * 48
    assert len(reader.secrets) == 1
    assert [warning.kind for warning in reader.warnings] == [WarningKind.key_log]


def test_secrets_beyond_the_limit_are_left_out_with_a_warning() -> None:
    lines = b"".join(b"X %064x 00\n" % number for number in range(5))
    _, reader = read(section() + secrets(lines), Limits(secrets=3))
    assert len(reader.secrets) == 3
    assert [warning.kind for warning in reader.warnings] == [WarningKind.limit]


@pytest.mark.parametrize("file", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize(
    "wrap", [bytes, gzip.compress, zstandard.compress, in_parts], ids=["plain", "gzip", "zstd", "zstd frames"]
)
def test_format_is_told_by_content_from_path_or_stream(
    tmp_path: Path, file: bytes, wrap: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "picture.jpeg"
    path.write_bytes(wrap(file))
    expected = [DATA, b"\x45second"]
    assert [packet.data for packet in packets(path)] == expected
    assert [packet.data for packet in packets(str(path))] == expected
    assert [packet.data for packet in packets(Trickle(wrap(file)))] == expected


RECORDS = bytes.fromhex("16030100040e000000 15030300020100")
"""A ServerHelloDone and a close_notify."""


@pytest.mark.parametrize(
    "text",
    [
        RECORDS.hex(),
        RECORDS.hex(" ").upper(),
        RECORDS.hex("\n"),
        "\n  " + RECORDS.hex(":") + "\n",
        ", ".join(f"0x{byte:02x}" for byte in RECORDS),
        "{" + ", ".join(f"0x{byte:02x}" for byte in RECORDS) + "}",
        RECORDS.hex("-"),
        "".join(f"\\x{byte:02x}" for byte in RECORDS),
        "00000000: 1603 0100 040e 0000 0015 0303 0002 0100  ................\n",  # xxd
        "00000000  16 03 01 00 04 0e 00 00  00 15 03 03 00 02 01 00  |................|\n00000010\n",  # hexdump -C
        "000000 16 03 01 00 04 0e 00\n000007 00 00 15 03 03 00 02 01 00\n000010\n",  # od -A x -t x1
        "0000  16 03 01 00 04 0e 00 00\n0008  00 15 03 03 00 02 01 00\n",  # tshark -x
    ],
)
def test_records_without_packets_are_read_as_bytes_and_as_hexadecimal(text: str) -> None:
    for data in (RECORDS, text.encode(), gzip.compress(RECORDS), zstandard.compress(text.encode())):
        assert {packet.link_type for packet in packets(io.BytesIO(data))} == {LINKTYPE_RECORDS}
        assert b"".join(packet.data for packet in packets(Trickle(data))) == RECORDS


def test_long_hexadecimal_is_read_in_pieces() -> None:
    data = RECORDS * 5000 + bytes(100_000)
    found, reader = read(data.hex(" ", 2).encode())
    assert max(len(packet.data) for packet in found) < 20_000
    assert b"".join(packet.data for packet in found) == data
    assert len(found) > 2
    assert not reader.warnings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RECORDS.hex() + " xyz", "'x'"),
        ("16151", "odd number"),
        (b"abcd".hex(), "starts with 36 31 36 32"),
        ("0000000 0316 0001 0e04 0000\n0000008\n", "swaps bytes"),
        ("0000: 1603\n0004: 0100\n", "line 2 of the dump is not at offset 2"),
        ("0000: 16 03 01 00 04\n*\nfffff0: 00\n", "line 3 of the dump is not at offset 5"),
        ("0000: 1603\n*\n0f0000: 1603\n*\n1f0000: 00\n", "line 5 of the dump is not at offset f0002"),
        ("0000: 1603\n" + "".join(f"{2 + at:06x}: 00\n" for at in range(2**21)), "a dump of more than"),
    ],
    ids=["no digit", "odd", "no record", "swapped", "offset", "repeated", "repeated twice", "long"],
)
def test_hexadecimal_that_is_wrong_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        packets(io.BytesIO(text.encode()))


def test_hexadecimal_that_goes_wrong_later_gives_what_came_before() -> None:
    found, reader = read(RECORDS.hex().encode() * 5000 + b" and so on")
    assert b"".join(packet.data for packet in found).startswith(RECORDS)
    assert [warning.kind for warning in reader.warnings] == [WarningKind.corrupt]
    found, reader = read(RECORDS.hex().encode() + b"1")
    assert b"".join(packet.data for packet in found) == RECORDS
    assert [warning.kind for warning in reader.warnings] == [WarningKind.cut_short]


def test_the_position_counts_bytes_of_the_file_itself() -> None:
    data = gzip.compress(pcap([(START, bytes(10_000))] * 100))
    reader = packets(io.BytesIO(data))
    assert 0 < reader.position <= len(data)
    assert len(list(reader)) == 100
    assert reader.position == len(data)


def test_standard_input_need_not_seek() -> None:
    reading, writing = os.pipe()

    def feed() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(gzip.compress(PCAPNG))

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(reading, "rb") as stream:
        assert len(list(packets(stream))) == 2
    thread.join()


class Trickle(io.BytesIO):
    """A stream that gives one byte at a time, as a slow pipe may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1) if size is not None and size >= 0 else 1)


# -- files that are wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
def test_cut_anywhere_gives_the_packets_before_and_one_warning(file: bytes) -> None:
    whole = read(file)[0]
    ends = {24: 0, 24 + 16 + len(DATA): 1} if file is PCAP else {28: 0, 28 + 20: 0, 28 + 20 + 40: 1}
    for length in range(24 if file is PCAP else 28, len(file)):
        found, reader = read(file[:length])
        assert found == whole[: len(found)]
        if length in ends:
            assert len(found) == ends[length]
            assert not reader.warnings
        else:
            assert [warning.kind for warning in reader.warnings] == [WarningKind.cut_short]
            assert "cut short" in str(reader.warnings[0])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_cut_or_damaged_compression_gives_the_packets_before_and_one_warning(
    compress: Callable[[bytes], bytes],
) -> None:
    many = pcap([(START, os.urandom(1000)) for _ in range(1000)])
    data = compress(many)
    found, reader = read(data[: len(data) // 2])
    assert 0 < len(found) < 1000
    assert [warning.kind for warning in reader.warnings] == [WarningKind.cut_short]
    damaged = data[: len(data) // 2] + b"\xff" * 100 + data[len(data) // 2 + 100 :]
    found, reader = read(damaged)
    assert 0 < len(found) < 1000
    assert len(reader.warnings) == 1


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 2**24 + 1])
def test_a_hostile_packet_length_ends_the_file_without_being_allocated(length: int) -> None:
    stream = Sizes(PCAP + struct.pack("<IIII", 1, 1, length, length) + bytes(100))
    reader = packets(stream)
    assert len(list(reader)) == 2
    assert [warning.kind for warning in reader.warnings] == [WarningKind.corrupt]
    assert f"says {length} bytes" in str(reader.warnings[0])
    assert max(stream.sizes) <= 2**24


@pytest.mark.parametrize("length", [0, 1, 11, 0xFFFFFFFC, 2**24 + 16])
def test_a_hostile_block_length_ends_the_file_without_being_allocated(length: int) -> None:
    stream = Sizes(PCAPNG + struct.pack("<II", 6, length) + bytes(100))
    reader = packets(stream)
    assert len(list(reader)) == 2
    assert [warning.kind for warning in reader.warnings] == [WarningKind.corrupt]
    assert max(stream.sizes) <= 2**24


def test_a_block_whose_lengths_disagree_ends_the_file() -> None:
    bad = bytearray(enhanced(1, b"abc"))
    bad[-4:] = struct.pack("<I", 1234)
    found, reader = read(PCAPNG + bytes(bad) + enhanced(1, b"never"))
    assert len(found) == 2
    assert "1234 behind it" in str(reader.warnings[0])


@pytest.mark.parametrize(
    "bad",
    [
        enhanced(1, b"abc", number=7),
        block(6, struct.pack("<5I", 0, 0, 0, 500, 500) + b"short"),
        block(6, b"x"),
        block(3, b""),
        block(1, b"x"),
        block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 9, 500) + b"some"),
    ],
    ids=["unknown interface", "long packet", "no fields", "no length", "short interface", "long option"],
)
def test_a_bad_block_is_warned_of_and_reading_goes_on(bad: bytes) -> None:
    found, reader = read(section() + interface() + bad + enhanced(1, b"next"))
    assert [packet.data for packet in found] == [b"next"]
    assert [warning.kind for warning in reader.warnings] == [WarningKind.unreadable]


def test_a_section_cannot_describe_interfaces_without_end() -> None:
    found, reader = read(section() + interface() * (2**16 + 1) + enhanced(1, b"never"))
    assert not found
    assert [warning.kind for warning in reader.warnings] == [WarningKind.corrupt]


class Sizes(io.BytesIO):
    """Remembers how much was asked for at a time."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.sizes: list[int] = []

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0, "this asks for everything"
        self.sizes.append(size)
        return super().read(size)


def test_an_unreadable_interface_keeps_its_number() -> None:
    found, reader = read(section() + block(1, b"x") + interface(113) + enhanced(1, b"a") + enhanced(1, b"b", number=1))
    assert [(packet.link_type, packet.data) for packet in found] == [(113, b"b")]
    assert len(reader.warnings) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"GET / HTTP/1.1\r\n", "starts with 47 45 54 20"),
        (b"\x0a", "it ends at byte 1"),
        (PCAP[:10], "it ends at byte 10"),
        (section()[:20], "it ends at byte 20"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "byte order magic 00000000"),
        (b"\x1f\x8bnot gzip at all", "cannot be read"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"plain text"), "not a capture"),
        (gzip.compress(PCAP)[:12], "cannot be read"),
        (zstandard.compress(b""), "is empty"),
        (zstandard.compress(b"plain text"), "not a capture"),
        (zstandard.compress(PCAP)[:12], "cannot be read"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "cannot be read"),
    ],
)
def test_what_is_no_capture_is_refused_at_once_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        packets(io.BytesIO(data))
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_paths_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"cannot read .*absent.pcap: No such file"):
        packets(tmp_path / "absent.pcap")
    with pytest.raises(CaptureError, match="Is a directory"):
        packets(tmp_path)


def test_compressed_data_cannot_ask_for_more_memory_than_is_given() -> None:
    window_of_4_gib = bytes.fromhex("28b52ffd 00 b0") + bytes(10)  # RFC 8878 §3.1.1.1.2: 2^(10 + 22)
    with pytest.raises(CaptureError, match="cannot be read"):
        packets(io.BytesIO(window_of_4_gib))


def test_a_failing_stream_ends_in_an_error_or_a_warning() -> None:
    with pytest.raises(CaptureError, match="the disk is gone"):
        packets(Failing(b""))
    reader = packets(Failing(PCAP[:50]))
    assert len(list(reader)) == 1
    assert "the disk is gone" in str(reader.warnings[0])


class Failing(io.BytesIO):
    """Fails where its bytes end."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or self.fail()

    def fail(self) -> bytes:
        raise OSError(5, "the disk is gone")


@given(data=st.binary(max_size=200), start=st.sampled_from([PCAP[:24], PCAPNG[:48], PCAP[:60], PCAPNG[:100]]))
def test_any_bytes_end_in_packets_and_warnings(data: bytes, start: bytes) -> None:
    read(start + data)


@given(file=st.sampled_from([PCAP, PCAPNG]), at=st.integers(24, 200), byte=st.integers(0, 255))
def test_any_changed_byte_ends_in_packets_and_warnings(file: bytes, at: int, byte: int) -> None:
    changed = bytearray(file)
    changed[at % len(file)] = byte
    with contextlib.suppress(CaptureError):
        read(bytes(changed))
