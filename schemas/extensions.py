"""The extensions, a row each: code point, section, explanation, and the schema in each message. RFC 9846 §4.3.

Table 1 of RFC 9846 in full, with what RFC 8446's had besides. `unlisted_extensions` has the rest of TLS 1.3's,
`tls12_extensions` those of older versions. Adding an extension is adding a row.
"""

from __future__ import annotations

from schemas.code_points import (
    CertificateCompressionAlgorithm,
    CertificateStatusType,
    CertificateType,
    ExtensionType,
    HeartbeatMode,
    MaxFragmentLength,
    NamedGroup,
    NameType,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
    SrtpProtectionProfile,
)
from schemas.encrypted_client_hello import ECHClientHello, ECHConfig
from schemas.extension_block import body, extension
from schemas.quic import transport_parameters
from schemas.transparency import sct_list
from schemas.vocabulary import (
    Struct,
    empty,
    field,
    opaque,
    rest,
    select,
    struct,
    uint8,
    uint16,
    uint32,
    vector,
    zeros,
)


@struct
class ServerName(Struct):
    """RFC 6066 §3. One name of the server."""

    name_type: NameType = field(NameType, "what kind of name", default=NameType.host_name)
    name: bytes = field(
        select("name_type", {NameType.host_name: opaque(1, 2**16 - 1)}, otherwise=opaque(0, 2**16 - 1)),
        "the DNS name, ASCII, no final dot",
    )


@extension(ExtensionType.server_name, "RFC 6066 §3", "the name of the server that the client wants")
class ServerNameIndication:
    """RFC 6066 §3; in a CertificateRequest RFC 9261."""

    client_hello = body(vector(ServerName, 1, 2**16 - 1))
    encrypted_extensions = body(empty)
    certificate_request = body(vector(ServerName, 1, 2**16 - 1))
    tls12_server_hello = body(empty)


@extension(ExtensionType.application_layer_protocol_negotiation, "RFC 7301 §3.1", "what is spoken inside, as h2")
class ApplicationLayerProtocolNegotiation:
    client_hello = body(vector(opaque(1, 2**8 - 1), 2, 2**16 - 1))
    encrypted_extensions = body(vector(opaque(1, 2**8 - 1), 2, 2**16 - 1))
    tls12_server_hello = body(vector(opaque(1, 2**8 - 1), 2, 2**16 - 1))


@extension(ExtensionType.supported_versions, "RFC 9846 §4.3.1", "the TLS versions, most wanted first")
class SupportedVersions:
    client_hello = body(vector(ProtocolVersion, 2, 254))
    server_hello = body(ProtocolVersion)
    hello_retry_request = body(ProtocolVersion)


@extension(ExtensionType.cookie, "RFC 9846 §4.3.2", "given by the server, to be sent back unread")
class Cookie:
    client_hello = body(opaque(1, 2**16 - 1))
    hello_retry_request = body(opaque(1, 2**16 - 1))


@extension(ExtensionType.supported_groups, "RFC 9846 §4.3.7", "the key exchange groups, most wanted first")
class SupportedGroups:
    client_hello = body(vector(NamedGroup, 2, 2**16 - 1))
    encrypted_extensions = body(vector(NamedGroup, 2, 2**16 - 1))


@struct
class KeyShareEntry(Struct):
    """RFC 9846 §4.3.8. One public key."""

    group: NamedGroup = field(NamedGroup, "the group that it belongs to")
    key_exchange: bytes = field(opaque(1, 2**16 - 1), "the public key, in the group's own encoding")


@extension(ExtensionType.key_share, "RFC 9846 §4.3.8", "public keys for the key exchange")
class KeyShare:
    client_hello = body(vector(KeyShareEntry, 0, 2**16 - 1))
    server_hello = body(KeyShareEntry)
    hello_retry_request = body(NamedGroup)


@struct
class PskIdentity(Struct):
    """RFC 9846 §4.3.11. The name of a pre-shared key: a ticket, or an external label."""

    identity: bytes = field(opaque(1, 2**16 - 1), "the ticket or label")
    obfuscated_ticket_age: int = field(uint32, "milliseconds since the ticket came, plus ticket_age_add")


@struct
class OfferedPsks(Struct):
    """RFC 9846 §4.3.11. Pre-shared keys, each with a proof that the client holds it."""

    identities: list[PskIdentity] = field(vector(PskIdentity, 7, 2**16 - 1), "most wanted first")
    binders: list[bytes] = field(
        vector(opaque(32, 255), 33, 2**16 - 1), "a MAC over the hello up to here, for each identity"
    )


@extension(ExtensionType.pre_shared_key, "RFC 9846 §4.3.11", "keys known from before; last in a ClientHello")
class PreSharedKey:
    client_hello = body(OfferedPsks)
    server_hello = body(uint16)


@extension(ExtensionType.psk_key_exchange_modes, "RFC 9846 §4.3.9", "whether a PSK goes with a key exchange")
class PskKeyExchangeModes:
    client_hello = body(vector(PskKeyExchangeMode, 1, 255))


