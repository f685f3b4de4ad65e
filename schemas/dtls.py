"""RFC 6347 §4.1: the records of DTLS, as far as telling them from others takes."""

from __future__ import annotations

from schemas.code_points import ContentType
from schemas.vocabulary import CodePoint, Struct, field, opaque, rest, struct, uint16


class DtlsVersion(CodePoint, width=2):
    """The versions of DTLS, which count down. RFC 6347 §4.1, RFC 9147 §5.3."""

    DTLS10 = 0xFEFF
    DTLS12 = 0xFEFD
    DTLS13 = 0xFEFC


@struct
class DtlsRecord(Struct):
    """RFC 6347 §4.1. A record, and those behind it in the datagram. Those that DTLS 1.3 encrypts look otherwise."""

    type: ContentType = field(ContentType, "of the fragment")
    version: DtlsVersion = field(DtlsVersion, "of DTLS")
    epoch: int = field(uint16, "counts changes of keys")
    sequence_number: bytes = field(opaque(6), "within the epoch")
    fragment: bytes = field(opaque(0, 2**16 - 1), "protected from epoch 1 on")
    following: bytes = field(rest, "the rest of the datagram", default=b"")
