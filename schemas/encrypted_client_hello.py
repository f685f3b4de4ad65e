"""RFC 9849: the structures of Encrypted Client Hello."""

from __future__ import annotations

from schemas.code_points import CipherSuite, HpkeAead, HpkeKdf, HpkeKem, ProtocolVersion
from schemas.extension_block import Extension, extensions_of
from schemas.vocabulary import (
    CodePoint,
    Struct,
    distinct,
    empty,
    field,
    opaque,
    rest,
    select,
    struct,
    uint8,
    uint16,
    vector,
    zeros,
)

ECH_VERSION = 0xFE0D
"""The version of ECHConfig that RFC 9849 §4 defines; also the extension's code point."""


class ECHClientHelloType(CodePoint, width=1):
    """RFC 9849 §5. Whether the hello is the one that everybody sees, or the one inside."""

    outer = 0
    inner = 1


@struct
class HpkeSymmetricCipherSuite(Struct):
    """RFC 9849 §4. KDF and AEAD for HPKE."""

    kdf_id: HpkeKdf = field(HpkeKdf, "key derivation")
    aead_id: HpkeAead = field(HpkeAead, "encryption")


@struct
class ECHOuter(Struct):
    """RFC 9849 §5. The sealed ClientHello."""

    cipher_suite: HpkeSymmetricCipherSuite = field(HpkeSymmetricCipherSuite, "how it is sealed")
    config_id: int = field(uint8, "for which of the server's keys")
    enc: bytes = field(opaque(0, 2**16 - 1), "HPKE encapsulated key; empty after a HelloRetryRequest")
    payload: bytes = field(opaque(1, 2**16 - 1), "the sealed EncodedClientHelloInner")


@struct
class ECHClientHello(Struct):
    """RFC 9849 §5. The extension in a ClientHello."""

    type: ECHClientHelloType = field(ECHClientHelloType, "outer or inner")
    content: ECHOuter | bytes = field(
        select("type", {ECHClientHelloType.outer: ECHOuter, ECHClientHelloType.inner: empty}),
        "the sealed hello, or nothing",
    )


@struct
class HpkeKeyConfig(Struct):
    """RFC 9849 §4. The server's key."""

    config_id: int = field(uint8, "names this key")
    kem_id: HpkeKem = field(HpkeKem, "key encapsulation")
    public_key: bytes = field(opaque(1, 2**16 - 1), "the key, in the KEM's encoding")
    cipher_suites: list[HpkeSymmetricCipherSuite] = field(
        vector(HpkeSymmetricCipherSuite, 4, 2**16 - 4), "what may go with it"
    )


@struct
class ECHConfigExtension(Struct):
    """RFC 9849 §4.2. An extension of the configuration itself, of a registry of its own."""

    type: int = field(uint16, "the high bit says mandatory")
    data: bytes = field(opaque(0, 2**16 - 1), "of that type")


@struct
class ECHConfigContents(Struct):
    """RFC 9849 §4. All that a client needs to seal its hello."""

    key_config: HpkeKeyConfig = field(HpkeKeyConfig, "the key and its algorithms")
    maximum_name_length: int = field(uint8, "for padding")
    public_name: bytes = field(opaque(1, 255), "the name to show outside")
    extensions: list[ECHConfigExtension] = field(
        distinct(vector(ECHConfigExtension, 0, 2**16 - 1), "type"), "of the configuration", default=[]
    )


@struct
class ECHConfig(Struct):
    """RFC 9849 §4. One configuration; another version keeps its bytes."""

    version: int = field(uint16, "0xfe0d for the contents known here", default=ECH_VERSION)
    contents: ECHConfigContents | bytes = field(
        select("version", {ECH_VERSION: ECHConfigContents}, length=uint16, otherwise=rest), "of that version"
    )


@struct
class ECHConfigList(Struct):
    """RFC 9849 §4. What DNS and `echconfig` files hold, and what a server answers to a hello that it could not open."""

    configs: list[ECHConfig] = field(vector(ECHConfig, 4, 2**16 - 1), "most wanted first")


@struct
class ClientHelloInner(Struct):
    """RFC 9849 §5.1. The real ClientHello, as it is sealed: of TLS 1.3, so that extensions are always there."""

    legacy_version: ProtocolVersion = field(ProtocolVersion, "0x0303", default=ProtocolVersion.TLS12)
    random: bytes = field(opaque(32), "fresh random bytes, not those outside")
    legacy_session_id: bytes = field(opaque(0, 32), "empty; the one outside counts", default=b"")
    cipher_suites: list[CipherSuite] = field(
        vector(CipherSuite, 2, 2**16 - 2), "AEAD and hash pairs, most wanted first"
    )
    legacy_compression_methods: bytes = field(opaque(1, 2**8 - 1), "one byte, null", default=b"\0")
    extensions: list[Extension] = field(
        extensions_of("client_hello", 7), "what is offered; ech_outer_extensions for what is the same outside"
    )


@struct
class EncodedClientHelloInner(Struct):
    """RFC 9849 §5.1. What is sealed: the hello, and zeros that hide its length."""

    client_hello: ClientHelloInner = field(ClientHelloInner, "the hello")
    zeros: bytes = field(zeros, "padding", default=b"")
