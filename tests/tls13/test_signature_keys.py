"""The keys behind signatures, as certificates and files hold them: sound ones load, all others are refused by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from Crypto.PublicKey import MLDSA
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from signing_keys import (
    CONTENT,
    DEDICATED_PSS,
    ECDSA,
    ML_DSA,
    PSS,
    RSASSA_PSS,
    der,
    ecdsa_key,
    integer,
    p256_key,
    pkcs8,
    pkcs8_for,
    rsa_key,
    spki,
    spki_for,
)

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import SIGNATURES, LocalSigner, PublicKey
from tls13.errors import BadCertificate, BadSignature, ConfigurationError, UnsupportedCertificate

RSAE = tuple(PSS)
DEDICATED = tuple(DEDICATED_PSS)


@pytest.mark.parametrize("scheme", SIGNATURES, ids=str)
def test_each_type_of_key_knows_its_schemes(scheme: SignatureScheme) -> None:
    expected = next((schemes for schemes in (RSAE, DEDICATED) if scheme in schemes), (scheme,))
    assert PublicKey.from_spki(spki_for(scheme)).schemes == expected
    assert LocalSigner.from_der(pkcs8_for(scheme)).schemes == expected


def test_public_keys_are_equal_when_their_bytes_are() -> None:
    assert PublicKey.from_spki(spki(p256_key())) == PublicKey.from_spki(spki(p256_key()))
    assert PublicKey.from_spki(spki(p256_key())) != PublicKey.from_spki(spki_for(SignatureScheme.ed25519))
    assert PublicKey.from_spki(spki_for(RSAE[0])) != PublicKey.from_spki(spki_for(DEDICATED[0]))
    assert len({PublicKey.from_spki(spki(p256_key())) for _ in range(2)}) == 1


def rsa_spki(modulus: int, exponent: int, *more: bytes) -> bytes:
    algorithm = bytes.fromhex("300d 0609 2a864886f70d010101 0500")
    return der(0x30, algorithm, der(0x03, b"\0", der(0x30, integer(modulus), integer(exponent), *more)))


# RFC 8017 §9.1.1: emLen >= hLen + sLen + 2, where emLen = ceil((modulus bits - 1) / 8)
@pytest.mark.parametrize(
    ("bits", "schemes"),
    [(522, 1), (777, 1), (778, 2), (1033, 2), (1034, 3), (8191, 3), (8192, 3)],
)
def test_an_rsa_key_has_the_schemes_that_its_modulus_has_room_for(bits: int, schemes: int) -> None:
    public_key = PublicKey.from_spki(rsa_spki(2 ** (bits - 1) + 1, 65537))
    assert public_key.schemes == RSAE[:schemes]
    for scheme in public_key.schemes:
        with pytest.raises(BadSignature):
            public_key.verify(scheme, bytes((bits + 7) // 8), CONTENT)


@pytest.mark.parametrize(("bits", "schemes"), [(522, 1), (777, 1), (778, 2), (1033, 2), (1034, 3)])
def test_a_key_for_rsassa_pss_too(bits: int, schemes: int) -> None:
    numbers = der(0x30, integer(2 ** (bits - 1) + 1), integer(65537))
    assert PublicKey.from_spki(der(0x30, RSASSA_PSS, der(0x03, b"\0", numbers))).schemes == DEDICATED[:schemes]


def test_an_exponent_of_64_bits_is_the_largest() -> None:
    modulus = rsa_key().public_key().public_numbers().n
    assert PublicKey.from_spki(rsa_spki(modulus, 3)).schemes == RSAE
    assert PublicKey.from_spki(rsa_spki(modulus, 2**64 - 59)).schemes == RSAE
    for exponent in (2**64 + 1, 2**2046 + 1):
        with pytest.raises(UnsupportedCertificate, match="too small or too large"):
            PublicKey.from_spki(rsa_spki(modulus, exponent))


@pytest.mark.parametrize("bits", [64, 512, 521, 8193, 10000, 16384])
def test_an_rsa_modulus_out_of_bounds_is_unsupported(bits: int) -> None:
    with pytest.raises(UnsupportedCertificate, match="too small or too large"):
        PublicKey.from_spki(rsa_spki(2 ** (bits - 1) + 1, 65537))


def bad_rsa_keys() -> dict[str, bytes]:
    modulus = 2**2047 + 5
    return {
        "even modulus": rsa_spki(2**2047 + 2, 65537),
        "modulus zero": rsa_spki(0, 65537),
        "modulus one": rsa_spki(1, 65537),
        "negative modulus": rsa_spki(-modulus, 65537),
        "exponent zero": rsa_spki(modulus, 0),
        "exponent one": rsa_spki(modulus, 1),
        "exponent even": rsa_spki(modulus, 65536),
        "exponent negative": rsa_spki(modulus, -3),
        "exponent is the modulus": rsa_spki(1023, 1023),
        "exponent over the modulus": rsa_spki(1023, 65537),
        "a needless zero": rsa_spki(modulus, 65537).replace(b"\x02\x03\x01\x00\x01", b"\x02\x03\x00\x00\x03"),
        "a third number": rsa_spki(modulus, 65537, integer(1)),
        "trailing bytes": rsa_spki(modulus, 65537) + b"\0",
    }


@pytest.mark.parametrize("spki_der", bad_rsa_keys().values(), ids=bad_rsa_keys())
def test_an_rsa_key_that_cannot_be_is_refused(spki_der: bytes) -> None:
    with pytest.raises(BadCertificate):
        PublicKey.from_spki(spki_der)


CURVES = {
    SignatureScheme.ecdsa_secp256r1_sha256: ("0608 2a8648ce3d030107", "P-256", 32),
    SignatureScheme.ecdsa_secp384r1_sha384: ("0605 2b81040022", "P-384", 48),
    SignatureScheme.ecdsa_secp521r1_sha512: ("0605 2b81040023", "P-521", 66),
}


def ec_spki(point: bytes, curve: str) -> bytes:
    algorithm = der(0x30, bytes.fromhex("0607 2a8648ce3d0201"), bytes.fromhex(curve))
    return der(0x30, algorithm, der(0x03, b"\0", point))


@pytest.mark.parametrize("scheme", ECDSA, ids=str)
def test_a_compressed_point_is_the_same_key(scheme: SignatureScheme) -> None:
    key = ecdsa_key(scheme)
    compressed = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    signature = key.sign(CONTENT, ec.ECDSA(ECDSA[scheme][1]))
    PublicKey.from_spki(ec_spki(compressed, CURVES[scheme][0])).verify(scheme, signature, CONTENT)


def bad_ec_points(scheme: SignatureScheme) -> dict[str, bytes]:
    good = ecdsa_key(scheme).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    curve, _, size = CURVES[scheme]
    return {
        "infinity": b"\0",
        "the origin": b"\4" + bytes(2 * size),
        "not on the curve": good[:-1] + bytes([good[-1] ^ 1]),
        "not reduced": b"\4" + b"\xff" * (2 * size),
        "compressed, not on the curve": b"\2" + x_of_no_point(scheme).to_bytes(size, "big"),
        "compressed, not reduced": b"\2" + b"\xff" * size,
        "hybrid": bytes([6 + good[-1] % 2]) + good[1:],
        "short": good[:-1],
        "long": good + b"\0",
        "nothing": b"",
        "a key in DER": ec_spki(good, curve),
        "a line of OpenSSH": b"ecdsa-sha2-nistp256 AAAA",
    }


def x_of_no_point(scheme: SignatureScheme) -> int:
    """The least X that no point of the curve has."""
    for x in range(100):
        try:
            point = b"\2" + x.to_bytes(CURVES[scheme][2], "big")
            ec.EllipticCurvePublicKey.from_encoded_point(ECDSA[scheme][0], point)
        except ValueError:
            return x
    raise AssertionError("half of all X have no point")


@pytest.mark.parametrize(
    ("scheme", "point"),
    [
        pytest.param(scheme, point, id=f"{CURVES[scheme][1]} {why}")
        for scheme in ECDSA
        for why, point in bad_ec_points(scheme).items()
    ],
)
def test_an_ec_key_that_is_no_point_of_the_curve_is_refused(scheme: SignatureScheme, point: bytes) -> None:
    curve, name, _ = CURVES[scheme]
    with pytest.raises(BadCertificate, match=f"ECDSA {name} public key"):
        PublicKey.from_spki(ec_spki(point, curve))


@pytest.mark.parametrize("length", [0, 31, 33, 57])
def test_an_ed25519_key_of_another_length_is_refused(length: int) -> None:
    algorithm = bytes.fromhex("3005 0603 2b6570")
    with pytest.raises(BadCertificate, match="Ed25519 public key"):
        PublicKey.from_spki(der(0x30, algorithm, der(0x03, b"\0", bytes(length))))


def ed448_spki(key: bytes) -> bytes:
    return der(0x30, bytes.fromhex("3005 0603 2b6571"), der(0x03, b"\0", key))


@pytest.mark.parametrize("length", [0, 32, 56, 58])
def test_an_ed448_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(BadCertificate, match="Ed448 public key"):
        PublicKey.from_spki(ed448_spki(bytes(length)))


P448 = 2**448 - 2**224 - 1
# The four points whose order divides the cofactor: (0, 1), (0, -1), (1, 0), (-1, 0), by Y and the sign of X.
SMALL_ORDER_448 = [(1, 0), (P448 - 1, 0), (0, 0), (0, 1)]


@pytest.mark.parametrize(("y", "sign"), SMALL_ORDER_448)
def test_an_ed448_key_of_small_order_is_refused(y: int, sign: int) -> None:
    with pytest.raises(BadCertificate, match="Ed448 public key"):
        PublicKey.from_spki(ed448_spki(y.to_bytes(56, "little") + bytes([sign << 7])))


@pytest.mark.parametrize(
    "key",
    [
        (P448 + 1).to_bytes(56, "little") + b"\0",
        (P448 + 4).to_bytes(56, "little") + b"\0",
        b"\xff" * 57,
        (4).to_bytes(56, "little") + b"\1",
        (1).to_bytes(56, "little") + b"\x80",
    ],
    ids=["y = p + 1", "y not reduced", "all ones", "a bit over", "-0"],
)
def test_an_ed448_key_that_is_no_point_is_refused(key: bytes) -> None:
    with pytest.raises(BadCertificate, match="Ed448 public key"):
        PublicKey.from_spki(ed448_spki(key))


@pytest.mark.parametrize(("last", "length"), [(0x11, 1312), (0x12, 1952), (0x13, 2592)])
def test_an_ml_dsa_key_of_another_length_is_refused(last: int, length: int) -> None:
    algorithm = bytes.fromhex("300b 0609 6086480165030403") + bytes([last])
    assert len(PublicKey.from_spki(der(0x30, algorithm, der(0x03, b"\0", bytes(length)))).schemes) == 1
    for wrong in (0, length - 1, length + 1):
        with pytest.raises(BadCertificate, match=r"ML-DSA-\d\d public key"):
            PublicKey.from_spki(der(0x30, algorithm, der(0x03, b"\0", bytes(wrong))))


@pytest.mark.parametrize("scheme", ML_DSA, ids=str)
def test_every_form_of_an_ml_dsa_private_key_is_read(scheme: SignatureScheme) -> None:
    """RFC 9881 §6: the seed, the expanded key, or both, which have to fit."""
    seed_alone = pkcs8_for(scheme)
    signer = LocalSigner.from_der(seed_alone, bytes)
    seed, algorithm = bytes(range(32)), seed_alone[5:18]
    expanded = mldsa_expanded(scheme)
    for private_key in (der(0x04, expanded), der(0x30, der(0x04, seed), der(0x04, expanded))):
        same = LocalSigner.from_der(der(0x30, integer(0), algorithm, der(0x04, private_key)), bytes)
        assert same == signer
        assert same.sign(scheme, CONTENT) == signer.sign(scheme, CONTENT)
    for private_key in (
        der(0x30, der(0x04, seed[::-1]), der(0x04, expanded)),
        der(0x04, expanded[:-1]),
        der(0x80, seed[:-1]),
        der(0x05),
    ):
        with pytest.raises(ConfigurationError, match=r"ML-DSA-\d\d private key is damaged"):
            LocalSigner.from_der(der(0x30, integer(0), algorithm, der(0x04, private_key)))


def mldsa_expanded(scheme: SignatureScheme) -> bytes:
    """FIPS 204's encoding of the private key of `key_for`."""
    parameter_set = {
        SignatureScheme.mldsa44: MLDSA.ML_DSA_44,
        SignatureScheme.mldsa65: MLDSA.ML_DSA_65,
        SignatureScheme.mldsa87: MLDSA.ML_DSA_87,
    }[scheme]
    return MLDSA.construct(param_set=parameter_set, seed=bytes(range(32))).sk


