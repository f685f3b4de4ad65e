"""The structures of TLS 1.2, and of what RFC 9846 does not list, transcribed: names, order and bounds are facts.

RFC 5246 §7.4, RFC 4346 §7.4, RFC 2246 §7.4.3, RFC 8422 §5, RFC 4279, RFC 5489 §2, RFC 5077 §3.3, RFC 6066, RFC 4680 §2,
RFC 6962 §3, RFC 7924 §3, RFC 8472 §2. Field names in lower case. Comments, constants and selects are left out.
"""

from __future__ import annotations

TYPEDEFS = """
    opaque Random[32];
    opaque SessionID<0..32>;
    opaque ASN1Cert<1..2^24-1>;
    opaque DistinguishedName<1..2^16-1>;
    SignatureScheme SignatureAndHashAlgorithm;
    opaque CtExtensions<0..2^16-1>;
    opaque LogID[32];
"""

TLS12_STRUCTS = """
    struct { } HelloRequest;

    struct {
        ProtocolVersion client_version;
        Random random;
        SessionID session_id;
        CipherSuite cipher_suites<2..2^16-2>;
        CompressionMethod compression_methods<1..2^8-1>;
        Extension extensions<0..2^16-1>;
    } ClientHello;

    struct {
        ProtocolVersion server_version;
        Random random;
        SessionID session_id;
        CipherSuite cipher_suite;
        CompressionMethod compression_method;
        Extension extensions<0..2^16-1>;
    } ServerHello;

    struct { ASN1Cert certificate_list<0..2^24-1>; } Certificate;

    struct { opaque asn1_subject_public_key_info<1..2^24-1>; } RawPublicKeyCertificate;

    struct { opaque dh_p<1..2^16-1>; opaque dh_g<1..2^16-1>; opaque dh_ys<1..2^16-1>; } ServerDHParams;

    struct { ECParameters curve_params; opaque public<1..2^8-1>; } ServerECDHParams;

    struct { SignatureAndHashAlgorithm algorithm; opaque signature<0..2^16-1>; } DigitallySigned;

    struct { ServerDHParams params; DigitallySigned signed_params; } SignedDHParams;

    struct { ServerDHParams params; } AnonymousDHParams;

    struct { ServerECDHParams params; DigitallySigned signed_params; } SignedECDHParams;

    struct { ServerECDHParams params; } AnonymousECDHParams;

    struct { opaque psk_identity_hint<0..2^16-1>; } PskIdentityHint;

    struct { opaque psk_identity_hint<0..2^16-1>; ServerDHParams params; } PskDHParams;

    struct { opaque psk_identity_hint<0..2^16-1>; ServerECDHParams params; } PskECDHParams;

    struct {
        ClientCertificateType certificate_types<1..2^8-1>;
        SignatureAndHashAlgorithm supported_signature_algorithms<2..2^16-2>;
        DistinguishedName certificate_authorities<0..2^16-1>;
    } CertificateRequest;

    struct { } ServerHelloDone;

    struct { opaque encrypted_pre_master_secret<0..2^16-1>; } EncryptedPreMasterSecret;

    struct { opaque dh_yc<1..2^16-1>; } ClientDiffieHellmanPublic;

    struct { opaque ecdh_yc<1..2^8-1>; } ClientECDiffieHellmanPublic;

    struct { opaque psk_identity<0..2^16-1>; } PskIdentity;

    struct { opaque psk_identity<0..2^16-1>; opaque dh_yc<1..2^16-1>; } PskDiffieHellmanPublic;

    struct { opaque psk_identity<0..2^16-1>; opaque ecdh_yc<1..2^8-1>; } PskECDiffieHellmanPublic;

    struct {
        opaque psk_identity<0..2^16-1>;
        opaque encrypted_pre_master_secret<0..2^16-1>;
    } PskEncryptedPreMasterSecret;

    struct { SignatureAndHashAlgorithm algorithm; opaque signature<0..2^16-1>; } CertificateVerify;

    struct { uint32 ticket_lifetime_hint; opaque ticket<0..2^16-1>; } NewSessionTicket;

    struct { opaque url<1..2^16-1>; uint8 padding; opaque sha1_hash[20]; } URLAndHash;

    struct { CertChainType type; URLAndHash url_and_hash_list<1..2^16-1>; } CertificateURL;

    struct { uint16 supp_data_type; opaque supp_data<0..2^16-1>; } SupplementalDataEntry;

    struct { SupplementalDataEntry supp_data<1..2^24-1>; } SupplementalData;

    struct { opaque selected_protocol<0..255>; opaque padding<0..255>; } NextProtocol;
"""

