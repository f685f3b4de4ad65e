"""Datagrams to QUIC packets, and Initial packets to frames. RFC 9000 §12, §17, §19; RFC 9369 §3.2"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from schemas.errors import DecodeError
from schemas.quic_packets import (
    AckFrame,
    AckRange,
    ConnectionCloseFrame,
    CryptoFrame,
    EcnCounts,
    Frame,
    FrameType,
    InitialPacket,
    LongHeader,
    NumberedPacket,
    QuicVersion,
)
from schemas.vocabulary import Overlong
from tls13.capture.quic.protection import VERSIONS

_LONG_HEADER = 0xC0
"""Header form and fixed bit."""
_MOST_PACKETS = 16
"""In a datagram."""
_MOST_FRAMES = 1000
_PADDING_AND_PINGS = bytes([FrameType.padding, FrameType.ping])
_SUPPORTED = frozenset(version.to_bytes(4, "big") for version in (*VERSIONS, QuicVersion.negotiation))


class PacketType(Enum):
    """What a packet with a long header is."""

    initial = "Initial"
    zero_rtt = "0-RTT"
    handshake = "Handshake"
    retry = "Retry"
    negotiation = "Version Negotiation"


_V1_TYPES = (PacketType.initial, PacketType.zero_rtt, PacketType.handshake, PacketType.retry)
_V2_TYPES = (PacketType.retry, PacketType.initial, PacketType.zero_rtt, PacketType.handshake)


class LongPacket(NamedTuple):
    """A packet with a long header. `raw` is all of it; its protected part, if it has one, starts at `protected_at`."""

    type: PacketType
    version: QuicVersion
    destination_connection_id: bytes
    has_token: bool
    raw: bytes
    protected_at: int


def is_quic(datagram: bytes) -> bool:
    """Whether a datagram starts with a long header of a version that is known."""
    return len(datagram) > _SHORTEST and datagram[0] & 0x80 == 0x80 and datagram[1:5] in _SUPPORTED


_SHORTEST = 7


def long_packets(datagram: bytes) -> Iterator[LongPacket]:
    """The packets of a datagram, as far as they have long headers of a known version."""
    for _ in range(_MOST_PACKETS):
        if not is_quic(datagram):
            return
        try:
            packet, following = _packet(datagram)
        except DecodeError:
            return
        yield packet
        datagram = following


def _packet(datagram: bytes) -> tuple[LongPacket, bytes]:
    """The first packet, and the bytes behind it. Raises DecodeError."""
    header = LongHeader.parse(datagram)
    packet_type, connection_id = _type_of(header), header.destination_connection_id
    if packet_type in (PacketType.retry, PacketType.negotiation):
        return LongPacket(packet_type, header.version, connection_id, False, datagram, len(datagram)), b""
    if packet_type is PacketType.initial:
        packet: InitialPacket | NumberedPacket = InitialPacket.parse(datagram)
    else:
        packet = NumberedPacket.parse(datagram)
    end = len(datagram) - len(packet.following)
    at = end - len(_inside(packet.protected))
    has_token = isinstance(packet, InitialPacket) and bool(_inside(packet.token))
    return LongPacket(packet_type, header.version, connection_id, has_token, datagram[:end], at), packet.following


def _type_of(header: LongHeader) -> PacketType:
    number = header.first_byte >> 4 & 3
    if header.version == QuicVersion.negotiation:
        return PacketType.negotiation
    return _V2_TYPES[number] if header.version == QuicVersion.v2 else _V1_TYPES[number]


AnyFrame = CryptoFrame | ConnectionCloseFrame


def frames(payload: bytes) -> Iterator[AnyFrame]:
    """Those frames of an Initial packet that tell something here. Raises DecodeError where one cannot be read."""
    for _ in range(_MOST_FRAMES):
        payload = payload.lstrip(_PADDING_AND_PINGS)
        if not payload:
            return
        frame = Frame.parse(payload)
        payload = frame.following
        match frame.frame:
            case CryptoFrame() | ConnectionCloseFrame():
                yield frame.frame
            case AckFrame(ack_range_count=count):
                payload = _behind_ranges(count, payload)
                if frame.type == FrameType.ack_ecn:
                    payload = EcnCounts.parse(payload).following


def crypto_data(frame: CryptoFrame) -> bytes:
    """The piece of the handshake that a frame carries."""
    return _inside(frame.crypto_data)


def _behind_ranges(count: int, payload: bytes) -> bytes:
    """What follows that many ranges. Raises DecodeError where the payload ends before."""
    for _ in range(count):
        payload = AckRange.parse(payload).following
    return payload


def _inside(value: object) -> bytes:
    """The bytes behind a length, whatever its width."""
    inner = value.value if isinstance(value, Overlong) else value
    return inner if isinstance(inner, bytes) else b""
