"""The types of key behind signatures: AlgorithmIdentifier → how such a key is read. RFC 5280 §4.1.2.7, RFC 5958.

A type is one row of `KEY_TYPES`. What a key can sign or verify by is the business of `tls13.crypto.signatures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

from Crypto.Hash import SHA256, SHA384, SHA512
from Crypto.IO import PKCS8
from Crypto.PublicKey import ECC, MLDSA, RSA
from Crypto.PublicKey.ECC import EccKey
from Crypto.PublicKey.MLDSA import MLDSAKey
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import eddsa
from Crypto.Util.asn1 import DerBitString, DerInteger, DerNull, DerObjectId, DerOctetString, DerSequence
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from nacl.signing import SigningKey, VerifyKey

from tls13.errors import BadCertificate, ConfigurationError, UnsupportedCertificate


@dataclass(frozen=True, slots=True)
class RsassaPssKey:
    """An RSA key that is for RSASSA-PSS alone; by the hash of `hash_length` bytes alone, where that is said.

    RFC 4055 §1.2, §3.1.
    """

    key: RsaKey | RSAPublicKey
    hash_length: int | None


PrivateHalf = RsaKey | RsassaPssKey | EccKey | SigningKey | MLDSAKey
PublicHalf = RSAPublicKey | RsassaPssKey | EccKey | VerifyKey | MLDSAKey
"""RSA keys are of two libraries: one signs with a salt from a source that it is given, the other verifies quickly."""


@dataclass(frozen=True, slots=True)
class KeyType:
    """How one type of key is read. Both functions raise ValueError, IndexError or TypeError for what is no such key.

    `public` takes the content of subjectPublicKey, `private` a whole PKCS#8 structure and gives the
    SubjectPublicKeyInfo of its public half too.
    """

    name: str
    public: Callable[[bytes], PublicHalf]
    private: Callable[[bytes], tuple[PrivateHalf, bytes]]


@asn1.sequence
class SubjectPublicKeyInfo:
    """RFC 5280 §4.1.2.7."""

    algorithm: asn1.TLV
    subject_public_key: asn1.BitString


@asn1.sequence
class RsaPublicKeyInfo:
    """RSAPublicKey. RFC 8017 §A.1.1."""

    modulus: int
    exponent: int


def public_key_type(der: bytes) -> tuple[KeyType, bytes]:
    """The type of key in a SubjectPublicKeyInfo and the content of subjectPublicKey.

    Raises BadCertificate where it is none, UnsupportedCertificate where it is of no known type.
    """
    if len(der) > MAX_SPKI_LENGTH:
        raise UnsupportedCertificate(
            f"the certificate's public key takes {len(der)} bytes: {MAX_SPKI_LENGTH} is the most that is accepted"
        )
    try:
        info = asn1.decode_der(SubjectPublicKeyInfo, der)
        if info.subject_public_key.padding_bits():
            raise ValueError("subjectPublicKey is not whole bytes")
    except ValueError:
        raise BadCertificate("the certificate's public key is no SubjectPublicKeyInfo in DER") from None
    algorithm = asn1.encode_der(info.algorithm)
    if algorithm not in KEY_TYPES:
        raise UnsupportedCertificate(f"the certificate's public key {unusable(algorithm)}")
    return KEY_TYPES[algorithm], info.subject_public_key.as_bytes()


def private_key_type(der: bytes) -> KeyType:
    """The type of key in a PKCS#8 structure. Raises ConfigurationError where it is none, or of no known type."""
    if len(der) > MAX_PKCS8_LENGTH:
        raise ConfigurationError(f"a private key of {len(der)} bytes: {MAX_PKCS8_LENGTH} is the most that is accepted")
    try:
        items = DerSequence().decode(der)[:]
    except (ValueError, IndexError):
        items = []
    match items:
        case [0 | 1, bytes() as algorithm, bytes(), *_] if algorithm[0] == SEQUENCE:
            if algorithm in KEY_TYPES:
                return KEY_TYPES[algorithm]
            raise ConfigurationError(f"the private key {unusable(algorithm)}")
        case [bytes() as algorithm, bytes() as data] if algorithm[0] == SEQUENCE and data[0] == OCTET_STRING:
            raise ConfigurationError(
                "the private key is encrypted", hint="decrypt it with: openssl pkcs8 -in KEY -out NEW"
            )
        case _:
            raise ConfigurationError(
                "the private key is not PKCS#8 in DER",
                hint="convert it with: openssl pkcs8 -topk8 -nocrypt -in KEY -outform DER -out NEW",
            )


