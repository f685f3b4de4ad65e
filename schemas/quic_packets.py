"""RFC 9000 §17, §19: the packets of QUIC that carry the hellos of TLS, and the frames in them. RFC 9369: version 2.

Long headers say how long most packets are, so that a datagram can hold several (RFC 9000 §12.2): what a packet is made
of ends in the bytes that follow it. Payloads are protected (RFC 9001 §5), even where everybody knows the keys.
"""

from __future__ import annotations

from schemas.vocabulary import (
    CodePoint,
    Struct,
    behind_variable_length,
    empty,
    field,
    opaque,
    rest,
    select,
    struct,
    uint8,
    variable_code_point,
    variable_integer,
)


class QuicVersion(CodePoint, width=4):
    """QUIC Versions. RFC 9000 §22.2."""

    negotiation = 0
    """In a packet that tells the versions of a server. RFC 8999 §6"""
    v1 = 0x00000001
    v2 = 0x6B3343CF
    draft_23 = 0xFF000017
    draft_24 = 0xFF000018
    draft_25 = 0xFF000019
    draft_26 = 0xFF00001A
    draft_27 = 0xFF00001B
    draft_28 = 0xFF00001C
    draft_29 = 0xFF00001D
    """The Internet-Draft that was deployed most."""
    draft_30 = 0xFF00001E
    draft_31 = 0xFF00001F
    draft_32 = 0xFF000020
    draft_33 = 0xFF000021
    draft_34 = 0xFF000022


class FrameType(CodePoint, width=8):
    """QUIC Frame Types: those that an Initial packet may carry. RFC 9000 §17.2.2, §19.

    A number is written in one to eight bytes (§16).
    """

    padding = 0x00
    ping = 0x01
    ack = 0x02
    ack_ecn = 0x03
    crypto = 0x06
    connection_close = 0x1C


@struct
class LongHeader(Struct):
    """RFC 8999 §5.1. What packets with a long header begin with in every version."""

    first_byte: int = field(uint8, "the highest bit is set; what the others mean depends on the version")
    version: QuicVersion = field(QuicVersion, "of QUIC")
    destination_connection_id: bytes = field(opaque(0, 255), "as the receiver wants it; keys come from the first one")
    source_connection_id: bytes = field(opaque(0, 255), "as the sender wants it, or a server that sends Retry")
    following: bytes = field(rest, "what the type of the packet has next", default=b"")


@struct
class InitialToken(Struct):
    """RFC 9000 §17.2.2. What only an Initial packet has behind its header."""

    token: object = field(behind_variable_length(rest), "from a Retry packet or an earlier connection", default=b"")
    following: bytes = field(rest, "length, packet number and payload", default=b"")


@struct
class PacketLength(Struct):
    """RFC 9000 §17.2. What comes before the packet number of an Initial, 0-RTT or Handshake packet.

    A datagram that was cut when it was captured holds less than that.
    """

    length: int = field(variable_integer, "of packet number and payload in bytes")
    following: bytes = field(rest, "packet number and payload, and the next packets of the datagram", default=b"")


@struct
class AckFrame(Struct):
    """RFC 9000 §19.3. What has been received; as many ranges follow as it says, and for ACK_ECN three counts."""

    largest_acknowledged: int = field(variable_integer, "packet number")
    ack_delay: int = field(variable_integer, "since it came, in a unit that was negotiated")
    ack_range_count: int = field(variable_integer, "how many ranges follow")
    first_ack_range: int = field(variable_integer, "packets before the largest that have come without a gap")


@struct
class CryptoFrame(Struct):
    """RFC 9000 §19.6. A piece of the handshake."""

    offset: int = field(variable_integer, "of the piece in the stream of this side and encryption level")
    crypto_data: object = field(behind_variable_length(rest), "the piece")


@struct
class ConnectionCloseFrame(Struct):
    """RFC 9000 §19.19. The end of a connection over an error in QUIC; 0x100 and more are TLS alerts (RFC 9001 §4.8)."""

    error_code: int = field(variable_integer, "why")
    frame_type: int = field(variable_integer, "of the frame that was wrong, 0 for none")
    reason_phrase: object = field(behind_variable_length(rest), "for people", default=b"")


@struct
class Frame(Struct):
    """RFC 9000 §12.4, §19. One frame of an Initial packet, and those behind it."""

    type: FrameType = field(variable_code_point(FrameType), "which")
    frame: object = field(
        select(
            "type",
            {
                FrameType.padding: empty,
                FrameType.ping: empty,
                FrameType.ack: AckFrame,
                FrameType.ack_ecn: AckFrame,
                FrameType.crypto: CryptoFrame,
                FrameType.connection_close: ConnectionCloseFrame,
            },
        ),
        "its fields",
    )
    following: bytes = field(rest, "the rest of the payload", default=b"")


@struct
class AckRange(Struct):
    """RFC 9000 §19.3.1. A gap in what has been received, and packets before it."""

    gap: int = field(variable_integer, "packets that have not come, less one")
    ack_range_length: int = field(variable_integer, "packets that have, less one")
    following: bytes = field(rest, "the rest of the payload", default=b"")


@struct
class EcnCounts(Struct):
    """RFC 9000 §19.3.2. How many packets came with each mark in their IP header."""

    ect0_count: int = field(variable_integer, "with ECT(0)")
    ect1_count: int = field(variable_integer, "with ECT(1)")
    ecn_ce_count: int = field(variable_integer, "with ECN-CE")
    following: bytes = field(rest, "the rest of the payload", default=b"")
