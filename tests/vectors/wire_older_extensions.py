"""The bodies of the extensions in a ServerHello of TLS 1.2, and of those that RFC 9846 does not list, byte by byte."""

from __future__ import annotations

from annotated import in_message, nothing

from schemas import extensions as ext
from schemas import tls12_extensions as old
from schemas import unlisted_extensions as unlisted
from schemas.code_points import (
    CertificateStatusType,
    CertificateType,
    ECPointFormat,
    HeartbeatMode,
    MaxFragmentLength,
    SignatureScheme,
    SrtpProtectionProfile,
)
from schemas.tls12 import DigitallySigned
from schemas.transparency import SignedCertificateTimestamp, SignedTimestamp

IN_SERVER_HELLO = [
    nothing("tls12_server_hello", ext.ServerNameIndication.tls12_server_hello),
    in_message(
        "tls12_server_hello",
        ext.ApplicationLayerProtocolNegotiation.tls12_server_hello,
        [b"h2"],
        """
            0003  length of protocol_name_list
            02    length of ProtocolName
            6832  h2
        """,
    ),
    nothing("tls12_server_hello", ext.StatusRequest.tls12_server_hello),
    in_message(
        "tls12_server_hello",
        ext.SignedCertificateTimestamp.tls12_server_hello,
        [
            SignedCertificateTimestamp(
                content=SignedTimestamp(
                    id=bytes(range(32)),
                    timestamp=2**64 - 1,
                    extensions=b"\x99",
                    signature=DigitallySigned(algorithm=SignatureScheme.rsa_pkcs1_sha256, signature=b""),
                )
            )
        ],
        """
            0032  length of sct_list
            0030  length of SerializedSCT
            00    sct_version: v1(0)
            000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f  id
            ffffffffffffffff  timestamp
            0001  length of extensions
            99    extensions
            0401  algorithm: SHA-256 and RSA
            0000  length of signature
        """,
    ),
    in_message(
        "tls12_server_hello",
        ext.TransparencyInfo.tls12_server_hello,
        [b"\x01\x00", b"\x02"],
        """
            0007  length of trans_item_list
            0002  length of SerializedTransItem
            0100  SerializedTransItem
            0001  length of SerializedTransItem
            02    SerializedTransItem
        """,
    ),
    in_message(
        "tls12_server_hello",
        ext.ClientCertificateTypes.tls12_server_hello,
        CertificateType.RawPublicKey,
        "02  RawPublicKey",
    ),
    in_message(
        "tls12_server_hello", ext.ServerCertificateTypes.tls12_server_hello, CertificateType.OpenPGP_RESERVED, "01  PGP"
    ),
    in_message(
        "tls12_server_hello",
        ext.MaxFragmentLengthNegotiation.tls12_server_hello,
        MaxFragmentLength.bytes_1024,
        "02  2^10",
    ),
    in_message("tls12_server_hello", ext.RecordSizeLimit.tls12_server_hello, 0x4000, "4000  2^14"),
    in_message(
        "tls12_server_hello",
        ext.Heartbeat.tls12_server_hello,
        HeartbeatMode.peer_not_allowed_to_send,
        "02  peer_not_allowed_to_send",
    ),
    in_message(
        "tls12_server_hello",
        ext.UseSRTP.tls12_server_hello,
        ext.UseSRTPData(protection_profiles=[SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80]),
        """
            0002  length of SRTPProtectionProfiles
            0001  SRTP_AES128_CM_HMAC_SHA1_80
            00    length of srtp_mki
        """,
    ),
    in_message("tls12_server_hello", ext.SupportedEktCiphers.tls12_server_hello, 2, "02  aeskw_256"),
    in_message(
        "tls12_server_hello",
        ext.ExternalIdHash.tls12_server_hello,
        b"\xcd" * 31,
        """
            1f     length of binding_hash
            cd*31  binding_hash
        """,
    ),
    in_message(
        "tls12_server_hello",
        ext.ExternalSessionId.tls12_server_hello,
        b"t" * 20,
        """
            14     length of session_id
            74*20  session_id
        """,
    ),
]

