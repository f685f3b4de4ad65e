"""The structures of the RFCs in the presentation language, transcribed: names, order and bounds are facts of the RFC.

RFC 9846 §4, §5, §6, §7.1 and appendix B; RFC 6066 §3 and §8, RFC 5764 §4.1.1, RFC 8879 §4, RFC 9149 §3, RFC 9258 §5.1,
RFC 9345 §4, RFC 9849 §4 and §5. Comments, constants and defaults are left out.
"""

from __future__ import annotations

TYPEDEFS = """
    opaque Random[32];
    opaque DistinguishedName<1..2^16-1>;
    opaque PskBinderEntry<32..255>;
    opaque ResponderID<1..2^16-1>;
    opaque Extensions<0..2^16-1>;
    opaque HpkePublicKey<1..2^16-1>;
    HpkeKdf HpkeKdfId;
    HpkeAead HpkeAeadId;
    HpkeKem HpkeKemId;
"""

STRUCTS = """
    struct { AlertLevel level; AlertDescription description; } Alert;

    struct {
        ProtocolVersion legacy_version;
        Random random;
        opaque legacy_session_id<0..32>;
        CipherSuite cipher_suites<2..2^16-2>;
        opaque legacy_compression_methods<1..2^8-1>;
        Extension extensions<7..2^16-1>;
    } ClientHello;

    struct {
        ProtocolVersion legacy_version;
        Random random;
        opaque legacy_session_id_echo<0..32>;
        CipherSuite cipher_suite;
        uint8 legacy_compression_method;
        Extension extensions<6..2^16-1>;
    } ServerHello;

    struct {
        ProtocolVersion legacy_version;
        Random random;
        opaque legacy_session_id_echo<0..32>;
        CipherSuite cipher_suite;
        uint8 legacy_compression_method;
        Extension extensions<6..2^16-1>;
    } HelloRetryRequest;

    struct { } EndOfEarlyData;

    struct { Extension extensions<0..2^16-1>; } EncryptedExtensions;

    struct {
        opaque certificate_request_context<0..2^8-1>;
        Extension extensions<0..2^16-1>;
    } CertificateRequest;

    struct { opaque cert_data<1..2^24-1>; Extension extensions<0..2^16-1>; } CertificateEntry;

    struct {
        opaque certificate_request_context<0..2^8-1>;
        CertificateEntry certificate_list<0..2^24-1>;
    } Certificate;

    struct { SignatureScheme algorithm; opaque signature<0..2^16-1>; } CertificateVerify;

    struct {
        uint32 ticket_lifetime;
        uint32 ticket_age_add;
        opaque ticket_nonce<0..255>;
        opaque ticket<1..2^16-1>;
        Extension extensions<0..2^16-1>;
    } NewSessionTicket;

    struct { KeyUpdateRequest request_update; } KeyUpdate;

    struct { HandshakeType msg_type; uint24 length; } HandshakeHeader;

    struct { NamedGroup group; opaque key_exchange<1..2^16-1>; } KeyShareEntry;

    struct { opaque identity<1..2^16-1>; uint32 obfuscated_ticket_age; } PskIdentity;

    struct { PskIdentity identities<7..2^16-1>; PskBinderEntry binders<33..2^16-1>; } OfferedPsks;

    struct {
        opaque certificate_extension_oid<1..2^8-1>;
        opaque certificate_extension_values<0..2^16-1>;
    } OIDFilter;

    struct { uint16 length; opaque label<7..255>; opaque context<0..255>; } HkdfLabel;

    struct { ContentType type; ProtocolVersion legacy_record_version; uint16 length; } RecordHeader;

    struct { ResponderID responder_id_list<0..2^16-1>; Extensions request_extensions; } OCSPStatusRequest;

    struct { SrtpProtectionProfile protection_profiles<2..2^16-1>; opaque srtp_mki<0..255>; } UseSRTPData;

    struct { uint8 new_session_count; uint8 resumption_count; } ClientTicketRequest;

    struct {
        uint32 valid_time;
        SignatureScheme dc_cert_verify_algorithm;
        opaque asn1_subject_public_key_info<1..2^24-1>;
    } Credential;

    struct { Credential cred; SignatureScheme algorithm; opaque signature<1..2^16-1>; } DelegatedCredential;

    struct {
        CertificateCompressionAlgorithm algorithm;
        uint24 uncompressed_length;
        opaque compressed_certificate_message<1..2^24-1>;
    } CompressedCertificate;

    struct {
        opaque external_identity<1..2^16-1>;
        opaque context<0..2^16-1>;
        ProtocolVersion target_protocol;
        TlsKdfIdentifier target_kdf;
    } ImportedIdentity;

    struct { HpkeKdfId kdf_id; HpkeAeadId aead_id; } HpkeSymmetricCipherSuite;

    struct {
        HpkeSymmetricCipherSuite cipher_suite;
        uint8 config_id;
        opaque enc<0..2^16-1>;
        opaque payload<1..2^16-1>;
    } ECHOuter;

    struct {
        uint8 config_id;
        HpkeKemId kem_id;
        HpkePublicKey public_key;
        HpkeSymmetricCipherSuite cipher_suites<4..2^16-4>;
    } HpkeKeyConfig;

    struct {
        HpkeKeyConfig key_config;
        uint8 maximum_name_length;
        opaque public_name<1..255>;
        ECHConfigExtension extensions<0..2^16-1>;
    } ECHConfigContents;

    struct { uint16 type; opaque data<0..2^16-1>; } ECHConfigExtension;
"""
"""Structures whose fields ours have name by name."""

