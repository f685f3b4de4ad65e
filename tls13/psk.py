"""Pre-shared keys: those from outside TLS, and how they are imported. RFC 9846 §2.2, §4.3.11, RFC 9258."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.code_points import CipherSuite, TlsKdfIdentifier
from schemas.derived import ImportedIdentity
from schemas.errors import EncodeError
from tls13.crypto.hkdf import HASHES, hkdf_expand_label, hkdf_extract
from tls13.errors import ConfigurationError

EXTERNAL_BINDER = b"ext binder"
RESUMPTION_BINDER = b"res binder"
IMPORTED_BINDER = b"imp binder"

KDF_HASHES = {TlsKdfIdentifier.HKDF_SHA256: "sha256", TlsKdfIdentifier.HKDF_SHA384: "sha384"}
"""The hash of each KDF that a PSK can be imported for. RFC 9258 §10"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyDataTerms:
    """What early data under a PSK keeps to, known to both sides beforehand. §4.3.10

    `max_size` is in bytes.
    """

    cipher_suite: CipherSuite
    application_protocol: str | None
    max_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Psk:
    """A key that both sides hold, and the name that it goes by. §4.3.11

    `hash_name` is hashlib's name of the hash that the key is used with; only suites with that hash go with it.
    `binder_label` tells external keys, imported ones and those of a ticket apart. The key is at least 16 bytes, as
    random as a key: a password is none. Raises ConfigurationError for what cannot be offered.
    """

    identity: bytes
    key: bytes = field(repr=False)
    hash_name: str = "sha256"
    binder_label: bytes = EXTERNAL_BINDER
    early_data: EarlyDataTerms | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.identity) <= 2**16 - 8:
            raise ConfigurationError("a PSK identity has 1 to 65528 bytes")
        if len(self.key) < MIN_KEY_LENGTH:
            raise ConfigurationError(
                f"a PSK of {len(self.key)} bytes",
                f"give {MIN_KEY_LENGTH} random bytes or more, as: openssl rand -hex 32",
            )
        if self.hash_name not in HASHES:
            raise ConfigurationError(f"a PSK for hash {self.hash_name!r}", f"choose from {', '.join(HASHES)}")


MIN_KEY_LENGTH = 16
"""In bytes: whoever records a handshake can try shorter keys out. RFC 9257 §4.2"""


def import_psk(
    identity: bytes,
    key: bytes,
    *,
    context: bytes = b"",
    hash_name: str = "sha256",
    targets: Iterable[TlsKdfIdentifier] = tuple(KDF_HASHES),
) -> tuple[Psk, ...]:
    """An external key, imported for TLS 1.3 and for each of the KDFs in `targets`. RFC 9258 §5.1

    `hash_name` is that of the external key, SHA-256 where it says none; `context` what both sides bind it to. Raises
    ConfigurationError for a KDF, hash, identity or context that cannot be.
    """
    if hash_name not in HASHES:
        raise ConfigurationError(f"an external PSK for hash {hash_name!r}", f"choose from {', '.join(HASHES)}")
    extracted = hkdf_extract(hash_name, bytes(HASHES[hash_name].digest_size), key)
    imported = []
    for target in targets:
        if target not in KDF_HASHES:
            raise ConfigurationError(
                f"a PSK can't be imported for {target}", f"choose from {', '.join(map(str, KDF_HASHES))}"
            )
        target_hash = KDF_HASHES[target]
        try:
            name = ImportedIdentity(external_identity=identity, context=context, target_kdf=target).build()
        except EncodeError as error:
            raise ConfigurationError(f"the PSK can't be imported: {error}") from error
        digest = hashlib.new(hash_name, name).digest()
        derived = hkdf_expand_label(hash_name, extracted, b"derived psk", digest, HASHES[target_hash].digest_size)
        imported.append(Psk(identity=name, key=derived, hash_name=target_hash, binder_label=IMPORTED_BINDER))
    return tuple(imported)
