"""The handshake messages of TLS 1.2 and older, and the forms that key exchanges have in them, byte by byte."""

from __future__ import annotations

from annotated import Example

from schemas import tls10, tls12
from schemas.code_points import (
    CertificateStatusType,
    CipherSuite,
    ClientCertificateType,
    CompressionMethod,
    ECPointFormat,
    HandshakeType,
    NamedGroup,
    ProtocolVersion,
    SignatureScheme,
)
from schemas.extensions import ApplicationLayerProtocolNegotiation, ServerNameIndication
from schemas.tls12_extensions import ECPointFormats, RenegotiationInfo, SessionTicket
from schemas.vocabulary import Struct


def message(name: str, msg_type: HandshakeType, body: tls12.HandshakeMessage, text: str) -> Example:
    return Example(name=name, schema=tls12.Handshake, value=tls12.Handshake(msg_type=msg_type, message=body), text=text)


def older(name: str, msg_type: HandshakeType, body: tls10.HandshakeMessage, text: str) -> Example:
    return Example(
        name=f"{name} of TLS 1.1",
        schema=tls10.Handshake,
        value=tls10.Handshake(msg_type=msg_type, message=body),
        text=text,
    )


def form(name: str, value: Struct, text: str, whole_prefixes: tuple[int, ...] = ()) -> Example:
    return Example(name=name, schema=type(value), value=value, text=text, whole_prefixes=whole_prefixes)


