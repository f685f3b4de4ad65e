"""RFC 5246 §6: what protects the records of TLS 1.2 under the AEAD suites, and what its keys are made of."""

from __future__ import annotations

from schemas.code_points import ContentType, ProtocolVersion
from schemas.vocabulary import Struct, constant, field, opaque, rest, struct, uint16, uint64

KEY_EXPANSION_LABEL = b"key expansion"
"""The label with which the PRF makes a key block of the main secret. RFC 5246 §6.3"""


@struct
class KeyExpansionSeed(Struct):
    """RFC 5246 §6.3. The label and the seed that the PRF makes a key block of."""

    label: bytes = field(constant(KEY_EXPANSION_LABEL), "what the bytes are for", default=KEY_EXPANSION_LABEL)
    server_random: bytes = field(opaque(32), "of ServerHello")
    client_random: bytes = field(opaque(32), "of ClientHello")


@struct
class Aes128KeyBlock(Struct):
    """RFC 5246 §6.3, RFC 5288 §3. The keys of AES_128_GCM and AES_128_CCM."""

    client_write_key: bytes = field(opaque(16), "protects what the client sends")
    server_write_key: bytes = field(opaque(16), "protects what the server sends")
    client_write_iv: bytes = field(opaque(4), "the salt in the client's nonces")
    server_write_iv: bytes = field(opaque(4), "the salt in the server's nonces")


@struct
class Aes256KeyBlock(Struct):
    """RFC 5246 §6.3, RFC 5288 §3. The keys of AES_256_GCM and AES_256_CCM."""

    client_write_key: bytes = field(opaque(32), "protects what the client sends")
    server_write_key: bytes = field(opaque(32), "protects what the server sends")
    client_write_iv: bytes = field(opaque(4), "the salt in the client's nonces")
    server_write_iv: bytes = field(opaque(4), "the salt in the server's nonces")


@struct
class ChaCha20KeyBlock(Struct):
    """RFC 5246 §6.3, RFC 7905 §2. The keys of CHACHA20_POLY1305."""

    client_write_key: bytes = field(opaque(32), "protects what the client sends")
    server_write_key: bytes = field(opaque(32), "protects what the server sends")
    client_write_iv: bytes = field(opaque(12), "with which the client's sequence number makes a nonce")
    server_write_iv: bytes = field(opaque(12), "with which the server's sequence number makes a nonce")


KeyBlock = Aes128KeyBlock | Aes256KeyBlock | ChaCha20KeyBlock


@struct
class AdditionalData(Struct):
    """RFC 5246 §6.2.3.3. What the AEAD protects beside the fragment."""

    seq_num: int = field(uint64, "how many records the keys have protected before this one")
    type: ContentType = field(ContentType, "of the record")
    version: ProtocolVersion = field(ProtocolVersion, "of the record", default=ProtocolVersion.TLS12)
    length: int = field(uint16, "bytes of the fragment before it was protected")


@struct
class ExplicitNonceFragment(Struct):
    """RFC 5246 §6.2.3.3, RFC 5288 §3. A protected fragment whose nonce is half sent, as with AES."""

    nonce_explicit: bytes = field(opaque(8), "the part of the nonce that is sent")
    aead_ciphered: bytes = field(rest, "the AEAD's output")


@struct
class SaltedNonce(Struct):
    """RFC 5288 §3, RFC 6655 §3. The nonce of AES_GCM and AES_CCM."""

    salt: bytes = field(opaque(4), "the write IV of the key block")
    nonce_explicit: bytes = field(opaque(8), "the part of the nonce that is sent")
