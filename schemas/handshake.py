"""RFC 9846 §4: the handshake messages."""

from __future__ import annotations

from schemas.certificate import Certificate, CompressedCertificate
from schemas.code_points import (
    CipherSuite,
    HandshakeType,
    KeyUpdateRequest,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.errors import EncodeError
from schemas.extension_block import Extension, extensions_of
from schemas.vocabulary import (
    Struct,
    constant,
    describe,
    field,
    opaque,
    optional_field,
    rest,
    select,
    struct,
    told_by_content,
    trailing,
    uint8,
    uint24,
    uint32,
    vector,
)

HELLO_RETRY_REQUEST_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""SHA-256 of "HelloRetryRequest": the random that tells one from a ServerHello. §4.2.3"""


@struct
class ClientHello(Struct):
    """RFC 9846 §4.2.2. The client's first message: everything that it can do."""

    legacy_version: ProtocolVersion = field(
        ProtocolVersion, "0x0303; the real list is in supported_versions", default=ProtocolVersion.TLS12
    )
    random: bytes = field(opaque(32), "fresh random bytes")
    legacy_session_id: bytes = field(opaque(0, 32), "32 bytes in middlebox compatibility mode, else empty", default=b"")
    cipher_suites: list[CipherSuite] = field(
        vector(CipherSuite, 2, 2**16 - 2), "AEAD and hash pairs, most wanted first"
    )
    legacy_compression_methods: bytes = field(opaque(1, 2**8 - 1), "one byte, null", default=b"\0")
    extensions: list[Extension] | None = optional_field(
        trailing(extensions_of("client_hello", 7)), "what is offered; absent before TLS 1.2", default=None
    )


@struct
class ServerHello(Struct):
    """RFC 9846 §4.2.3. What the server chose, and its half of the key exchange."""

    legacy_version: ProtocolVersion = field(
        ProtocolVersion, "0x0303; the real choice is in supported_versions", default=ProtocolVersion.TLS12
    )
    random: bytes = field(opaque(32), "fresh random bytes; the last eight may mark a downgrade")
    legacy_session_id_echo: bytes = field(opaque(0, 32), "what the ClientHello said", default=b"")
    cipher_suite: CipherSuite = field(CipherSuite, "the suite of this connection")
    legacy_compression_method: int = field(uint8, "null", default=0)
    extensions: list[Extension] = field(extensions_of("server_hello", 6), "version, key share, pre-shared key")


@struct
class HelloRetryRequest(Struct):
    """RFC 9846 §4.2.4. A ServerHello in form, told by its random: asks for a ClientHello with another key share."""

    legacy_version: ProtocolVersion = field(ProtocolVersion, "0x0303", default=ProtocolVersion.TLS12)
    random: bytes = field(
        constant(HELLO_RETRY_REQUEST_RANDOM),
        'SHA-256 of "HelloRetryRequest"',
        default=HELLO_RETRY_REQUEST_RANDOM,
    )
    legacy_session_id_echo: bytes = field(opaque(0, 32), "what the ClientHello said", default=b"")
    cipher_suite: CipherSuite = field(CipherSuite, "the suite that ServerHello will name")
    legacy_compression_method: int = field(uint8, "null", default=0)
    extensions: list[Extension] = field(
        extensions_of("hello_retry_request", 6), "version, the group wanted, a cookie to send back"
    )


@struct
class EndOfEarlyData(Struct):
    """RFC 9846 §4.6. The client's last bytes under the early traffic key."""


@struct
class EncryptedExtensions(Struct):
    """RFC 9846 §4.4.1. The server's answers to extensions that do not establish keys."""

    extensions: list[Extension] = field(
        extensions_of("encrypted_extensions"), "answers, at most one to each that was offered", default=[]
    )


@struct
class CertificateRequest(Struct):
    """RFC 9846 §4.4.2. The server wants a certificate of the client's."""

    certificate_request_context: bytes = field(
        opaque(0, 2**8 - 1), "empty in the handshake, unique after it", default=b""
    )
    extensions: list[Extension] = field(
        extensions_of("certificate_request"), "what such a certificate must be; signature_algorithms always"
    )


@struct
class CertificateVerify(Struct):
    """RFC 9846 §4.5.2. Proof that the sender holds its certificate's private key."""

    algorithm: SignatureScheme = field(SignatureScheme, "how it is signed")
    signature: bytes = field(opaque(0, 2**16 - 1), "over the transcript so far")


@struct
class Finished(Struct):
    """RFC 9846 §4.5.3. A MAC over the whole handshake: both sides saw the same one."""

    verify_data: bytes = field(rest, "HMAC, as long as the suite's hash")


@struct
class NewSessionTicket(Struct):
    """RFC 9846 §4.7.1. A pre-shared key for a later connection, by reference."""

    ticket_lifetime: int = field(uint32, "seconds from issue, at most 604800")
    ticket_age_add: int = field(uint32, "added to the ticket's age in milliseconds, modulo 2^32, to hide it")
    ticket_nonce: bytes = field(opaque(0, 255), "makes the key differ from that of other tickets here")
    ticket: bytes = field(opaque(1, 2**16 - 1), "the identity to offer")
    extensions: list[Extension] = field(
        extensions_of("new_session_ticket"), "early_data: how much 0-RTT data is welcome", default=[]
    )


@struct
class KeyUpdate(Struct):
    """RFC 9846 §4.7.3. The sender's next record is under its next key."""

    request_update: KeyUpdateRequest = field(KeyUpdateRequest, "whether the peer shall do the same")


HandshakeMessage = (
    ClientHello
    | ServerHello
    | HelloRetryRequest
    | EndOfEarlyData
    | EncryptedExtensions
    | CertificateRequest
    | Certificate
    | CompressedCertificate
    | CertificateVerify
    | Finished
    | NewSessionTicket
    | KeyUpdate
)
"""Every message of TLS 1.3."""

MESSAGE_TYPES: dict[type[Struct], HandshakeType] = {
    ClientHello: HandshakeType.client_hello,
    ServerHello: HandshakeType.server_hello,
    HelloRetryRequest: HandshakeType.server_hello,
    NewSessionTicket: HandshakeType.new_session_ticket,
    EndOfEarlyData: HandshakeType.end_of_early_data,
    EncryptedExtensions: HandshakeType.encrypted_extensions,
    Certificate: HandshakeType.certificate,
    CertificateRequest: HandshakeType.certificate_request,
    CertificateVerify: HandshakeType.certificate_verify,
    Finished: HandshakeType.finished,
    KeyUpdate: HandshakeType.key_update,
    CompressedCertificate: HandshakeType.compressed_certificate,
}

RANDOM_OFFSET = 2

_SERVER_HELLO = told_by_content(RANDOM_OFFSET, {HELLO_RETRY_REQUEST_RANDOM: HelloRetryRequest}, otherwise=ServerHello)


@struct
class Handshake(Struct):
    """RFC 9846 §4. A message with its header, as the transcript hashes it; the length is that of the message."""

    msg_type: HandshakeType = field(HandshakeType, "which message follows")
    message: HandshakeMessage = field(
        select(
            "msg_type",
            {
                msg_type: _SERVER_HELLO if msg_type is HandshakeType.server_hello else message
                for message, msg_type in MESSAGE_TYPES.items()
            },
            length=uint24,
        ),
        "the message",
    )

    @classmethod
    def of(cls, message: HandshakeMessage) -> Handshake:
        """`message` behind the header that its class calls for. Raises EncodeError for what is no handshake message."""
        msg_type = MESSAGE_TYPES.get(type(message))
        if msg_type is None:
            raise EncodeError("a handshake message", describe(message), path="handshake")
        return cls(msg_type=msg_type, message=message)

    @classmethod
    def framed(cls, message: HandshakeMessage) -> bytes:
        """The bytes of `Handshake.of(message)`, in one building instead of two. Raises EncodeError as that does."""
        made = object.__new__(cls)
        object.__setattr__(made, "msg_type", MESSAGE_TYPES.get(type(message)))
        object.__setattr__(made, "message", message)
        return made.build()


@struct
class HandshakeHeader(Struct):
    """RFC 9846 §4. The first four bytes of every handshake message."""

    msg_type: HandshakeType = field(HandshakeType, "which message follows")
    length: int = field(uint24, "bytes that follow")
