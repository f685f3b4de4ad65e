"""RFC 9846 §4.1: the hash of every handshake message, of the very bytes that went over the wire."""

from __future__ import annotations

import hashlib

from schemas.derived import MessageHash


class Transcript:
    """The messages so far. Until the suite is known they are kept; then they are only hashed."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._running: hashlib._Hash | None = None

    def add(self, message: bytes) -> None:
        """Appends one handshake message, header included, as it was sent or received."""
        if self._running is None:
            self._pending.append(message)
        else:
            self._running.update(message)

    def select_hash(self, hash_name: str) -> None:
        """The suite is chosen: from here on the messages are hashed with its hash. A second call changes nothing."""
        if self._running is None:
            self._running = hashlib.new(hash_name, b"".join(self._pending))
            self._pending.clear()

    def replace_client_hello_1(self, hash_name: str) -> None:
        """A HelloRetryRequest has been chosen: ClientHello1 becomes the synthetic message_hash. §4.1"""
        self.select_hash(hash_name)
        synthetic = MessageHash(hash=self.hash()).build()
        self._running = hashlib.new(hash_name, synthetic)

    def hash(self) -> bytes:
        """The transcript hash up to here. Raises RuntimeError before a hash is selected."""
        if self._running is None:
            raise RuntimeError("no transcript hash before the cipher suite is known")
        return self._running.digest()
