"""What is stored, signed or derived from, the hello of SSL 2.0, and the lists that stand in files, byte by byte."""

from __future__ import annotations

from annotated import Example

from schemas.code_points import (
    CipherSuite,
    ExtensionType,
    HpkeAead,
    HpkeKdf,
    HpkeKem,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
    TlsKdfIdentifier,
)
from schemas.derived import (
    ClientDelegatedCredentialContent,
    ECHInfo,
    ImportedIdentity,
    ServerDelegatedCredentialContent,
    Tls12ExporterSeed,
)
from schemas.encrypted_client_hello import (
    ClientHelloInner,
    ECHConfig,
    ECHConfigContents,
    ECHConfigList,
    EncodedClientHelloInner,
    HpkeKeyConfig,
    HpkeSymmetricCipherSuite,
)
from schemas.extensions import EchOuterExtensions, SupportedVersions
from schemas.sslv2 import V2CipherKind, V2CipherSpec, V2ClientHello, V2RecordHeader
from schemas.stored import (
    CookiePlaintext,
    CookieState,
    OpaqueExtension,
    RetryMemory,
    Sealed,
    Session,
    SessionFile,
    TicketPlaintext,
    TicketState,
    UnchangedParts,
)
from schemas.tls12 import DigitallySigned
from schemas.transparency import SignedCertificateTimestamp, SignedCertificateTimestampList, SignedTimestamp

SESSION_FILE = Example(
    name="SessionFile",
    schema=SessionFile,
    value=SessionFile(
        session=Session(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            resumption_psk=b"\x9f" * 32,
            ticket=b"\x71\x72\x73",
            creation_time=1700000000123,
            ticket_lifetime=7200,
            ticket_age_add=0xFAD6AACB,
            max_early_data_size=1024,
            server_name=b"a.example",
            alpn=b"h2",
            peer_certificates=[b"\x30\0"],
        ),
        integrity=b"\x1f" * 32,
    ),
    text="""
        746c7331332073657373696f6e0a  magic: "tls13 session" and a newline
        0001      format_version
        00000054  length of the session
        0304      version: TLS 1.3
        1301      cipher_suite: TLS_AES_128_GCM_SHA256
        20        length of resumption_psk
        9f*32     resumption_psk
        0003      length of ticket
        717273    ticket
        0000018bcfe5687b  creation_time
        00001c20  ticket_lifetime: two hours
        fad6aacb  ticket_age_add
        00000400  max_early_data_size
        0009      length of server_name
        612e6578616d706c65  a.example
        02        length of alpn
        6832      h2
        000005    length of peer_certificates
        000002    length of a certificate
        3000      DER
        20        length of integrity
        1f*32     integrity
    """,
)

