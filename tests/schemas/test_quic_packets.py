"""The packets and frames of QUIC, and the records of DTLS, byte by byte."""

from __future__ import annotations

import pytest

from schemas import DecodeError, Struct
from schemas.code_points import ContentType
from schemas.dtls import DtlsRecord, DtlsVersion
from schemas.quic_packets import (
    AckFrame,
    AckRange,
    ConnectionCloseFrame,
    CryptoFrame,
    EcnCounts,
    Frame,
    FrameType,
    InitialToken,
    LongHeader,
    PacketLength,
    QuicVersion,
)
from schemas.vocabulary import Overlong, parse_interpreted

EXAMPLES: list[tuple[Struct, str]] = [
    (
        LongHeader(
            first_byte=0xC3,
            version=QuicVersion.v1,
            destination_connection_id=b"dest",
            source_connection_id=b"",
            following=b"rest",
        ),
        "c3 00000001 04 64657374 00 72657374",
    ),
    (
        InitialToken(token=b"tok", following=PacketLength(length=4, following=b"1234next").build()),
        "03 746f6b  04 31323334 6e657874",
    ),
    (InitialToken(token=Overlong(b"", 2)), "4000"),
    (PacketLength(length=1200, following=b"cut"), "44b0 637574"),
    (
        Frame(type=FrameType.crypto, frame=CryptoFrame(offset=300, crypto_data=b"abc"), following=b"\0\0"),
        "06 412c 03 616263 0000",
    ),
    (Frame(type=FrameType.ping, frame=b"", following=b"\1"), "01 01"),
    (
        Frame(
            type=FrameType.ack_ecn,
            frame=AckFrame(largest_acknowledged=9, ack_delay=100, ack_range_count=1, first_ack_range=2),
            following=AckRange(
                gap=0, ack_range_length=1, following=EcnCounts(ect0_count=1, ect1_count=0, ecn_ce_count=0).build()
            ).build(),
        ),
        "03 09 4064 01 02  00 01  01 00 00",
    ),
    (
        Frame(
            type=FrameType.connection_close,
            frame=ConnectionCloseFrame(error_code=0x128, frame_type=6, reason_phrase=b"no"),
        ),
        "1c 4128 06 02 6e6f",
    ),
    (
        DtlsRecord(
            type=ContentType.alert,
            version=DtlsVersion.DTLS12,
            epoch=1,
            sequence_number=bytes.fromhex("000000000007"),
            fragment=b"\1\0",
            following=b"!",
        ),
        "15 fefd 0001 000000000007 0002 0100 21",
    ),
]


@pytest.mark.parametrize(("value", "text"), EXAMPLES, ids=lambda each: type(each).__name__)
def test_a_struct_is_these_bytes(value: Struct, text: str) -> None:
    data = bytes.fromhex(text)
    assert value.build() == data
    assert type(value).parse(data) == value
    assert parse_interpreted(type(value).schema, data) == value


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (LongHeader, "c3 00000001 04 646573"),
        (InitialToken, "05 31323334"),
        (PacketLength, "40"),
        (Frame, "06 00 05 61"),
        (Frame, "08 00"),
        (Frame, "40"),
        (AckRange, "00"),
        (DtlsRecord, "15 fefd 0001 000000000007 0003 0100"),
    ],
)
def test_what_is_cut_off_or_no_frame_of_an_initial_packet_is_refused(schema: type[Struct], text: str) -> None:
    with pytest.raises(DecodeError):
        schema.parse(bytes.fromhex(text))
