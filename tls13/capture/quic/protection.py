"""The protection of QUIC's Initial packets, whose keys everybody knows. RFC 9001 §5, RFC 9369 §3.3"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from schemas.code_points import CipherSuite
from schemas.quic_packets import QuicVersion
from tls13.capture.quic.versions import FORMS
from tls13.crypto.aead import SUITES
from tls13.crypto.hkdf import hkdf_expand_label, hkdf_extract
from tls13.errors import BadRecordMac

_SUITE = SUITES[CipherSuite.TLS_AES_128_GCM_SHA256]
_SAMPLE_AT, _SAMPLE_LENGTH = 4, 16
"""RFC 9001 §5.4.2: as if the packet number had four bytes."""


class Opened(NamedTuple):
    """A packet without its protection."""

    packet_number: int
    payload: bytes


class InitialProtection:
    """One side's, of a version that is one of FORMS. `largest` is the largest packet number seen so far."""

    def __init__(self, version: QuicVersion, secret: bytes) -> None:
        label = FORMS[version].label
        self._aead = _SUITE.aead(_expand(secret, label + b"key", _SUITE.key_length))
        self._iv = int.from_bytes(_expand(secret, label + b"iv", _SUITE.iv_length), "big")
        self._header = Cipher(AES(_expand(secret, label + b"hp", _SUITE.key_length)), ECB())
        self.largest = -1

    def open(self, packet: bytes, at: int) -> Opened | None:
        """The packet whose protected part starts `at` that byte; None where it does not open. RFC 9001 §5.3, §5.4"""
        sample = packet[at + _SAMPLE_AT : at + _SAMPLE_AT + _SAMPLE_LENGTH]
        if len(sample) < _SAMPLE_LENGTH:
            return None
        mask = self._header.encryptor().update(sample)
        first = packet[0] ^ mask[0] & 0x0F
        length = (first & 3) + 1
        truncated = bytes(each ^ other for each, other in zip(packet[at : at + length], mask[1:], strict=False))
        header = bytes([first]) + packet[1:at] + truncated
        number = self._packet_number(int.from_bytes(truncated, "big"), 8 * length)
        nonce = (self._iv ^ number).to_bytes(_SUITE.iv_length, "big")
        try:
            payload = self._aead.open(nonce, packet[at + length :], header)
        except BadRecordMac:
            return None
        self.largest = max(self.largest, number)
        return Opened(number, payload)

    def _packet_number(self, truncated: int, bits: int) -> int:
        """The number nearest to the next one that ends in those bits. RFC 9000 §A.3"""
        expected, window = self.largest + 1, 1 << bits
        candidate = expected & ~(window - 1) | truncated
        if candidate <= expected - window // 2:
            return candidate + window
        if candidate > expected + window // 2 and candidate >= window:
            return candidate - window
        return candidate


def initial_protection(version: QuicVersion, connection_id: bytes) -> tuple[InitialProtection, InitialProtection]:
    """The client's and the server's, from the Destination Connection ID of the client's first packet. RFC 9001 §5.2"""
    secret = hkdf_extract(_SUITE.hash_name, FORMS[version].salt, connection_id)
    client, server = (_expand(secret, label, _HASH_LENGTH) for label in (b"client in", b"server in"))
    return InitialProtection(version, client), InitialProtection(version, server)


_HASH_LENGTH = 32


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    return hkdf_expand_label(_SUITE.hash_name, secret, label, b"", length)
