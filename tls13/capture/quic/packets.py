"""Datagrams to QUIC packets, and Initial packets to frames. RFC 9000 §12, §17, §19; RFC 9369 §3.2"""

from __future__ import annotations

import struct
from collections.abc import Iterator
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
    InitialToken,
    LongHeader,
    PacketLength,
    QuicVersion,
)
from schemas.vocabulary import Overlong
from tls13.capture.quic.versions import FORMS, PacketType, name_of_reserved, name_of_unread

_LONG_FORM, _FIXED_BIT = 0x80, 0x40
_BEFORE_IDS = 7
"""Bytes of a long header without the connection IDs: the first one, the version, and a length for each."""
_MOST_PACKETS = 16
"""In a datagram."""
_MOST_FRAMES = 2000
"""In a packet, with the ranges of its ACK frames."""
_LONGEST_CONNECTION_ID = 20
"""RFC 9000 §17.2"""
_PADDING_AND_PINGS = bytes([FrameType.padding, FrameType.ping])
_READ = frozenset(version.to_bytes(4, "big") for version in (*FORMS, QuicVersion.negotiation))


class LongPacket(NamedTuple):
    """A packet with a long header. `raw` is all of it that is there; its protected part starts at `protected_at`."""

    type: PacketType
    version: QuicVersion
    destination_connection_id: bytes
    source_connection_id: bytes
    has_token: bool
    raw: bytes
    protected_at: int
    is_cut: bool
    """Whether less of it is there than it says."""

    @property
    def versions(self) -> frozenset[int]:
        """Those that a server speaks, told by a packet of the type negotiation. RFC 9000 §17.2.1"""
        start = _BEFORE_IDS + len(self.destination_connection_id) + len(self.source_connection_id)
        return frozenset(number for (number,) in struct.iter_unpack(">I", self.raw[start:]))

    @property
    def has_fixed_bit(self) -> bool:
        """Whether the bit is set that tells QUIC from other protocols, as it is unless a server allowed otherwise.

        RFC 9000 §17.2, RFC 9287
        """
        return bool(self.raw[0] & _FIXED_BIT)


def is_quic(datagram: bytes) -> bool:
    """Whether a datagram starts with a long header of a version that is read, or known by name."""
    if len(datagram) <= _SHORTEST or not datagram[0] & _LONG_FORM:
        return False
    return datagram[1:5] in _READ or unread_version(datagram) is not None


def unread_version(datagram: bytes) -> str | None:
    """The name and number of a version that is known and not read, where a datagram starts with a header of it."""
    if len(datagram) <= _SHORTEST or datagram[0] < _LONG_FORM | _FIXED_BIT or datagram[1:5] in _READ:
        return None
    version = int.from_bytes(datagram[1:5], "big")
    # So many numbers are reserved that bytes which are no QUIC may well hit one.
    is_first = len(datagram) >= _FIRST_DATAGRAM and datagram[5] <= _LONGEST_CONNECTION_ID
    name = name_of_reserved(version) if is_first else None
    name = name or name_of_unread(version)
    return None if name is None else f"{name} (0x{version:08x})"


_SHORTEST = 7
_FIRST_DATAGRAM = 1200
"""RFC 9000 §14.1: what a client's first takes at least."""


def long_packets(datagram: bytes) -> Iterator[LongPacket]:
    """The packets of a datagram, as far as they have long headers of a version that is read."""
    for _ in range(_MOST_PACKETS):
        if len(datagram) <= _SHORTEST or not datagram[0] & _LONG_FORM or datagram[1:5] not in _READ:
            return
        try:
            header = LongHeader.parse(datagram)
        except DecodeError:
            return
        if not _is_plausible(header):
            return
        packet, datagram = _packet(datagram, header)
        yield packet


def _is_plausible(header: LongHeader) -> bool:
    """Whether the connection IDs are as long as may be, and what tells a server's versions is a list of them.

    RFC 9000 §7.2, §17.2, §17.2.1
    """
    destination, source = len(header.destination_connection_id), len(header.source_connection_id)
    if max(destination, source) > _LONGEST_CONNECTION_ID:
        return False
    if header.version != QuicVersion.negotiation:
        return True
    return source >= _SHORTEST_FIRST_ID and bool(header.following) and len(header.following) % _VERSION_LENGTH == 0


_SHORTEST_FIRST_ID, _VERSION_LENGTH = 8, 4


def _packet(datagram: bytes, header: LongHeader) -> tuple[LongPacket, bytes]:
    """The first packet, and the bytes behind it."""
    packet_type, has_token, following = _type_of(header), False, header.following
    start, end, is_cut = len(datagram), len(datagram), False
    if packet_type not in (PacketType.retry, PacketType.negotiation):
        try:
            if packet_type is PacketType.initial:
                token = InitialToken.parse(following)
                has_token, following = bool(_inside(token.token)), token.following
            measured = PacketLength.parse(following)
            start -= len(measured.following)
            is_cut = measured.length > len(measured.following)
            end = min(end, start + measured.length)
        except DecodeError:
            is_cut = True
    return LongPacket(
        type=packet_type,
        version=header.version,
        destination_connection_id=header.destination_connection_id,
        source_connection_id=header.source_connection_id,
        has_token=has_token,
        raw=datagram[:end],
        protected_at=start,
        is_cut=is_cut,
    ), datagram[end:]


def _type_of(header: LongHeader) -> PacketType:
    form = FORMS.get(header.version)
    return PacketType.negotiation if form is None else form.types[header.first_byte >> 4 & 3]


AnyFrame = CryptoFrame | ConnectionCloseFrame


def frames(payload: bytes) -> Iterator[AnyFrame]:
    """Those frames of an Initial packet that tell something here.

    Raises DecodeError where one cannot be read, and where there are more than any sender has use for.
    """
    left = _MOST_FRAMES
    while payload := payload.lstrip(_PADDING_AND_PINGS):
        frame = Frame.parse(payload)
        payload, left = frame.following, left - 1
        match frame.frame:
            case CryptoFrame() | ConnectionCloseFrame():
                yield frame.frame
            case AckFrame(ack_range_count=count):
                left -= count
                if left >= 0:
                    payload = _behind_ranges(count, payload)
                if frame.type == FrameType.ack_ecn:
                    payload = EcnCounts.parse(payload).following
        if left < 0:
            raise DecodeError(f"at most {_MOST_FRAMES} frames and ranges", "more", offset=0)


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
