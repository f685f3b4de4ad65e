"""The signature schemes: code point → how a key makes and verifies such signatures. RFC 9846 §4.3.3, §4.5.2.

A scheme is one row of `SIGNATURES`, a type of key one row of `KEY_TYPES`. What is signed is the caller's business, and
so is whether the peer offered the scheme. Schemes for certificates alone (rsa_pkcs1_*) have no place here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, Self

from Crypto.Hash import SHA256, SHA384, SHA512
from Crypto.IO import PKCS8
from Crypto.PublicKey import ECC, RSA
from Crypto.PublicKey.ECC import EccKey
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import DSS, pss
from Crypto.Util.asn1 import DerBitString, DerOctetString, DerSequence
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from schemas.code_points import SignatureScheme
from tls13.crypto import Random
from tls13.errors import BadCertificate, BadSignature, ConfigurationError, InternalError, UnsupportedCertificate

Sign = Callable[[bytes], bytes]
"""Content → signature, by one key and one scheme. Raises ValueError if the key fails."""

Verify = Callable[[bytes, bytes], object]
"""Content and signature → nothing, if it is good. Raises ValueError or nacl's CryptoError if not."""

PrivateHalf = RsaKey | EccKey | SigningKey
PublicHalf = RsaKey | EccKey | VerifyKey


class Signer(Protocol):
    """A private key, wherever it lives: all that a handshake asks of it."""

    @property
    def schemes(self) -> Sequence[SignatureScheme]:
        """What it can sign by, best first."""

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes:
        """The signature of `content`. Raises InternalError if there is none to be had."""


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """A private key in this process's memory. `public_key` is its SubjectPublicKeyInfo in DER."""

    public_key: bytes
    _signs: Mapping[SignatureScheme, Sign] = field(repr=False, compare=False)

    @classmethod
    def from_der(cls, der: bytes, random: Random = os.urandom) -> Self:
        """The key in a PKCS#8 structure (RFC 5958) that is not encrypted.

        RSA-PSS takes its salt from `random` and ECDSA its secret number; Ed25519 takes none.
        Raises ConfigurationError if it is none, is damaged or is of no use to TLS 1.3.
        """
        key_type = private_key_type(der)
        try:
            key, public_key = key_type.private(der)
        except (ValueError, IndexError, TypeError):
            raise ConfigurationError(
                f"the {key_type.name} private key is damaged: its parts do not parse, or do not fit each other",
                hint="check it with: openssl pkey -in KEY -check -noout",
            ) from None
        signs = {scheme: row.sign_by(key, random) for scheme, row in SIGNATURES.items()}
        usable = {scheme: sign for scheme, sign in signs.items() if sign is not None}
        if not usable:
            raise ConfigurationError(
                f"the {key_type.name} private key is too small or too large for TLS 1.3",
                hint="make a new one, of 2048 bits for instance",
            )
        return cls(public_key, usable)

    @property
    def schemes(self) -> tuple[SignatureScheme, ...]:
        """What the key can sign by, best first."""
        return tuple(self._signs)

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes:
        """The signature of `content`. Raises InternalError for a scheme that is not among `schemes`."""
        if scheme not in self._signs:
            raise InternalError(f"the private key cannot sign by {scheme}, only by {names(self.schemes)}")
        try:
            return self._signs[scheme](content)
        except ValueError as error:
            raise InternalError(f"signing by {scheme} failed: {error}") from error


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A peer's public key, parsed once. `spki` is its SubjectPublicKeyInfo in DER."""

    spki: bytes
    _verifies: Mapping[SignatureScheme, Verify] = field(repr=False, compare=False)

    @classmethod
    def from_spki(cls, der: bytes) -> Self:
        """The key in a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

        Raises BadCertificate if it is none, UnsupportedCertificate if there is no scheme that the key could verify.
        """
        key_type, bits = public_key_type(der)
        try:
            key = key_type.public(bits)
        except (ValueError, IndexError, TypeError):
            raise BadCertificate(f"the {key_type.name} public key in the certificate is not valid") from None
        verifies = {scheme: row.verify_by(key) for scheme, row in SIGNATURES.items()}
        usable = {scheme: verify for scheme, verify in verifies.items() if verify is not None}
        if not usable:
            raise UnsupportedCertificate(
                f"the {key_type.name} public key in the certificate is too small or too large for TLS 1.3"
            )
        return cls(der, usable)

    @property
    def schemes(self) -> tuple[SignatureScheme, ...]:
        """What the key can verify, best first."""
        return tuple(self._verifies)

    def verify(self, scheme: SignatureScheme, signature: bytes, content: bytes) -> None:
        """Returns if `signature` is the key's over `content`. Raises BadSignature in every other case."""
        if scheme not in self._verifies:
            raise BadSignature(f"a signature by {scheme}, but the certificate's key is for {names(self.schemes)}")
        try:
            self._verifies[scheme](content, signature)
        except (ValueError, CryptoError):
            raise BadSignature(f"the {scheme} signature is not the certificate key's") from None