TLS10_STRUCTS = """
    struct { opaque rsa_modulus<1..2^16-1>; opaque rsa_exponent<1..2^16-1>; } ServerRSAParams;

    struct { ServerRSAParams params; opaque signature<0..2^16-1>; } SignedRSAParams;

    struct { ServerDHParams params; opaque signature<0..2^16-1>; } SignedDHParams;

    struct { ServerECDHParams params; opaque signature<0..2^16-1>; } SignedECDHParams;

    struct {
        ClientCertificateType certificate_types<1..2^8-1>;
        DistinguishedName certificate_authorities<0..2^16-1>;
    } CertificateRequest;

    struct { opaque signature<0..2^16-1>; } CertificateVerify;

    struct { opaque verify_data[12]; } Finished;
"""

EXTENSION_STRUCTS = """
    struct { SignatureAndHashAlgorithm algorithm; opaque signature<0..2^16-1>; } DigitallySigned;

    struct { LogID id; uint64 timestamp; CtExtensions extensions; DigitallySigned signature; } SignedTimestamp;

    struct { CachedInformationType type; opaque hash_value<1..255>; } CachedObject;

    struct { uint8 major; uint8 minor; } TBProtocolVersion;

    struct {
        TBProtocolVersion token_binding_version;
        TokenBindingKeyParameters key_parameters_list<1..2^8-1>;
    } TokenBindingParameters;
"""

EXTENSION_BODIES = """
    server_name tls12_server_hello: Empty
    application_layer_protocol_negotiation tls12_server_hello: opaque<1..2^8-1><2..2^16-1>
    status_request tls12_server_hello: Empty
    signed_certificate_timestamp tls12_server_hello: SignedCertificateTimestamp in opaque<1..2^16-1><1..2^16-1>
    transparency_info tls12_server_hello: opaque<1..2^16-1><1..2^16-1>
    client_certificate_type tls12_server_hello: CertificateType
    server_certificate_type tls12_server_hello: CertificateType
    max_fragment_length tls12_server_hello: MaxFragmentLength
    record_size_limit tls12_server_hello: uint16
    heartbeat tls12_server_hello: HeartbeatMode
    use_srtp tls12_server_hello: UseSRTPData
    supported_ekt_ciphers tls12_server_hello: uint8
    external_id_hash tls12_server_hello: opaque<0..32>
    external_session_id tls12_server_hello: opaque<20..255>
    ec_point_formats client_hello: ECPointFormat<1..2^8-1>
    ec_point_formats tls12_server_hello: ECPointFormat<1..2^8-1>
    encrypt_then_mac client_hello: Empty
    encrypt_then_mac tls12_server_hello: Empty
    extended_main_secret client_hello: Empty
    extended_main_secret tls12_server_hello: Empty
    session_ticket client_hello: opaque[...]
    session_ticket tls12_server_hello: Empty
    renegotiation_info client_hello: opaque<0..255>
    renegotiation_info tls12_server_hello: opaque<0..255>
    status_request_v2 client_hello: CertificateStatusRequestItemV2<1..2^16-1>
    status_request_v2 tls12_server_hello: Empty
    client_certificate_url client_hello: Empty
    client_certificate_url tls12_server_hello: Empty
    trusted_ca_keys client_hello: TrustedAuthority<0..2^16-1>
    trusted_ca_keys tls12_server_hello: Empty
    truncated_hmac client_hello: Empty
    truncated_hmac tls12_server_hello: Empty
    token_binding client_hello: TokenBindingParameters
    token_binding tls12_server_hello: TokenBindingParameters
    next_protocol_negotiation client_hello: Empty
    next_protocol_negotiation tls12_server_hello: opaque<1..2^8-1>[...]
    channel_id client_hello: Empty
    channel_id tls12_server_hello: Empty
    channel_id_old client_hello: Empty
    channel_id_old tls12_server_hello: Empty
    cached_info client_hello: CachedObject<1..2^16-1>
    cached_info encrypted_extensions: CachedInformationType<1..2^16-1>
    cached_info tls12_server_hello: CachedInformationType<1..2^16-1>
    tls_cert_with_extern_psk client_hello: Empty
    tls_cert_with_extern_psk server_hello: Empty
    connection_id client_hello: opaque<0..2^8-1>
    connection_id server_hello: opaque<0..2^8-1>
    connection_id tls12_server_hello: opaque<0..2^8-1>
    rrc client_hello: Empty
    rrc server_hello: Empty
    rrc tls12_server_hello: Empty
    tls_flags client_hello: opaque<0..255>
    tls_flags server_hello: opaque<0..255>
    tls_flags hello_retry_request: opaque<0..255>
    tls_flags encrypted_extensions: opaque<0..255>
    tls_flags certificate: opaque<0..255>
    tls_flags certificate_request: opaque<0..255>
    tls_flags new_session_ticket: opaque<0..255>
    application_settings client_hello: opaque<1..2^8-1><2..2^16-1>
    application_settings encrypted_extensions: opaque[...]
    application_settings_old client_hello: opaque<1..2^8-1><2..2^16-1>
    application_settings_old encrypted_extensions: opaque[...]
    trust_anchors client_hello: opaque<1..2^8-1><0..2^16-1>
    trust_anchors encrypted_extensions: opaque<1..2^8-1><0..2^16-1>
    trust_anchors certificate_request: opaque<1..2^8-1><0..2^16-1>
    trust_anchors certificate: Empty
"""
"""What `extension_data` holds in a ServerHello of TLS 1.2, and of the extensions below in every message."""

