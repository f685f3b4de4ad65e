"""The handshake messages, byte by byte. RFC 9846 §4; the values of RFC 8448 §3, §5 and §6, and hand-made ones."""

from __future__ import annotations

from wire_hellos import HELLOS, RFC8448_GROUPS, RFC8448_SCHEMES, handshake

from schemas.certificate import Certificate, CertificateEntry, CompressedCertificate
from schemas.code_points import (
    CertificateCompressionAlgorithm,
    HandshakeType,
    KeyUpdateRequest,
    SignatureScheme,
)
from schemas.extensions import (
    CertificateStatus,
    EarlyDataIndication,
    RecordSizeLimit,
    ServerNameIndication,
    SignatureAlgorithms,
    StatusRequest,
    SupportedGroups,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
    ServerHello,
)
from schemas.vocabulary import Struct

AFTER_THE_HELLOS = [
    handshake(
        "EndOfEarlyData",
        HandshakeType.end_of_early_data,
        EndOfEarlyData(),
        """
            05      msg_type: end_of_early_data(5)
            000000  length
        """,
    ),
    handshake(
        "EncryptedExtensions of RFC 8448 section 3",
        HandshakeType.encrypted_extensions,
        EncryptedExtensions(
            extensions=[
                SupportedGroups.encrypted_extensions(RFC8448_GROUPS),
                RecordSizeLimit.encrypted_extensions(0x4001),
                ServerNameIndication.encrypted_extensions(b""),
            ]
        ),
        """
            08      msg_type: encrypted_extensions(8)
            000024  length
            0022    length of extensions
            000a    supported_groups(10)
            0014    length of extension_data
            0012    length of named_group_list
            001d 0017 0018 0019 0100 0101 0102 0103 0104  as in the ClientHello
            001c    record_size_limit(28)
            0002    length of extension_data
            4001    2^14 + 1
            0000    server_name(0)
            0000    length of extension_data
        """,
    ),
    handshake(
        "EncryptedExtensions without any",
        HandshakeType.encrypted_extensions,
        EncryptedExtensions(),
        """
            08      msg_type: encrypted_extensions(8)
            000002  length
            0000    length of extensions
        """,
    ),
    handshake(
        "CertificateRequest of RFC 8448 section 6",
        HandshakeType.certificate_request,
        CertificateRequest(extensions=[SignatureAlgorithms.certificate_request(RFC8448_SCHEMES)]),
        """
            0d      msg_type: certificate_request(13)
            000027  length
            00      length of certificate_request_context
            0024    length of extensions
            000d    signature_algorithms(13)
            0020    length of extension_data
            001e    length of supported_signature_algorithms
            0403 0503 0603 0203 0804 0805 0806 0401 0501 0601 0201 0402 0502 0602 0202  as in the ClientHello
        """,
    ),
    handshake(
        "CertificateRequest after the handshake, without the extension that it must have",
        HandshakeType.certificate_request,
        CertificateRequest(certificate_request_context=b"\xc0\xc1", extensions=[]),
        """
            0d      msg_type: certificate_request(13)
            000005  length
            02      length of certificate_request_context
            c0c1    certificate_request_context
            0000    length of extensions
        """,
    ),
    handshake(
        "Certificate of two entries, the first with an OCSP response",
        HandshakeType.certificate,
        Certificate(
            certificate_request_context=b"\xc0",
            certificate_list=[
                CertificateEntry(
                    cert_data=b"\x30\x01\x02",
                    extensions=[StatusRequest.certificate(CertificateStatus(response=b"\x30\x00"))],
                ),
                CertificateEntry(cert_data=b"\x31"),
            ],
        ),
        """
            0b      msg_type: certificate(11)
            00001d  length
            01      length of certificate_request_context
            c0      certificate_request_context
            000018  length of certificate_list
            000003  length of cert_data
            300102  cert_data
            000a    length of extensions
            0005    status_request(5)
            0006    length of extension_data
            01      status_type: ocsp(1)
            000002  length of OCSPResponse
            3000    OCSPResponse
            000001  length of cert_data
            31      cert_data
            0000    length of extensions
        """,
    ),
    handshake(
        "Certificate of a client that has none",
        HandshakeType.certificate,
        Certificate(certificate_list=[]),
        """
            0b      msg_type: certificate(11)
            000004  length
            00      length of certificate_request_context
            000000  length of certificate_list
        """,
    ),
    handshake(
        "CertificateVerify of RFC 8448 section 6",
        HandshakeType.certificate_verify,
        CertificateVerify(
            algorithm=SignatureScheme.ecdsa_secp256r1_sha256,
            signature=bytes.fromhex(
                "3045022100d7a4d34bd54f55fee1a89625678c3dd5e5f60dac73ec940c5c7b9304a02084a90220289f595ed488b9ac689a"
                "3d192b1a8bb38f34af7874c059c9806a1f38269353e8"
            ),
        ),
        """
            0f      msg_type: certificate_verify(15)
            00004b  length
            0403    algorithm: ecdsa_secp256r1_sha256
            0047    length of signature
            3045022100d7a4d34bd54f55fee1a89625678c3dd5e5f60dac73ec940c5c7b9304a02084a9  r
            0220289f595ed488b9ac689a3d192b1a8bb38f34af7874c059c9806a1f38269353e8  and s
        """,
    ),
    handshake(
        "Finished of RFC 8448 section 3",
        HandshakeType.finished,
        Finished(verify_data=bytes.fromhex("9b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718")),
        """
            14      msg_type: finished(20)
            000020  length
            9b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718  verify_data
        """,
    ),
    handshake(
        "NewSessionTicket in the form of RFC 8448 section 3",
        HandshakeType.new_session_ticket,
        NewSessionTicket(
            ticket_lifetime=30,
            ticket_age_add=0xFAD6AAC5,
            ticket_nonce=b"\0\0",
            ticket=b"\x2c\x03\x5d\x82",
            extensions=[EarlyDataIndication.new_session_ticket(1024)],
        ),
        """
            04        msg_type: new_session_ticket(4)
            00001b    length
            0000001e  ticket_lifetime: 30 s
            fad6aac5  ticket_age_add
            02        length of ticket_nonce
            0000      ticket_nonce
            0004      length of ticket
            2c035d82  ticket
            0008      length of extensions
            002a      early_data(42)
            0004      length of extension_data
            00000400  max_early_data_size: 1024
        """,
    ),
    handshake(
        "KeyUpdate that asks for one",
        HandshakeType.key_update,
        KeyUpdate(request_update=KeyUpdateRequest.update_requested),
        """
            18      msg_type: key_update(24)
            000001  length
            01      request_update: update_requested(1)
        """,
    ),
    handshake(
        "KeyUpdate with a value that the enum does not have",
        HandshakeType.key_update,
        KeyUpdate(request_update=KeyUpdateRequest(2)),
        """
            18      msg_type: key_update(24)
            000001  length
            02      request_update
        """,
    ),
    handshake(
        "CompressedCertificate",
        HandshakeType.compressed_certificate,
        CompressedCertificate(
            algorithm=CertificateCompressionAlgorithm.zlib,
            uncompressed_length=0x010203,
            compressed_certificate_message=b"\x78\x9c\x03",
        ),
        """
            19      msg_type: compressed_certificate(25)
            00000b  length
            0001    algorithm: zlib
            010203  uncompressed_length
            000003  length of compressed_certificate_message
            789c03  the start of zlib's
        """,
    ),
]

BODIES: list[type[Struct]] = [
    ClientHello,
    ServerHello,
    HelloRetryRequest,
    EndOfEarlyData,
    EncryptedExtensions,
    CertificateRequest,
    Certificate,
    CertificateVerify,
    Finished,
    NewSessionTicket,
    KeyUpdate,
    CompressedCertificate,
]
"""Every message of RFC 9846 §4, and RFC 8879's: each must have an example above."""

MESSAGES = HELLOS + AFTER_THE_HELLOS
