"""The registries, held against figures from the RFCs that made the rows and from IANA, not from the code."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from schemas import cipher_suites, code_points
from schemas.code_points import (
    AlertDescription,
    AlertLevel,
    CertificateCompressionAlgorithm,
    CertificateStatusType,
    CertificateType,
    CipherSuite,
    ClientCertificateType,
    CompressionMethod,
    ContentType,
    ECCurveType,
    ECPointFormat,
    ExtensionType,
    HandshakeType,
    HashAlgorithm,
    HeartbeatMode,
    HpkeAead,
    HpkeKdf,
    HpkeKem,
    KeyUpdateRequest,
    MaxFragmentLength,
    NamedGroup,
    NameType,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureAlgorithm,
    SignatureScheme,
    SrtpProtectionProfile,
    TlsKdfIdentifier,
    UserMappingType,
)
from schemas.vocabulary import CodePoint, build, parse

REGISTRIES: list[type[CodePoint]] = [
    each
    for each in vars(code_points).values()
    if isinstance(each, type) and issubclass(each, CodePoint) and each is not CodePoint
]
GREASE_REGISTRIES = [each for each in REGISTRIES if each.grease and each.width == 2]

# RFC 8701 §2, both lists as printed there.
GREASE_TWO_BYTES = [
    *(0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A, 0x4A4A, 0x5A5A, 0x6A6A, 0x7A7A),
    *(0x8A8A, 0x9A9A, 0xAAAA, 0xBABA, 0xCACA, 0xDADA, 0xEAEA, 0xFAFA),
]
GREASE_PSK_MODES = [0x0B, 0x2A, 0x49, 0x68, 0x87, 0xA6, 0xC5, 0xE4]

# The bytes on the wire and the name for them. Whole registries where they are short, else some of every RFC.
FIGURES: dict[type[CodePoint], str] = {
    ContentType: """
        14 change_cipher_spec, 15 alert, 16 handshake, 17 application_data, 18 heartbeat, 19 tls12_cid, 1a ACK,
        1b return_routability_check""",
    AlertLevel: "01 warning, 02 fatal",
    AlertDescription: """
        00 close_notify, 0a unexpected_message, 14 bad_record_mac, 15 decryption_failed_RESERVED,
        16 record_overflow, 1e decompression_failure_RESERVED, 28 handshake_failure,
        29 no_certificate_RESERVED, 2a bad_certificate, 2b unsupported_certificate, 2c certificate_revoked,
        2d certificate_expired, 2e certificate_unknown, 2f illegal_parameter, 30 unknown_ca, 31 access_denied,
        32 decode_error, 33 decrypt_error, 34 too_many_cids_requested, 3c export_restriction_RESERVED,
        46 protocol_version, 47 insufficient_security, 50 internal_error, 56 inappropriate_fallback,
        5a user_canceled, 64 no_renegotiation, 6d missing_extension, 6e unsupported_extension,
        6f certificate_unobtainable_RESERVED, 70 unrecognized_name, 71 bad_certificate_status_response,
        72 bad_certificate_hash_value_RESERVED, 73 unknown_psk_identity, 74 certificate_required,
        75 general_error, 78 no_application_protocol, 79 ech_required""",
    HandshakeType: """
        00 hello_request, 01 client_hello, 02 server_hello, 03 hello_verify_request, 04 new_session_ticket,
        05 end_of_early_data, 06 hello_retry_request_RESERVED, 08 encrypted_extensions,
        09 request_connection_id, 0a new_connection_id, 0b certificate, 0c server_key_exchange,
        0d certificate_request, 0e server_hello_done, 0f certificate_verify, 10 client_key_exchange,
        11 client_certificate_request, 14 finished, 15 certificate_url, 16 certificate_status,
        17 supplemental_data, 18 key_update, 19 compressed_certificate, 1a ekt_key, 43 next_protocol,
        fe message_hash""",
    ProtocolVersion: """
        0002 SSL20, 0300 SSL30, 0301 TLS10, 0302 TLS11, 0303 TLS12, 0304 TLS13, feff DTLS10, fefd DTLS12,
        fefc DTLS13""",
    ExtensionType: """
        0000 server_name, 0001 max_fragment_length, 0005 status_request, 000a supported_groups,
        000b ec_point_formats, 000d signature_algorithms, 000e use_srtp, 000f heartbeat,
        0010 application_layer_protocol_negotiation, 0012 signed_certificate_timestamp,
        0013 client_certificate_type, 0014 server_certificate_type, 0015 padding, 0016 encrypt_then_mac,
        0017 extended_main_secret, 0019 cached_info, 001b compress_certificate, 001c record_size_limit,
        0021 tls_cert_with_extern_psk, 0022 delegated_credential, 0023 session_ticket, 0024 TLMSP,
        0027 supported_ekt_ciphers, 0029 pre_shared_key, 002a early_data, 002b supported_versions,
        002c cookie, 002d psk_key_exchange_modes, 002f certificate_authorities, 0030 oid_filters,
        0031 post_handshake_auth, 0032 signature_algorithms_cert, 0033 key_share, 0034 transparency_info,
        0036 connection_id, 0037 external_id_hash, 0038 external_session_id, 0039 quic_transport_parameters,
        003a ticket_request, 003b dnssec_chain, 003d rrc, 003e tls_flags, 3374 next_protocol_negotiation,
        4469 application_settings_old, 44cd application_settings, 754f channel_id_old, 7550 channel_id,
        ca34 trust_anchors, fd00 ech_outer_extensions, fe0d encrypted_client_hello, ff01 renegotiation_info,
        ffa5 quic_transport_parameters_draft, ffce encrypted_server_name""",
    NamedGroup: """
        0001 sect163k1, 000e sect571r1, 000f secp160k1, 0013 secp192r1, 0015 secp224r1, 0016 secp256k1,
        0017 secp256r1, 0018 secp384r1, 0019 secp521r1, 001a brainpoolP256r1, 001c brainpoolP512r1,
        001d x25519, 001e x448, 001f brainpoolP256r1tls13, 0021 brainpoolP512r1tls13, 0022 GC256A,
        0026 GC512A, 0028 GC512C, 0029 curveSM2, 0100 ffdhe2048, 0101 ffdhe3072, 0102 ffdhe4096,
        0103 ffdhe6144, 0104 ffdhe8192, 0200 MLKEM512, 0201 MLKEM768, 0202 MLKEM1024,
        11eb SecP256r1MLKEM768, 11ec X25519MLKEM768, 11ed SecP384r1MLKEM1024, 11ee curveSM2MLKEM768,
        6399 X25519Kyber768Draft00, 639a SecP256r1Kyber768Draft00, ff01 arbitrary_explicit_prime_curves,
        ff02 arbitrary_explicit_char2_curves""",
    SignatureScheme: """
        0201 rsa_pkcs1_sha1, 0202 dsa_sha1_RESERVED, 0203 ecdsa_sha1, 0301 rsa_pkcs1_sha224,
        0401 rsa_pkcs1_sha256, 0402 dsa_sha256_RESERVED, 0403 ecdsa_secp256r1_sha256,
        0420 rsa_pkcs1_sha256_legacy, 0501 rsa_pkcs1_sha384, 0503 ecdsa_secp384r1_sha384,
        0520 rsa_pkcs1_sha384_legacy, 0601 rsa_pkcs1_sha512, 0602 dsa_sha512_RESERVED,
        0603 ecdsa_secp521r1_sha512, 0620 rsa_pkcs1_sha512_legacy, 0704 eccsi_sha256,
        0707 iso_chinese_ibs, 0708 sm2sig_sm3, 0709 gostr34102012_256a, 070f gostr34102012_512c,
        0804 rsa_pss_rsae_sha256, 0805 rsa_pss_rsae_sha384, 0806 rsa_pss_rsae_sha512, 0807 ed25519,
        0808 ed448, 0809 rsa_pss_pss_sha256, 080a rsa_pss_pss_sha384, 080b rsa_pss_pss_sha512,
        081a ecdsa_brainpoolP256r1tls13_sha256, 081c ecdsa_brainpoolP512r1tls13_sha512, 0904 mldsa44,
        0905 mldsa65, 0906 mldsa87, 0911 slhdsa_sha2_128s, 0916 slhdsa_sha2_256f, 0917 slhdsa_shake_128s,
        091c slhdsa_shake_256f""",
    CipherSuite: """
        0000 TLS_NULL_WITH_NULL_NULL, 0005 TLS_RSA_WITH_RC4_128_SHA, 000a TLS_RSA_WITH_3DES_EDE_CBC_SHA,
        001b TLS_DH_anon_WITH_3DES_EDE_CBC_SHA, 001e TLS_KRB5_WITH_DES_CBC_SHA,
        0026 TLS_KRB5_EXPORT_WITH_DES_CBC_40_SHA, 002c TLS_PSK_WITH_NULL_SHA,
        002f TLS_RSA_WITH_AES_128_CBC_SHA, 0035 TLS_RSA_WITH_AES_256_CBC_SHA,
        003c TLS_RSA_WITH_AES_128_CBC_SHA256, 0041 TLS_RSA_WITH_CAMELLIA_128_CBC_SHA,
        006b TLS_DHE_RSA_WITH_AES_256_CBC_SHA256, 006e TLS_ASCONAEAD128_ASCONHASH256,
        0071 TLS_AES_128_CCM_ASCONHASH256, 0088 TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA,
        008a TLS_PSK_WITH_RC4_128_SHA, 0096 TLS_RSA_WITH_SEED_CBC_SHA,
        009c TLS_RSA_WITH_AES_128_GCM_SHA256, 009f TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
        00a8 TLS_PSK_WITH_AES_128_GCM_SHA256, 00c5 TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA256,
        00c6 TLS_SM4_GCM_SM3, 00ff TLS_EMPTY_RENEGOTIATION_INFO_SCSV, 1301 TLS_AES_128_GCM_SHA256,
        1302 TLS_AES_256_GCM_SHA384, 1303 TLS_CHACHA20_POLY1305_SHA256, 1304 TLS_AES_128_CCM_SHA256,
        1305 TLS_AES_128_CCM_8_SHA256, 1306 TLS_AEGIS_256_SHA512, 1307 TLS_AEGIS_128L_SHA256,
        5600 TLS_FALLBACK_SCSV, c001 TLS_ECDH_ECDSA_WITH_NULL_SHA, c013 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        c019 TLS_ECDH_anon_WITH_AES_256_CBC_SHA, c022 TLS_SRP_SHA_DSS_WITH_AES_256_CBC_SHA,
        c02b TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, c030 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        c03b TLS_ECDHE_PSK_WITH_NULL_SHA384, c03c TLS_RSA_WITH_ARIA_128_CBC_SHA256,
        c071 TLS_ECDHE_PSK_WITH_ARIA_256_CBC_SHA384, c072 TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_CBC_SHA256,
        c09b TLS_ECDHE_PSK_WITH_CAMELLIA_256_CBC_SHA384, c09c TLS_RSA_WITH_AES_128_CCM,
        c0aa TLS_PSK_DHE_WITH_AES_128_CCM_8, c0af TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8,
        c0b0 TLS_ECCPWD_WITH_AES_128_GCM_SHA256, c0b4 TLS_SHA256_SHA256, c0b5 TLS_SHA384_SHA384,
        c100 TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC, c106 TLS_GOSTR341112_256_WITH_MAGMA_MGM_S,
        cca8 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, ccae TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256,
        d001 TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, d005 TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256""",
    PskKeyExchangeMode: "00 psk_ke, 01 psk_dhe_ke",
    CertificateType: "00 X509, 01 OpenPGP_RESERVED, 02 RawPublicKey, 03 IEEE1609Dot2",
    CertificateStatusType: "01 ocsp, 02 ocsp_multi_RESERVED",
    NameType: "00 host_name",
    CompressionMethod: "00 null, 01 DEFLATE, 40 LZS",
    CertificateCompressionAlgorithm: "0001 zlib, 0002 brotli, 0003 zstd",
    KeyUpdateRequest: "00 update_not_requested, 01 update_requested",
    MaxFragmentLength: "01 bytes_512, 02 bytes_1024, 03 bytes_2048, 04 bytes_4096",
    HeartbeatMode: "01 peer_allowed_to_send, 02 peer_not_allowed_to_send",
    ECPointFormat: "00 uncompressed, 01 ansiX962_compressed_prime, 02 ansiX962_compressed_char2",
    ECCurveType: "01 explicit_prime, 02 explicit_char2, 03 named_curve",
    ClientCertificateType: """
        01 rsa_sign, 02 dss_sign, 03 rsa_fixed_dh, 04 dss_fixed_dh, 05 rsa_ephemeral_dh_RESERVED,
        06 dss_ephemeral_dh_RESERVED, 14 fortezza_dms_RESERVED, 40 ecdsa_sign, 41 rsa_fixed_ecdh,
        42 ecdsa_fixed_ecdh, 43 gost_sign256, 44 gost_sign512""",
    HashAlgorithm: "00 none, 01 md5, 02 sha1, 03 sha224, 04 sha256, 05 sha384, 06 sha512, 08 Intrinsic",
    SignatureAlgorithm: """
        00 anonymous, 01 rsa, 02 dsa, 03 ecdsa, 07 ed25519, 08 ed448, 40 gostr34102012_256,
        41 gostr34102012_512""",
    UserMappingType: "40 upn_domain_hint",
    SrtpProtectionProfile: """
        0001 SRTP_AES128_CM_HMAC_SHA1_80, 0002 SRTP_AES128_CM_HMAC_SHA1_32, 0005 SRTP_NULL_HMAC_SHA1_80,
        0006 SRTP_NULL_HMAC_SHA1_32, 0007 SRTP_AEAD_AES_128_GCM, 0008 SRTP_AEAD_AES_256_GCM,
        0009 DOUBLE_AEAD_AES_128_GCM_AEAD_AES_128_GCM, 000b SRTP_ARIA_128_CTR_HMAC_SHA1_80,
        0010 SRTP_AEAD_ARIA_256_GCM""",
    TlsKdfIdentifier: "0001 HKDF_SHA256, 0002 HKDF_SHA384",
    HpkeKem: """
        0010 DHKEM_P_256_HKDF_SHA256, 0011 DHKEM_P_384_HKDF_SHA384, 0012 DHKEM_P_521_HKDF_SHA512,
        0016 DHKEM_secp256k1_HKDF_SHA256, 0020 DHKEM_X25519_HKDF_SHA256, 0021 DHKEM_X448_HKDF_SHA512,
        0030 X25519Kyber768Draft00, 0040 ML_KEM_512, 0041 ML_KEM_768, 0042 ML_KEM_1024, 0050 MLKEM768_P256,
        0051 MLKEM1024_P384, 647a X_Wing""",
    HpkeKdf: """
        0001 HKDF_SHA256, 0002 HKDF_SHA384, 0003 HKDF_SHA512, 0010 SHAKE128, 0011 SHAKE256,
        0012 TurboSHAKE128, 0013 TurboSHAKE256""",
    HpkeAead: "0001 AES_128_GCM, 0002 AES_256_GCM, 0003 ChaCha20Poly1305, ffff Export_only",
}
ROWS = [
    pytest.param(registry, *row.split(), id=f"{registry.__name__}-{row.split()[0]}")
    for registry, rows in FIGURES.items()
    for row in rows.split(",")
]

# How many rows IANA counts (September 2026), then what is here besides: 8 extensions, 4 DSA and 3 SHA-224 pairs.
SIZES = {
    AlertDescription: 37,
    HandshakeType: 25 + 1,
    ExtensionType: 64 + 8,
    NamedGroup: 59,
    SignatureScheme: 49 + 4 + 3,
    CipherSuite: 356,
    SrtpProtectionProfile: 14,
    HpkeKem: 17,
}

# Suites per family: which word tells it, how many the RFCs define.
FAMILIES = {
    "KRB5": 14,  # RFC 2712
    "SEED": 6,  # RFC 4162
    "SRP": 9,  # RFC 5054
    "CAMELLIA": 24 + 42,  # RFC 5932, RFC 6367
    "ARIA": 54,  # RFC 6209
    "anon": 9 + 2 + 5 + 1 + 4 + 4 + 2,  # RFC 5246, 5288, 8422, 4162 (SEED), 5932, 6209 (ARIA), 6367
    "CHACHA20": 7 + 1,  # RFC 7905, RFC 9846
    "ECCPWD": 4,  # RFC 8492
    "GOSTR341112": 3 + 4,  # RFC 9189, RFC 9367
    "SM3": 2,  # RFC 8998
    "SCSV": 2,  # RFC 5746, RFC 7507
}


def test_every_registry_is_held_against_figures() -> None:
    assert set(FIGURES) == set(REGISTRIES)


@pytest.mark.parametrize(("registry", "wire", "name"), ROWS)
def test_the_bytes_on_the_wire_have_their_name(registry: type[CodePoint], wire: str, name: str) -> None:
    member = parse(registry, bytes.fromhex(wire))

    assert str(member) == name
    assert member is getattr(registry, name)
    assert member.is_registered
    assert build(registry, member) == bytes.fromhex(wire)


@pytest.mark.parametrize(("registry", "size"), SIZES.items())
def test_no_row_is_missing_and_none_is_made_up(registry: type[CodePoint], size: int) -> None:
    assert len(registry) == size


@pytest.mark.parametrize("registry", [each for each in REGISTRIES if each not in SIZES], ids=lambda each: each.__name__)
def test_a_short_registry_holds_what_the_figures_hold(registry: type[CodePoint]) -> None:
    assert {each.name for each in registry} == {row.split()[1] for row in FIGURES[registry].split(",")}


@pytest.mark.parametrize(("word", "count"), FAMILIES.items())
def test_cipher_suite_families_are_whole(word: str, count: int) -> None:
    assert sum(word in each.name.split("_") for each in CipherSuite) == count


def test_openssl_gives_its_cipher_suites_the_same_names() -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl (Debian: apt-get install openssl)")
    listing = subprocess.run(
        [openssl, "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    rows = re.findall(r"0x(..),0x(..) - (TLS_\w+) ", listing)

    assert len(rows) > 20
    assert [(str(CipherSuite(int(high + low, 16))), name) for high, low, name in rows] == [
        (name, name) for _, _, name in rows
    ]


def test_cipher_suite_is_one_class_wherever_it_is_imported_from() -> None:
    assert code_points.CipherSuite is cipher_suites.CipherSuite


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.__name__)
def test_a_number_has_one_name_and_fits_its_width(registry: type[CodePoint]) -> None:
    # An IntEnum takes a second name for a number as an alias, without a word.
    assert [each.name for each in registry.__members__.values()] == list(registry.__members__)
    assert all(0 <= each.value < 256**registry.width for each in registry)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.__name__)
def test_rows_stand_in_the_order_of_their_numbers(registry: type[CodePoint]) -> None:
    values = [each.value for each in registry]
    assert values == sorted(values)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.__name__)
def test_a_registry_says_which_rfc_it_is_from(registry: type[CodePoint]) -> None:
    assert re.search(r"RFC \d{4}", registry.__doc__ or "")


def test_grease_is_known_where_rfc_8701_reserves_it() -> None:
    assert {each.__name__ for each in REGISTRIES if each.grease} == {
        "CipherSuite",
        "ExtensionType",
        "NamedGroup",
        "SignatureScheme",
        "ProtocolVersion",
        "PskKeyExchangeMode",
    }


@pytest.mark.parametrize("registry", GREASE_REGISTRIES, ids=lambda each: each.__name__)
def test_the_sixteen_grease_numbers_of_two_bytes_are_told_from_all_others(registry: type[CodePoint]) -> None:
    found = [each for each in map(registry, range(0, 0x10000, 0x0101)) if each.is_grease]

    assert found == GREASE_TWO_BYTES
    assert str(found[1]) == "GREASE 0x1a1a"
    assert not any(each.is_registered for each in found)
    assert not any(each.is_grease for each in registry)
    assert not registry(0x0A1A).is_grease
    assert not registry(0x0B0B).is_grease


def test_the_eight_grease_psk_modes_are_told_from_all_others() -> None:
    found = [each for each in map(PskKeyExchangeMode, range(256)) if each.is_grease]

    assert found == GREASE_PSK_MODES
    assert str(found[0]) == "GREASE 0x0b"


def test_grease_means_nothing_in_the_other_registries() -> None:
    assert str(ContentType(0x0B)) == "unknown 0x0b"
    assert str(SrtpProtectionProfile(0x0A0A)) == "unknown 0x0a0a"


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.__name__)
def test_an_unknown_number_survives(registry: type[CodePoint]) -> None:
    # 0xEF and 0xFEEF: private use, or nothing, in each of the registries; no GREASE.
    wire = b"\xef" if registry.width == 1 else b"\xfe\xef"
    size = len(registry)
    member = parse(registry, wire)

    assert build(registry, member) == wire
    assert member == registry(int.from_bytes(wire, "big"))
    assert not member.is_registered
    assert not member.is_grease
    assert str(member) == f"unknown 0x{wire.hex()}"
    assert len(registry) == size


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda each: each.__name__)
def test_a_number_that_does_not_fit_is_no_member(registry: type[CodePoint]) -> None:
    for number in (-1, 256**registry.width):
        with pytest.raises(ValueError, match=str(number)):
            registry(number)


@pytest.mark.parametrize(
    ("member", "name", "representation"),
    [
        (NamedGroup.x25519, "x25519", "NamedGroup(x25519)"),
        (CipherSuite(0x1A2B), "unknown 0x1a2b", "CipherSuite(unknown 0x1a2b)"),
        (PskKeyExchangeMode(0x2A), "GREASE 0x2a", "PskKeyExchangeMode(GREASE 0x2a)"),
    ],
)
def test_a_member_prints_as_its_name(member: CodePoint, name: str, representation: str) -> None:
    assert str(member) == f"{member}" == name
    assert repr(member) == f"{member!r}" == representation
    assert f"{member:>40}" == " " * (40 - len(name)) + name
