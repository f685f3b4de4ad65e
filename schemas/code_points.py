"""The IANA TLS registries, as of September 2026: the numbers of TLS that have names.

A member has IANA's spelling, or its RFC's or its deployers' where IANA has no row; a class where something
had to change says so. Ranges, private use and what is merely reserved are not members: they read as
unknown. `CipherSuite`, the long one, is kept in `schemas.cipher_suites`.
"""

from __future__ import annotations

from schemas.cipher_suites import CipherSuite as CipherSuite
from schemas.vocabulary import CodePoint


class ContentType(CodePoint, width=1):
    """TLS ContentType. RFC 9846 §5.1."""

    change_cipher_spec = 20
    alert = 21
    handshake = 22
    application_data = 23
    heartbeat = 24
    tls12_cid = 25
    ACK = 26
    return_routability_check = 27


class AlertLevel(CodePoint, width=1):
    """The AlertLevel enum, which has no registry. RFC 9846 §6."""

    warning = 1
    fatal = 2


class AlertDescription(CodePoint, width=1):
    """TLS Alerts. RFC 9846 §6.

    `no_renegotiation` is still sent in TLS 1.2 and has its name there, without IANA's `_RESERVED`.
    """

    close_notify = 0
    unexpected_message = 10
    bad_record_mac = 20
    decryption_failed_RESERVED = 21
    record_overflow = 22
    decompression_failure_RESERVED = 30
    handshake_failure = 40
    no_certificate_RESERVED = 41
    bad_certificate = 42
    unsupported_certificate = 43
    certificate_revoked = 44
    certificate_expired = 45
    certificate_unknown = 46
    illegal_parameter = 47
    unknown_ca = 48
    access_denied = 49
    decode_error = 50
    decrypt_error = 51
    too_many_cids_requested = 52
    export_restriction_RESERVED = 60
    protocol_version = 70
    insufficient_security = 71
    internal_error = 80
    inappropriate_fallback = 86
    user_canceled = 90
    no_renegotiation = 100
    missing_extension = 109
    unsupported_extension = 110
    certificate_unobtainable_RESERVED = 111
    unrecognized_name = 112
    bad_certificate_status_response = 113
    bad_certificate_hash_value_RESERVED = 114
    unknown_psk_identity = 115
    certificate_required = 116
    general_error = 117
    no_application_protocol = 120
    ech_required = 121


class HandshakeType(CodePoint, width=1):
    """TLS HandshakeType. RFC 9846 §4.

    What TLS 1.2 and older send has its name there, without IANA's `_RESERVED`. `next_protocol` is from
    draft-agl-tls-nextprotoneg and not registered.
    """

    hello_request = 0
    client_hello = 1
    server_hello = 2
    hello_verify_request = 3
    new_session_ticket = 4
    end_of_early_data = 5
    hello_retry_request_RESERVED = 6
    encrypted_extensions = 8
    request_connection_id = 9
    new_connection_id = 10
    certificate = 11
    server_key_exchange = 12
    certificate_request = 13
    server_hello_done = 14
    certificate_verify = 15
    client_key_exchange = 16
    client_certificate_request = 17
    finished = 20
    certificate_url = 21
    certificate_status = 22
    supplemental_data = 23
    key_update = 24
    compressed_certificate = 25
    ekt_key = 26
    next_protocol = 67
    message_hash = 254


class ProtocolVersion(CodePoint, width=2, grease=True):
    """The versions of SSL, TLS and DTLS, which have no registry. RFC 9846 §B.1, RFC 9147 §5.3."""

    SSL20 = 0x0002
    SSL30 = 0x0300
    TLS10 = 0x0301
    TLS11 = 0x0302
    TLS12 = 0x0303
    TLS13 = 0x0304
    DTLS13 = 0xFEFC
    DTLS12 = 0xFEFD
    DTLS10 = 0xFEFF


