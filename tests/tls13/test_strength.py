"""Security strengths: the figures of NIST SP 800-57 part 1 and SP 800-56B, FIPS 203 and 204."""

from __future__ import annotations

import math

import pytest
from signing_keys import RSASSA_PSS, der, integer, spki_for

from schemas.code_points import CipherSuite, NamedGroup, SignatureScheme
from tls13.crypto.aead import SUITES
from tls13.crypto.groups import GROUPS
from tls13.crypto.signatures import SIGNATURES, PublicKey
from tls13.crypto.strength import RSA, rsa_security_bits


def test_suites_are_as_strong_as_their_key_or_their_short_tag() -> None:
    assert {name: suite.security_bits for name, suite in SUITES.items()} == {
        CipherSuite.TLS_AES_128_GCM_SHA256: 128,
        CipherSuite.TLS_AES_256_GCM_SHA384: 256,
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256: 256,
        CipherSuite.TLS_AES_128_CCM_SHA256: 128,
        CipherSuite.TLS_AES_128_CCM_8_SHA256: 64,
    }


def test_a_hybrid_group_is_as_strong_as_the_stronger_of_its_two() -> None:
    assert {name: group.security_bits for name, group in GROUPS.items()} == {
        NamedGroup.X25519MLKEM768: 192,
        NamedGroup.x25519: 128,
        NamedGroup.secp256r1: 128,
        NamedGroup.secp384r1: 192,
        NamedGroup.secp521r1: 256,
        NamedGroup.x448: 224,
        NamedGroup.SecP256r1MLKEM768: 192,
        NamedGroup.SecP384r1MLKEM1024: 256,
    }


def test_signature_schemes_are_as_strong_as_their_hash_and_their_curve() -> None:
    assert {name: row.security_bits for name, row in SIGNATURES.items()} == {
        SignatureScheme.ecdsa_secp256r1_sha256: 128,
        SignatureScheme.ed25519: 128,
        SignatureScheme.ecdsa_secp384r1_sha384: 192,
        SignatureScheme.ecdsa_secp521r1_sha512: 256,
        SignatureScheme.rsa_pss_rsae_sha256: 128,
        SignatureScheme.rsa_pss_rsae_sha384: 192,
        SignatureScheme.rsa_pss_rsae_sha512: 256,
        SignatureScheme.rsa_pss_pss_sha256: 128,
        SignatureScheme.rsa_pss_pss_sha384: 192,
        SignatureScheme.rsa_pss_pss_sha512: 256,
        SignatureScheme.ed448: 224,
        SignatureScheme.mldsa44: 128,
        SignatureScheme.mldsa65: 192,
        SignatureScheme.mldsa87: 256,
    }


RSA_ENCRYPTION = bytes.fromhex("300d 0609 2a864886f70d010101 0500")


@pytest.mark.parametrize("algorithm", [RSA_ENCRYPTION, RSASSA_PSS], ids=["RSA", "RSASSA-PSS"])
@pytest.mark.parametrize(("bits", "strength"), [(1023, 0), (1024, 80), (2048, 112), (3072, 128), (4096, 152)])
def test_an_rsa_key_is_as_strong_as_its_modulus_is_long(algorithm: bytes, bits: int, strength: int) -> None:
    numbers = der(0x30, integer(2 ** (bits - 1) + 1), integer(65537))
    assert PublicKey.from_spki(der(0x30, algorithm, der(0x03, b"\0", numbers))).security_bits == strength


@pytest.mark.parametrize(
    ("bits", "strength"),
    [(0, 0), (2047, 80), (3071, 112), (4095, 128), (6143, 152), (8191, 192), (8192, 200), (20000, 256)],
)
def test_a_modulus_between_two_sizes_counts_as_the_smaller(bits: int, strength: int) -> None:
    assert rsa_security_bits(bits) == strength


def test_the_table_follows_the_number_field_sieve() -> None:
    """FIPS 140 implementation guidance D.B: the estimate that NIST rounds."""
    for size, strength in RSA.items():
        nats = size * math.log(2)
        estimate = (1.923 * math.cbrt(nats * math.log(nats) ** 2) - 4.69) / math.log(2)
        assert abs(estimate - strength) < 8, size


@pytest.mark.parametrize(
    ("scheme", "strength"),
    [
        (SignatureScheme.ecdsa_secp256r1_sha256, 128),
        (SignatureScheme.ecdsa_secp384r1_sha384, 192),
        (SignatureScheme.ecdsa_secp521r1_sha512, 256),
        (SignatureScheme.ed25519, 128),
        (SignatureScheme.ed448, 224),
        (SignatureScheme.mldsa44, 128),
        (SignatureScheme.mldsa65, 192),
        (SignatureScheme.mldsa87, 256),
    ],
    ids=str,
)
def test_any_other_key_is_as_strong_as_its_curve_or_parameter_set(scheme: SignatureScheme, strength: int) -> None:
    assert PublicKey.from_spki(spki_for(scheme)).security_bits == strength