OTHERWISE = """
    struct { ContentType type; ProtocolVersion legacy_record_version; opaque fragment<0..2^16-1>; } TLSPlaintext;

    struct {
        ContentType opaque_type;
        ProtocolVersion legacy_record_version;
        opaque encrypted_record<0..2^16-1>;
    } TLSCiphertext;
"""
"""Where ours is wider than the RFC, on purpose.

RFC 9846 §5.1 and §5.2 limit a record's length with an alert of its own, record_overflow, which a reader raises and no
grammar.
"""

EXTENSION_BODIES = """
    server_name client_hello: ServerName<1..2^16-1>
    server_name encrypted_extensions: Empty
    server_name certificate_request: ServerName<1..2^16-1>
    status_request client_hello: CertificateStatusRequest
    status_request certificate_request: Empty
    status_request certificate: CertificateStatus
    supported_groups client_hello: NamedGroup<2..2^16-1>
    supported_groups encrypted_extensions: NamedGroup<2..2^16-1>
    signature_algorithms client_hello: SignatureScheme<2..2^16-2>
    signature_algorithms certificate_request: SignatureScheme<2..2^16-2>
    use_srtp client_hello: UseSRTPData
    use_srtp encrypted_extensions: UseSRTPData
    heartbeat client_hello: HeartbeatMode
    heartbeat encrypted_extensions: HeartbeatMode
    application_layer_protocol_negotiation client_hello: opaque<1..2^8-1><2..2^16-1>
    application_layer_protocol_negotiation encrypted_extensions: opaque<1..2^8-1><2..2^16-1>
    client_certificate_type client_hello: CertificateType<1..2^8-1>
    client_certificate_type encrypted_extensions: CertificateType
    server_certificate_type client_hello: CertificateType<1..2^8-1>
    server_certificate_type encrypted_extensions: CertificateType
    padding client_hello: zeros[...]
    compress_certificate client_hello: CertificateCompressionAlgorithm<2..2^8-2>
    compress_certificate certificate_request: CertificateCompressionAlgorithm<2..2^8-2>
    record_size_limit client_hello: uint16
    record_size_limit encrypted_extensions: uint16
    delegated_credential client_hello: SignatureScheme<2..2^16-2>
    delegated_credential certificate_request: SignatureScheme<2..2^16-2>
    delegated_credential certificate: DelegatedCredential
    supported_ekt_ciphers client_hello: uint8<1..255>
    supported_ekt_ciphers encrypted_extensions: uint8
    pre_shared_key client_hello: OfferedPsks
    pre_shared_key server_hello: uint16
    early_data client_hello: Empty
    early_data encrypted_extensions: Empty
    early_data new_session_ticket: uint32
    supported_versions client_hello: ProtocolVersion<2..254>
    supported_versions server_hello: ProtocolVersion
    supported_versions hello_retry_request: ProtocolVersion
    cookie client_hello: opaque<1..2^16-1>
    cookie hello_retry_request: opaque<1..2^16-1>
    psk_key_exchange_modes client_hello: PskKeyExchangeMode<1..255>
    certificate_authorities client_hello: opaque<1..2^16-1><3..2^16-1>
    certificate_authorities certificate_request: opaque<1..2^16-1><3..2^16-1>
    oid_filters certificate_request: OIDFilter<0..2^16-1>
    post_handshake_auth client_hello: Empty
    signature_algorithms_cert client_hello: SignatureScheme<2..2^16-2>
    signature_algorithms_cert certificate_request: SignatureScheme<2..2^16-2>
    key_share client_hello: KeyShareEntry<0..2^16-1>
    key_share server_hello: KeyShareEntry
    key_share hello_retry_request: NamedGroup
    transparency_info client_hello: Empty
    transparency_info certificate_request: Empty
    transparency_info certificate: opaque<1..2^16-1><1..2^16-1>
    external_id_hash client_hello: opaque<0..32>
    external_id_hash encrypted_extensions: opaque<0..32>
    external_session_id client_hello: opaque<20..255>
    external_session_id encrypted_extensions: opaque<20..255>
    quic_transport_parameters client_hello: TransportParameter[...]
    quic_transport_parameters encrypted_extensions: TransportParameter[...]
    ticket_request client_hello: ClientTicketRequest
    ticket_request encrypted_extensions: uint8
    ech_outer_extensions client_hello: ExtensionType<2..254>
    encrypted_client_hello client_hello: ECHClientHello
    encrypted_client_hello hello_retry_request: opaque[8]
    encrypted_client_hello encrypted_extensions: ECHConfig<4..2^16-1>
    max_fragment_length client_hello: MaxFragmentLength
    max_fragment_length encrypted_extensions: MaxFragmentLength
    signed_certificate_timestamp client_hello: Empty
    signed_certificate_timestamp certificate_request: Empty
    signed_certificate_timestamp certificate: SignedCertificateTimestamp in opaque<1..2^16-1><1..2^16-1>
"""
"""What `extension_data` holds in each message. RFC 9846 §4.3.1 to §4.3.11, and the RFCs that its table 1 names."""