class ExtensionType(CodePoint, width=2, grease=True):
    """TLS ExtensionType Values. RFC 9846 §4.3.

    Not registered but met: 13172, 17513, 17613, 30031, 30032, 0xca34, 0xffa5 (the QUIC drafts') and 0xffce.
    """

    server_name = 0
    max_fragment_length = 1
    client_certificate_url = 2
    trusted_ca_keys = 3
    truncated_hmac = 4
    status_request = 5
    user_mapping = 6
    client_authz = 7
    server_authz = 8
    cert_type = 9
    supported_groups = 10
    ec_point_formats = 11
    srp = 12
    signature_algorithms = 13
    use_srtp = 14
    heartbeat = 15
    application_layer_protocol_negotiation = 16
    status_request_v2 = 17
    signed_certificate_timestamp = 18
    client_certificate_type = 19
    server_certificate_type = 20
    padding = 21
    encrypt_then_mac = 22
    extended_main_secret = 23
    token_binding = 24
    cached_info = 25
    tls_lts = 26
    compress_certificate = 27
    record_size_limit = 28
    pwd_protect = 29
    pwd_clear = 30
    password_salt = 31
    ticket_pinning = 32
    tls_cert_with_extern_psk = 33
    delegated_credential = 34
    session_ticket = 35
    TLMSP = 36
    TLMSP_proxying = 37
    TLMSP_delegate = 38
    supported_ekt_ciphers = 39
    pre_shared_key = 41
    early_data = 42
    supported_versions = 43
    cookie = 44
    psk_key_exchange_modes = 45
    certificate_authorities = 47
    oid_filters = 48
    post_handshake_auth = 49
    signature_algorithms_cert = 50
    key_share = 51
    transparency_info = 52
    connection_id_deprecated = 53
    connection_id = 54
    external_id_hash = 55
    external_session_id = 56
    quic_transport_parameters = 57
    ticket_request = 58
    dnssec_chain = 59
    sequence_number_encryption_algorithms = 60
    rrc = 61
    tls_flags = 62
    next_protocol_negotiation = 13172
    application_settings_old = 17513
    application_settings = 17613
    channel_id_old = 30031
    channel_id = 30032
    trust_anchors = 0xCA34
    ech_outer_extensions = 0xFD00
    encrypted_client_hello = 0xFE0D
    renegotiation_info = 0xFF01
    quic_transport_parameters_draft = 0xFFA5
    encrypted_server_name = 0xFFCE


class NamedGroup(CodePoint, width=2, grease=True):
    """TLS Supported Groups. RFC 9846 §4.3.7."""

    sect163k1 = 1
    sect163r1 = 2
    sect163r2 = 3
    sect193r1 = 4
    sect193r2 = 5
    sect233k1 = 6
    sect233r1 = 7
    sect239k1 = 8
    sect283k1 = 9
    sect283r1 = 10
    sect409k1 = 11
    sect409r1 = 12
    sect571k1 = 13
    sect571r1 = 14
    secp160k1 = 15
    secp160r1 = 16
    secp160r2 = 17
    secp192k1 = 18
    secp192r1 = 19
    secp224k1 = 20
    secp224r1 = 21
    secp256k1 = 22
    secp256r1 = 23
    secp384r1 = 24
    secp521r1 = 25
    brainpoolP256r1 = 26
    brainpoolP384r1 = 27
    brainpoolP512r1 = 28
    x25519 = 29
    x448 = 30
    brainpoolP256r1tls13 = 31
    brainpoolP384r1tls13 = 32
    brainpoolP512r1tls13 = 33
    GC256A = 34
    GC256B = 35
    GC256C = 36
    GC256D = 37
    GC512A = 38
    GC512B = 39
    GC512C = 40
    curveSM2 = 41
    ffdhe2048 = 0x0100
    ffdhe3072 = 0x0101
    ffdhe4096 = 0x0102
    ffdhe6144 = 0x0103
    ffdhe8192 = 0x0104
    MLKEM512 = 0x0200
    MLKEM768 = 0x0201
    MLKEM1024 = 0x0202
    SecP256r1MLKEM512 = 0x11E9
    MLKEM512X25519 = 0x11EA
    SecP256r1MLKEM768 = 0x11EB
    X25519MLKEM768 = 0x11EC
    SecP384r1MLKEM1024 = 0x11ED
    curveSM2MLKEM768 = 0x11EE
    X25519Kyber768Draft00 = 0x6399
    SecP256r1Kyber768Draft00 = 0x639A
    arbitrary_explicit_prime_curves = 0xFF01
    arbitrary_explicit_char2_curves = 0xFF02


