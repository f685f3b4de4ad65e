"""What is never sent, but hashed, signed or derived from."""

from __future__ import annotations

from schemas.vocabulary import Struct, constant, field, opaque, rest, struct, uint16

SERVER_CONTEXT_STRING = b"TLS 1.3, server CertificateVerify"
CLIENT_CONTEXT_STRING = b"TLS 1.3, client CertificateVerify"


@struct
class HkdfLabel(Struct):
    """RFC 9846 §7.1. The info input of HKDF-Expand-Label."""

    length: int = field(uint16, "bytes to derive")
    label: bytes = field(opaque(7, 255), '"tls13 " and what the bytes are for')
    context: bytes = field(opaque(0, 255), "a transcript hash, or nothing")


@struct
class MessageHash(Struct):
    """RFC 9846 §4.1. Stands for ClientHello1 in the transcript once a HelloRetryRequest has been sent."""

    msg_type: bytes = field(constant(b"\xfe"), "message_hash(254)", default=b"\xfe")
    hash: bytes = field(opaque(0, 2**24 - 1), "Hash(ClientHello1)")


@struct
class ServerCertificateVerifyContent(Struct):
    """RFC 9846 §4.5.2. What the server signs."""

    padding: bytes = field(constant(b"\x20" * 64), "64 spaces", default=b"\x20" * 64)
    context_string: bytes = field(
        constant(SERVER_CONTEXT_STRING), "for whom the signature is", default=SERVER_CONTEXT_STRING
    )
    separator: bytes = field(constant(b"\0"), "ends the context string", default=b"\0")
    transcript_hash: bytes = field(rest, "of everything up to the Certificate message")


@struct
class ClientCertificateVerifyContent(Struct):
    """RFC 9846 §4.5.2. What the client signs."""

    padding: bytes = field(constant(b"\x20" * 64), "64 spaces", default=b"\x20" * 64)
    context_string: bytes = field(
        constant(CLIENT_CONTEXT_STRING), "for whom the signature is", default=CLIENT_CONTEXT_STRING
    )
    separator: bytes = field(constant(b"\0"), "ends the context string", default=b"\0")
    transcript_hash: bytes = field(rest, "of everything up to the Certificate message")
