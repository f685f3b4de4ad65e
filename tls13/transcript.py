"""RFC 9846 §4.1: the hash of every handshake message, of the very bytes that went over the wire."""

from __future__ import annotations

import hashlib

from schemas.derived import MessageHash


class Transcript:
    """The messages so far. Until the suite is known they are kept; then they are only hashed."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._running: hashlib._Hash | None = None
        self._before_last: hashlib._Hash | None = None

    def add(self, message: bytes) -> None:
        """Appends one handshake message, header included, as it was sent or received."""
        if self._running is None:
            self._pending.append(message)
        else:
            self._before_last = self._running.copy()
            self._running.update(message)

    def replace_client_hello_1(self, hash_name: str) -> None:
        """A HelloRetryRequest is next, or last: the first message becomes the synthetic message_hash. §4.1"""
        digest = hashlib.new(hash_name, self._pending[0]).digest()
        self._pending[0] = MessageHash(hash=digest).build()

    def select_hash(self, hash_name: str) -> None:
        """The cipher suite is known: from here on the messages are hashed with its hash."""
        self._running = hashlib.new(hash_name, b"".join(self._pending))
        self._pending.clear()

    def restore_retry(self, client_hello_1_hash: bytes, hello_retry_request: bytes) -> None:
        """What stands before a second ClientHello that brings the hash of the first in its cookie. §4.1, §4.3.2"""
        self._pending[:0] = [MessageHash(hash=client_hello_1_hash).build(), hello_retry_request]

    def hash_with(self, hash_name: str, message: bytes, *, instead_of_last: bool = False) -> bytes:
        """The hash of everything so far and `message`, before the suite is known: what a binder covers. §4.3.11.2

        Or of `message` in the last one's place.
        """
        earlier = self._pending[:-1] if instead_of_last else self._pending
        return hashlib.new(hash_name, b"".join(earlier) + message).digest()

    def fork(self) -> Transcript:
        """One that goes on from here by itself, as each authentication after the handshake does. §4.5

        Only after `select_hash`.
        """
        fork = Transcript()
        fork._running = None if self._running is None else self._running.copy()
        return fork

    def hash(self) -> bytes:
        """The hash of everything so far. Only after `select_hash`."""
        return _digest(self._running)

    def hash_before_last(self) -> bytes:
        """The hash of everything but the last message, which is what that message may sign or authenticate."""
        return _digest(self._before_last)


def _digest(running: hashlib._Hash | None) -> bytes:
    if running is None:
        raise RuntimeError("no transcript hash before the cipher suite is known")
    return running.digest()
