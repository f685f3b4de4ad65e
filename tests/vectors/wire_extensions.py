"""The bodies of the extensions that RFC 9846 defines, in every message, byte by byte."""

from __future__ import annotations

from annotated import in_message, nothing

from schemas import extensions as ext
from schemas.code_points import NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme

X25519_SHARE = "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"


SCHEMES_TEXT = """
    0004  length of supported_signature_algorithms
    0403  ecdsa_secp256r1_sha256
    0807  ed25519
"""
SCHEMES = [SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.ed25519]

BODIES = [
    in_message(
        "client_hello",
        ext.SupportedVersions.client_hello,
        [ProtocolVersion(0x8A8A), ProtocolVersion.TLS13, ProtocolVersion.TLS12],
        """
            06    length of versions
            8a8a  GREASE
            0304  TLS 1.3
            0303  TLS 1.2
        """,
    ),
    in_message("server_hello", ext.SupportedVersions.server_hello, ProtocolVersion.TLS13, "0304  selected_version"),
    in_message(
        "hello_retry_request",
        ext.SupportedVersions.hello_retry_request,
        ProtocolVersion.TLS13,
        "0304  selected_version",
    ),
    in_message(
        "client_hello",
        ext.Cookie.client_hello,
        b"crumb",
        """
            0005        length of cookie
            6372756d62  cookie
        """,
    ),
    in_message(
        "hello_retry_request",
        ext.Cookie.hello_retry_request,
        b"\0",
        """
            0001  length of cookie
            00    cookie
        """,
    ),
    in_message("client_hello", ext.SignatureAlgorithms.client_hello, SCHEMES, SCHEMES_TEXT),
    in_message("certificate_request", ext.SignatureAlgorithms.certificate_request, SCHEMES, SCHEMES_TEXT),
    in_message("client_hello", ext.SignatureAlgorithmsCert.client_hello, SCHEMES, SCHEMES_TEXT),
    in_message("certificate_request", ext.SignatureAlgorithmsCert.certificate_request, SCHEMES, SCHEMES_TEXT),
    in_message(
        "client_hello",
        ext.CertificateAuthorities.client_hello,
        [b"\x30\x00", b"\x31"],
        """
            0007  length of authorities
            0002  length of the first DistinguishedName
            3000  DER
            0001  length of the second
            31    DER
        """,
    ),
    in_message(
        "certificate_request",
        ext.CertificateAuthorities.certificate_request,
        [b"\x30"],
        """
            0003  length of authorities
            0001  length of DistinguishedName
            30    DER
        """,
    ),
    in_message(
        "certificate_request",
        ext.OIDFilters.certificate_request,
        [
            ext.OIDFilter(certificate_extension_oid=b"\x55\x1d\x25", certificate_extension_values=b"\x30\x00"),
            ext.OIDFilter(certificate_extension_oid=b"\x2a", certificate_extension_values=b""),
        ],
        """
            000c    length of filters
            03      length of certificate_extension_oid
            551d25  extKeyUsage
            0002    length of certificate_extension_values
            3000    DER
            01      length of certificate_extension_oid
            2a      certificate_extension_oid
            0000    length of certificate_extension_values
        """,
    ),
    nothing("client_hello", ext.PostHandshakeAuth.client_hello),
    in_message(
        "client_hello",
        ext.SupportedGroups.client_hello,
        [NamedGroup.X25519MLKEM768, NamedGroup.x25519],
        """
            0004  length of named_group_list
            11ec  X25519MLKEM768
            001d  x25519
        """,
    ),
    in_message(
        "encrypted_extensions",
        ext.SupportedGroups.encrypted_extensions,
        [NamedGroup.secp256r1],
        """
            0002  length of named_group_list
            0017  secp256r1
        """,
    ),
    in_message(
        "client_hello",
        ext.KeyShare.client_hello,
        [
            ext.KeyShareEntry(group=NamedGroup(0x1A1A), key_exchange=b"\0"),
            ext.KeyShareEntry(group=NamedGroup.x25519, key_exchange=bytes.fromhex(X25519_SHARE)),
        ],
        f"""
            0029  length of client_shares
            1a1a  group: GREASE
            0001  length of key_exchange
            00    key_exchange
            001d  group: x25519
            0020  length of key_exchange
            {X25519_SHARE}  key_exchange
        """,
    ),
    in_message(
        "client_hello that asks for a HelloRetryRequest",
        ext.KeyShare.client_hello,
        [],
        "0000  length of client_shares",
    ),
    in_message(
        "server_hello",
        ext.KeyShare.server_hello,
        ext.KeyShareEntry(group=NamedGroup.x25519, key_exchange=bytes.fromhex(X25519_SHARE)),
        f"""
            001d  group: x25519
            0020  length of key_exchange
            {X25519_SHARE}  key_exchange
        """,
    ),
    in_message(
        "hello_retry_request",
        ext.KeyShare.hello_retry_request,
        NamedGroup.secp384r1,
        "0018  selected_group: secp384r1",
    ),
    in_message(
        "client_hello",
        ext.PskKeyExchangeModes.client_hello,
        [PskKeyExchangeMode.psk_ke, PskKeyExchangeMode.psk_dhe_ke, PskKeyExchangeMode(0x2A)],
        """
            03  length of ke_modes
            00  psk_ke
            01  psk_dhe_ke
            2a  GREASE
        """,
    ),
    nothing("client_hello", ext.EarlyDataIndication.client_hello),
    nothing("encrypted_extensions", ext.EarlyDataIndication.encrypted_extensions),
    in_message(
        "new_session_ticket",
        ext.EarlyDataIndication.new_session_ticket,
        0xFFFFFFFF,
        "ffffffff  max_early_data_size",
    ),
    in_message(
        "client_hello",
        ext.PreSharedKey.client_hello,
        ext.OfferedPsks(
            identities=[
                ext.PskIdentity(identity=b"\x2c\x03", obfuscated_ticket_age=0xFAD6AACB),
                ext.PskIdentity(identity=b"x", obfuscated_ticket_age=0),
            ],
            binders=[bytes.fromhex("3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d"), b"\xbb" * 48],
        ),
        """
            000f      length of identities
            0002      length of identity
            2c03      identity
            fad6aacb  obfuscated_ticket_age
            0001      length of identity
            78        identity
            00000000  obfuscated_ticket_age
            0052      length of binders
            20        length of PskBinderEntry
            3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d  HMAC-SHA-256
            30        length of PskBinderEntry
            bb*48     HMAC-SHA-384
        """,
    ),
    in_message("server_hello", ext.PreSharedKey.server_hello, 1, "0001  selected_identity"),
]
