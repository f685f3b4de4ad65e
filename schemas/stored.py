"""What is kept between connections: a client's session in a file, and what a server seals into tickets and cookies.

Each carries a version of its own, and an unknown one is refused. Nothing is encrypted or authenticated here: tickets
and cookies are `Sealed` as a whole by their server, and a file's `integrity` is for whoever writes and reads it to
compute, over `SessionFile.protected`.
"""

from __future__ import annotations

from schemas.code_points import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion
from schemas.vocabulary import (
    Struct,
    constant,
    field,
    opaque,
    rest,
    select,
    struct,
    uint8,
    uint16,
    uint32,
    uint64,
    vector,
)

SESSION_MAGIC = b"tls13 session\n"
SESSION_VERSION = 1
TICKET_VERSION = 1
COOKIE_VERSION = 1


@struct
class Session(Struct):
    """Version 1 of a stored session: a ticket (RFC 9846 §4.7.1), its key, and what they may be used for (§2.2)."""

    version: ProtocolVersion = field(ProtocolVersion, "of the connection", default=ProtocolVersion.TLS13)
    cipher_suite: CipherSuite = field(CipherSuite, "of the connection; its hash is that of the PSK")
    resumption_psk: bytes = field(opaque(1, 255), "the pre-shared key, as long as the hash. §4.7.1")
    ticket: bytes = field(opaque(1, 2**16 - 1), "the identity to offer")
    creation_time: int = field(uint64, "when the ticket came, in milliseconds since 1970")
    ticket_lifetime: int = field(uint32, "seconds from then, at most 604800")
    ticket_age_add: int = field(uint32, "added to the age that is offered, modulo 2^32")
    max_early_data_size: int = field(uint32, "bytes of early data that the server takes", default=0)
    server_name: bytes = field(opaque(0, 2**16 - 1), "the name that the server was asked for", default=b"")
    alpn: bytes = field(opaque(0, 255), "the protocol that was negotiated", default=b"")
    peer_certificates: list[bytes] = field(
        vector(opaque(1, 2**24 - 1), 0, 2**24 - 1), "the server's chain as it was validated, DER", default=[]
    )


@struct
class SessionFile(Struct):
    """RFC 9846 §2.2. A session in a file."""

    magic: bytes = field(constant(SESSION_MAGIC), "tells the file from others", default=SESSION_MAGIC)
    format_version: int = field(uint16, "of what follows", default=SESSION_VERSION)
    session: Session = field(select("format_version", {SESSION_VERSION: Session}, length=uint32), "of that version")
    integrity: bytes = field(opaque(16, 255), "a hash or MAC over all before it")

    def protected(self) -> bytes:
        """What `integrity` is to be computed over: the file up to it."""
        return self.build()[: -1 - len(self.integrity)]


@struct
class TicketState(Struct):
    """Version 1 of a ticket's content: what a server without memory needs to resume. RFC 9846 §4.7.1."""

    version: ProtocolVersion = field(ProtocolVersion, "of the connection", default=ProtocolVersion.TLS13)
    cipher_suite: CipherSuite = field(CipherSuite, "of the connection; its hash is that of the PSK")
    resumption_psk: bytes = field(opaque(1, 255), "the pre-shared key, as long as the hash")
    creation_time: int = field(uint64, "when the ticket was issued, in milliseconds since 1970")
    ticket_lifetime: int = field(uint32, "seconds from then")
    ticket_age_add: int = field(uint32, "what the client adds to the age that it offers")
    authentication_time: int = field(uint64, "when the two sides met first, in milliseconds since 1970")
    max_early_data_size: int = field(uint32, "bytes of early data that were promised", default=0)
    server_name: bytes = field(opaque(0, 2**16 - 1), "the name that the client asked for", default=b"")
    alpn: bytes = field(opaque(0, 255), "the protocol that was negotiated", default=b"")
    peer_certificates: list[bytes] = field(
        vector(opaque(1, 2**24 - 1), 0, 2**24 - 1), "the client's chain as it was validated, DER", default=[]
    )
    application_data: bytes = field(opaque(0, 2**16 - 1), "the application's own", default=b"")


@struct
class TicketPlaintext(Struct):
    """RFC 9846 §4.7.1. What a server seals into a ticket."""

    format_version: int = field(uint16, "of what follows", default=TICKET_VERSION)
    state: TicketState = field(select("format_version", {TICKET_VERSION: TicketState}), "of that version")


@struct
class OpaqueExtension(Struct):
    """RFC 9846 §4.3. An extension whose data is nobody's business here."""

    extension_type: ExtensionType = field(ExtensionType, "which")
    extension_data: bytes = field(opaque(0, 2**16 - 1), "as it came")


@struct
class UnchangedParts(Struct):
    """RFC 9846 §4.2.2. What a second ClientHello must repeat of the first; `RetryMemory.unchanged` is its hash."""

    legacy_version: ProtocolVersion = field(ProtocolVersion, "of the hello")
    random: bytes = field(opaque(32), "of the hello")
    legacy_session_id: bytes = field(opaque(0, 32), "of the hello")
    cipher_suites: list[CipherSuite] = field(vector(CipherSuite, 2, 2**16 - 2), "of the hello")
    legacy_compression_methods: bytes = field(opaque(1, 2**8 - 1), "of the hello")
    extensions: list[OpaqueExtension] = field(vector(OpaqueExtension, 0, 2**16 - 1), "those that may not change")


@struct
class RetryMemory(Struct):
    """RFC 9846 §4.2.2, §4.2.4. What a server must know of the first ClientHello to judge the second."""

    cipher_suite: CipherSuite = field(CipherSuite, "chosen in HelloRetryRequest")
    selected_group: NamedGroup = field(NamedGroup, "asked for in HelloRetryRequest")
    client_hello_1: bytes = field(opaque(32, 255), "its hash, for the transcript. §4.1")
    unchanged: bytes = field(opaque(32), "SHA-256 of UnchangedParts")
    offered_psk: int = field(uint8, "1 where the first held pre_shared_key, else 0")
    offered_early_data: int = field(uint8, "1 where the first held early_data, else 0")


@struct
class CookieState(Struct):
    """Version 1 of a cookie's content."""

    creation_time: int = field(uint64, "when it was made, in milliseconds since 1970")
    memory: RetryMemory = field(RetryMemory, "of the first ClientHello")


@struct
class CookiePlaintext(Struct):
    """RFC 9846 §4.3.2. What a server without memory seals into a cookie."""

    format_version: int = field(uint16, "of what follows", default=COOKIE_VERSION)
    state: CookieState = field(select("format_version", {COOKIE_VERSION: CookieState}), "of that version")


@struct
class Sealed(Struct):
    """RFC 9846 §4.7.1. What a server gives out and gets back unread: tickets and cookies."""

    key_name: bytes = field(opaque(16), "which of the server's keys sealed it")
    nonce: bytes = field(opaque(24), "random")
    ciphertext: bytes = field(rest, "of XChaCha20-Poly1305, the tag behind it")