@pytest.mark.parametrize(
    "key",
    [
        ec.derive_private_key(5, ec.SECP256K1()),
        ec.derive_private_key(5, ec.BrainpoolP256R1()),
        x25519.X25519PrivateKey.generate(),
        x448.X448PrivateKey.generate(),
    ],
    ids=["secp256k1", "brainpool", "X25519", "X448"],
)
def test_a_key_of_another_type_is_unsupported(
    key: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | x448.X448PrivateKey,
) -> None:
    names = "none of RSA, RSASSA-PSS, ECDSA P-256, ECDSA P-384, ECDSA P-521, Ed25519, Ed448, ML-DSA-44,"
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(UnsupportedCertificate, match=names):
        PublicKey.from_spki(public)
    with pytest.raises(ConfigurationError, match=names):
        LocalSigner.from_der(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


# -- RSASSA-PSS keys -----------------------------------------------------------------------------------------

# DER of AlgorithmIdentifiers of the hashes, without and with NULL for parameters: RFC 4055 §2.1.
SHA = {
    "SHA-1": ("3007 0605 2b0e03021a", "3009 0605 2b0e03021a 0500"),
    "SHA-224": ("300b 0609 608648016503040204", "300d 0609 608648016503040204 0500"),
    "SHA-256": ("300b 0609 608648016503040201", "300d 0609 608648016503040201 0500"),
    "SHA-384": ("300b 0609 608648016503040202", "300d 0609 608648016503040202 0500"),
    "SHA-512": ("300b 0609 608648016503040203", "300d 0609 608648016503040203 0500"),
}


def rsassa_pss(hash_name: str, mask: str, salt_length: int, *more: bytes, null: tuple[bool, bool]) -> bytes:
    """The AlgorithmIdentifier of an RSASSA-PSS key with parameters. RFC 4055 §3.1"""
    content, in_mask = bytes.fromhex(SHA[hash_name][null[0]]), bytes.fromhex(SHA[mask][null[1]])
    mgf1 = der(0x30, bytes.fromhex("0609 2a864886f70d010108"), in_mask)
    parameters = der(0x30, der(0xA0, content), der(0xA1, mgf1), der(0xA2, integer(salt_length)), *more)
    return der(0x30, bytes.fromhex("0609 2a864886f70d01010a"), parameters)


def public_bits(key: rsa.RSAPrivateKey) -> bytes:
    return der(0x03, b"\0", key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))


