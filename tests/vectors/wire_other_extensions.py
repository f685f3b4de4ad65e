"""The bodies of the extensions that RFC 9846 takes from other RFCs, in every message, byte by byte."""

from __future__ import annotations

import wire_encrypted_client_hello
from annotated import in_message, nothing
from wire_extensions import SCHEMES, SCHEMES_TEXT

from schemas import extensions as ext
from schemas.code_points import (
    CertificateCompressionAlgorithm,
    CertificateType,
    HeartbeatMode,
    MaxFragmentLength,
    SignatureScheme,
    SrtpProtectionProfile,
)
from schemas.quic import PreferredAddress, TransportParameter, TransportParameterId, VersionInformation
from schemas.tls12 import DigitallySigned
from schemas.transparency import SctVersion, SignedCertificateTimestamp, SignedTimestamp
from schemas.vocabulary import Overlong

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
        [
            SignedCertificateTimestamp(
                content=SignedTimestamp(
                    id=b"\xab" * 32,
                    timestamp=1700000000123,
                    signature=DigitallySigned(algorithm=SignatureScheme.ecdsa_secp256r1_sha256, signature=b"\x5a"),
                )
            ),
            SignedCertificateTimestamp(sct_version=SctVersion(1), content=b"\x11\x22"),
            SignedCertificateTimestamp(sct_version=SctVersion(0xFF), content=b""),
        ],
        """
            003a  length of sct_list
            0030  length of SerializedSCT
            00    sct_version: v1(0)
            ab*32  id
            0000018bcfe5687b  timestamp
            0000  length of extensions
            0403  algorithm: ecdsa_secp256r1_sha256
            0001  length of signature
            5a    signature
            0003  length of SerializedSCT
            01    sct_version, unknown
            1122  whatever that has
            0001  length of SerializedSCT
            ff    sct_version, unknown
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
            cred=ext.Credential(
                valid_time=604800,
                dc_cert_verify_algorithm=SignatureScheme.ed25519,
                asn1_subject_public_key_info=b"\x30\x00",
            ),
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
        [
            TransportParameter(id=TransportParameterId.max_idle_timeout, value=60000),
            TransportParameter(id=TransportParameterId.initial_source_connection_id, value=b""),
            TransportParameter(id=TransportParameterId.max_datagram_frame_size, value=Overlong(4096, 2)),
            TransportParameter(id=TransportParameterId(0x4000001A), value=b"\xaa\xbb\xcc"),
        ],
        """
            01        id: max_idle_timeout
            04        length
            8000ea60  60000, in four bytes
            0f        id: initial_source_connection_id
            00        length
            20        id: max_datagram_frame_size
            4002      length, in two bytes, of which it needs one
            5000      4096, in two bytes
            c00000004000001a  id: reserved, 31 * 34636833 + 27, in eight bytes
            03        length
            aabbcc    value
        """,
        whole_prefixes=(0, 6, 8, 13),
    ),
    in_message(
        "encrypted_extensions",
        ext.QuicTransportParameters.encrypted_extensions,
        [
            TransportParameter(
                id=TransportParameterId.original_destination_connection_id, value=bytes.fromhex("8394c8f03e515708")
            ),
            TransportParameter(id=TransportParameterId.stateless_reset_token, value=b"\x70" * 16),
            TransportParameter(
                id=TransportParameterId.preferred_address,
                value=PreferredAddress(
                    ipv4_address=b"\xc0\0\2\1",
                    ipv4_port=443,
                    ipv6_address=bytes.fromhex("20010db8000000000000000000000001"),
                    ipv6_port=8443,
                    connection_id=b"\xc1\xd2",
                    stateless_reset_token=b"\x71" * 16,
                ),
            ),
            TransportParameter(id=TransportParameterId.disable_active_migration, value=b""),
            TransportParameter(
                id=TransportParameterId.version_information,
                value=VersionInformation(chosen_version=1, available_versions=[1, 0x6B3343CF]),
            ),
            TransportParameter(id=TransportParameterId.grease_quic_bit, value=b""),
        ],
        """
            00        id: original_destination_connection_id
            08        length
            8394c8f03e515708  that of RFC 9001, appendix A
            02        id: stateless_reset_token
            10        length
            70*16     token
            0d        id: preferred_address
            2b        length
            c0000201  ipv4_address: 192.0.2.1
            01bb      ipv4_port
            20010db8000000000000000000000001  ipv6_address: 2001:db8::1
            20fb      ipv6_port
            02        length of connection_id
            c1d2      connection_id
            71*16     stateless_reset_token
            0c        id: disable_active_migration
            00        length
            11        id: version_information
            0c        length
            00000001  chosen_version: 1
            00000001  available: 1
            6b3343cf  available: 2
            6ab2      id: grease_quic_bit, in two bytes
            00        length
        """,
        whole_prefixes=(0, 10, 28, 73, 75, 89),
    ),
    in_message("encrypted_extensions with nothing set", ext.QuicTransportParameters.encrypted_extensions, [], ""),
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

BODIES = TLS_EXTENSIONS + wire_encrypted_client_hello.BODIES
