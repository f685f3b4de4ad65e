"""RFC 5246 §E.2: the hello in the form of SSL 2.0, with which old clients begin before they know what the server can.

It comes without a record around it:

    if is_v2_client_hello(data):
        header = V2RecordHeader.parse(data[:2])
        hello = V2ClientHello.parse(data[2 : 2 + header.length])
"""

from __future__ import annotations

from schemas.code_points import CipherSuite, ProtocolVersion
from schemas.vocabulary import (
    CodePoint,
    Struct,
    constant,
    enclosed,
    field,
    lengths_first,
    repeated,
    rest,
    select,
    struct,
    uint16,
)

LENGTH_MARK = 0x8000
"""Set in the length of a header of two bytes, which is the only one that a hello may have."""

RECOGNISED_BY = 5
"""So many first bytes tell this hello from all else."""


class V2CipherKind(CodePoint, width=1):
    """The first byte of a V2CipherSpec: 0 before a TLS suite, else a cipher of SSL 2.0."""

    TLS = 0
    SSL_CK_RC4_128_WITH_MD5 = 1
    SSL_CK_RC4_128_EXPORT40_WITH_MD5 = 2
    SSL_CK_RC2_128_CBC_WITH_MD5 = 3
    SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5 = 4
    SSL_CK_IDEA_128_CBC_WITH_MD5 = 5
    SSL_CK_DES_64_CBC_WITH_MD5 = 6
    SSL_CK_DES_192_EDE3_CBC_WITH_MD5 = 7


@struct
class V2CipherSpec(Struct):
    """RFC 5246 §E.2. A cipher suite in three bytes."""

    kind: V2CipherKind = field(V2CipherKind, "of TLS, or which of SSL 2.0's", default=V2CipherKind.TLS)
    suite: CipherSuite | int = field(
        select("kind", {V2CipherKind.TLS: CipherSuite}, otherwise=uint16), "the suite, or the bits of the key"
    )


@struct
class V2RecordHeader(Struct):
    """RFC 5246 §E.2. What stands before the hello, and is no part of what the handshake hashes."""

    msg_length: int = field(uint16, "bytes that follow; the highest bit is set and does not count")

    @property
    def length(self) -> int:
        """Bytes that follow."""
        return self.msg_length & ~LENGTH_MARK


@lengths_first
class V2ClientHello(Struct):
    """RFC 5246 §E.2. The hello, behind its header; the lengths of the three last fields stand before them."""

    msg_type: bytes = field(constant(b"\x01"), "client_hello(1)", default=b"\x01")
    version: ProtocolVersion = field(ProtocolVersion, "the newest that the client has")
    cipher_specs: list[V2CipherSpec] = field(
        enclosed(repeated(V2CipherSpec), 3, 2**16 - 1), "of TLS and of SSL 2.0, most wanted first"
    )
    session_id: bytes = field(enclosed(rest, 0, 16), "empty, or the 16 bytes of a session of SSL 2.0", default=b"")
    challenge: bytes = field(enclosed(rest, 16, 32), "the client's random, right-justified in 32 bytes")


def is_v2_client_hello(data: bytes) -> bool:
    """Whether what a client sends first, of which this is at least the first `RECOGNISED_BY` bytes, is this hello.

    A record of TLS starts with a content type, whose highest bit is not set.
    """
    if len(data) < RECOGNISED_BY:
        return False
    version = int.from_bytes(data[3:5], "big")
    return bool(data[0] & 0x80) and data[2] == 1 and (version == ProtocolVersion.SSL20 or version >> 8 == 3)
