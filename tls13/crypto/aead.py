"""The cipher suites: code point → AEAD algorithm and hash. RFC 9846 §B.4, §5.2.

A suite is one row of `SUITES`. Nonces, sequence numbers and records are the record layer's business: what stands here
takes a nonce and bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from schemas.code_points import CipherSuite
from tls13.errors import BadRecordMac

Buffer = bytes | bytearray | memoryview
"""What may be sealed and opened."""


class Aead(Protocol):
    """An AEAD algorithm under one key. RFC 5116 §2."""

    def seal(self, nonce: bytes, plaintext: Buffer, additional_data: Buffer, /) -> bytes:
        """The ciphertext with the tag behind it. `nonce` is `iv_length` bytes, never used twice."""

    def open(self, nonce: bytes, ciphertext: Buffer, additional_data: Buffer, /) -> bytes:
        """The plaintext. Raises BadRecordMac if anything was changed, or if there are not even a tag's bytes."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher suite. Lengths are in bytes, `hash_name` is hashlib's.

    `record_limit` is how many full-size records one key may protect (RFC 9846 §5.5). `security_bits` is the cipher's
    security strength (NIST SP 800-57 part 1 table 2), or the length of its tag where forging that is easier by far.
    """

    cipher_suite: CipherSuite
    hash_name: str
    key_length: int
    record_limit: int
    security_bits: int
    aead: Callable[[bytes], Aead]
    iv_length: int = 12
    tag_length: int = 16


class KeyedAead:
    """One AEAD algorithm under one key: what pyca/cryptography's objects for them have in common."""

    __slots__ = ("_decrypt", "seal")

    def __init__(self, cipher: AESGCM | AESCCM | ChaCha20Poly1305) -> None:
        # The library's own methods, so that a record costs no call in between.
        self.seal = cipher.encrypt
        self._decrypt = cipher.decrypt

    def open(self, nonce: bytes, ciphertext: Buffer, additional_data: Buffer, /) -> bytes:
        """See `Aead`."""
        try:
            return self._decrypt(nonce, ciphertext, additional_data)
        except InvalidTag:
            raise authentication_failure() from None


def aes_gcm(key: bytes) -> KeyedAead:
    """AEAD_AES_128_GCM or AEAD_AES_256_GCM, as long as the key is. RFC 5116 §5.1, §5.2."""
    return KeyedAead(AESGCM(key))


def aes_ccm(key: bytes) -> KeyedAead:
    """AEAD_AES_128_CCM. RFC 5116 §5.3."""
    return KeyedAead(AESCCM(key, tag_length=16))


def aes_ccm_8(key: bytes) -> KeyedAead:
    """AEAD_AES_128_CCM_8: the same with half the tag, which one forgery in 2^64 gets past. RFC 6655 §6.1."""
    return KeyedAead(AESCCM(key, tag_length=8))


def chacha20_poly1305(key: bytes) -> KeyedAead:
    """AEAD_CHACHA20_POLY1305. RFC 8439 §2.8. A full record takes 0.4 of the time that it takes PyNaCl."""
    return KeyedAead(ChaCha20Poly1305(key))


def authentication_failure() -> BadRecordMac:
    """One reason for every way to fail, so that the peer learns nothing from which it was."""
    return BadRecordMac("a record does not open under the current keys: it was altered, or the keys are not the same")


AES_GCM_RECORD_LIMIT = 23_726_566
"""2^24.5 rounded down: beyond it the margin of confidentiality wears thin. RFC 9846 §5.5"""

AES_CCM_RECORD_LIMIT = 2**23
"""RFC 9846 has no figure for CCM; this is the one of DTLS 1.3, whatever the tag's length. RFC 9147 §B.1, §B.3"""

LAST_SEQUENCE_NUMBER = 2**64 - 1
"""What a suite without a limit of its own stops at: a sequence number never wraps. RFC 9846 §5.3"""

SUITES: Mapping[CipherSuite, Suite] = {
    suite.cipher_suite: suite
    for suite in (
        Suite(
            cipher_suite=CipherSuite.TLS_AES_128_GCM_SHA256,
            hash_name="sha256",
            key_length=16,
            record_limit=AES_GCM_RECORD_LIMIT,
            security_bits=128,
            aead=aes_gcm,
        ),
        Suite(
            cipher_suite=CipherSuite.TLS_AES_256_GCM_SHA384,
            hash_name="sha384",
            key_length=32,
            record_limit=AES_GCM_RECORD_LIMIT,
            security_bits=256,
            aead=aes_gcm,
        ),
        Suite(
            cipher_suite=CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
            hash_name="sha256",
            key_length=32,
            record_limit=LAST_SEQUENCE_NUMBER,
            security_bits=256,
            aead=chacha20_poly1305,
        ),
        Suite(
            cipher_suite=CipherSuite.TLS_AES_128_CCM_SHA256,
            hash_name="sha256",
            key_length=16,
            record_limit=AES_CCM_RECORD_LIMIT,
            security_bits=128,
            aead=aes_ccm,
        ),
        Suite(
            cipher_suite=CipherSuite.TLS_AES_128_CCM_8_SHA256,
            hash_name="sha256",
            key_length=16,
            record_limit=AES_CCM_RECORD_LIMIT,
            security_bits=64,
            aead=aes_ccm_8,
            tag_length=8,
        ),
    )
}
"""Every cipher suite that this package can speak, most wanted first."""
