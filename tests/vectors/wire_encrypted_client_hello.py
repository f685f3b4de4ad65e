"""The bodies of the extensions of Encrypted Client Hello, byte by byte. RFC 9849 §5."""

from __future__ import annotations

from annotated import in_message

from schemas import extensions as ext
from schemas.code_points import (
    ExtensionType,
    HpkeAead,
    HpkeKdf,
    HpkeKem,
)
from schemas.encrypted_client_hello import (
    ECHClientHello,
    ECHClientHelloType,
    ECHConfig,
    ECHConfigContents,
    ECHConfigExtension,
    ECHOuter,
    HpkeKeyConfig,
    HpkeSymmetricCipherSuite,
)

BODIES = [
    in_message(
        "client_hello, outer",
        ext.EncryptedClientHello.client_hello,
        ECHClientHello(
            type=ECHClientHelloType.outer,
            content=ECHOuter(
                cipher_suite=HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM),
                config_id=0xD1,
                enc=bytes.fromhex("cce5c83299bb8dffdb74bafd0a1d5244"),
                payload=b"\xee\xd1",
            ),
        ),
        """
            00    type: outer(0)
            0001  kdf_id: HKDF_SHA256
            0001  aead_id: AES_128_GCM
            d1    config_id
            0010  length of enc
            cce5c83299bb8dffdb74bafd0a1d5244  enc
            0002  length of payload
            eed1  payload
        """,
    ),
    in_message(
        "client_hello, inner",
        ext.EncryptedClientHello.client_hello,
        ECHClientHello(type=ECHClientHelloType.inner, content=b""),
        "01  type: inner(1)",
    ),
    in_message(
        "hello_retry_request",
        ext.EncryptedClientHello.hello_retry_request,
        b"\x01\x23\x45\x67\x89\xab\xcd\xef",
        "0123456789abcdef  confirmation",
    ),
    in_message(
        "encrypted_extensions",
        ext.EncryptedClientHello.encrypted_extensions,
        [
            ECHConfig(version=0xFE0A, contents=b"\xaa\xbb"),
            ECHConfig(
                contents=ECHConfigContents(
                    key_config=HpkeKeyConfig(
                        config_id=7,
                        kem_id=HpkeKem.DHKEM_X25519_HKDF_SHA256,
                        public_key=b"\x25",
                        cipher_suites=[
                            HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.ChaCha20Poly1305)
                        ],
                    ),
                    maximum_name_length=64,
                    public_name=b"p.example",
                    extensions=[ECHConfigExtension(type=0x8001, data=b"\x99")],
                )
            ),
        ],
        """
            0028  length of ECHConfigList
            fe0a  version: an older draft
            0002  length
            aabb  contents
            fe0d  version
            001e  length
            07    config_id
            0020  kem_id: DHKEM_X25519_HKDF_SHA256
            0001  length of public_key
            25    public_key
            0004  length of cipher_suites
            0001  kdf_id: HKDF_SHA256
            0003  aead_id: ChaCha20Poly1305
            40    maximum_name_length
            09    length of public_name
            702e6578616d706c65  p.example
            0005  length of extensions
            8001  type, mandatory
            0001  length of data
            99    data
        """,
    ),
    in_message(
        "client_hello, inner and encoded",
        ext.EchOuterExtensions.client_hello,
        [ExtensionType.key_share, ExtensionType.supported_groups],
        """
            04    length of OuterExtensions
            0033  key_share(51)
            000a  supported_groups(10)
        """,
    ),
]
