"""What peers played by hand share, whichever role they play: records, messages, transcript, and refusals."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from by_hand import (
    AEADS,
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Direction,
    cut,
    message,
    plaintext,
    raw,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from shared_keys import SharedKey

from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import AlertLevel, CipherSuite, SignatureScheme
from schemas.extension_block import Extension
from schemas.handshake import CertificateVerify, HandshakeMessage
from tls13.connection import Connection
from tls13.crypto.hkdf import hkdf_expand_label
from tls13.errors import Reason, TLSError
from tls13.events import Event
from tls13.handshake.states import Failed
from tls13.key_schedule import EarlySecret, HandshakeSecret

MINTED = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
"""When the test PKI was made."""


def clock() -> datetime:
    """An hour after the PKI was made, for ever."""
    return MINTED + timedelta(hours=1)


@dataclass(frozen=True)
class Identity:
    """A chain in DER and the Ed25519 key of its first certificate."""

    chain: tuple[bytes, ...]
    key: Ed25519PrivateKey

    def certificate(self, *extensions: Extension, context: bytes = b"") -> Certificate:
        """The chain; `extensions` stand with its first certificate."""
        first, *others = (CertificateEntry(cert_data=each) for each in self.chain)
        entries = [replace(first, extensions=list(extensions)), *others]
        return Certificate(certificate_request_context=context, certificate_list=entries)

    def certificate_verify(self, role: bytes, transcript_hash: bytes) -> CertificateVerify:
        """What `role`, "server" or "client", signs over that transcript."""
        content = b" " * 64 + b"TLS 1.3, " + role + b" CertificateVerify\0" + transcript_hash
        return CertificateVerify(algorithm=SignatureScheme.ed25519, signature=self.key.sign(content))


class Peer:
    """What both roles share: records and messages to the connection, records from it, the transcript and the keys."""

    def __init__(self, connection: Connection, suite: CipherSuite) -> None:
        self.connection = connection
        self.suite = suite
        self.transcript: list[bytes] = []
        self.inbox: list[bytes] = []
        self.events: list[Event] = []
        self.sending: Direction | None = None
        self.receiving: Direction | None = None
        self.psk: SharedKey | None = None
        self.listen()

    @property
    def hash_name(self) -> str:
        return AEADS[self.suite][0]

    # Sending

    def record(self, content_type: int, content: bytes, padding: int = 0) -> bytes:
        """A record under the key of the moment, or in the clear where there is none."""
        if self.sending is None:
            return plaintext(content_type, content)
        return self.sending.seal(content_type, content, padding)

    def records(self, content: bytes) -> bytes:
        """A handshake message of any length, in as few records as hold it."""
        return b"".join(self.record(HANDSHAKE, content[at : at + 2**14]) for at in range(0, len(content), 2**14))

    def deliver(self, wire: bytes) -> list[Event]:
        """The connection gets these bytes; what it answers goes to the inbox."""
        try:
            events = self.connection.receive_data(wire)
        finally:
            self.listen()
        self.events += events
        return events

    def tell(self, *messages: HandshakeMessage | bytes) -> list[Event]:
        """Handshake messages in one record, as they are."""
        return self.deliver(self.record(HANDSHAKE, b"".join(map(raw, messages))))

    def listen(self) -> None:
        self.inbox += cut(self.connection.data_to_send())

    # Receiving

    def next_record(self) -> tuple[int, bytes]:
        """Content type and content of the next record of the connection."""
        record = self.inbox.pop(0)
        if record[0] == APPLICATION_DATA and self.receiving is not None:
            return self.receiving.open(record)
        return record[0], record[5:]

    def hear(self) -> list[tuple[int, bytes]]:
        """All that the connection has said and nobody has read yet."""
        heard = []
        while self.inbox:
            heard.append(self.next_record())
        return heard

    def skip_change_cipher_spec(self) -> None:
        if self.inbox and self.inbox[0][0] == CHANGE_CIPHER_SPEC:
            assert self.inbox.pop(0) == plaintext(CHANGE_CIPHER_SPEC, b"\x01")

    def next_messages(self) -> list[bytes]:
        """The handshake messages of the next record, and of as many more as the last of them needs."""
        content = self._next_fragment()
        messages = []
        while content:
            while len(content) < 4 or len(content) < 4 + int.from_bytes(content[1:4], "big"):
                content += self._next_fragment()
            end = 4 + int.from_bytes(content[1:4], "big")
            messages.append(content[:end])
            content = content[end:]
        return messages

    def _next_fragment(self) -> bytes:
        content_type, content = self.next_record()
        assert content_type == HANDSHAKE, content
        return content

    def waiting_messages(self) -> list[bytes]:
        """The handshake messages of all records that nobody has read yet."""
        messages = []
        while self.inbox:
            messages += self.next_messages()
        return messages

    # Failing

    def refused(self, wire: bytes) -> Reason:
        """Delivers what must be refused: exactly one alert leaves, fatal and under the right key, and all is over."""
        self.hear()
        return self.refusal_of(lambda: self.deliver(wire))

    def refused_message(self, *messages: HandshakeMessage | bytes) -> Reason:
        return self.refused(self.records(b"".join(map(raw, messages))))

    def refusal_of(self, act: Callable[[], object]) -> Reason:
        with pytest.raises(Reason) as raised:
            act()
        self.skip_change_cipher_spec()
        assert self.next_record() == (ALERT, bytes([AlertLevel.fatal, raised.value.alert]))
        assert self.inbox == []
        self.check_latched(raised.value)
        return raised.value

    def check_latched(self, error: TLSError) -> None:
        """Every later call raises the same error, and nothing more is sent."""
        for later in (
            lambda: self.connection.receive_data(plaintext(HANDSHAKE, b"\x14\0\0\0")),
            self.connection.receive_eof,
            lambda: self.connection.send(b"more"),
            self.connection.update_keys,
        ):
            with pytest.raises(type(error)) as again:
                later()
            assert again.value is error
        self.connection.close()
        assert self.connection.data_to_send() == b""
        assert self.connection.is_closed
        assert type(self.connection.state) is Failed

    # Deriving

    def transcript_hash(self) -> bytes:
        return hashlib.new(self.hash_name, b"".join(self.transcript)).digest()

    def handshake_secret(self, shared_secret: bytes | None) -> HandshakeSecret:
        """Under the pre-shared key that was agreed on, if one was."""
        secret = None if self.psk is None else self.psk.secret
        return EarlySecret.of(self.hash_name, secret).handshake(shared_secret)

    def verify_data(self, secret: bytes) -> bytes:
        key = hkdf_expand_label(self.hash_name, secret, b"finished", b"", len(secret))
        return hmac.digest(key, self.transcript_hash(), self.hash_name)

    def retry_transcript(self) -> None:
        """ClientHello1 becomes message_hash. RFC 9846 §4.1"""
        digest = self.transcript_hash()
        self.transcript = [message(254, digest)]