class SignatureScheme(CodePoint, width=2, grease=True):
    """TLS SignatureScheme. RFC 9846 §4.3.3.

    The DSA pairs of TLS 1.2 have RFC 8446's names; the SHA-224 ones, which OpenSSL still offers, OpenSSL's.
    """

    rsa_pkcs1_sha1 = 0x0201
    dsa_sha1_RESERVED = 0x0202
    ecdsa_sha1 = 0x0203
    rsa_pkcs1_sha224 = 0x0301
    dsa_sha224 = 0x0302
    ecdsa_sha224 = 0x0303
    rsa_pkcs1_sha256 = 0x0401
    dsa_sha256_RESERVED = 0x0402
    ecdsa_secp256r1_sha256 = 0x0403
    rsa_pkcs1_sha256_legacy = 0x0420
    rsa_pkcs1_sha384 = 0x0501
    dsa_sha384_RESERVED = 0x0502
    ecdsa_secp384r1_sha384 = 0x0503
    rsa_pkcs1_sha384_legacy = 0x0520
    rsa_pkcs1_sha512 = 0x0601
    dsa_sha512_RESERVED = 0x0602
    ecdsa_secp521r1_sha512 = 0x0603
    rsa_pkcs1_sha512_legacy = 0x0620
    eccsi_sha256 = 0x0704
    iso_ibs1 = 0x0705
    iso_ibs2 = 0x0706
    iso_chinese_ibs = 0x0707
    sm2sig_sm3 = 0x0708
    gostr34102012_256a = 0x0709
    gostr34102012_256b = 0x070A
    gostr34102012_256c = 0x070B
    gostr34102012_256d = 0x070C
    gostr34102012_512a = 0x070D
    gostr34102012_512b = 0x070E
    gostr34102012_512c = 0x070F
    rsa_pss_rsae_sha256 = 0x0804
    rsa_pss_rsae_sha384 = 0x0805
    rsa_pss_rsae_sha512 = 0x0806
    ed25519 = 0x0807
    ed448 = 0x0808
    rsa_pss_pss_sha256 = 0x0809
    rsa_pss_pss_sha384 = 0x080A
    rsa_pss_pss_sha512 = 0x080B
    ecdsa_brainpoolP256r1tls13_sha256 = 0x081A
    ecdsa_brainpoolP384r1tls13_sha384 = 0x081B
    ecdsa_brainpoolP512r1tls13_sha512 = 0x081C
    mldsa44 = 0x0904
    mldsa65 = 0x0905
    mldsa87 = 0x0906
    slhdsa_sha2_128s = 0x0911
    slhdsa_sha2_128f = 0x0912
    slhdsa_sha2_192s = 0x0913
    slhdsa_sha2_192f = 0x0914
    slhdsa_sha2_256s = 0x0915
    slhdsa_sha2_256f = 0x0916
    slhdsa_shake_128s = 0x0917
    slhdsa_shake_128f = 0x0918
    slhdsa_shake_192s = 0x0919
    slhdsa_shake_192f = 0x091A
    slhdsa_shake_256s = 0x091B
    slhdsa_shake_256f = 0x091C


class PskKeyExchangeMode(CodePoint, width=1, grease=True):
    """TLS PskKeyExchangeMode. RFC 9846 §4.3.9."""

    psk_ke = 0
    psk_dhe_ke = 1


class CertificateType(CodePoint, width=1):
    """TLS Certificate Types. RFC 7250, RFC 9846 §4.5.1. IANA's rows 2 and 3: `Raw Public Key`, `1609Dot2`."""

    X509 = 0
    OpenPGP_RESERVED = 1
    RawPublicKey = 2
    IEEE1609Dot2 = 3


class CertificateStatusType(CodePoint, width=1):
    """TLS Certificate Status Types. RFC 6066 §8, RFC 6961."""

    ocsp = 1
    ocsp_multi_RESERVED = 2


class NameType(CodePoint, width=1):
    """The NameType enum of server_name, which has no registry. RFC 6066 §3."""

    host_name = 0


class CompressionMethod(CodePoint, width=1):
    """TLS Compression Method Identifiers. RFC 3749 §2, RFC 3943 §2."""

    null = 0
    DEFLATE = 1
    LZS = 64


class CertificateCompressionAlgorithm(CodePoint, width=2):
    """TLS Certificate Compression Algorithm IDs. RFC 8879 §7.3."""

    zlib = 1
    brotli = 2
    zstd = 3


class KeyUpdateRequest(CodePoint, width=1):
    """The KeyUpdateRequest enum, which has no registry. RFC 9846 §4.7.3."""

    update_not_requested = 0
    update_requested = 1


class MaxFragmentLength(CodePoint, width=1):
    """The MaxFragmentLength enum, which has no registry. RFC 6066 §4, where 2^9 is what is `bytes_512` here."""

    bytes_512 = 1
    bytes_1024 = 2
    bytes_2048 = 3
    bytes_4096 = 4


class HeartbeatMode(CodePoint, width=1):
    """TLS Heartbeat Modes. RFC 6520 §2."""

    peer_allowed_to_send = 1
    peer_not_allowed_to_send = 2


class ECPointFormat(CodePoint, width=1):
    """TLS EC Point Formats. RFC 8422 §5.1.2."""

    uncompressed = 0
    ansiX962_compressed_prime = 1
    ansiX962_compressed_char2 = 2


class ECCurveType(CodePoint, width=1):
    """TLS EC Curve Types. RFC 8422 §5.4."""

    explicit_prime = 1
    explicit_char2 = 2
    named_curve = 3


