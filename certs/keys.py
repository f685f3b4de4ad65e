"""The kinds of private key a certificate can be for, and how to make one."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
Digest = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


class KeyType(StrEnum):
    """The key types that TLS 1.3 signs with, spelled as file names and command lines spell them.

    All are instant to make except RSA, which takes some tenths of a second.
    """

    RSA = "rsa"
    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    ECDSA_P521 = "ecdsa-p521"
    ED25519 = "ed25519"
    ED448 = "ed448"
    ML_DSA_44 = "ml-dsa-44"
    ML_DSA_65 = "ml-dsa-65"
    ML_DSA_87 = "ml-dsa-87"


def generate(key_type: KeyType, *, rsa_bits: int = 2048) -> PrivateKey:
    """A new private key. `rsa_bits` is the modulus size, for RSA alone.

    Raises ValueError for a size that the library refuses (under 1024 bits).
    """
    if key_type is KeyType.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
    return _GENERATORS[key_type]()


def digest_for(key: PrivateKey) -> Digest | None:
    """The hash to sign certificates with: as strong as the curve for ECDSA; EdDSA and ML-DSA bring their own."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVE_DIGESTS.get(key.curve.name, hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return hashes.SHA256()
    return None


_GENERATORS: dict[KeyType, Callable[[], PrivateKey]] = {
    KeyType.ECDSA_P256: lambda: ec.generate_private_key(ec.SECP256R1()),
    KeyType.ECDSA_P384: lambda: ec.generate_private_key(ec.SECP384R1()),
    KeyType.ECDSA_P521: lambda: ec.generate_private_key(ec.SECP521R1()),
    KeyType.ED25519: ed25519.Ed25519PrivateKey.generate,
    KeyType.ED448: ed448.Ed448PrivateKey.generate,
    KeyType.ML_DSA_44: mldsa.MLDSA44PrivateKey.generate,
    KeyType.ML_DSA_65: mldsa.MLDSA65PrivateKey.generate,
    KeyType.ML_DSA_87: mldsa.MLDSA87PrivateKey.generate,
}

_CURVE_DIGESTS: dict[str, Digest] = {
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