@extension(ExtensionType.early_data, "RFC 9846 §4.3.10", "data in the client's first flight")
class EarlyDataIndication:
    client_hello = body(empty)
    encrypted_extensions = body(empty)
    new_session_ticket = body(uint32)


@struct
class ClientTicketRequest(Struct):
    """RFC 9149 §3. How many tickets the client would like."""

    new_session_count: int = field(uint8, "tickets after a full handshake")
    resumption_count: int = field(uint8, "tickets after a resumption")


@extension(ExtensionType.ticket_request, "RFC 9149 §3", "how many tickets the client would like")
class TicketRequest:
    client_hello = body(ClientTicketRequest)
    encrypted_extensions = body(uint8)


@extension(ExtensionType.signature_algorithms, "RFC 9846 §4.3.3", "how a CertificateVerify may be signed")
class SignatureAlgorithms:
    client_hello = body(vector(SignatureScheme, 2, 2**16 - 2))
    certificate_request = body(vector(SignatureScheme, 2, 2**16 - 2))


@extension(ExtensionType.signature_algorithms_cert, "RFC 9846 §4.3.3", "how certificates may be signed")
class SignatureAlgorithmsCert:
    client_hello = body(vector(SignatureScheme, 2, 2**16 - 2))
    certificate_request = body(vector(SignatureScheme, 2, 2**16 - 2))


@extension(ExtensionType.certificate_authorities, "RFC 9846 §4.3.4", "the issuers that the sender trusts")
class CertificateAuthorities:
    client_hello = body(vector(opaque(1, 2**16 - 1), 3, 2**16 - 1))
    certificate_request = body(vector(opaque(1, 2**16 - 1), 3, 2**16 - 1))


@struct
class OIDFilter(Struct):
    """RFC 9846 §4.3.5. One X.509 extension that the client's certificate must match."""

    certificate_extension_oid: bytes = field(opaque(1, 2**8 - 1), "DER of its object identifier")
    certificate_extension_values: bytes = field(opaque(0, 2**16 - 1), "DER of the values wanted")


@extension(ExtensionType.oid_filters, "RFC 9846 §4.3.5", "what a client certificate must hold")
class OIDFilters:
    certificate_request = body(vector(OIDFilter, 0, 2**16 - 1))


@extension(ExtensionType.post_handshake_auth, "RFC 9846 §4.3.6", "a CertificateRequest may come later")
class PostHandshakeAuth:
    client_hello = body(empty)


@struct
class OCSPStatusRequest(Struct):
    """RFC 6066 §8. Which OCSP responders, with which request extensions."""

    responder_id_list: list[bytes] = field(vector(opaque(1, 2**16 - 1), 0, 2**16 - 1), "DER", default=[])
    request_extensions: bytes = field(opaque(0, 2**16 - 1), "DER", default=b"")


@struct
class CertificateStatusRequest(Struct):
    """RFC 6066 §8. The client wants proof that the certificate is not revoked."""

    status_type: CertificateStatusType = field(CertificateStatusType, "how proven", default=CertificateStatusType.ocsp)
    request: OCSPStatusRequest | bytes = field(
        select("status_type", {CertificateStatusType.ocsp: OCSPStatusRequest}, otherwise=rest), "what is asked"
    )


@struct
class CertificateStatus(Struct):
    """RFC 6066 §8, RFC 9846 §4.5.1.1. That proof."""

    status_type: CertificateStatusType = field(CertificateStatusType, "how proven", default=CertificateStatusType.ocsp)
    response: bytes = field(
        select("status_type", {CertificateStatusType.ocsp: opaque(1, 2**24 - 1)}, otherwise=rest),
        "DER of an OCSPResponse",
    )


@extension(ExtensionType.status_request, "RFC 6066 §8", "an OCSP response with the certificate")
class StatusRequest:
    client_hello = body(CertificateStatusRequest)
    certificate_request = body(empty)
    certificate = body(CertificateStatus)
    tls12_server_hello = body(empty)


@extension(ExtensionType.signed_certificate_timestamp, "RFC 6962 §3.3.1", "proofs of certificate transparency")
class SignedCertificateTimestamp:
    client_hello = body(empty)
    certificate_request = body(empty)
    certificate = body(sct_list)
    tls12_server_hello = body(sct_list)


@extension(ExtensionType.transparency_info, "RFC 9162 §6.5", "proofs of certificate transparency, version 2")
class TransparencyInfo:
    client_hello = body(empty)
    certificate_request = body(empty)
    certificate = body(vector(opaque(1, 2**16 - 1), 1, 2**16 - 1))
    tls12_server_hello = body(vector(opaque(1, 2**16 - 1), 1, 2**16 - 1))


@extension(ExtensionType.client_certificate_type, "RFC 7250 §3", "the client's certificate as X.509 or bare key")
class ClientCertificateTypes:
    client_hello = body(vector(CertificateType, 1, 2**8 - 1))
    encrypted_extensions = body(CertificateType)
    tls12_server_hello = body(CertificateType)