STORED = [
    SESSION_FILE,
    Example(
        name="TicketPlaintext",
        schema=TicketPlaintext,
        value=TicketPlaintext(
            state=TicketState(
                cipher_suite=CipherSuite.TLS_AES_256_GCM_SHA384,
                resumption_psk=b"\x9f" * 48,
                creation_time=1,
                ticket_lifetime=604800,
                ticket_age_add=2,
                authentication_time=3,
                application_data=b"\xda\x7a",
            )
        ),
        text="""
            0001      format_version
            0304      version: TLS 1.3
            1302      cipher_suite: TLS_AES_256_GCM_SHA384
            30        length of resumption_psk
            9f*48     resumption_psk
            0000000000000001  creation_time
            00093a80  ticket_lifetime: a week
            00000002  ticket_age_add
            0000000000000003  authentication_time
            00000000  max_early_data_size
            0000      length of server_name
            00        length of alpn
            000000    length of peer_certificates
            0002      length of application_data
            da7a      application_data
        """,
    ),
    Example(
        name="CookiePlaintext",
        schema=CookiePlaintext,
        value=CookiePlaintext(
            state=CookieState(
                creation_time=0x0000019A2B3C4D5E,
                memory=RetryMemory(
                    cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
                    selected_group=NamedGroup.secp256r1,
                    client_hello_1=b"\x11" * 32,
                    unchanged=b"\x22" * 32,
                    offered_psk=1,
                    offered_early_data=0,
                ),
            )
        ),
        text="""
            0001              format_version: 1
            0000019a2b3c4d5e  creation_time
            1303              cipher_suite: TLS_CHACHA20_POLY1305_SHA256
            0017              selected_group: secp256r1
            20  length of client_hello_1
            11*32  client_hello_1
            22*32             unchanged
            01                offered_psk
            00                offered_early_data
        """,
    ),
    Example(
        name="CookieState",
        schema=CookieState,
        value=CookieState(
            creation_time=1,
            memory=RetryMemory(
                cipher_suite=CipherSuite.TLS_AES_256_GCM_SHA384,
                selected_group=NamedGroup.x25519,
                client_hello_1=b"\x11" * 48,
                unchanged=b"\x22" * 32,
                offered_psk=0,
                offered_early_data=0,
            ),
        ),
        text="""
            0000000000000001  creation_time
            1302              cipher_suite: TLS_AES_256_GCM_SHA384
            001d              selected_group: x25519
            30  length of client_hello_1
            11*48  client_hello_1
            22*32             unchanged
            00                offered_psk
            00                offered_early_data
        """,
    ),
    Example(
        name="RetryMemory",
        schema=RetryMemory,
        value=RetryMemory(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            selected_group=NamedGroup.X25519MLKEM768,
            client_hello_1=b"\x33" * 32,
            unchanged=b"\x44" * 32,
            offered_psk=0,
            offered_early_data=0,
        ),
        text="""
            1301       cipher_suite: TLS_AES_128_GCM_SHA256
            11ec       selected_group: X25519MLKEM768
            20  length of client_hello_1
            33*32  client_hello_1
            44*32      unchanged
            00         offered_psk
            00         offered_early_data
        """,
    ),
    Example(
        name="UnchangedParts",
        schema=UnchangedParts,
        value=UnchangedParts(
            legacy_version=ProtocolVersion.TLS12,
            random=b"\x77" * 32,
            legacy_session_id=b"\x51",
            cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
            legacy_compression_methods=b"\0",
            extensions=[OpaqueExtension(extension_type=ExtensionType.server_name, extension_data=b"any")],
        ),
        text="""
            0303    legacy_version
            77*32   random
            01      length of legacy_session_id
            51      legacy_session_id
            0002    length of cipher_suites
            1301    TLS_AES_128_GCM_SHA256
            01      length of legacy_compression_methods
            00      null
            0007    length of extensions
            0000    server_name
            0003    length of extension_data
            616e79  extension_data, which is none of server_name's
        """,
    ),
    Example(
        name="OpaqueExtension",
        schema=OpaqueExtension,
        value=OpaqueExtension(extension_type=ExtensionType.heartbeat, extension_data=b""),
        text="""
            000f  heartbeat
            0000  length of extension_data
        """,
    ),
    Example(
        name="Sealed",
        schema=Sealed,
        value=Sealed(key_name=b"\x01" * 16, nonce=b"\x02" * 24, ciphertext=b"\x03" * 20),
        whole_prefixes=range(40, 60),
        open_end=True,
        text="""
            01*16  key_name
            02*24  nonce
            03*20  ciphertext, a tag of 16 bytes behind 4
        """,
    ),
]

CREDENTIAL = b"\x30\x01" + bytes.fromhex("00093a80 0807 000002 3000 0403")
"""A certificate that is no DER, a Credential for seven days and Ed25519, and ecdsa_secp256r1_sha256."""

