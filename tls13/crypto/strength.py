"""Security strengths in bits: as many as an attack takes operations, to the base 2. NIST SP 800-57 part 1 §5.6.1.

Suites, groups and signature schemes have theirs in their own rows. What stands here is that of a key, which for RSA
hangs on its size.
"""

from __future__ import annotations

from collections.abc import Mapping

from Crypto.PublicKey import MLDSA
from Crypto.PublicKey.ECC import EccKey
from Crypto.PublicKey.MLDSA import MLDSAKey
from Crypto.PublicKey.RSA import RsaKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from nacl.signing import SigningKey, VerifyKey

from tls13.crypto.keys import PrivateHalf, PublicHalf, RsassaPssKey


def security_bits(key: PublicHalf | PrivateHalf) -> int:
    """The security strength of signatures by a key, whatever hash they are of."""
    match key:
        case RsassaPssKey():
            return security_bits(key.key)
        case RSAPublicKey():
            return rsa_security_bits(key.key_size)
        case RsaKey():
            return rsa_security_bits(key.size_in_bits())
        case EccKey():
            return CURVES[key.curve]
        case SigningKey() | VerifyKey():
            return ED25519
        case MLDSAKey():
            return ML_DSA[key.param_set]


def rsa_security_bits(modulus_bits: int) -> int:
    """That of the largest modulus in the table that is not larger; 0 for one that is smaller than all of them."""
    return max((bits for size, bits in RSA.items() if size <= modulus_bits), default=0)


RSA: Mapping[int, int] = {1024: 80, 2048: 112, 3072: 128, 4096: 152, 6144: 176, 7680: 192, 8192: 200, 15360: 256}
"""Modulus size to strength. SP 800-57 part 1 table 2; SP 800-56B appendix D for 4096, 6144 and 8192."""

CURVES: Mapping[str, int] = {"NIST P-256": 128, "NIST P-384": 192, "NIST P-521": 256, "Ed448": 224}
"""PyCryptodome's name of a curve to strength. SP 800-186 tables 1 and 3"""

ED25519 = 128
"""SP 800-186 table 3"""

ML_DSA: Mapping[MLDSA.ParamSet, int] = {MLDSA.ML_DSA_44: 128, MLDSA.ML_DSA_65: 192, MLDSA.ML_DSA_87: 256}
"""Parameter set to λ, the strength of its commitments. FIPS 204 table 1"""