@extension(ExtensionType.server_certificate_type, "RFC 7250 §3", "the server's certificate as X.509 or bare key")
class ServerCertificateTypes:
    client_hello = body(vector(CertificateType, 1, 2**8 - 1))
    encrypted_extensions = body(CertificateType)
    tls12_server_hello = body(CertificateType)


@extension(ExtensionType.compress_certificate, "RFC 8879 §3", "how the Certificate message may be compressed")
class CompressCertificate:
    client_hello = body(vector(CertificateCompressionAlgorithm, 2, 2**8 - 2))
    certificate_request = body(vector(CertificateCompressionAlgorithm, 2, 2**8 - 2))


@struct
class Credential(Struct):
    """RFC 9345 §4. A short-lived key."""

    valid_time: int = field(uint32, "seconds from the certificate's notBefore")
    dc_cert_verify_algorithm: SignatureScheme = field(SignatureScheme, "how its CertificateVerify is signed")
    asn1_subject_public_key_info: bytes = field(opaque(1, 2**24 - 1), "DER of the key")


@struct
class DelegatedCredential(Struct):
    """RFC 9345 §4. A short-lived key that the certificate's owner signed."""

    cred: Credential = field(Credential, "the key")
    algorithm: SignatureScheme = field(SignatureScheme, "how the credential itself is signed")
    signature: bytes = field(opaque(1, 2**16 - 1), "by the certificate's key")


@extension(ExtensionType.delegated_credential, "RFC 9345 §4", "a short-lived key in the certificate's place")
class DelegatedCredentials:
    client_hello = body(vector(SignatureScheme, 2, 2**16 - 2))
    certificate_request = body(vector(SignatureScheme, 2, 2**16 - 2))
    certificate = body(DelegatedCredential)


@extension(ExtensionType.max_fragment_length, "RFC 6066 §4", "smaller records, one of four sizes")
class MaxFragmentLengthNegotiation:
    client_hello = body(MaxFragmentLength)
    encrypted_extensions = body(MaxFragmentLength)
    tls12_server_hello = body(MaxFragmentLength)


@extension(ExtensionType.record_size_limit, "RFC 8449 §4", "the largest record that the sender will take")
class RecordSizeLimit:
    client_hello = body(uint16)
    encrypted_extensions = body(uint16)
    tls12_server_hello = body(uint16)


@extension(ExtensionType.padding, "RFC 7685 §3", "zeros that make the hello longer")
class Padding:
    client_hello = body(zeros)


@extension(ExtensionType.heartbeat, "RFC 6520 §2", "whether the peer may send heartbeats")
class Heartbeat:
    client_hello = body(HeartbeatMode)
    encrypted_extensions = body(HeartbeatMode)
    tls12_server_hello = body(HeartbeatMode)


@struct
class UseSRTPData(Struct):
    """RFC 5764 §4.1.1. SRTP keyed by this handshake."""

    protection_profiles: list[SrtpProtectionProfile] = field(
        vector(SrtpProtectionProfile, 2, 2**16 - 1), "most wanted first"
    )
    srtp_mki: bytes = field(opaque(0, 255), "master key identifier", default=b"")


@extension(ExtensionType.use_srtp, "RFC 5764 §4.1", "the handshake keys SRTP")
class UseSRTP:
    client_hello = body(UseSRTPData)
    encrypted_extensions = body(UseSRTPData)
    tls12_server_hello = body(UseSRTPData)


@extension(ExtensionType.supported_ekt_ciphers, "RFC 8870 §5.1", "ciphers for encrypted key transport")
class SupportedEktCiphers:
    client_hello = body(vector(uint8, 1, 255))
    encrypted_extensions = body(uint8)
    tls12_server_hello = body(uint8)


@extension(ExtensionType.external_id_hash, "RFC 8844 §3.2", "binds the handshake to an identity assertion")
class ExternalIdHash:
    client_hello = body(opaque(0, 32))
    encrypted_extensions = body(opaque(0, 32))
    tls12_server_hello = body(opaque(0, 32))


@extension(ExtensionType.external_session_id, "RFC 8844 §4.3", "binds the handshake to an outer session")
class ExternalSessionId:
    client_hello = body(opaque(20, 255))
    encrypted_extensions = body(opaque(20, 255))
    tls12_server_hello = body(opaque(20, 255))


@extension(ExtensionType.quic_transport_parameters, "RFC 9001 §8.2", "QUIC's own settings")
class QuicTransportParameters:
    client_hello = body(transport_parameters)
    encrypted_extensions = body(transport_parameters)


@extension(ExtensionType.encrypted_client_hello, "RFC 9849 §5", "the real ClientHello, sealed")
class EncryptedClientHello:
    client_hello = body(ECHClientHello)
    hello_retry_request = body(opaque(8))
    encrypted_extensions = body(vector(ECHConfig, 4, 2**16 - 1))


@extension(ExtensionType.ech_outer_extensions, "RFC 9849 §5.1", "extensions to take from the outer hello")
class EchOuterExtensions:
    client_hello = body(vector(ExtensionType, 2, 254))