CONFINED = [
    ("SHA-256", 32, SignatureScheme.rsa_pss_pss_sha256),
    ("SHA-384", 48, SignatureScheme.rsa_pss_pss_sha384),
    ("SHA-512", 64, SignatureScheme.rsa_pss_pss_sha512),
]


@pytest.mark.parametrize("null", list(product([False, True], repeat=2)))
@pytest.mark.parametrize(("hash_name", "salt_length", "scheme"), CONFINED)
def test_a_key_that_is_confined_to_a_hash_has_that_scheme_alone(
    hash_name: str, salt_length: int, scheme: SignatureScheme, null: tuple[bool, bool]
) -> None:
    algorithm = rsassa_pss(hash_name, hash_name, salt_length, null=null)
    public_key = PublicKey.from_spki(der(0x30, algorithm, public_bits(rsa_key())))
    assert public_key.schemes == (scheme,)
    numbers = rsa_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    signer = LocalSigner.from_der(der(0x30, integer(0), algorithm, der(0x04, numbers)))
    assert signer.schemes == (scheme,)
    assert signer.public_key == public_key.spki
    public_key.verify(scheme, signer.sign(scheme, CONTENT), CONTENT)
    by_another = next(each for each in DEDICATED_PSS if each is not scheme)
    digest = DEDICATED_PSS[by_another]
    signature = rsa_key().sign(CONTENT, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    with pytest.raises(BadSignature):
        public_key.verify(by_another, signature, CONTENT)


OTHER_PARAMETERS = {
    "another salt": rsassa_pss("SHA-256", "SHA-256", 20, null=(True, True)),
    "the salt of another hash": rsassa_pss("SHA-256", "SHA-256", 48, null=(True, True)),
    "another hash in the mask": rsassa_pss("SHA-256", "SHA-1", 32, null=(True, True)),
    "SHA-1": rsassa_pss("SHA-1", "SHA-1", 20, null=(True, True)),
    "SHA-224": rsassa_pss("SHA-224", "SHA-224", 28, null=(True, True)),
    "a trailer that is said": rsassa_pss("SHA-256", "SHA-256", 32, der(0xA3, integer(1)), null=(True, True)),
    "nothing but defaults": der(0x30, bytes.fromhex("0609 2a864886f70d01010a"), der(0x30)),
    "NULL": der(0x30, bytes.fromhex("0609 2a864886f70d01010a 0500")),
}


@pytest.mark.parametrize("algorithm", OTHER_PARAMETERS.values(), ids=OTHER_PARAMETERS)
def test_a_key_with_parameters_that_no_scheme_has_is_unsupported(algorithm: bytes) -> None:
    with pytest.raises(UnsupportedCertificate, match="is for RSASSA-PSS with other parameters"):
        PublicKey.from_spki(der(0x30, algorithm, public_bits(rsa_key())))
    with pytest.raises(ConfigurationError, match="is for RSASSA-PSS with other parameters"):
        LocalSigner.from_der(der(0x30, integer(0), algorithm, der(0x04, bytes(10))))


def test_an_rsa_key_signs_for_rsassa_pss_if_its_certificate_says_so_and_for_that_alone() -> None:
    certified = spki_for(DEDICATED[0])
    signer = LocalSigner.from_der(pkcs8(rsa_key()), certified=certified)
    assert (signer.schemes, signer.public_key) == (DEDICATED, certified)
    unchanged = LocalSigner.from_der(pkcs8(rsa_key()), certified=spki(rsa_key()))
    assert (unchanged.schemes, unchanged.public_key) == (RSAE, spki(rsa_key()))


def test_what_the_certificate_says_is_nothing_to_keys_of_other_types() -> None:
    signer = LocalSigner.from_der(pkcs8(p256_key()), certified=spki_for(DEDICATED[0]))
    assert signer.public_key == spki(p256_key())
    confined = rsassa_pss("SHA-256", "SHA-256", 32, null=(True, True))
    numbers = rsa_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    private_key = der(0x30, integer(0), confined, der(0x04, numbers))
    assert LocalSigner.from_der(private_key, certified=spki_for(DEDICATED[0])).schemes == DEDICATED[:1]


# -- damaged keys --------------------------------------------------------------------------------------------


def mutations(good: bytes) -> Iterator[bytes]:
    """Every truncation, and every byte altered in three ways."""
    yield from (good[:length] for length in range(len(good)))
    for index in range(len(good)):
        for flip in (0x01, 0x80, 0xFF):
            altered = bytearray(good)
            altered[index] ^= flip
            yield bytes(altered)


SMALL = [*ECDSA, SignatureScheme.ed25519, SignatureScheme.ed448]


@pytest.mark.parametrize(
    "good",
    [spki(rsa_key(1024)), der(0x30, RSASSA_PSS, public_bits(rsa_key(1024))), *map(spki_for, SMALL)],
    ids=["RSA", "RSASSA-PSS", *map(str, SMALL)],
)
def test_no_alteration_of_a_public_key_raises_anything_unforeseen(good: bytes) -> None:
    refused = 0
    for altered in mutations(good):
        try:
            public_key = PublicKey.from_spki(altered)
        except (BadCertificate, UnsupportedCertificate):
            refused += 1
            continue
        for scheme in public_key.schemes:
            with pytest.raises(BadSignature):
                public_key.verify(scheme, bytes(128), CONTENT)
    assert refused >= len(good)


@pytest.mark.parametrize("scheme", [*SMALL, SignatureScheme.mldsa44], ids=str)
def test_no_alteration_of_a_private_key_raises_anything_unforeseen(scheme: SignatureScheme) -> None:
    good, refused = pkcs8_for(scheme), 0
    for altered in mutations(good):
        try:
            LocalSigner.from_der(altered)
        except ConfigurationError:
            refused += 1
    assert refused >= len(good)


def test_a_damaged_rsa_private_key_is_refused() -> None:
    good = pkcs8(rsa_key(1024))
    for index in range(40, len(good) - 200, 60):  # before the last three numbers, which are worked out anew
        altered = bytearray(good)
        altered[index] ^= 1
        with pytest.raises(ConfigurationError) as error:
            LocalSigner.from_der(bytes(altered))
        assert error.value.hint


@pytest.mark.parametrize(
    ("der_bytes", "message", "hint"),
    [
        (lambda: b"", "not PKCS#8", "openssl pkcs8 -topk8"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\n", "not PKCS#8", "openssl pkcs8 -topk8"),
        (lambda: os.urandom(100), "not PKCS#8", "openssl pkcs8 -topk8"),
        (lambda: spki(p256_key()), "not PKCS#8", "openssl pkcs8 -topk8"),
        (
            lambda: rsa_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
            "not PKCS#8",
            "openssl pkcs8 -topk8",
        ),
        (
            lambda: p256_key().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
            "not PKCS#8",
            "openssl pkcs8 -topk8",
        ),
        (
            lambda: p256_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
            "is encrypted",
            "openssl pkcs8 -in",
        ),
        (lambda: pkcs8(p256_key())[:60] + bytes(200), "not PKCS#8", "openssl pkcs8 -topk8"),
        (lambda: der(0x30, integer(2**200000)), "is the most that is accepted", ""),
    ],
)
def test_what_is_no_usable_private_key_is_told_with_the_next_step(
    der_bytes: Callable[[], bytes], message: str, hint: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        LocalSigner.from_der(der_bytes())
    assert hint in error.value.hint


def test_an_rsa_private_key_that_is_too_small_is_refused() -> None:
    p, q = 2**61 - 1, 2**89 - 1  # Mersenne primes
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = (0, p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    private_key = der(
        0x30,
        integer(0),
        bytes.fromhex("300d 0609 2a864886f70d010101 0500"),
        der(0x04, der(0x30, *(integer(number) for number in numbers))),
    )
    with pytest.raises(ConfigurationError, match="too small"):
        LocalSigner.from_der(private_key)


@pytest.mark.parametrize(
    "spki_der",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        der(0x30, integer(1), integer(2)),
        der(0x30, bytes.fromhex("3005 0603 2b6570"), integer(1)),
        der(0x30, bytes.fromhex("3005 0603 2b6570"), der(0x04, bytes(33))),
        der(0x30, bytes.fromhex("3005 0603 2b6570"), der(0x03, b"\1", bytes(32))),
    ],
)
def test_what_is_no_subject_public_key_info_is_refused(spki_der: bytes) -> None:
    with pytest.raises(BadCertificate):
        PublicKey.from_spki(spki_der)


def test_a_public_key_of_absurd_size_is_refused_unread() -> None:
    with pytest.raises(UnsupportedCertificate, match="4096 is the most"):
        PublicKey.from_spki(rsa_spki(2**8_000_000 + 1, 65537))
