"""What the keys of TLS 1.2 and of HPKE are made of, byte by byte."""

from __future__ import annotations

from annotated import Example

from schemas.code_points import ContentType, HpkeAead, HpkeKdf, HpkeKem, ProtocolVersion
from schemas.hpke import HpkeSuiteId, KeyScheduleContext, LabeledIkm, LabeledInfo
from schemas.tls12_records import (
    AdditionalData,
    Aes128KeyBlock,
    Aes256KeyBlock,
    ChaCha20KeyBlock,
    ExplicitNonceFragment,
    KeyExpansionSeed,
    SaltedNonce,
)

SUITE = HpkeSuiteId(kem_id=HpkeKem.DHKEM_X25519_HKDF_SHA256, kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM)

EXAMPLES = [
    Example(
        name="KeyExpansionSeed",
        schema=KeyExpansionSeed,
        value=KeyExpansionSeed(server_random=b"\x5e" * 32, client_random=b"\xc1" * 32),
        text="""
            6b657920657870616e73696f6e  label "key expansion"
            5e*32  server_random
            c1*32  client_random
        """,
    ),
    Example(
        name="Aes128KeyBlock",
        schema=Aes128KeyBlock,
        value=Aes128KeyBlock(
            client_write_key=b"\1" * 16,
            server_write_key=b"\2" * 16,
            client_write_iv=b"\3" * 4,
            server_write_iv=b"\4" * 4,
        ),
        text="""
            01*16  client_write_key
            02*16  server_write_key
            03*4  client_write_IV
            04*4  server_write_IV
        """,
    ),
    Example(
        name="Aes256KeyBlock",
        schema=Aes256KeyBlock,
        value=Aes256KeyBlock(
            client_write_key=b"\1" * 32,
            server_write_key=b"\2" * 32,
            client_write_iv=b"\3" * 4,
            server_write_iv=b"\4" * 4,
        ),
        text="""
            01*32  client_write_key
            02*32  server_write_key
            03*4  client_write_IV
            04*4  server_write_IV
        """,
    ),
    Example(
        name="ChaCha20KeyBlock",
        schema=ChaCha20KeyBlock,
        value=ChaCha20KeyBlock(
            client_write_key=b"\1" * 32,
            server_write_key=b"\2" * 32,
            client_write_iv=b"\3" * 12,
            server_write_iv=b"\4" * 12,
        ),
        text="""
            01*32  client_write_key
            02*32  server_write_key
            03*12  client_write_IV
            04*12  server_write_IV
        """,
    ),
    Example(
        name="AdditionalData",
        schema=AdditionalData,
        value=AdditionalData(
            seq_num=258, type=ContentType.application_data, version=ProtocolVersion.TLS12, length=16384
        ),
        text="""
            0000000000000102  seq_num
            17  type application_data
            0303  version TLS 1.2
            4000  bytes of the fragment: no length of anything here
        """,
    ),
    Example(
        name="ExplicitNonceFragment",
        schema=ExplicitNonceFragment,
        value=ExplicitNonceFragment(nonce_explicit=b"\xab" * 8, aead_ciphered=b"sealed"),
        text="""
            ab*8  nonce_explicit
            7365616c6564  aead_ciphered
        """,
        whole_prefixes=range(8, 14),
        open_end=True,
    ),
    Example(
        name="SaltedNonce",
        schema=SaltedNonce,
        value=SaltedNonce(salt=b"salt", nonce_explicit=b"\xab" * 8),
        text="""
            73616c74  salt
            ab*8  nonce_explicit
        """,
    ),
    Example(
        name="HpkeSuiteId",
        schema=HpkeSuiteId,
        value=SUITE,
        text="""
            48504b45  "HPKE"
            0020  kem_id DHKEM(X25519, HKDF-SHA256)
            0001  kdf_id HKDF-SHA256
            0001  aead_id AES-128-GCM
        """,
    ),
    Example(
        name="LabeledIkm",
        schema=LabeledIkm,
        value=LabeledIkm(suite_id=SUITE, label_and_ikm=b"info_hash" + b"\xee"),
        text="""
            48504b452d7631  "HPKE-v1"
            48504b45002000010001  suite_id
            696e666f5f68617368  label "info_hash"
            ee  ikm
        """,
        whole_prefixes=range(17, 27),
        open_end=True,
    ),
    Example(
        name="LabeledInfo",
        schema=LabeledInfo,
        value=LabeledInfo(length=12, suite_id=SUITE, label_and_info=b"base_nonce" + b"\xee"),
        text="""
            000c  bytes to derive: no length of anything here
            48504b452d7631  "HPKE-v1"
            48504b45002000010001  suite_id
            626173655f6e6f6e6365  label "base_nonce"
            ee  info
        """,
        whole_prefixes=range(19, 30),
        open_end=True,
    ),
    Example(
        name="KeyScheduleContext of RFC 9180 §A.1.1",
        schema=KeyScheduleContext,
        value=KeyScheduleContext(
            hashes=bytes.fromhex(
                "725611c9d98c07c03f60095cd32d400d8347d45ed67097bbad50fc56da742d07"
                "cb6cffde367bb0565ba28bb02c90744a20f5ef37f30523526106f637abb05449"
            )
        ),
        text="""
            00  mode_base
            725611c9d98c07c03f60095cd32d400d8347d45ed67097bbad50fc56da742d07  psk_id_hash
            cb6cffde367bb0565ba28bb02c90744a20f5ef37f30523526106f637abb05449  info_hash
        """,
        whole_prefixes=range(1, 65),
        open_end=True,
    ),
]
"""An example of each struct."""
