"""What a server hands to its clients and takes back: sealed, so that only its own keys read it or make it.

Keys change by themselves: a new one seals after each `rotation`, and the old one opens for `overlap` more.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from schemas.errors import DecodeError
from schemas.stored import Sealed
from tls13.crypto import Random
from tls13.errors import ConfigurationError

KEY_NAME_LENGTH = 16


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One key and its name; both random. It seals what is made from `since` on."""

    name: bytes
    key: bytes = field(repr=False)
    since: datetime

    def __post_init__(self) -> None:
        if len(self.name) != KEY_NAME_LENGTH or len(self.key) != crypto_aead_xchacha20poly1305_ietf_KEYBYTES:
            raise ConfigurationError("a sealing key is a name of 16 bytes and a key of 32")

    @classmethod
    def generate(cls, since: datetime, random: Random = os.urandom) -> Self:
        """A fresh one."""
        return cls(random(KEY_NAME_LENGTH), random(crypto_aead_xchacha20poly1305_ietf_KEYBYTES), since)


class SealingKeys:
    """The keys of one server, or of several that share them. Threads may share it too.

    `overlap` should be no less than the life of what is sealed. Raises ConfigurationError for times that are not
    positive.
    """

    def __init__(
        self,
        *keys: SealingKey,
        rotation: timedelta = timedelta(days=1),
        overlap: timedelta = timedelta(days=7),
    ) -> None:
        if rotation <= timedelta(0) or overlap <= timedelta(0):
            raise ConfigurationError("rotation and overlap of sealing keys are positive times")
        self._rotation = rotation
        self._overlap = overlap
        self._lock = threading.Lock()
        self._keys = deque(sorted(keys, key=lambda each: each.since, reverse=True))

    @property
    def keys(self) -> tuple[SealingKey, ...]:
        """Newest first: for handing them to another process."""
        with self._lock:
            return tuple(self._keys)

    def add(self, key: SealingKey) -> None:
        """A key of another process's, which seals from its `since` on, until a newer one does."""
        with self._lock:
            self._keys = deque(sorted({*self._keys, key}, key=lambda each: each.since, reverse=True))

    def seal(self, purpose: bytes, plaintext: bytes, now: datetime, random: Random) -> bytes:
        """`plaintext`, to be read again only for the same purpose. The nonce, and a new key, come from `random`."""
        key = self._current(now, random)
        nonce = random(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
        ciphertext = crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, purpose, nonce, key.key)
        return Sealed(key_name=key.name, nonce=nonce, ciphertext=ciphertext).build()

    def open(self, purpose: bytes, sealed: bytes, now: datetime) -> bytes | None:
        """What was sealed, None where none of the keys has done that: it is another's, changed, or too old."""
        try:
            parts = Sealed.parse(sealed)
        except DecodeError:
            return None
        key = self._named(parts.key_name, now)
        if key is None:
            return None
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(parts.ciphertext, purpose, parts.nonce, key.key)
        except (CryptoError, ValueError):
            # The library says ValueError for what is shorter than a tag.
            return None

    def _current(self, now: datetime, random: Random) -> SealingKey:
        with self._lock:
            self._forget(now)
            current = next((each for each in self._keys if each.since <= now), None)
            if current is None or current.since + self._rotation <= now:
                current = SealingKey.generate(now, random)
                self._keys = deque(sorted({*self._keys, current}, key=lambda each: each.since, reverse=True))
            return current

    def _named(self, name: bytes, now: datetime) -> SealingKey | None:
        with self._lock:
            self._forget(now)
            return next((each for each in self._keys if each.name == name), None)

    def _forget(self, now: datetime) -> None:
        while self._keys and self._keys[-1].since + self._rotation + self._overlap <= now:
            self._keys.pop()
