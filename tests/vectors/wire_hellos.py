"""The hellos of RFC 9846, byte by byte: the values of RFC 8448 §3 and §5, and hand-made ones."""

from __future__ import annotations

from annotated import Example

from schemas.code_points import (
    CipherSuite,
    HandshakeType,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.extensions import (
    Cookie,
    KeyShare,
    KeyShareEntry,
    PskKeyExchangeModes,
    RecordSizeLimit,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    ClientHello,
    Handshake,
    HandshakeMessage,
    HelloRetryRequest,
    ServerHello,
)
from schemas.tls12_extensions import RenegotiationInfo, SessionTicket

RFC8448_SCHEMES = [
    SignatureScheme.ecdsa_secp256r1_sha256,
    SignatureScheme.ecdsa_secp384r1_sha384,
    SignatureScheme.ecdsa_secp521r1_sha512,
    SignatureScheme.ecdsa_sha1,
    SignatureScheme.rsa_pss_rsae_sha256,
    SignatureScheme.rsa_pss_rsae_sha384,
    SignatureScheme.rsa_pss_rsae_sha512,
    SignatureScheme.rsa_pkcs1_sha256,
    SignatureScheme.rsa_pkcs1_sha384,
    SignatureScheme.rsa_pkcs1_sha512,
    SignatureScheme.rsa_pkcs1_sha1,
    SignatureScheme.dsa_sha256_RESERVED,
    SignatureScheme.dsa_sha384_RESERVED,
    SignatureScheme.dsa_sha512_RESERVED,
    SignatureScheme.dsa_sha1_RESERVED,
]
RFC8448_GROUPS = [
    NamedGroup.x25519,
    NamedGroup.secp256r1,
    NamedGroup.secp384r1,
    NamedGroup.secp521r1,
    NamedGroup.ffdhe2048,
    NamedGroup.ffdhe3072,
    NamedGroup.ffdhe4096,
    NamedGroup.ffdhe6144,
    NamedGroup.ffdhe8192,
]
RFC8448_COOKIE = bytes.fromhex(
    "71dcd04bb88bc3189119398a00000000eefafc76c146b823b096f8aacad365dd0030953f4edf625636e5f21bb2e23fcc654b1b5b"
    "40318d10d137abcbb87574e36e8a1f025f7dfa5d6e50781b5eda4aa15b0c8be778257d16aa3030e9e7841dd9e4c0342267e8ca0c"
    "af571fb2b7cff0f934b0"
)


def handshake(name: str, msg_type: HandshakeType, message: HandshakeMessage, text: str) -> Example:
    return Example(name=name, schema=Handshake, value=Handshake(msg_type=msg_type, message=message), text=text)


HELLOS = [
    handshake(
        "ClientHello of RFC 8448 section 3",
        HandshakeType.client_hello,
        ClientHello(
            random=bytes.fromhex("cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7"),
            cipher_suites=[
                CipherSuite.TLS_AES_128_GCM_SHA256,
                CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
                CipherSuite.TLS_AES_256_GCM_SHA384,
            ],
            extensions=[
                ServerNameIndication.client_hello([ServerName(name=b"server")]),
                RenegotiationInfo.client_hello(b""),
                SupportedGroups.client_hello(RFC8448_GROUPS),
                SessionTicket.client_hello(b""),
                KeyShare.client_hello(
                    [
                        KeyShareEntry(
                            group=NamedGroup.x25519,
                            key_exchange=bytes.fromhex(
                                "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
                            ),
                        )
                    ]
                ),
                SupportedVersions.client_hello([ProtocolVersion.TLS13]),
                SignatureAlgorithms.client_hello(RFC8448_SCHEMES),
                PskKeyExchangeModes.client_hello([PskKeyExchangeMode.psk_dhe_ke]),
                RecordSizeLimit.client_hello(0x4001),
            ],
        ),
        """
            01      msg_type: client_hello(1)
            0000c0  length
            0303    legacy_version
            cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7  random
            00      length of legacy_session_id
            0006    length of cipher_suites
            1301    TLS_AES_128_GCM_SHA256
            1303    TLS_CHACHA20_POLY1305_SHA256
            1302    TLS_AES_256_GCM_SHA384
            01      length of legacy_compression_methods
            00      null
            0091    length of extensions
            0000    server_name(0)
            000b    length of extension_data
            0009    length of server_name_list
            00      name_type: host_name(0)
            0006    length of host_name
            736572766572  server
            ff01    renegotiation_info(0xff01)
            0001    length of extension_data
            00      length of renegotiated_connection
            000a    supported_groups(10)
            0014    length of extension_data
            0012    length of named_group_list
            001d 0017 0018 0019  x25519, secp256r1, secp384r1, secp521r1
            0100 0101 0102 0103 0104  ffdhe2048 to ffdhe8192
            0023    session_ticket(35)
            0000    length of extension_data
            0033    key_share(51)
            0026    length of extension_data
            0024    length of client_shares
            001d    group: x25519
            0020    length of key_exchange
            99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c  key_exchange
            002b    supported_versions(43)
            0003    length of extension_data
            02      length of versions
            0304    TLS 1.3
            000d    signature_algorithms(13)
            0020    length of extension_data
            001e    length of supported_signature_algorithms
            0403 0503 0603 0203  ecdsa_secp256r1_sha256 and so on, ecdsa_sha1
            0804 0805 0806  rsa_pss_rsae_sha256, 384, 512
            0401 0501 0601 0201  rsa_pkcs1_sha256, 384, 512, sha1
            0402 0502 0602 0202  the DSA pairs of TLS 1.2
            002d    psk_key_exchange_modes(45)
            0002    length of extension_data
            01      length of ke_modes
            01      psk_dhe_ke(1)
            001c    record_size_limit(28)
            0002    length of extension_data
            4001    2^14 + 1
        """,
    ),
    handshake(
        "ClientHello of TLS 1.1, without extensions, with everything legacy",
        HandshakeType.client_hello,
        ClientHello(
            legacy_version=ProtocolVersion.TLS11,
            random=b"\xaa" * 32,
            legacy_session_id=b"\xbb" * 32,
            cipher_suites=[CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV],
            legacy_compression_methods=b"\x01\x00",
            extensions=None,
        ),
        """
            01      msg_type: client_hello(1)
            00004c  length
            0302    legacy_version
            aa*32   random
            20      length of legacy_session_id
            bb*32   legacy_session_id
            0004    length of cipher_suites
            002f    TLS_RSA_WITH_AES_128_CBC_SHA
            00ff    TLS_EMPTY_RENEGOTIATION_INFO_SCSV
            02      length of legacy_compression_methods
            01 00   DEFLATE, null
        """,
    ),
    handshake(
        "ServerHello of RFC 8448 section 3",
        HandshakeType.server_hello,
        ServerHello(
            random=bytes.fromhex("a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928"),
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            extensions=[
                KeyShare.server_hello(
                    KeyShareEntry(
                        group=NamedGroup.x25519,
                        key_exchange=bytes.fromhex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f"),
                    )
                ),
                SupportedVersions.server_hello(ProtocolVersion.TLS13),
            ],
        ),
        """
            02      msg_type: server_hello(2)
            000056  length
            0303    legacy_version
            a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928  random
            00      length of legacy_session_id_echo
            1301    cipher_suite: TLS_AES_128_GCM_SHA256
            00      legacy_compression_method
            002e    length of extensions
            0033    key_share(51)
            0024    length of extension_data
            001d    group: x25519
            0020    length of key_exchange
            c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f  key_exchange
            002b    supported_versions(43)
            0002    length of extension_data
            0304    selected_version: TLS 1.3
        """,
    ),
    handshake(
        "ServerHello with the fewest extensions, the downgrade mark and another compression method",
        HandshakeType.server_hello,
        ServerHello(
            random=b"\x12" * 24 + b"DOWNGRD\x01",
            legacy_session_id_echo=b"\x55",
            cipher_suite=CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA,
            legacy_compression_method=1,
            extensions=[SupportedVersions.server_hello(ProtocolVersion.TLS12)],
        ),
        """
            02      msg_type: server_hello(2)
            00002f  length
            0303    legacy_version
            12*24   random
            444f574e47524401  and the downgrade mark
            01      length of legacy_session_id_echo
            55      legacy_session_id_echo
            002f    cipher_suite: TLS_RSA_WITH_AES_128_CBC_SHA
            01      legacy_compression_method: DEFLATE
            0006    length of extensions
            002b    supported_versions(43)
            0002    length of extension_data
            0303    selected_version: TLS 1.2
        """,
    ),
    handshake(
        "HelloRetryRequest of RFC 8448 section 5",
        HandshakeType.server_hello,
        HelloRetryRequest(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            extensions=[
                KeyShare.hello_retry_request(NamedGroup.secp256r1),
                Cookie.hello_retry_request(RFC8448_COOKIE),
                SupportedVersions.hello_retry_request(ProtocolVersion.TLS13),
            ],
        ),
        f"""
            02      msg_type: server_hello(2)
            0000ac  length
            0303    legacy_version
            cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c  random: SHA-256 of its name
            00      length of legacy_session_id_echo
            1301    cipher_suite: TLS_AES_128_GCM_SHA256
            00      legacy_compression_method
            0084    length of extensions
            0033    key_share(51)
            0002    length of extension_data
            0017    selected_group: secp256r1
            002c    cookie(44)
            0074    length of extension_data
            0072    length of cookie
            {RFC8448_COOKIE.hex()}  cookie
            002b    supported_versions(43)
            0002    length of extension_data
            0304    selected_version: TLS 1.3
        """,
    ),
]