# -- schemes -------------------------------------------------------------------------------------------------


class SignatureAlgorithm(Protocol):
    """What a row of `SIGNATURES` offers: a key tied to the scheme, or None where the two do not go together."""

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """How `key` signs."""

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """How signatures of `key` are verified."""


@dataclass(frozen=True, slots=True)
class RsaPss:
    """RSASSA-PSS with MGF1 over the same hash and a salt of the hash's length. RFC 8017 §8.1."""

    hash: Callable[[bytes], pss.Hash]
    hash_length: int

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`."""
        if not isinstance(key, RsaKey) or not self.fits(key):
            return None
        scheme = pss.new(key, salt_bytes=self.hash_length, rand_func=random)
        return lambda content: scheme.sign(self.hash(content))

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        if not isinstance(key, RsaKey) or not self.fits(key):
            return None
        scheme = pss.new(key, salt_bytes=self.hash_length)
        return lambda content, signature: scheme.verify(self.hash(content), signature)

    def fits(self, key: RsaKey) -> bool:
        """Whether hash and salt have room (RFC 8017 §9.1.1: emLen >= hLen + sLen + 2), and the bounds below hold."""
        bits = key.size_in_bits()
        em_length = (bits + 6) // 8
        return (
            em_length >= 2 * self.hash_length + 2
            and bits <= MAX_RSA_MODULUS_BITS
            and key.e.bit_length() <= MAX_RSA_EXPONENT_BITS
        )


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """ECDSA on one curve (by PyCryptodome's full name for it) with one hash, the signature in DER. RFC 9846 §4.3.3"""

    curve: str
    hash: Callable[[bytes], DSS.Hash]

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`."""
        if not isinstance(key, EccKey) or key.curve != self.curve:
            return None
        scheme = DSS.new(key, "fips-186-3", encoding="der", randfunc=random)
        return lambda content: scheme.sign(self.hash(content))

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        if not isinstance(key, EccKey) or key.curve != self.curve:
            return None
        scheme = DSS.new(key, "fips-186-3", encoding="der")

        def verify(content: bytes, signature: bytes) -> None:
            if len(signature) > MAX_ECDSA_SIGNATURE:
                raise ValueError("longer than any ECDSA signature")
            scheme.verify(self.hash(content), signature)

        return verify


@dataclass(frozen=True, slots=True)
class Ed25519:
    """EdDSA on edwards25519, without prehash or context. RFC 8032 §5.1."""

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`. Such a signature takes no randomness."""
        return (lambda content: key.sign(content).signature) if isinstance(key, SigningKey) else None

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        return key.verify if isinstance(key, VerifyKey) else None


MAX_RSA_MODULUS_BITS = 8192
MAX_RSA_EXPONENT_BITS = 64
"""What a peer's key may cost: with both bounds a verification stays within a few milliseconds."""

MAX_ECDSA_SIGNATURE = 139
"""The longest that there is, P-521's. Reading a longer number takes time that grows with its square."""

SIGNATURES: Mapping[SignatureScheme, SignatureAlgorithm] = {
    SignatureScheme.ecdsa_secp256r1_sha256: Ecdsa("NIST P-256", SHA256.new),
    SignatureScheme.ed25519: Ed25519(),
    SignatureScheme.rsa_pss_rsae_sha256: RsaPss(SHA256.new, SHA256.digest_size),
    SignatureScheme.rsa_pss_rsae_sha384: RsaPss(SHA384.new, SHA384.digest_size),
    SignatureScheme.rsa_pss_rsae_sha512: RsaPss(SHA512.new, SHA512.digest_size),
}
"""Every scheme that this package can sign and verify by, most wanted first."""


# -- keys ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyType:
    """How one type of key is read. Both functions raise ValueError, IndexError or TypeError for what is no such key.

    `public` takes the content of subjectPublicKey, `private` a whole PKCS#8 structure and gives the
    SubjectPublicKeyInfo of its public half too.
    """

    name: str
    public: Callable[[bytes], PublicHalf]
    private: Callable[[bytes], tuple[PrivateHalf, bytes]]


