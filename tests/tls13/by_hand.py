"""The wire by hand: records, messages and protection that need not be lawful.

The cryptography is pyca/cryptography's, not the product's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.alert import Alert
from schemas.certificate import Certificate
from schemas.code_points import AlertDescription, AlertLevel, CipherSuite, ExtensionType, NamedGroup
from schemas.extension_block import Extension
from schemas.extensions import KeyShareEntry
from schemas.handshake import (
    CertificateRequest,
    ClientHello,
    EncryptedExtensions,
    Handshake,
    HandshakeMessage,
    HelloRetryRequest,
    NewSessionTicket,
    ServerHello,
)
from tls13.crypto.hkdf import hkdf_expand_label

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23

Extensible = ClientHello | ServerHello | HelloRetryRequest | EncryptedExtensions | CertificateRequest | NewSessionTicket
"""The messages that end in a block of extensions."""

AEADS: dict[CipherSuite, tuple[str, int, Callable[[bytes], Any]]] = {
    CipherSuite.TLS_AES_128_GCM_SHA256: ("sha256", 16, AESGCM),
    CipherSuite.TLS_AES_256_GCM_SHA384: ("sha384", 32, AESGCM),
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256: ("sha256", 32, ChaCha20Poly1305),
}


def plaintext(content_type: int, fragment: bytes, version: int = 0x0303) -> bytes:
    """An unprotected record, of any type and length."""
    return bytes([content_type]) + version.to_bytes(2, "big") + len(fragment).to_bytes(2, "big") + fragment


def cut(wire: bytes) -> list[bytes]:
    """The records in `wire`, each with its header. Nothing may be left."""
    records = []
    while wire:
        end = 5 + int.from_bytes(wire[3:5], "big")
        assert len(wire) >= end, "half a record"
        records.append(wire[:end])
        wire = wire[end:]
    return records


def message(msg_type: int, body: bytes) -> bytes:
    """A handshake message of any type."""
    return bytes([msg_type]) + len(body).to_bytes(3, "big") + body


def raw(of: HandshakeMessage | bytes) -> bytes:
    """The bytes of a message, which may be bytes already."""
    return of if isinstance(of, bytes) else Handshake.of(of).build()


def with_extension(extensions: Iterable[Extension] | None, new: Extension) -> list[Extension]:
    """The block with `new` in the place of its like, or behind the others."""
    listed = list(extensions or ())
    types = [each.extension_type for each in listed]
    if new.extension_type not in types:
        return [*listed, new]
    return [new if each.extension_type == new.extension_type else each for each in listed]


def without_extension(extensions: Iterable[Extension] | None, extension_type: ExtensionType) -> list[Extension]:
    """The block without that extension."""
    return [each for each in extensions or () if each.extension_type != extension_type]


def disguised(of: HandshakeMessage, extension_type: int, data: bytes) -> bytes:
    """The message's bytes with one more extension in its block, of any type and with any data. Duplicates too.

    For messages whose extensions come last, and for the last certificate of a Certificate message.
    """
    mask = Extension(extension_type=ExtensionType(0xFFEE), extension_data=data)
    if isinstance(of, Certificate):
        *others, last = of.certificate_list
        last = replace(last, extensions=[*last.extensions, mask])
        built = raw(replace(of, certificate_list=[*others, last]))
    else:
        assert isinstance(of, Extensible)
        built = raw(replace(of, extensions=[*(of.extensions or []), mask]))
    head, tail = built.split(b"\xff\xee" + len(data).to_bytes(2, "big") + data)
    return head + extension_type.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data + tail


class Direction:
    """One direction's protection, sealed by hand: any inner plaintext, any header."""

    def __init__(self, suite: CipherSuite, secret: bytes) -> None:
        self.suite = suite
        self.secret = secret
        self.number = 0
        self.hash_name, key_length, aead = AEADS[suite]
        self._aead = aead(hkdf_expand_label(self.hash_name, secret, b"key", b"", key_length))
        self._iv = int.from_bytes(hkdf_expand_label(self.hash_name, secret, b"iv", b"", 12), "big")

    def seal(self, content_type: int, content: bytes, padding: int = 0) -> bytes:
        """A protected record."""
        return self.seal_inner(content + bytes([content_type]) + bytes(padding))

    def seal_inner(self, inner: bytes, version: bytes = b"\x03\x03") -> bytes:
        """The record around an inner plaintext that may be none."""
        header = bytes([APPLICATION_DATA]) + version + (len(inner) + 16).to_bytes(2, "big")
        return header + bytes(self._aead.encrypt(self._nonce(), inner, header))

    def open(self, record: bytes) -> tuple[int, bytes]:
        """Content type and content of a protected record, whose padding must be none."""
        inner = bytes(self._aead.decrypt(self._nonce(), record[5:], record[:5]))
        return inner[-1], inner[:-1]

    def updated(self) -> Direction:
        """The next generation."""
        return Direction(
            self.suite, hkdf_expand_label(self.hash_name, self.secret, b"traffic upd", b"", len(self.secret))
        )

    def _nonce(self) -> bytes:
        nonce = (self._iv ^ self.number).to_bytes(12, "big")
        self.number += 1
        return nonce


class KeyPair:
    """A fresh key of one group, by pyca/cryptography."""

    def __init__(self, group: NamedGroup) -> None:
        self.group = group
        self._key: X25519PrivateKey | ec.EllipticCurvePrivateKey
        if group is NamedGroup.x25519:
            self._key = X25519PrivateKey.generate()
            self.share = self._key.public_key().public_bytes_raw()
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self.share = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def entry(self) -> KeyShareEntry:
        return KeyShareEntry(group=self.group, key_exchange=self.share)

    def agree(self, share: bytes) -> bytes:
        if isinstance(self._key, X25519PrivateKey):
            return self._key.exchange(X25519PublicKey.from_public_bytes(share))
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), share)
        return self._key.exchange(ec.ECDH(), point)


def alert(description: AlertDescription, level: AlertLevel = AlertLevel.fatal) -> bytes:
    """An alert's two bytes."""
    return Alert(level=level, description=description).build()


def key_update(request: int) -> bytes:
    """A KeyUpdate with any value in it."""
    return message(24, bytes([request]))
