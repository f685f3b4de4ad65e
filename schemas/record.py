"""RFC 9846 §5: the record layer's three structures."""

from __future__ import annotations

from schemas.code_points import ContentType, ProtocolVersion
from schemas.vocabulary import Struct, before_padding, constant, field, nonzero, opaque, struct, uint16, zeros

MAX_PLAINTEXT = 2**14
"""The most that a record carries. §5.1"""

MAX_CIPHERTEXT = 2**14 + 256
"""The most that a protected record's `encrypted_record` holds. §5.2"""


@struct
class RecordHeader(Struct):
    """RFC 9846 §5.1. What every record starts with; of a protected record, also its additional data (§5.2)."""

    type: ContentType = field(ContentType, "the protocol of the fragment; application_data on what is protected")
    legacy_record_version: ProtocolVersion = field(
        ProtocolVersion, "ignored; 0x0303, or 0x0301 on a first ClientHello", default=ProtocolVersion.TLS12
    )
    length: int = field(uint16, "bytes that follow")


@struct
class TLSPlaintext(Struct):
    """RFC 9846 §5.1. A record that is not protected."""

    type: ContentType = field(ContentType, "the protocol of the fragment")
    legacy_record_version: ProtocolVersion = field(
        ProtocolVersion, "ignored; 0x0303, or 0x0301 on a first ClientHello", default=ProtocolVersion.TLS12
    )
    fragment: bytes = field(opaque(0, 2**16 - 1), "at most 2^14 bytes of that protocol")


@struct
class TLSCiphertext(Struct):
    """RFC 9846 §5.2. A protected record: the same shape, its content sealed."""

    opaque_type: ContentType = field(ContentType, "always application_data", default=ContentType.application_data)
    legacy_record_version: ProtocolVersion = field(ProtocolVersion, "always 0x0303", default=ProtocolVersion.TLS12)
    encrypted_record: bytes = field(opaque(0, 2**16 - 1), "the AEAD's output, at most 2^14 + 256 bytes")


@struct
class TLSInnerPlaintext(Struct):
    """RFC 9846 §5.2. What is sealed: the content, its real type, and zeros that hide its length."""

    content: bytes = field(before_padding, "the fragment")
    type: ContentType = field(nonzero(ContentType), "the protocol of the fragment")
    zeros: bytes = field(zeros, "padding", default=b"")


@struct
class ChangeCipherSpec(Struct):
    """RFC 9846 §5, appendix E.4. One byte without meaning, for middleboxes that wait for it."""

    type: bytes = field(constant(b"\x01"), "change_cipher_spec(1)", default=b"\x01")