def confined(key_type: KeyType, public_key: bytes) -> KeyType:
    """RSASSA-PSS for an RSA key if the SubjectPublicKeyInfo in its certificate says so; else `key_type` as it is.

    For keys that come by way of a library that writes both types as RSA.
    """
    algorithm = DerSequence().decode(public_key)[0]
    if key_type is KEY_TYPES[RSA_ENCRYPTION] and algorithm in RSASSA_PSS:
        return KEY_TYPES[algorithm]
    return key_type


def unusable(algorithm: bytes) -> str:
    """What is wrong with a key of this AlgorithmIdentifier, for a message."""
    if DerObjectId(ID_RSASSA_PSS).encode() in algorithm:
        return "is for RSASSA-PSS with other parameters than SHA-256, 384 or 512 throughout and a salt as long as that"
    return f"is none of {key_type_names()}"


def key_type_names() -> str:
    """The types of key that can be read, for a message."""
    return ", ".join(dict.fromkeys(key_type.name for key_type in KEY_TYPES.values()))


# -- how each is read ----------------------------------------------------------------------------------------


def rsa_public_key(bits: bytes) -> RSAPublicKey:
    """An RSAPublicKey. RFC 8017 §A.1.1."""
    numbers = asn1.decode_der(RsaPublicKeyInfo, bits)
    if numbers.modulus < 0 or numbers.exponent < 0 or numbers.modulus % 2 == 0:
        raise ValueError("no product of odd primes, or no power to raise to")
    return RSAPublicNumbers(numbers.exponent, numbers.modulus).public_key()


def rsa_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """An RSAPrivateKey. RFC 8017 §A.1.2."""
    key = RSA.import_key(der)
    return key, key.public_key().export_key(format="DER")


def rsassa_pss_public_key(hash_length: int | None, bits: bytes) -> RsassaPssKey:
    """An RSAPublicKey. RFC 4055 §1.2."""
    return RsassaPssKey(rsa_public_key(bits), hash_length)


def rsassa_pss_private_key(algorithm: bytes, hash_length: int | None, der: bytes) -> tuple[PrivateHalf, bytes]:
    """An RSAPrivateKey. RFC 4055 §1.2."""
    key = RSA.import_key(der)
    bits = DerSequence([key.n, key.e]).encode()
    return RsassaPssKey(key, hash_length), DerSequence([algorithm, DerBitString(bits)]).encode()


def ec_public_key(curve: str, bits: bytes) -> EccKey:
    """An ECPoint, compressed or not. RFC 5480 §2.2."""
    if bits[:1] not in (b"\2", b"\3", b"\4"):
        raise ValueError("neither a compressed nor an uncompressed point")
    key = ECC.import_key(bits, curve_name=curve)
    if key.pointQ.is_point_at_infinity():
        raise ValueError("the point at infinity is no public key")
    return key


def ec_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """An ECPrivateKey (RFC 5915 §3), or the CurvePrivateKey of Ed448 (RFC 8410 §7)."""
    key = ECC.import_key(der)
    return key, key.public_key().export_key(format="DER")


def ed25519_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """A CurvePrivateKey. RFC 8410 §7."""
    key = SigningKey(DerOctetString().decode(PKCS8.unwrap(der)[1]).payload)
    return key, DerSequence([ED25519, DerBitString(bytes(key.verify_key))]).encode()


def ed448_public_key(bits: bytes) -> EccKey:
    """A point of edwards448. RFC 8032 §5.2.5."""
    if len(bits) != 57:
        raise ValueError("not 57 bytes")
    key = eddsa.import_public_key(bits)
    if (key.pointQ * ED448_COFACTOR).is_point_at_infinity():
        raise ValueError("a point of small order: it verifies what nobody signed")
    return key


def ml_dsa_public_key(parameter_set: MLDSA.ParamSet, bits: bytes) -> MLDSAKey:
    """An encoded pk. RFC 9881 §4."""
    return MLDSA.construct(param_set=parameter_set, pk=bits)


def ml_dsa_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """The seed, the expanded key, or both. RFC 9881 §6."""
    key = MLDSA.import_key(der)
    return key, key.public_key().export_key(format="DER")


# -- the rows ------------------------------------------------------------------------------------------------