MESSAGES = [
    message("HelloRequest", HandshakeType.hello_request, tls12.HelloRequest(), "00000000  hello_request(0), length 0"),
    message(
        "ClientHello without extensions",
        HandshakeType.client_hello,
        tls12.ClientHello(
            client_version=ProtocolVersion.TLS10,
            random=b"\xc1" * 32,
            session_id=b"\x51",
            cipher_suites=[CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV],
            compression_methods=[CompressionMethod.DEFLATE, CompressionMethod.null],
        ),
        """
            01      msg_type: client_hello(1)
            00002d  length
            0301    client_version: TLS 1.0
            c1*32   random
            01      length of session_id
            51      session_id
            0004    length of cipher_suites
            002f    TLS_RSA_WITH_AES_128_CBC_SHA
            00ff    TLS_EMPTY_RENEGOTIATION_INFO_SCSV
            02      length of compression_methods
            01      DEFLATE
            00      null
        """,
    ),
    message(
        "ClientHello with an empty block of extensions",
        HandshakeType.client_hello,
        tls12.ClientHello(random=b"\xc1" * 32, cipher_suites=[CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA], extensions=[]),
        """
            01      msg_type: client_hello(1)
            00002b  length
            0303    client_version: TLS 1.2
            c1*32   random
            00      length of session_id
            0002    length of cipher_suites
            002f    TLS_RSA_WITH_AES_128_CBC_SHA
            01      length of compression_methods
            00      null
            0000    length of extensions
        """,
    ),
    message(
        "ServerHello without extensions",
        HandshakeType.server_hello,
        tls12.ServerHello(
            server_version=ProtocolVersion.TLS11,
            random=b"\x5e" * 24 + b"DOWNGRD\0",
            session_id=b"\x51" * 32,
            cipher_suite=CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA,
        ),
        """
            02      msg_type: server_hello(2)
            000046  length
            0302    server_version: TLS 1.1
            5e*24   random
            444f574e47524400  and the downgrade mark
            20      length of session_id
            51*32   session_id
            002f    TLS_RSA_WITH_AES_128_CBC_SHA
            00      compression_method: null
        """,
    ),
    message(
        "ServerHello with the extensions of TLS 1.2",
        HandshakeType.server_hello,
        tls12.ServerHello(
            random=b"\x5e" * 32,
            cipher_suite=CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            extensions=[
                RenegotiationInfo.tls12_server_hello(b""),
                ServerNameIndication.tls12_server_hello(b""),
                ECPointFormats.tls12_server_hello([ECPointFormat.uncompressed]),
                SessionTicket.tls12_server_hello(b""),
                ApplicationLayerProtocolNegotiation.tls12_server_hello([b"h2"]),
            ],
        ),
        """
            02      msg_type: server_hello(2)
            000044  length
            0303    server_version: TLS 1.2
            5e*32   random
            00      length of session_id
            c02f    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            00      compression_method: null
            001c    length of extensions
            ff01    renegotiation_info(65281)
            0001    length of extension_data
            00      length of renegotiated_connection
            0000    server_name(0)
            0000    length of extension_data
            000b    ec_point_formats(11)
            0002    length of extension_data
            01      length of ec_point_format_list
            00      uncompressed
            0023    session_ticket(35)
            0000    length of extension_data
            0010    application_layer_protocol_negotiation(16)
            0005    length of extension_data
            0003    length of protocol_name_list
            02      length of ProtocolName
            6832    h2
        """,
    ),
    message(
        "Certificate",
        HandshakeType.certificate,
        tls12.Certificate(certificate_list=[b"\x30\x01", b"\x30"]),
        """
            0b      msg_type: certificate(11)
            00000c  length
            000009  length of certificate_list
            000002  length of ASN.1Cert
            3001    DER
            000001  length of ASN.1Cert
            30      DER
        """,
    ),
    message(
        "Certificate of a client that has none",
        HandshakeType.certificate,
        tls12.Certificate(certificate_list=[]),
        """
            0b      msg_type: certificate(11)
            000003  length
            000000  length of certificate_list
        """,
    ),
    message(
        "ServerKeyExchange",
        HandshakeType.server_key_exchange,
        tls12.ServerKeyExchange(parameters=b"\x03\x00\x1d"),
        """
            0c      msg_type: server_key_exchange(12)
            000003  length
            03001d  the start of any
        """,
    ),
    message(
        "CertificateRequest",
        HandshakeType.certificate_request,
        tls12.CertificateRequest(
            certificate_types=[ClientCertificateType.rsa_sign, ClientCertificateType.ecdsa_sign],
            supported_signature_algorithms=[SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme(0x0402)],
            certificate_authorities=[b"\x30\0"],
        ),
        """
            0d      msg_type: certificate_request(13)
            00000f  length
            02      length of certificate_types
            01      rsa_sign
            40      ecdsa_sign
            0004    length of supported_signature_algorithms
            0403    SHA-256 and ECDSA
            0402    SHA-256 and DSA
            0004    length of certificate_authorities
            0002    length of DistinguishedName
            3000    DER
        """,
    ),
    message("ServerHelloDone", HandshakeType.server_hello_done, tls12.ServerHelloDone(), "0e000000  and length 0"),
    message(
        "ClientKeyExchange",
        HandshakeType.client_key_exchange,
        tls12.ClientKeyExchange(exchange_keys=b"\x20\xad"),
        """
            10      msg_type: client_key_exchange(16)
            000002  length
            20ad    the start of any
        """,
    ),
    message(
        "CertificateVerify",
        HandshakeType.certificate_verify,
        tls12.CertificateVerify(algorithm=SignatureScheme.rsa_pkcs1_sha256, signature=b"\x5a\x5b"),
        """
            0f      msg_type: certificate_verify(15)
            000006  length
            0401    SHA-256 and RSA
            0002    length of signature
            5a5b    signature
        """,
    ),
    message(
        "Finished",
        HandshakeType.finished,
        tls12.Finished(verify_data=b"\xfd" * 12),
        """
            14      msg_type: finished(20)
            00000c  length
            fd*12   verify_data
        """,
    ),
    message(
        "NewSessionTicket",
        HandshakeType.new_session_ticket,
        tls12.NewSessionTicket(ticket_lifetime_hint=7200, ticket=b"\x71\x72\x73"),
        """
            04        msg_type: new_session_ticket(4)
            000009    length
            00001c20  ticket_lifetime_hint: two hours
            0003      length of ticket
            717273    ticket
        """,
    ),
    message(
        "NewSessionTicket without one",
        HandshakeType.new_session_ticket,
        tls12.NewSessionTicket(ticket_lifetime_hint=0, ticket=b""),
        """
            04        msg_type: new_session_ticket(4)
            000006    length
            00000000  ticket_lifetime_hint
            0000      length of ticket
        """,
    ),
    message(
        "CertificateStatus",
        HandshakeType.certificate_status,
        tls12.CertificateStatus(response=b"\x30\x03\x0a\x01\x06"),
        """
            16      msg_type: certificate_status(22)
            000009  length
            01      status_type: ocsp(1)
            000005  length of OCSPResponse
            30030a0106  unauthorized
        """,
    ),
    message(
        "CertificateStatus of RFC 6961",
        HandshakeType.certificate_status,
        tls12.CertificateStatus(
            status_type=CertificateStatusType.ocsp_multi_RESERVED, response=[b"\x30\x03\x0a\x01\x06", b""]
        ),
        """
            16      msg_type: certificate_status(22)
            00000f  length
            02      status_type: ocsp_multi(2)
            00000b  length of ocsp_response_list
            000005  length of OCSPResponse
            30030a0106  unauthorized
            000000  length of an OCSPResponse that is not there
        """,
    ),
    message(
        "CertificateURL",
        HandshakeType.certificate_url,
        tls12.CertificateURL(
            type=tls12.CertChainType.pkipath,
            url_and_hash_list=[tls12.URLAndHash(url=b"http://a/c", sha1_hash=b"\x5a" * 20)],
        ),
        """
            15      msg_type: certificate_url(21)
            000024  length
            01      type: pkipath(1)
            0021    length of url_and_hash_list
            000a    length of url
            687474703a2f2f612f63  http://a/c
            01      padding
            5a*20   SHA1Hash
        """,
    ),
    message(
        "SupplementalData",
        HandshakeType.supplemental_data,
        tls12.SupplementalData(supp_data=[tls12.SupplementalDataEntry(supp_data_type=16386, supp_data=b"\xaf")]),
        """
            17      msg_type: supplemental_data(23)
            000008  length
            000005  length of supp_data
            4002    supp_data_type: authz_data(16386)
            0001    length of the data
            af      data
        """,
    ),
    message(
        "NextProtocol",
        HandshakeType.next_protocol,
        tls12.NextProtocol(selected_protocol=b"spdy/2", padding=b"\0" * 24),
        """
            43      msg_type: next_protocol(67)
            000020  length
            06      length of selected_protocol
            737064792f32  spdy/2
            18      length of padding
            00*24   padding
        """,
    ),
    older(
        "CertificateRequest",
        HandshakeType.certificate_request,
        tls10.CertificateRequest(certificate_types=[ClientCertificateType.dss_sign]),
        """
            0d      msg_type: certificate_request(13)
            000004  length
            01      length of certificate_types
            02      dss_sign
            0000    length of certificate_authorities
        """,
    ),
    older(
        "CertificateVerify",
        HandshakeType.certificate_verify,
        tls10.CertificateVerify(signature=b"\x5a"),
        """
            0f      msg_type: certificate_verify(15)
            000003  length
            0001    length of signature
            5a      signature
        """,
    ),
    older(
        "Finished",
        HandshakeType.finished,
        tls10.Finished(verify_data=b"\xfd" * 12),
        """
            14      msg_type: finished(20)
            00000c  length
            fd*12   verify_data
        """,
    ),
    older(
        "ServerHelloDone",
        HandshakeType.server_hello_done,
        tls12.ServerHelloDone(),
        "0e000000  and length 0",
    ),
]

