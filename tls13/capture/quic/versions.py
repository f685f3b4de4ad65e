"""What the versions of QUIC do differently in their Initial packets, and the names of those that are not read here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from schemas.quic_packets import QuicVersion


class PacketType(Enum):
    """What a packet with a long header is."""

    initial = "Initial"
    zero_rtt = "0-RTT"
    handshake = "Handshake"
    retry = "Retry"
    negotiation = "Version Negotiation"


class Form(NamedTuple):
    """What makes the keys of a version, and its packet types by their number."""

    salt: bytes
    label: bytes
    types: tuple[PacketType, ...]


_V1_TYPES = (PacketType.initial, PacketType.zero_rtt, PacketType.handshake, PacketType.retry)
_V1 = Form(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic ", _V1_TYPES)
"""RFC 9001 §5.2, RFC 9000 §17.2"""
_V2_TYPES = (PacketType.retry, PacketType.initial, PacketType.zero_rtt, PacketType.handshake)
_V2 = Form(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2 ", _V2_TYPES)
"""RFC 9369 §3.2, §3.3"""
_DRAFT_23 = Form(bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"), b"quic ", _V1_TYPES)
"""draft-ietf-quic-tls-23 §5.2"""
_DRAFT_29 = Form(bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"), b"quic ", _V1_TYPES)
"""draft-ietf-quic-tls-29 §5.2"""

FORMS: Mapping[QuicVersion, Form] = {
    QuicVersion.v1: _V1,
    QuicVersion.v2: _V2,
    QuicVersion.draft_23: _DRAFT_23,
    QuicVersion.draft_24: _DRAFT_23,
    QuicVersion.draft_25: _DRAFT_23,
    QuicVersion.draft_26: _DRAFT_23,
    QuicVersion.draft_27: _DRAFT_23,
    QuicVersion.draft_28: _DRAFT_23,
    QuicVersion.draft_29: _DRAFT_29,
    QuicVersion.draft_30: _DRAFT_29,
    QuicVersion.draft_31: _DRAFT_29,
    QuicVersion.draft_32: _DRAFT_29,
    QuicVersion.draft_33: _V1,
    QuicVersion.draft_34: _V1,
}
"""Of the versions whose Initial packets can be opened."""


def name_of_reserved(version: int) -> str | None:
    """What a version is called that is reserved to make servers negotiate; None for others. RFC 9000 §15"""
    return "a reserved version" if version & _RESERVED == _RESERVED_BITS else None


def name_of_unread(version: int) -> str | None:
    """What a version is called whose packets are not read; None for a number that may as well be no version."""
    if version >> 8 == _DRAFTS:
        return f"draft {version & 0xFF}"
    google, number = version.to_bytes(4, "big")[:2], version.to_bytes(4, "big")[2:]
    if google in _GOOGLE and number.isdigit():
        return f"Google QUIC {(google + number).decode('ascii')}"
    return _OTHERS.get(version >> 16)


_RESERVED, _RESERVED_BITS = 0x0F0F0F0F, 0x0A0A0A0A
_DRAFTS = 0xFF0000
_GOOGLE = (b"Q0", b"T0")
_OTHERS = {0xFACE: "mvfst", 0x709A: "a draft of version 2"}
