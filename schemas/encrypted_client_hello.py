"""RFC 9849: the structures of Encrypted Client Hello."""

from __future__ import annotations

from schemas.code_points import HpkeAead, HpkeKdf, HpkeKem
from schemas.vocabulary import (
    CodePoint,
    Struct,
    empty,
    field,
    opaque,
    rest,
    select,
    struct,
    uint8,
    uint16,
    vector,
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
        vector(ECHConfigExtension, 0, 2**16 - 1), "of the configuration", default=[]
    )


@struct
class ECHConfig(Struct):
    """RFC 9849 §4. One configuration; another version keeps its bytes."""

    version: int = field(uint16, "0xfe0d for the contents known here", default=ECH_VERSION)
    contents: ECHConfigContents | bytes = field(
        select("version", {ECH_VERSION: ECHConfigContents}, length=uint16, otherwise=rest), "of that version"
    )