OF_TLS12_ONLY = [
    in_message(
        "client_hello",
        old.ECPointFormats.client_hello,
        [ECPointFormat.uncompressed, ECPointFormat.ansiX962_compressed_char2],
        """
            02  length of ec_point_format_list
            00  uncompressed
            02  ansiX962_compressed_char2
        """,
    ),
    in_message(
        "tls12_server_hello",
        old.ECPointFormats.tls12_server_hello,
        [ECPointFormat.uncompressed],
        """
            01  length of ec_point_format_list
            00  uncompressed
        """,
    ),
    nothing("client_hello", old.EncryptThenMac.client_hello),
    nothing("tls12_server_hello", old.EncryptThenMac.tls12_server_hello),
    nothing("client_hello", old.ExtendedMainSecret.client_hello),
    nothing("tls12_server_hello", old.ExtendedMainSecret.tls12_server_hello),
    in_message("client_hello", old.SessionTicket.client_hello, b"\xee\xef", "eeef  the ticket itself", open_end=True),
    nothing("tls12_server_hello", old.SessionTicket.tls12_server_hello),
    in_message(
        "client_hello of a first handshake",
        old.RenegotiationInfo.client_hello,
        b"",
        "00  length of renegotiated_connection",
    ),
    in_message(
        "tls12_server_hello of a renegotiation",
        old.RenegotiationInfo.tls12_server_hello,
        b"c" * 12 + b"s" * 12,
        """
            18     length of renegotiated_connection
            63*12  client_verify_data
            73*12  server_verify_data
        """,
    ),
    in_message(
        "client_hello",
        old.StatusRequestV2.client_hello,
        [
            old.CertificateStatusRequestItemV2(
                status_type=CertificateStatusType.ocsp_multi_RESERVED, request=ext.OCSPStatusRequest()
            ),
            old.CertificateStatusRequestItemV2(
                status_type=CertificateStatusType.ocsp, request=ext.OCSPStatusRequest(responder_id_list=[b"\xa2\0"])
            ),
            old.CertificateStatusRequestItemV2(status_type=CertificateStatusType(9), request=b"\x77"),
        ],
        """
            0016  length of certificate_status_req_list
            02    status_type: ocsp_multi(2)
            0004  length of the request
            0000  length of responder_id_list
            0000  length of request_extensions
            01    status_type: ocsp(1)
            0008  length of the request
            0004  length of responder_id_list
            0002  length of ResponderID
            a200  DER
            0000  length of request_extensions
            09    status_type, unknown
            0001  length of the request
            77    request
        """,
    ),
    nothing("tls12_server_hello", old.StatusRequestV2.tls12_server_hello),
    nothing("client_hello", old.ClientCertificateURL.client_hello),
    nothing("tls12_server_hello", old.ClientCertificateURL.tls12_server_hello),
    in_message(
        "client_hello",
        old.TrustedCAKeys.client_hello,
        [
            old.TrustedAuthority(identifier_type=old.IdentifierType.pre_agreed, identifier=b""),
            old.TrustedAuthority(identifier_type=old.IdentifierType.key_sha1_hash, identifier=b"\x11" * 20),
            old.TrustedAuthority(identifier_type=old.IdentifierType.x509_name, identifier=b"\x30\0"),
            old.TrustedAuthority(identifier_type=old.IdentifierType.cert_sha1_hash, identifier=b"\x33" * 20),
        ],
        """
            0030   length of trusted_authorities_list
            00     identifier_type: pre_agreed(0)
            01     identifier_type: key_sha1_hash(1)
            11*20  SHA1Hash
            02     identifier_type: x509_name(2)
            0002   length of DistinguishedName
            3000   DER
            03     identifier_type: cert_sha1_hash(3)
            33*20  SHA1Hash
        """,
    ),
    nothing("tls12_server_hello", old.TrustedCAKeys.tls12_server_hello),
    nothing("client_hello", old.TruncatedHMAC.client_hello),
    nothing("tls12_server_hello", old.TruncatedHMAC.tls12_server_hello),
    in_message(
        "client_hello",
        old.TokenBinding.client_hello,
        old.TokenBindingParameters(
            token_binding_version=old.TBProtocolVersion(major=1, minor=0),
            key_parameters_list=[
                old.TokenBindingKeyParameters.ecdsap256,
                old.TokenBindingKeyParameters.rsa2048_pkcs1_5,
            ],
        ),
        """
            01  major
            00  minor
            02  length of key_parameters_list
            02  ecdsap256
            00  rsa2048_pkcs1.5
        """,
    ),
    in_message(
        "tls12_server_hello",
        old.TokenBinding.tls12_server_hello,
        old.TokenBindingParameters(
            token_binding_version=old.TBProtocolVersion(major=0, minor=16),
            key_parameters_list=[old.TokenBindingKeyParameters.rsa2048_pss],
        ),
        """
            00  major
            10  minor
            01  length of key_parameters_list
            01  rsa2048_pss
        """,
    ),
    nothing("client_hello", old.NextProtocolNegotiation.client_hello),
    in_message(
        "tls12_server_hello",
        old.NextProtocolNegotiation.tls12_server_hello,
        [b"spdy/2", b"http/1.1"],
        """
            06            length of a protocol
            737064792f32  spdy/2
            08            length of a protocol
            687474702f312e31  http/1.1
        """,
        whole_prefixes=(0, 7),
    ),
    nothing("client_hello", old.ChannelID.client_hello),
    nothing("tls12_server_hello", old.ChannelID.tls12_server_hello),
    nothing("client_hello", old.ChannelIDOld.client_hello),
    nothing("tls12_server_hello", old.ChannelIDOld.tls12_server_hello),
]