ROWS = """
    client_certificate_url     2      CH                          RFC 6066
    trusted_ca_keys            3      CH                          RFC 6066
    truncated_hmac             4      CH                          RFC 6066
    ec_point_formats           11     CH                          RFC 8422
    status_request_v2          17     CH                          RFC 6961
    encrypt_then_mac           22     CH                          RFC 7366
    extended_main_secret       23     CH                          RFC 7627
    token_binding              24     CH                          RFC 8472
    session_ticket             35     CH                          RFC 5077
    next_protocol_negotiation  13172  CH                          draft-agl-tls-nextprotoneg
    channel_id_old             30031  CH                          draft-balfanz-tls-channelid
    channel_id                 30032  CH                          draft-balfanz-tls-channelid
    renegotiation_info         65281  CH                          RFC 5746
    cached_info                25     CH, EE                      RFC 7924
    tls_cert_with_extern_psk   33     CH, SH                      RFC 9973
    connection_id              54     CH, SH                      RFC 9146
    rrc                        61     CH, SH                      RFC 9853
    tls_flags                  62     CH, SH, HRR, EE, CT, CR, NST  draft-ietf-tls-tlsflags
    application_settings_old   17513  CH, EE                      draft-vvv-tls-alps
    application_settings       17613  CH, EE                      draft-vvv-tls-alps
    trust_anchors              51764  CH, EE, CR, CT              draft-ietf-tls-trust-anchor-ids
"""
"""In which messages of TLS 1.3 those may stand that RFC 9846 §4.3 does not list: IANA's column, or their own text.

Those of TLS 1.2 alone, from client_certificate_url to renegotiation_info, a client of both versions offers.
"""

IN_SERVER_HELLO_OF_TLS12 = """
    server_name max_fragment_length client_certificate_url trusted_ca_keys truncated_hmac status_request
    ec_point_formats use_srtp heartbeat application_layer_protocol_negotiation status_request_v2
    signed_certificate_timestamp client_certificate_type server_certificate_type encrypt_then_mac extended_main_secret
    token_binding cached_info record_size_limit session_ticket supported_ekt_ciphers transparency_info connection_id
    external_id_hash external_session_id rrc next_protocol_negotiation channel_id channel_id_old renegotiation_info
"""
"""The extensions that a server of TLS 1.2 answers to, by their RFCs."""