DERIVED = [
    Example(
        name="ImportedIdentity",
        schema=ImportedIdentity,
        value=ImportedIdentity(external_identity=b"psk", context=b"c", target_kdf=TlsKdfIdentifier.HKDF_SHA256),
        text="""
            0003    length of external_identity
            70736b  psk
            0001    length of context
            63      c
            0304    target_protocol: TLS 1.3
            0001    target_kdf: HKDF_SHA256
        """,
    ),
    Example(
        name="Tls12ExporterSeed without a context",
        schema=Tls12ExporterSeed,
        value=Tls12ExporterSeed(client_random=b"\xc1" * 32, server_random=b"\x5e" * 32, context_value=None),
        text="""
            c1*32  client_random
            5e*32  server_random
        """,
    ),
    Example(
        name="Tls12ExporterSeed with an empty context",
        schema=Tls12ExporterSeed,
        value=Tls12ExporterSeed(client_random=b"\xc1" * 32, server_random=b"\x5e" * 32, context_value=b""),
        text="""
            c1*32  client_random
            5e*32  server_random
            0000   length of context_value
        """,
        whole_prefixes=(64,),
    ),
    Example(
        name="what delegates to a server's credential",
        schema=ServerDelegatedCredentialContent,
        value=ServerDelegatedCredentialContent(certificate_and_credential=CREDENTIAL),
        text="""
            20*64     padding
            544c532c207365727665722064656c6567617465642063726564656e7469616c73  TLS, server delegated credentials
            00        separator
            3001      the certificate
            00093a80  valid_time: seven days
            0807      dc_cert_verify_algorithm: ed25519
            000002    the bytes of the key
            3000      DER
            0403      algorithm: ecdsa_secp256r1_sha256
        """,
        whole_prefixes=range(98, 113),
        open_end=True,
    ),
    Example(
        name="what delegates to a client's credential",
        schema=ClientDelegatedCredentialContent,
        value=ClientDelegatedCredentialContent(certificate_and_credential=b""),
        text="""
            20*64     padding
            544c532c20636c69656e742064656c6567617465642063726564656e7469616c73  TLS, client delegated credentials
            00        separator
        """,
        open_end=True,
    ),
]

A_CONFIG = ECHConfig(
    contents=ECHConfigContents(
        key_config=HpkeKeyConfig(
            config_id=7,
            kem_id=HpkeKem.DHKEM_X25519_HKDF_SHA256,
            public_key=b"\x25",
            cipher_suites=[HpkeSymmetricCipherSuite(kdf_id=HpkeKdf.HKDF_SHA256, aead_id=HpkeAead.AES_128_GCM)],
        ),
        maximum_name_length=0,
        public_name=b"p.example",
    )
)
A_CONFIG_TEXT = """
    fe0d  version
    0019  length of contents
    07    config_id
    0020  kem_id: DHKEM_X25519_HKDF_SHA256
    0001  length of public_key
    25    public_key
    0004  length of cipher_suites
    0001  kdf_id: HKDF_SHA256
    0001  aead_id: AES_128_GCM
    00    maximum_name_length
    09    length of public_name
    702e6578616d706c65  p.example
    0000  length of extensions
"""

ENCRYPTED_CLIENT_HELLO = [
    Example(
        name="ECHConfigList",
        schema=ECHConfigList,
        value=ECHConfigList(configs=[A_CONFIG]),
        text="001d  length of ECHConfigList" + A_CONFIG_TEXT,
    ),
    Example(
        name="the info of RFC 9849",
        schema=ECHInfo,
        value=ECHInfo(config=A_CONFIG),
        text="746c732065636800  tls ech, and a zero" + A_CONFIG_TEXT,
    ),
    Example(
        name="EncodedClientHelloInner",
        schema=EncodedClientHelloInner,
        value=EncodedClientHelloInner(
            client_hello=ClientHelloInner(
                random=b"\x1c" * 32,
                cipher_suites=[CipherSuite.TLS_AES_128_GCM_SHA256],
                extensions=[
                    SupportedVersions.client_hello([ProtocolVersion.TLS13]),
                    EchOuterExtensions.client_hello([ExtensionType.key_share]),
                ],
            ),
            zeros=b"\0" * 5,
        ),
        text="""
            0303   legacy_version
            1c*32  random
            00     length of legacy_session_id
            0002   length of cipher_suites
            1301   TLS_AES_128_GCM_SHA256
            01     length of legacy_compression_methods
            00     null
            000e   length of extensions
            002b   supported_versions(43)
            0003   length of extension_data
            02     length of versions
            0304   TLS 1.3
            fd00   ech_outer_extensions(64768)
            0003   length of extension_data
            02     length of OuterExtensions
            0033   key_share(51)
            00*5   zeros
        """,
        whole_prefixes=range(57, 62),
        open_end=True,
    ),
]