TABLE_1 = """
    server_name                              0      CH, EE, CR    RFC 6066
    status_request                           5      CH, CR, CT    RFC 6066
    supported_groups                         10     CH, EE        RFC 9846
    signature_algorithms                     13     CH, CR        RFC 9846
    use_srtp                                 14     CH, EE        RFC 5764
    heartbeat                                15     CH, EE        RFC 6520
    application_layer_protocol_negotiation   16     CH, EE        RFC 7301
    client_certificate_type                  19     CH, EE        RFC 7250
    server_certificate_type                  20     CH, EE        RFC 7250
    padding                                  21     CH            RFC 7685
    compress_certificate                     27     CH, CR        RFC 8879
    record_size_limit                        28     CH, EE        RFC 8449
    delegated_credential                     34     CH, CR, CT    RFC 9345
    supported_ekt_ciphers                    39     CH, EE        RFC 8870
    pre_shared_key                           41     CH, SH        RFC 9846
    early_data                               42     CH, EE, NST   RFC 9846
    supported_versions                       43     CH, SH, HRR   RFC 9846
    cookie                                   44     CH, HRR       RFC 9846
    psk_key_exchange_modes                   45     CH            RFC 9846
    certificate_authorities                  47     CH, CR        RFC 9846
    oid_filters                              48     CR            RFC 9846
    post_handshake_auth                      49     CH            RFC 9846
    signature_algorithms_cert                50     CH, CR        RFC 9846
    key_share                                51     CH, SH, HRR   RFC 9846
    transparency_info                        52     CH, CR, CT    RFC 9162
    external_id_hash                         55     CH, EE        RFC 8844
    external_session_id                      56     CH, EE        RFC 8844
    quic_transport_parameters                57     CH, EE        RFC 9001
    ticket_request                           58     CH, EE        RFC 9149
    ech_outer_extensions                     64768  CH            RFC 9849
    encrypted_client_hello                   65037  CH, HRR, EE   RFC 9849
"""
"""RFC 9846 §4.3, table 1: code point, messages, and the RFC that gives the body."""

BESIDES_TABLE_1 = """
    max_fragment_length                      1      CH, EE        RFC 6066
    signed_certificate_timestamp             18     CH, CR, CT    RFC 6962
"""
"""RFC 8446 §4.2 had these; IANA's registry has them still."""

MESSAGES = {
    "CH": "client_hello",
    "SH": "server_hello",
    "HRR": "hello_retry_request",
    "EE": "encrypted_extensions",
    "CT": "certificate",
    "CR": "certificate_request",
    "NST": "new_session_ticket",
}
"""The columns of table 1."""