class ClientCertificateType(CodePoint, width=1):
    """TLS ClientCertificateType Identifiers, TLS 1.2 and older. RFC 5246 §7.4.4."""

    rsa_sign = 1
    dss_sign = 2
    rsa_fixed_dh = 3
    dss_fixed_dh = 4
    rsa_ephemeral_dh_RESERVED = 5
    dss_ephemeral_dh_RESERVED = 6
    fortezza_dms_RESERVED = 20
    ecdsa_sign = 64
    rsa_fixed_ecdh = 65
    ecdsa_fixed_ecdh = 66
    gost_sign256 = 67
    gost_sign512 = 68


class HashAlgorithm(CodePoint, width=1):
    """TLS HashAlgorithm, TLS 1.2 only. RFC 5246 §7.4.1.4.1."""

    none = 0
    md5 = 1
    sha1 = 2
    sha224 = 3
    sha256 = 4
    sha384 = 5
    sha512 = 6
    Intrinsic = 8


class SignatureAlgorithm(CodePoint, width=1):
    """TLS SignatureAlgorithm, TLS 1.2 only. RFC 5246 §7.4.1.4.1."""

    anonymous = 0
    rsa = 1
    dsa = 2
    ecdsa = 3
    ed25519 = 7
    ed448 = 8
    gostr34102012_256 = 64
    gostr34102012_512 = 65


class UserMappingType(CodePoint, width=1):
    """TLS UserMappingType Values. RFC 4681 §6."""

    upn_domain_hint = 64


class SrtpProtectionProfile(CodePoint, width=2):
    """DTLS-SRTP Protection Profiles. RFC 5764 §4.1.2."""

    SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001
    SRTP_AES128_CM_HMAC_SHA1_32 = 0x0002
    SRTP_NULL_HMAC_SHA1_80 = 0x0005
    SRTP_NULL_HMAC_SHA1_32 = 0x0006
    SRTP_AEAD_AES_128_GCM = 0x0007
    SRTP_AEAD_AES_256_GCM = 0x0008
    DOUBLE_AEAD_AES_128_GCM_AEAD_AES_128_GCM = 0x0009
    DOUBLE_AEAD_AES_256_GCM_AEAD_AES_256_GCM = 0x000A
    SRTP_ARIA_128_CTR_HMAC_SHA1_80 = 0x000B
    SRTP_ARIA_128_CTR_HMAC_SHA1_32 = 0x000C
    SRTP_ARIA_256_CTR_HMAC_SHA1_80 = 0x000D
    SRTP_ARIA_256_CTR_HMAC_SHA1_32 = 0x000E
    SRTP_AEAD_ARIA_128_GCM = 0x000F
    SRTP_AEAD_ARIA_256_GCM = 0x0010


class TlsKdfIdentifier(CodePoint, width=2):
    """TLS KDF Identifiers, of imported PSKs. RFC 9258 §10."""

    HKDF_SHA256 = 0x0001
    HKDF_SHA384 = 0x0002


class HpkeKem(CodePoint, width=2):
    """HPKE KEM Identifiers. RFC 9180 §7.1. A `_` stands for what of IANA's spelling Python does not allow."""

    DHKEM_P_256_HKDF_SHA256 = 0x0010
    DHKEM_P_384_HKDF_SHA384 = 0x0011
    DHKEM_P_521_HKDF_SHA512 = 0x0012
    DHKEM_CP_256_HKDF_SHA256 = 0x0013
    DHKEM_CP_384_HKDF_SHA384 = 0x0014
    DHKEM_CP_521_HKDF_SHA512 = 0x0015
    DHKEM_secp256k1_HKDF_SHA256 = 0x0016
    DHKEM_X25519_HKDF_SHA256 = 0x0020
    DHKEM_X448_HKDF_SHA512 = 0x0021
    DHKEM_X25519_Elligator_HKDF_SHA256 = 0x0022
    X25519Kyber768Draft00 = 0x0030
    ML_KEM_512 = 0x0040
    ML_KEM_768 = 0x0041
    ML_KEM_1024 = 0x0042
    MLKEM768_P256 = 0x0050
    MLKEM1024_P384 = 0x0051
    X_Wing = 0x647A


class HpkeKdf(CodePoint, width=2):
    """HPKE KDF Identifiers. RFC 9180 §7.2. `_` for IANA's `-`."""

    HKDF_SHA256 = 0x0001
    HKDF_SHA384 = 0x0002
    HKDF_SHA512 = 0x0003
    SHAKE128 = 0x0010
    SHAKE256 = 0x0011
    TurboSHAKE128 = 0x0012
    TurboSHAKE256 = 0x0013


class HpkeAead(CodePoint, width=2):
    """HPKE AEAD Identifiers. RFC 9180 §7.3. `_` for IANA's `-`."""

    AES_128_GCM = 0x0001
    AES_256_GCM = 0x0002
    ChaCha20Poly1305 = 0x0003
    Export_only = 0xFFFF