def rsassa_pss_identifiers(hash_oid: str, hash_length: int) -> Iterator[bytes]:
    """The AlgorithmIdentifiers of a key that is confined to one scheme of TLS 1.3: its hash, mask and length of salt.

    Four, for a hash may stand with NULL for parameters or without (RFC 4055 §2.1). A key with any other parameters is
    of no use: those of its signatures have to be the same (RFC 9846 §4.3.3).
    """
    for of_content, of_mask in product(([DerNull()], []), repeat=2):
        parameters = [
            DerSequence([DerObjectId(hash_oid), *of_content], explicit=0),
            DerSequence([DerObjectId(ID_MGF1), DerSequence([DerObjectId(hash_oid), *of_mask])], explicit=1),
            DerInteger(hash_length, explicit=2),
        ]
        yield DerSequence([DerObjectId(ID_RSASSA_PSS), DerSequence(parameters)]).encode()


MAX_SPKI_LENGTH = 4096
MAX_PKCS8_LENGTH = 16384
"""Bytes. Reading a DER INTEGER takes time that grows with its square; no key in use comes near either bound."""

SEQUENCE, OCTET_STRING = 0x30, 0x04
"""DER tags."""

ID_RSASSA_PSS, ID_MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"

ED448_COFACTOR = 4

RSA_ENCRYPTION = bytes.fromhex("300d 0609 2a864886f70d010101 0500")
RSASSA_PSS_UNCONFINED = bytes.fromhex("300b 0609 2a864886f70d01010a")
EC_P256 = bytes.fromhex("3013 0607 2a8648ce3d0201 0608 2a8648ce3d030107")
EC_P384 = bytes.fromhex("3010 0607 2a8648ce3d0201 0605 2b81040022")
EC_P521 = bytes.fromhex("3010 0607 2a8648ce3d0201 0605 2b81040023")
ED25519 = bytes.fromhex("3005 0603 2b6570")
ED448 = bytes.fromhex("3005 0603 2b6571")
ML_DSA_44 = bytes.fromhex("300b 0609 608648016503040311")
ML_DSA_65 = bytes.fromhex("300b 0609 608648016503040312")
ML_DSA_87 = bytes.fromhex("300b 0609 608648016503040313")
"""AlgorithmIdentifiers. DER writes each in one way only, so they are compared as they stand."""

RSASSA_PSS: Mapping[bytes, int | None] = {
    RSASSA_PSS_UNCONFINED: None,
    **{
        identifier: hash.digest_size
        for hash in (SHA256, SHA384, SHA512)
        for identifier in rsassa_pss_identifiers(hash.new().oid, hash.digest_size)
    },
}
"""The AlgorithmIdentifiers of RSASSA-PSS keys: to the length of the hash that they are confined to, if they are."""

KEY_TYPES: Mapping[bytes, KeyType] = {
    RSA_ENCRYPTION: KeyType("RSA", rsa_public_key, rsa_private_key),
    **{
        identifier: KeyType(
            "RSASSA-PSS",
            partial(rsassa_pss_public_key, hash_length),
            partial(rsassa_pss_private_key, identifier, hash_length),
        )
        for identifier, hash_length in RSASSA_PSS.items()
    },
    EC_P256: KeyType("ECDSA P-256", partial(ec_public_key, "P-256"), ec_private_key),
    EC_P384: KeyType("ECDSA P-384", partial(ec_public_key, "P-384"), ec_private_key),
    EC_P521: KeyType("ECDSA P-521", partial(ec_public_key, "P-521"), ec_private_key),
    ED25519: KeyType("Ed25519", VerifyKey, ed25519_private_key),
    ED448: KeyType("Ed448", ed448_public_key, ec_private_key),
    ML_DSA_44: KeyType("ML-DSA-44", partial(ml_dsa_public_key, MLDSA.ML_DSA_44), ml_dsa_private_key),
    ML_DSA_65: KeyType("ML-DSA-65", partial(ml_dsa_public_key, MLDSA.ML_DSA_65), ml_dsa_private_key),
    ML_DSA_87: KeyType("ML-DSA-87", partial(ml_dsa_public_key, MLDSA.ML_DSA_87), ml_dsa_private_key),
}
"""Every type of key that this package can read. RFC 3279 §2.3.1, RFC 4055, RFC 5480 §2.1.1, RFC 8410 §3, RFC 9881 §2"""
