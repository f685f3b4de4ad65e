"""RFC 9846 §7.1 over again, with the HKDF and HMAC of pyca/cryptography and nothing of the product's."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

HASHES: dict[str, Any] = {"sha256": hashes.SHA256, "sha384": hashes.SHA384}


def digest(hash_name: str, data: bytes = b"") -> bytes:
    return hashlib.new(hash_name, data).digest()


def mac(hash_name: str, key: bytes, data: bytes) -> bytes:
    computation = hmac.HMAC(key, HASHES[hash_name]())
    computation.update(data)
    return computation.finalize()


def extract(hash_name: str, salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract."""
    return bytes(HKDF.extract(HASHES[hash_name](), salt, secret))


def expand_label(hash_name: str, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label, its HkdfLabel written out."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    return HKDFExpand(HASHES[hash_name](), length, info).derive(secret)


def derive_secret(hash_name: str, secret: bytes, label: bytes, messages: bytes) -> bytes:
    """Derive-Secret over these messages."""
    transcript_hash = digest(hash_name, messages)
    return expand_label(hash_name, secret, label, transcript_hash, len(transcript_hash))


def early_secret(hash_name: str, psk: bytes) -> bytes:
    return extract(hash_name, bytes(len(digest(hash_name))), psk)


def binder(hash_name: str, psk: bytes, label: bytes, messages: bytes) -> bytes:
    """§4.3.11.2: the HMAC over the messages, the last of them truncated."""
    binder_key = derive_secret(hash_name, early_secret(hash_name, psk), label, b"")
    finished_key = expand_label(hash_name, binder_key, b"finished", b"", len(binder_key))
    return mac(hash_name, finished_key, digest(hash_name, messages))


def exported(hash_name: str, exporter_secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """§7.5"""
    secret = derive_secret(hash_name, exporter_secret, label, b"")
    return expand_label(hash_name, secret, b"exporter", digest(hash_name, context), length)