DH_TEXT = """
    0002  length of dh_p
    fffd  dh_p
    0001  length of dh_g
    02    dh_g
    0002  length of dh_Ys
    0bad  dh_Ys
"""
DH = tls12.ServerDHParams(dh_p=b"\xff\xfd", dh_g=b"\x02", dh_ys=b"\x0b\xad")
EC_TEXT = """
    03    curve_type: named_curve(3)
    0017  namedcurve: secp256r1
    03    length of public
    04abcd  point
"""
EC = tls12.ServerECDHParams(curve_params=tls12.ECParameters(namedcurve=NamedGroup.secp256r1), public=b"\x04\xab\xcd")
HINT_TEXT = """
    0003    length of psk_identity_hint
    61736b  ask
"""
SIGNED_TEXT = """
    0804  rsa_pss_rsae_sha256
    0001  length of signature
    5a    signature
"""
SIGNED = tls12.DigitallySigned(algorithm=SignatureScheme.rsa_pss_rsae_sha256, signature=b"\x5a")
OLD_SIGNED_TEXT = """
    0001  length of signature
    5a    signature
"""
IDENTITY_TEXT = """
    0002  length of psk_identity
    6d65  me
"""

FORMS = [
    form("SignedDHParams", tls12.SignedDHParams(params=DH, signed_params=SIGNED), DH_TEXT + SIGNED_TEXT),
    form("AnonymousDHParams", tls12.AnonymousDHParams(params=DH), DH_TEXT),
    form("SignedECDHParams", tls12.SignedECDHParams(params=EC, signed_params=SIGNED), EC_TEXT + SIGNED_TEXT),
    form("AnonymousECDHParams", tls12.AnonymousECDHParams(params=EC), EC_TEXT),
    form("PskIdentityHint", tls12.PskIdentityHint(psk_identity_hint=b"ask"), HINT_TEXT),
    form("PskDHParams", tls12.PskDHParams(psk_identity_hint=b"ask", params=DH), HINT_TEXT + DH_TEXT),
    form("PskECDHParams", tls12.PskECDHParams(psk_identity_hint=b"ask", params=EC), HINT_TEXT + EC_TEXT),
    form(
        "EncryptedPreMasterSecret",
        tls12.EncryptedPreMasterSecret(encrypted_pre_master_secret=b"\xec" * 256),
        """
            0100    length of the secret
            ec*256  EncryptedPreMasterSecret
        """,
    ),
    form(
        "ClientDiffieHellmanPublic",
        tls12.ClientDiffieHellmanPublic(dh_yc=b"\x0b"),
        """
            0001  length of dh_Yc
            0b    dh_Yc
        """,
        whole_prefixes=(0,),
    ),
    form("ClientDiffieHellmanPublic in the certificate", tls12.ClientDiffieHellmanPublic(dh_yc=None), ""),
    form(
        "ClientECDiffieHellmanPublic",
        tls12.ClientECDiffieHellmanPublic(ecdh_yc=b"\x04\x11"),
        """
            02    length of point
            0411  point
        """,
        whole_prefixes=(0,),
    ),
    form("PskIdentity", tls12.PskIdentity(psk_identity=b"me"), IDENTITY_TEXT),
    form(
        "PskDiffieHellmanPublic",
        tls12.PskDiffieHellmanPublic(psk_identity=b"me", dh_yc=b"\x0b"),
        IDENTITY_TEXT
        + """
            0001  length of dh_Yc
            0b    dh_Yc
        """,
    ),
    form(
        "PskECDiffieHellmanPublic",
        tls12.PskECDiffieHellmanPublic(psk_identity=b"me", ecdh_yc=b"\x04\x11"),
        IDENTITY_TEXT
        + """
            02    length of point
            0411  point
        """,
    ),
    form(
        "PskEncryptedPreMasterSecret",
        tls12.PskEncryptedPreMasterSecret(psk_identity=b"me", encrypted_pre_master_secret=b"\xec"),
        IDENTITY_TEXT
        + """
            0001  length of the secret
            ec    EncryptedPreMasterSecret
        """,
    ),
    form(
        "RawPublicKeyCertificate",
        tls12.RawPublicKeyCertificate(asn1_subject_public_key_info=b"\x30\0"),
        """
            000002  length of ASN.1_subjectPublicKeyInfo
            3000    DER
        """,
    ),
    form(
        "SignedRSAParams of TLS 1.0",
        tls10.SignedRSAParams(
            params=tls10.ServerRSAParams(rsa_modulus=b"\xc0\x01", rsa_exponent=b"\1\0\1"), signature=b"\x5a"
        ),
        """
            0002    length of rsa_modulus
            c001    rsa_modulus
            0003    length of rsa_exponent
            010001  rsa_exponent
            0001    length of signature
            5a      signature
        """,
    ),
    form("SignedDHParams of TLS 1.0", tls10.SignedDHParams(params=DH, signature=b"\x5a"), DH_TEXT + OLD_SIGNED_TEXT),
    form(
        "SignedECDHParams of TLS 1.0", tls10.SignedECDHParams(params=EC, signature=b"\x5a"), EC_TEXT + OLD_SIGNED_TEXT
    ),
]

EXAMPLES = MESSAGES + FORMS
