"""The signature schemes: code point → how a key makes and verifies such signatures. RFC 9846 §4.3.3, §4.5.2.

A scheme is one row of `SIGNATURES`; `tls13.crypto.keys` has the types of key. What is signed is the caller's business,
and so is whether the peer offered the scheme. Schemes for certificates alone (rsa_pkcs1_*) have no place here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, Self

from Crypto.Hash import SHA256, SHA384, SHA512
from Crypto.PublicKey import MLDSA
from Crypto.PublicKey.ECC import EccKey
from Crypto.PublicKey.MLDSA import MLDSAKey
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import DSS, eddsa, mldsa, pss
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from schemas.code_points import SignatureScheme
from tls13.crypto import Random
from tls13.crypto.keys import PrivateHalf, PublicHalf, RsassaPssKey, confined, private_key_type, public_key_type
from tls13.crypto.strength import security_bits
from tls13.errors import BadCertificate, BadSignature, ConfigurationError, InternalError, UnsupportedCertificate

Sign = Callable[[bytes], bytes]
"""Content → signature, by one key and one scheme. Raises ValueError if the key fails."""

Verify = Callable[[bytes, bytes], object]
"""Content and signature → nothing, if it is good. Raises ValueError or a library's own error (`BAD`) if not."""

BAD = (ValueError, CryptoError, InvalidSignature)
"""What the libraries raise where a signature does not verify."""


class Signer(Protocol):
    """A private key, wherever it lives: all that a handshake asks of it."""

    @property
    def schemes(self) -> Sequence[SignatureScheme]:
        """What it can sign by, best first."""

    def sign(self, scheme: SignatureScheme, content: bytes) -> bytes | None:
        """The signature of `content`, None where it is not ready yet: the same will be asked for again.

        Raises InternalError if there is none to be had.
        """


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """A private key in this process's memory. `public_key` is its SubjectPublicKeyInfo in DER."""

    public_key: bytes
    _signs: Mapping[SignatureScheme, Sign] = field(repr=False, compare=False)

    @classmethod
    def from_der(cls, der: bytes, random: Random = os.urandom, *, certified: bytes | None = None) -> Self:
        """The key in a PKCS#8 structure (RFC 5958) that is not encrypted.

        `certified` is the SubjectPublicKeyInfo in its certificate: an RSA key signs by rsa_pss_pss_* if that says so.
        RSA-PSS takes its salt from `random`, ECDSA its secret number and ML-DSA its rnd; Ed25519 and Ed448 take none.
        Raises ConfigurationError if it is none, is damaged or is of no use to TLS 1.3.
        """
        key_type = private_key_type(der)
        if certified is not None:
            key_type = confined(key_type, certified)
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
    """A peer's public key, parsed once. `spki` is its SubjectPublicKeyInfo in DER.

    `security_bits` is the security strength of its signatures. NIST SP 800-57 part 1 §5.6.1
    """

    spki: bytes
    security_bits: int = field(compare=False)
    _verifies: Mapping[SignatureScheme, Verify] = field(repr=False, compare=False)

    @staticmethod
    def from_spki(der: bytes) -> PublicKey:
        """The key in a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).

        Raises BadCertificate if it is none, UnsupportedCertificate if there is no scheme that the key could verify.
        """
        return parsed_public_key(der)

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
        except BAD:
            raise BadSignature(f"the {scheme} signature is not the certificate key's") from None


# A key comes twice in a handshake, for the chain and for the signature, and again in each connection to the same peer.
@lru_cache(maxsize=64)
def parsed_public_key(der: bytes) -> PublicKey:
    """See `PublicKey.from_spki`."""
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
    return PublicKey(der, security_bits(key), usable)


# -- schemes -------------------------------------------------------------------------------------------------


class SignatureAlgorithm(Protocol):
    """What a row of `SIGNATURES` offers: a key tied to the scheme, or None where the two do not go together."""

    @property
    def security_bits(self) -> int:
        """The most that its hash and curve are good for (NIST SP 800-57 part 1 §5.6.1). An RSA key may be weaker."""

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """How `key` signs."""

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """How signatures of `key` are verified."""


