"""The keys behind signatures, as certificates and files hold them: sound ones load, all others are refused by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from schemas.code_points import SignatureScheme
from tls13.crypto.signatures import LocalSigner, PublicKey
from tls13.errors import (
    BadCertificate,
    BadSignature,
    ConfigurationError,
    UnsupportedCertificate,
)

PSS = (
    SignatureScheme.rsa_pss_rsae_sha256,
    SignatureScheme.rsa_pss_rsae_sha384,
    SignatureScheme.rsa_pss_rsae_sha512,
)
CONTENT = b"what is signed"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def p256_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0xC0FFEE, ec.SECP256R1())


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def pkcs8(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def spki(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def der(tag: int, *parts: bytes) -> bytes:
    """A DER element, built by hand."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(length)]) + length + content


def integer(value: int) -> bytes:
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=value < 0))


def test_each_type_of_key_knows_its_schemes() -> None:
    assert PublicKey.from_spki(spki(rsa_key())).schemes == PSS
    assert PublicKey.from_spki(spki(p256_key())).schemes == (SignatureScheme.ecdsa_secp256r1_sha256,)
    assert PublicKey.from_spki(spki(ed25519_key())).schemes == (SignatureScheme.ed25519,)


def test_public_keys_are_equal_when_their_bytes_are() -> None:
    assert PublicKey.from_spki(spki(p256_key())) == PublicKey.from_spki(spki(p256_key()))
    assert PublicKey.from_spki(spki(p256_key())) != PublicKey.from_spki(spki(ed25519_key()))
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
    assert public_key.schemes == PSS[:schemes]
    for scheme in public_key.schemes:
        with pytest.raises(BadSignature):
            public_key.verify(scheme, bytes((bits + 7) // 8), CONTENT)


def test_an_exponent_of_64_bits_is_the_largest() -> None:
    modulus = rsa_key().public_key().public_numbers().n
    assert PublicKey.from_spki(rsa_spki(modulus, 3)).schemes == PSS
    assert PublicKey.from_spki(rsa_spki(modulus, 2**64 - 59)).schemes == PSS
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


def ec_spki(point: bytes, curve: str = "0608 2a8648ce3d030107") -> bytes:
    algorithm = der(0x30, bytes.fromhex("0607 2a8648ce3d0201"), bytes.fromhex(curve))
    return der(0x30, algorithm, der(0x03, b"\0", point))


def test_a_compressed_point_is_the_same_key() -> None:
    compressed = p256_key().public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    scheme = SignatureScheme.ecdsa_secp256r1_sha256
    signature = p256_key().sign(CONTENT, ec.ECDSA(hashes.SHA256()))
    PublicKey.from_spki(ec_spki(compressed)).verify(scheme, signature, CONTENT)


def bad_ec_points() -> dict[str, bytes]:
    good = p256_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "infinity": b"\0",
        "the origin": b"\4" + bytes(64),
        "not on the curve": good[:-1] + bytes([good[-1] ^ 1]),
        "not reduced": b"\4" + b"\xff" * 64,
        "compressed, not on the curve": b"\2" + (1).to_bytes(32, "big"),
        "compressed, not reduced": b"\2" + b"\xff" * 32,
        "hybrid": bytes([6 + good[-1] % 2]) + good[1:],
        "short": good[:-1],
        "long": good + b"\0",
        "nothing": b"",
        "a key in DER": ec_spki(good),
        "a line of OpenSSH": b"ecdsa-sha2-nistp256 AAAA",
    }


@pytest.mark.parametrize("point", bad_ec_points().values(), ids=bad_ec_points())
def test_an_ec_key_that_is_no_point_of_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(BadCertificate, match="ECDSA P-256 public key"):
        PublicKey.from_spki(ec_spki(point))


@pytest.mark.parametrize("length", [0, 31, 33, 57])
def test_an_ed25519_key_of_another_length_is_refused(length: int) -> None:
    algorithm = bytes.fromhex("3005 0603 2b6570")
    with pytest.raises(BadCertificate, match="Ed25519 public key"):
        PublicKey.from_spki(der(0x30, algorithm, der(0x03, b"\0", bytes(length))))


@pytest.mark.parametrize(
    "key",
    [
        ec.derive_private_key(5, ec.SECP384R1()),
        ec.derive_private_key(5, ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    ],
    ids=["P-384", "secp256k1", "Ed448", "X25519"],
)
def test_a_key_of_another_type_is_unsupported(key: PrivateKey) -> None:
    with pytest.raises(UnsupportedCertificate, match="none of RSA, ECDSA P-256, Ed25519"):
        PublicKey.from_spki(spki(key))
    with pytest.raises(ConfigurationError, match="none of RSA, ECDSA P-256, Ed25519"):
        LocalSigner.from_der(pkcs8(key))


def test_an_rsassa_pss_key_is_not_taken_for_an_rsa_encryption_key() -> None:
    rsassa_pss = bytes.fromhex("300b 0609 2a864886f70d01010a")
    public_key = der(0x03, b"\0", der(0x30, integer(2**2047 + 1), integer(65537)))
    with pytest.raises(UnsupportedCertificate):
        PublicKey.from_spki(der(0x30, rsassa_pss, public_key))


def mutations(good: bytes) -> Iterator[bytes]:
    """Every truncation, and every byte altered in three ways."""
    yield from (good[:length] for length in range(len(good)))
    for index in range(len(good)):
        for flip in (0x01, 0x80, 0xFF):
            altered = bytearray(good)
            altered[index] ^= flip
            yield bytes(altered)


@pytest.mark.parametrize("key", [rsa_key(1024), p256_key(), ed25519_key()], ids=["RSA", "P-256", "Ed25519"])
def test_no_alteration_of_a_public_key_raises_anything_unforeseen(key: PrivateKey) -> None:
    refused = 0
    for altered in mutations(spki(key)):
        try:
            public_key = PublicKey.from_spki(altered)
        except (BadCertificate, UnsupportedCertificate):
            refused += 1
            continue
        for scheme in public_key.schemes:
            with pytest.raises(BadSignature):
                public_key.verify(scheme, bytes(128), CONTENT)
    assert refused >= len(spki(key))


@pytest.mark.parametrize("key", [p256_key(), ed25519_key()], ids=["P-256", "Ed25519"])
def test_no_alteration_of_a_private_key_raises_anything_unforeseen(key: PrivateKey) -> None:
    refused = 0
    for altered in mutations(pkcs8(key)):
        try:
            LocalSigner.from_der(altered)
        except ConfigurationError:
            refused += 1
    assert refused >= len(pkcs8(key))


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
