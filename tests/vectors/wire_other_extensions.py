"""The bodies of the extensions that RFC 9846 takes from other RFCs, in every message, byte by byte."""

from __future__ import annotations

from annotated import in_message, nothing

from schemas import extensions as ext
from schemas.code_points import (
    CertificateCompressionAlgorithm,
    CertificateType,
    ExtensionType,
    HeartbeatMode,
    HpkeAead,
    HpkeKdf,
    HpkeKem,
    MaxFragmentLength,
    SignatureScheme,
    SrtpProtectionProfile,
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

SCHEMES_TEXT = """
    0004  length of supported_signature_algorithms
    0403  ecdsa_secp256r1_sha256
    0807  ed25519
"""
SCHEMES = [SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.ed25519]

TLS_EXTENSIONS = [
    in_message(
        "client_hello",
        ext.ServerNameIndication.client_hello,
        [ext.ServerName(name=b"a.example")],
        """
            000c  length of server_name_list
            00    name_type: host_name(0)
            0009  length of host_name
            612e6578616d706c65  a.example
        """,
    ),
    nothing("encrypted_extensions", ext.ServerNameIndication.encrypted_extensions),
    in_message(
        "certificate_request of an exported authenticator",
        ext.ServerNameIndication.certificate_request,
        [ext.ServerName(name=b"a"), ext.ServerName(name=b"b")],
        """
            0008  length of server_name_list
            00    name_type: host_name(0)
            0001  length of host_name
            61    a
            00    name_type: host_name(0)
            0001  length of host_name
            62    b
        """,
    ),
    in_message(
        "client_hello",
        ext.ApplicationLayerProtocolNegotiation.client_hello,
        [b"h2", b"http/1.1"],
        """
            000c  length of protocol_name_list
            02    length of ProtocolName
            6832  h2
            08    length of ProtocolName
            687474702f312e31  http/1.1
        """,
    ),
    in_message(
        "encrypted_extensions",
        ext.ApplicationLayerProtocolNegotiation.encrypted_extensions,
        [b"h2"],
        """
            0003  length of protocol_name_list
            02    length of ProtocolName
            6832  h2
        """,
    ),
    in_message(
        "client_hello",
        ext.StatusRequest.client_hello,
        ext.CertificateStatusRequest(request=ext.OCSPStatusRequest()),
        """
            01    status_type: ocsp(1)
            0000  length of responder_id_list
            0000  length of request_extensions
        """,
    ),
    in_message(
        "client_hello that names responders",
        ext.StatusRequest.client_hello,
        ext.CertificateStatusRequest(
            request=ext.OCSPStatusRequest(responder_id_list=[b"\xa2\x00"], request_extensions=b"\x30\x00")
        ),
        """
            01    status_type: ocsp(1)
            0004  length of responder_id_list
            0002  length of ResponderID
            a200  DER
            0002  length of request_extensions
            3000  DER
        """,
    ),
    nothing("certificate_request", ext.StatusRequest.certificate_request),
    in_message(
        "certificate",
        ext.StatusRequest.certificate,
        ext.CertificateStatus(response=b"\x30\x03\x0a\x01\x06"),
        """
            01          status_type: ocsp(1)
            000005      length of OCSPResponse
            30030a0106  unauthorized
        """,
    ),
    nothing("client_hello", ext.SignedCertificateTimestamp.client_hello),
    nothing("certificate_request", ext.SignedCertificateTimestamp.certificate_request),
    in_message(
        "certificate",
        ext.SignedCertificateTimestamp.certificate,
        [b"\0\x11\x22", b"\0"],
        """
            0008    length of sct_list
            0003    length of SerializedSCT
            001122  SerializedSCT
            0001    length of SerializedSCT
            00      SerializedSCT
        """,
    ),
    nothing("client_hello", ext.TransparencyInfo.client_hello),
    nothing("certificate_request", ext.TransparencyInfo.certificate_request),
    in_message(
        "certificate",
        ext.TransparencyInfo.certificate,
        [b"\x01\x00"],
        """
            0004  length of trans_item_list
            0002  length of SerializedTransItem
            0100  SerializedTransItem
        """,
    ),
    in_message(
        "client_hello",
        ext.ClientCertificateTypes.client_hello,
        [CertificateType.RawPublicKey, CertificateType.X509],
        """
            02  length of client_certificate_types
            02  RawPublicKey
            00  X509
        """,
    ),
    in_message(
        "encrypted_extensions",
        ext.ClientCertificateTypes.encrypted_extensions,
        CertificateType.RawPublicKey,
        "02  RawPublicKey",
    ),
    in_message(
        "client_hello",
        ext.ServerCertificateTypes.client_hello,
        [CertificateType.X509],
        """
            01  length of server_certificate_types
            00  X509
        """,
    ),
    in_message(
        "encrypted_extensions", ext.ServerCertificateTypes.encrypted_extensions, CertificateType.X509, "00  X509"
    ),
    in_message(
        "client_hello",
        ext.CompressCertificate.client_hello,
        [CertificateCompressionAlgorithm.brotli, CertificateCompressionAlgorithm.zlib],
        """
            04    length of algorithms
            0002  brotli
            0001  zlib
        """,
    ),
    in_message(
        "certificate_request",
        ext.CompressCertificate.certificate_request,
        [CertificateCompressionAlgorithm.zstd],
        """
            02    length of algorithms
            0003  zstd
        """,
    ),
    in_message("client_hello", ext.DelegatedCredentials.client_hello, SCHEMES, SCHEMES_TEXT),
    in_message("certificate_request", ext.DelegatedCredentials.certificate_request, SCHEMES, SCHEMES_TEXT),
    in_message(
        "certificate",
        ext.DelegatedCredentials.certificate,
        ext.DelegatedCredential(
            valid_time=604800,
            dc_cert_verify_algorithm=SignatureScheme.ed25519,
            asn1_subject_public_key_info=b"\x30\x00",
            algorithm=SignatureScheme.ecdsa_secp256r1_sha256,
            signature=b"\x5a",
        ),
        """
            00093a80  valid_time: seven days
            0807      dc_cert_verify_algorithm: ed25519
            000002    length of ASN1_subjectPublicKeyInfo
            3000      DER
            0403      algorithm: ecdsa_secp256r1_sha256
            0001      length of signature
            5a        signature
        """,
    ),
    in_message("client_hello", ext.MaxFragmentLengthNegotiation.client_hello, MaxFragmentLength.bytes_512, "01  2^9"),
    in_message(
        "encrypted_extensions",
        ext.MaxFragmentLengthNegotiation.encrypted_extensions,
        MaxFragmentLength.bytes_4096,
        "04  2^12",
    ),
    in_message("client_hello", ext.RecordSizeLimit.client_hello, 16385, "4001  2^14 + 1"),
    in_message("encrypted_extensions", ext.RecordSizeLimit.encrypted_extensions, 64, "0040  the least allowed"),
    in_message("client_hello", ext.Padding.client_hello, b"\0" * 7, "00*7  zeros", open_end=True),
    in_message(
        "client_hello", ext.Heartbeat.client_hello, HeartbeatMode.peer_allowed_to_send, "01  peer_allowed_to_send"
    ),
    in_message(
        "encrypted_extensions",
        ext.Heartbeat.encrypted_extensions,
        HeartbeatMode.peer_not_allowed_to_send,
        "02  peer_not_allowed_to_send",
    ),
    in_message(
        "client_hello",
        ext.UseSRTP.client_hello,
        ext.UseSRTPData(
            protection_profiles=[
                SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM,
                SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80,
            ]
        ),
        """
            0004  length of SRTPProtectionProfiles
            0007  SRTP_AEAD_AES_128_GCM
            0001  SRTP_AES128_CM_HMAC_SHA1_80
            00    length of srtp_mki
        """,
    ),
    in_message(
        "encrypted_extensions",
        ext.UseSRTP.encrypted_extensions,
        ext.UseSRTPData(protection_profiles=[SrtpProtectionProfile.SRTP_AEAD_AES_256_GCM], srtp_mki=b"\x4d\x4b"),
        """
            0002  length of SRTPProtectionProfiles
            0008  SRTP_AEAD_AES_256_GCM
            02    length of srtp_mki
            4d4b  srtp_mki
        """,
    ),
    in_message(
        "client_hello",
        ext.SupportedEktCiphers.client_hello,
        [1, 2],
        """
            02  length of supported_ciphers
            01  aeskw_128
            02  aeskw_256
        """,
    ),
    in_message("encrypted_extensions", ext.SupportedEktCiphers.encrypted_extensions, 1, "01  aeskw_128"),
    in_message("client_hello", ext.ExternalIdHash.client_hello, b"", "00  length of binding_hash"),
    in_message(
        "encrypted_extensions",
        ext.ExternalIdHash.encrypted_extensions,
        b"\xcd" * 32,
        """
            20     length of binding_hash
            cd*32  binding_hash
        """,
    ),
    in_message(
        "client_hello",
        ext.ExternalSessionId.client_hello,
        b"s" * 20,
        """
            14     length of session_id
            73*20  session_id
        """,
    ),
    in_message(
        "encrypted_extensions",
        ext.ExternalSessionId.encrypted_extensions,
        b"t" * 255,
        """
            ff      length of session_id
            74*255  session_id
        """,
    ),
    in_message(
        "client_hello",
        ext.QuicTransportParameters.client_hello,
        b"\x01\x04\x80\x00\xea\x60",
        "01048000ea60  max_idle_timeout",
        open_end=True,
    ),
    in_message("encrypted_extensions", ext.QuicTransportParameters.encrypted_extensions, b"", "", open_end=True),
    in_message(
        "client_hello",
        ext.TicketRequest.client_hello,
        ext.ClientTicketRequest(new_session_count=2, resumption_count=1),
        """
            02  new_session_count
            01  resumption_count
        """,
    ),
    in_message("encrypted_extensions", ext.TicketRequest.encrypted_extensions, 2, "02  expected_count"),
]

ENCRYPTED_CLIENT_HELLO = [
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

BODIES = TLS_EXTENSIONS + ENCRYPTED_CLIENT_HELLO