LISTS = [
    Example(
        name="SignedCertificateTimestampList of an X.509 extension",
        schema=SignedCertificateTimestampList,
        value=SignedCertificateTimestampList(
            sct_list=[
                SignedCertificateTimestamp(
                    content=SignedTimestamp(
                        id=b"\xab" * 32,
                        timestamp=1,
                        signature=DigitallySigned(
                            algorithm=SignatureScheme.ecdsa_secp256r1_sha256, signature=b"\x5a\x5b"
                        ),
                    )
                )
            ]
        ),
        text="""
            0033   length of sct_list
            0031   length of SerializedSCT
            00     sct_version: v1(0)
            ab*32  id
            0000000000000001  timestamp
            0000   length of extensions
            0403   algorithm: ecdsa_secp256r1_sha256
            0002   length of signature
            5a5b   signature
        """,
    )
]

SSL2 = [
    Example(
        name="V2ClientHello",
        schema=V2ClientHello,
        value=V2ClientHello(
            version=ProtocolVersion.TLS12,
            cipher_specs=[
                V2CipherSpec(suite=CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA),
                V2CipherSpec(kind=V2CipherKind.SSL_CK_RC4_128_WITH_MD5, suite=0x0080),
                V2CipherSpec(kind=V2CipherKind.SSL_CK_DES_192_EDE3_CBC_WITH_MD5, suite=0x00C0),
                V2CipherSpec(suite=CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV),
            ],
            challenge=b"\xca" * 32,
        ),
        text="""
            01      msg_type: client_hello(1)
            0303    version: TLS 1.2
            000c    length of cipher_specs
            0000    length of session_id
            0020    length of challenge
            00002f  TLS_RSA_WITH_AES_128_CBC_SHA
            010080  SSL_CK_RC4_128_WITH_MD5, 128 bits
            0700c0  SSL_CK_DES_192_EDE3_CBC_WITH_MD5, 192 bits
            0000ff  TLS_EMPTY_RENEGOTIATION_INFO_SCSV
            ca*32   challenge
        """,
    ),
    Example(
        name="V2ClientHello that resumes a session",
        schema=V2ClientHello,
        value=V2ClientHello(
            version=ProtocolVersion.SSL20,
            cipher_specs=[V2CipherSpec(kind=V2CipherKind.SSL_CK_DES_64_CBC_WITH_MD5, suite=0x0040)],
            session_id=b"\x51" * 16,
            challenge=b"\xca" * 16,
        ),
        text="""
            01      msg_type: client_hello(1)
            0002    version: SSL 2.0
            0003    length of cipher_specs
            0010    length of session_id
            0010    length of challenge
            060040  SSL_CK_DES_64_CBC_WITH_MD5, 64 bits
            51*16   session_id
            ca*16   challenge
        """,
    ),
    Example(
        name="V2RecordHeader",
        schema=V2RecordHeader,
        value=V2RecordHeader(msg_length=0x8035),
        text="8035  53 bytes follow",
    ),
]

EXAMPLES = STORED + DERIVED + ENCRYPTED_CLIENT_HELLO + LISTS + SSL2