FLAGS = """
    03      length of flags
    010080  0, 8 bits on none, and 23
"""

UNLISTED = [
    in_message(
        "client_hello",
        unlisted.CachedInfo.client_hello,
        [
            unlisted.CachedObject(type=unlisted.CachedInformationType.cert, hash_value=b"\xc1\xc2\xc3\xc4"),
            unlisted.CachedObject(type=unlisted.CachedInformationType.cert_req, hash_value=b"\xd1"),
        ],
        """
            0009      length of cached_info
            01        type: cert(1)
            04        length of hash_value
            c1c2c3c4  hash_value
            02        type: cert_req(2)
            01        length of hash_value
            d1        hash_value
        """,
    ),
    in_message(
        "encrypted_extensions",
        unlisted.CachedInfo.encrypted_extensions,
        [unlisted.CachedInformationType.cert],
        """
            0001  length of cached_info
            01    type: cert(1)
        """,
    ),
    in_message(
        "tls12_server_hello",
        unlisted.CachedInfo.tls12_server_hello,
        [unlisted.CachedInformationType.cert_req, unlisted.CachedInformationType.cert],
        """
            0002  length of cached_info
            02    type: cert_req(2)
            01    type: cert(1)
        """,
    ),
    nothing("client_hello", unlisted.CertWithExternPSK.client_hello),
    nothing("server_hello", unlisted.CertWithExternPSK.server_hello),
    in_message("client_hello", unlisted.ConnectionID.client_hello, b"", "00  length of cid"),
    *(
        in_message(
            body,
            getattr(unlisted.ConnectionID, body),
            b"\x0c\x1d",
            """
                02    length of cid
                0c1d  cid
            """,
        )
        for body in ("server_hello", "tls12_server_hello")
    ),
    nothing("client_hello", unlisted.ReturnRoutabilityCheck.client_hello),
    nothing("server_hello", unlisted.ReturnRoutabilityCheck.server_hello),
    nothing("tls12_server_hello", unlisted.ReturnRoutabilityCheck.tls12_server_hello),
    *(
        in_message(message, getattr(unlisted.TLSFlags, message), b"\x01\x00\x80", FLAGS)
        for message in (
            "client_hello",
            "server_hello",
            "hello_retry_request",
            "encrypted_extensions",
            "certificate",
            "certificate_request",
            "new_session_ticket",
        )
    ),
    *(
        in_message(
            "client_hello",
            row.client_hello,
            [b"h2"],
            """
                0003  length of supported_protocols
                02    length of ProtocolName
                6832  h2
            """,
        )
        for row in (unlisted.ApplicationSettings, unlisted.ApplicationSettingsOld)
    ),
    *(
        in_message("encrypted_extensions", row.encrypted_extensions, b"\0", "00  settings", open_end=True)
        for row in (unlisted.ApplicationSettings, unlisted.ApplicationSettingsOld)
    ),
    *(
        in_message(
            message,
            getattr(unlisted.TrustAnchors, message),
            [bytes.fromhex("81fd5901"), bytes.fromhex("81fd5902")],
            """
                000a      length of TrustAnchorIDList
                04        length of TrustAnchorID
                81fd5901  32473.1, as a relative OID without its tag
                04        length of TrustAnchorID
                81fd5902  32473.2
            """,
        )
        for message in ("client_hello", "encrypted_extensions", "certificate_request")
    ),
    in_message(
        "client_hello that asks for nothing in particular",
        unlisted.TrustAnchors.client_hello,
        [],
        "0000  length of TrustAnchorIDList",
    ),
    nothing("certificate", unlisted.TrustAnchors.certificate),
]

BODIES = IN_SERVER_HELLO + OF_TLS12_ONLY + UNLISTED