@dataclass(frozen=True, slots=True)
class RsaPss:
    """RSASSA-PSS with MGF1 over the same hash and a salt of the hash's length. RFC 8017 §8.1.

    For keys with the identifier rsaEncryption (rsa_pss_rsae_*), or `dedicated` ones with RSASSA-PSS (rsa_pss_pss_*).
    PyCryptodome signs, as it takes its salt from a source that it is given; pyca/cryptography verifies, in a third of
    the time. Each has a form of its own for the hash.
    """

    hash: Callable[[bytes], pss.Hash]
    verified_hash: hashes.HashAlgorithm
    dedicated: bool = False

    @property
    def security_bits(self) -> int:
        """What the hash stands up to in a search for collisions. SP 800-57 part 1 table 3"""
        return 4 * self.hash_length

    @property
    def hash_length(self) -> int:
        """In bytes."""
        return self.verified_hash.digest_size

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`."""
        rsa = self.permitted(key)
        if not isinstance(rsa, RsaKey) or not self.fits(rsa.size_in_bits(), rsa.e):
            return None
        scheme = pss.new(rsa, salt_bytes=self.hash_length, rand_func=random)
        return lambda content: scheme.sign(self.hash(content))

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        rsa = self.permitted(key)
        if not isinstance(rsa, RSAPublicKey) or not self.fits(rsa.key_size, rsa.public_numbers().e):
            return None
        padding = PSS(MGF1(self.verified_hash), self.hash_length)
        return lambda content, signature: rsa.verify(signature, content, padding, self.verified_hash)

    def permitted(self, key: PublicHalf | PrivateHalf) -> PublicHalf | PrivateHalf | None:
        """The key, unless it says that it is for other schemes. RFC 9846 §4.3.3"""
        if isinstance(key, RsassaPssKey):
            return key.key if self.dedicated and key.hash_length in (None, self.hash_length) else None
        return None if self.dedicated else key

    def fits(self, modulus_bits: int, exponent: int) -> bool:
        """Whether hash and salt have room (RFC 8017 §9.1.1: emLen >= hLen + sLen + 2), and the bounds below hold."""
        em_length = (modulus_bits + 6) // 8
        return (
            em_length >= 2 * self.hash_length + 2
            and modulus_bits <= MAX_RSA_MODULUS_BITS
            and exponent.bit_length() <= MAX_RSA_EXPONENT_BITS
        )


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """ECDSA on one curve (by PyCryptodome's full name for it) with one hash, the signature in DER. RFC 9846 §4.3.3"""

    curve: str
    hash: Callable[[bytes], DSS.Hash]
    security_bits: int

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

    security_bits: int = 128

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`. Such a signature takes no randomness."""
        return (lambda content: key.sign(content).signature) if isinstance(key, SigningKey) else None

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        return key.verify if isinstance(key, VerifyKey) else None


@dataclass(frozen=True, slots=True)
class Ed448:
    """EdDSA on edwards448, without prehash or context. RFC 8032 §5.2."""

    security_bits: int = 224

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`. Such a signature takes no randomness."""
        return eddsa.new(key, "rfc8032").sign if isinstance(key, EccKey) and key.curve == "Ed448" else None

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        return eddsa.new(key, "rfc8032").verify if isinstance(key, EccKey) and key.curve == "Ed448" else None


@dataclass(frozen=True, slots=True)
class MlDsa:
    """A parameter set of ML-DSA, without prehash or context. FIPS 204 §5.2, §5.3; draft-ietf-tls-mldsa §3."""

    parameter_set: MLDSA.ParamSet
    security_bits: int

    def sign_by(self, key: PrivateHalf, random: Random) -> Sign | None:
        """See `SignatureAlgorithm`. The hedged variant: the 32 bytes that `random` gives are rnd."""
        if not isinstance(key, MLDSAKey) or key.param_set is not self.parameter_set:
            return None
        return mldsa.new(key, randfunc=random).sign

    def verify_by(self, key: PublicHalf) -> Verify | None:
        """See `SignatureAlgorithm`."""
        if not isinstance(key, MLDSAKey) or key.param_set is not self.parameter_set:
            return None
        return mldsa.new(key).verify


MAX_RSA_MODULUS_BITS = 8192
MAX_RSA_EXPONENT_BITS = 64
"""What a peer's key may cost: with both bounds a verification stays within a few milliseconds."""

MAX_ECDSA_SIGNATURE = 139
"""The longest that there is, P-521's. Reading a longer number takes time that grows with its square."""

SIGNATURES: Mapping[SignatureScheme, SignatureAlgorithm] = {
    SignatureScheme.ecdsa_secp256r1_sha256: Ecdsa("NIST P-256", SHA256.new, 128),
    SignatureScheme.ed25519: Ed25519(),
    SignatureScheme.ecdsa_secp384r1_sha384: Ecdsa("NIST P-384", SHA384.new, 192),
    SignatureScheme.ecdsa_secp521r1_sha512: Ecdsa("NIST P-521", SHA512.new, 256),
    SignatureScheme.rsa_pss_rsae_sha256: RsaPss(SHA256.new, hashes.SHA256()),
    SignatureScheme.rsa_pss_rsae_sha384: RsaPss(SHA384.new, hashes.SHA384()),
    SignatureScheme.rsa_pss_rsae_sha512: RsaPss(SHA512.new, hashes.SHA512()),
    SignatureScheme.rsa_pss_pss_sha256: RsaPss(SHA256.new, hashes.SHA256(), dedicated=True),
    SignatureScheme.rsa_pss_pss_sha384: RsaPss(SHA384.new, hashes.SHA384(), dedicated=True),
    SignatureScheme.rsa_pss_pss_sha512: RsaPss(SHA512.new, hashes.SHA512(), dedicated=True),
    SignatureScheme.ed448: Ed448(),
    SignatureScheme.mldsa44: MlDsa(MLDSA.ML_DSA_44, 128),
    SignatureScheme.mldsa65: MlDsa(MLDSA.ML_DSA_65, 192),
    SignatureScheme.mldsa87: MlDsa(MLDSA.ML_DSA_87, 256),
}
"""Every scheme that this package can sign and verify by, most wanted first."""


def names(schemes: Sequence[SignatureScheme]) -> str:
    """A list of schemes, for a message."""
    return ", ".join(str(scheme) for scheme in schemes)