def public_key_type(der: bytes) -> tuple[KeyType, bytes]:
    """The type of key in a SubjectPublicKeyInfo and the content of subjectPublicKey. Raises as `from_spki` does."""
    if len(der) > MAX_SPKI_LENGTH:
        raise UnsupportedCertificate(
            f"the certificate's public key takes {len(der)} bytes: {MAX_SPKI_LENGTH} is the most that is accepted"
        )
    try:
        algorithm, subject_public_key = DerSequence().decode(der, strict=True, nr_elements=2)[:]
        bits = DerBitString().decode(subject_public_key, strict=True).value
    except (ValueError, IndexError):
        raise BadCertificate("the certificate's public key is no SubjectPublicKeyInfo in DER") from None
    if algorithm not in KEY_TYPES:
        raise UnsupportedCertificate(f"the certificate's public key is none of {key_type_names()}")
    return KEY_TYPES[algorithm], bits


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
            raise ConfigurationError(f"the private key is none of {key_type_names()}")
        case [bytes() as algorithm, bytes() as data] if algorithm[0] == SEQUENCE and data[0] == OCTET_STRING:
            raise ConfigurationError(
                "the private key is encrypted", hint="decrypt it with: openssl pkcs8 -in KEY -out NEW"
            )
        case _:
            raise ConfigurationError(
                "the private key is not PKCS#8 in DER",
                hint="convert it with: openssl pkcs8 -topk8 -nocrypt -in KEY -outform DER -out NEW",
            )


def rsa_public_key(bits: bytes) -> RsaKey:
    """An RSAPublicKey. RFC 8017 §A.1.1."""
    modulus, exponent = DerSequence().decode(bits, strict=True, nr_elements=2, only_ints_expected=True)[:]
    if exponent % 2 == 0:
        raise ValueError("an even exponent has no inverse")
    return RSA.construct((modulus, exponent))


def rsa_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """An RSAPrivateKey. RFC 8017 §A.1.2."""
    key = RSA.import_key(der)
    return key, key.public_key().export_key(format="DER")


def ec_public_key(curve: str, bits: bytes) -> EccKey:
    """An ECPoint, compressed or not. RFC 5480 §2.2."""
    if bits[:1] not in (b"\2", b"\3", b"\4"):
        raise ValueError("neither a compressed nor an uncompressed point")
    key = ECC.import_key(bits, curve_name=curve)
    if key.pointQ.is_point_at_infinity():
        raise ValueError("the point at infinity is no public key")
    return key


def ec_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """An ECPrivateKey. RFC 5915 §3."""
    key = ECC.import_key(der)
    return key, key.public_key().export_key(format="DER")


def ed25519_private_key(der: bytes) -> tuple[PrivateHalf, bytes]:
    """A CurvePrivateKey. RFC 8410 §7."""
    key = SigningKey(DerOctetString().decode(PKCS8.unwrap(der)[1]).payload)
    return key, DerSequence([ED25519, DerBitString(bytes(key.verify_key))]).encode()


def key_type_names() -> str:
    """The types of key that can be read, for a message."""
    return ", ".join(key_type.name for key_type in KEY_TYPES.values())


def names(schemes: Sequence[SignatureScheme]) -> str:
    """A list of schemes, for a message."""
    return ", ".join(str(scheme) for scheme in schemes)


MAX_SPKI_LENGTH = 4096
MAX_PKCS8_LENGTH = 16384
"""Bytes. Reading a DER INTEGER takes time that grows with its square; no key in use comes near either bound."""

SEQUENCE, OCTET_STRING = 0x30, 0x04
"""DER tags."""

RSA_ENCRYPTION = bytes.fromhex("300d 0609 2a864886f70d010101 0500")
EC_P256 = bytes.fromhex("3013 0607 2a8648ce3d0201 0608 2a8648ce3d030107")
ED25519 = bytes.fromhex("3005 0603 2b6570")
"""AlgorithmIdentifiers. DER writes each in one way only, so they are compared as they stand."""

KEY_TYPES: Mapping[bytes, KeyType] = {
    RSA_ENCRYPTION: KeyType("RSA", rsa_public_key, rsa_private_key),
    EC_P256: KeyType("ECDSA P-256", partial(ec_public_key, "P-256"), ec_private_key),
    ED25519: KeyType("Ed25519", VerifyKey, ed25519_private_key),
}
"""Every type of key that this package can read. RFC 3279 §2.3.1, RFC 5480 §2.1.1, RFC 8410 §3"""
