"""HKDF (RFC 5869) in the forms that TLS 1.3 gives it: RFC 9846 §7.1.

Only the functions: which secret is derived from which, and by what label, is the key schedule's business. A hash goes
by the name that hashlib gives it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from schemas.derived import HkdfLabel

HASHES: Mapping[str, HashAlgorithm] = MappingProxyType({"sha256": SHA256(), "sha384": SHA384()})
"""The hashes of the cipher suites by their hashlib names; `digest_size` is the RFC's Hash.length."""


def hkdf_extract(hash_name: str, salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract: a pseudorandom key of Hash.length bytes, which is HMAC-Hash(salt, ikm). RFC 5869 §2.2."""
    return hmac.digest(salt, ikm, hash_name)


def hkdf_expand(hash_name: str, prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand: `length` bytes out of `prk`, at most 255 times Hash.length. RFC 5869 §2.3."""
    return HKDFExpand(HASHES[hash_name], length, info).derive(prk)


def hkdf_expand_label(hash_name: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label: `length` bytes out of `secret` for the purpose that `label` names.

    `label` is 1 to 249 bytes and comes without the "tls13 " that goes before each, `context` is at most 255 bytes.
    Raises EncodeError where they are not.
    """
    return hkdf_expand(hash_name, secret, hkdf_label(length, label, context), length)


@lru_cache(maxsize=64)
def hkdf_label(length: int, label: bytes, context: bytes) -> bytes:
    """The HkdfLabel of an HKDF-Expand-Label. Most are the same in every connection: they have no context."""
    return HkdfLabel(length=length, label=b"tls13 " + label, context=context).build()


def derive_secret(hash_name: str, secret: bytes, label: bytes, transcript_hash: bytes) -> bytes:
    """Derive-Secret: Hash.length bytes bound to the messages that `transcript_hash` is the hash of."""
    return hkdf_expand_label(hash_name, secret, label, transcript_hash, HASHES[hash_name].digest_size)
