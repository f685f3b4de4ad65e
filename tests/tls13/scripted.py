"""Peers played by hand: they know the bytes and keys of the protocol, and may break every rule of it.

`ScriptedServer` talks to one of our clients, `ScriptedClient` to one of our servers. What they build is honest unless
a test changes it; they send whatever they are given.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from by_hand import (
    AEADS,
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Direction,
    KeyPair,
    cut,
    message,
    plaintext,
    raw,
    with_extension,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.certificate import Certificate, CertificateEntry
from schemas.code_points import (
    AlertLevel,
    CipherSuite,
    NamedGroup,
    ProtocolVersion,
    PskKeyExchangeMode,
    SignatureScheme,
)
from schemas.extension_block import Extension
from schemas.extensions import (
    Cookie,
    KeyShare,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    Finished,
    Handshake,
    HandshakeMessage,
    HelloRetryRequest,
    ServerHello,
)
from tls13.connection import Connection
from tls13.crypto.hkdf import hkdf_expand_label
from tls13.errors import Reason, TLSError
from tls13.events import Event
from tls13.handshake.states import (
    Failed,
    ServerStart,
    State,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.key_schedule import EarlySecret, HandshakeSecret

MINTED = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
"""When the test PKI was made."""


def clock() -> datetime:
    """An hour after the PKI was made, for ever."""
    return MINTED + timedelta(hours=1)


@dataclass(frozen=True)
class Identity:
    """A server's chain in DER and its Ed25519 key."""

    chain: tuple[bytes, ...]
    key: Ed25519PrivateKey


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
        """The handshake messages of the next record, which must be whole."""
        content_type, content = self.next_record()
        assert content_type == HANDSHAKE
        messages = []
        while content:
            end = 4 + int.from_bytes(content[1:4], "big")
            messages.append(content[:end])
            content = content[end:]
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

    def handshake_secret(self, shared_secret: bytes) -> HandshakeSecret:
        return EarlySecret.of(self.hash_name).handshake(shared_secret)

    def verify_data(self, secret: bytes) -> bytes:
        key = hkdf_expand_label(self.hash_name, secret, b"finished", b"", len(secret))
        return hmac.digest(key, self.transcript_hash(), self.hash_name)

    def retry_transcript(self) -> None:
        """ClientHello1 becomes message_hash. RFC 9846 §4.1"""
        digest = self.transcript_hash()
        self.transcript = [message(254, digest)]


class ScriptedServer(Peer):
    """Plays a server to one of our clients. `reach` plays honestly up to a state."""

    def __init__(
        self,
        client: Connection,
        identity: Identity,
        suite: CipherSuite = CipherSuite.TLS_AES_128_GCM_SHA256,
    ) -> None:
        super().__init__(client, suite)
        self.identity = identity
        self._hear_hello()

    def reach(self, state: type[State]) -> ScriptedServer:
        """Says what an honest server says until the client is in that state."""
        while type(self.connection.state) is not state:
            self.say(self.next_message(state))
        return self

    def next_message(self, target: type[State]) -> HandshakeMessage:
        """What an honest server says next, on the way to `target`."""
        match self.connection.state:
            case WaitServerHello() if target is WaitServerHelloAfterRetry:
                return self.hello_retry_request()
            case WaitServerHello() | WaitServerHelloAfterRetry():
                return self.server_hello()
            case WaitEncryptedExtensions():
                return EncryptedExtensions()
            case WaitCertificateOrRequest() if target is WaitCertificate:
                return self.certificate_request()
            case WaitCertificateOrRequest() | WaitCertificate():
                return self.certificate()
            case WaitCertificateVerify():
                return self.certificate_verify()
            case WaitServerFinished():
                return self.finished()
        raise AssertionError(f"no way from {self.connection.state} to {target}")

    def say(self, what: HandshakeMessage) -> list[Event]:
        """Sends a message in a record of its own, takes it into the transcript, and changes keys where it is time."""
        if isinstance(what, HelloRetryRequest):
            self.retry_transcript()
        record = self.record(HANDSHAKE, raw(what))
        self.transcript.append(raw(what))
        events = self.deliver(record)
        if isinstance(what, HelloRetryRequest):
            self.skip_change_cipher_spec()
            self._hear_hello()
        elif isinstance(what, ServerHello):
            self.start_protection()
        elif isinstance(what, Finished):
            self.hear_finished()
        return events

    def _hear_hello(self) -> None:
        (hello,) = self.next_messages()
        self.transcript.append(hello)
        parsed = Handshake.parse(hello).message
        assert isinstance(parsed, ClientHello)
        self.client_hello = parsed
        shares = KeyShare.client_hello.find(parsed.extensions) or []
        self.client_shares = {each.group: each.key_exchange for each in shares}

    # Honest messages

    def server_hello(self, group: NamedGroup | None = None, **changes: Any) -> ServerHello:
        self.key_pair = KeyPair(group if group is not None else next(iter(self.client_shares)))
        honest = ServerHello(
            random=bytes(range(32)),
            legacy_session_id_echo=self.client_hello.legacy_session_id,
            cipher_suite=self.suite,
            extensions=[
                KeyShare.server_hello(self.key_pair.entry),
                SupportedVersions.server_hello(ProtocolVersion.TLS13),
            ],
        )
        return replace(honest, **changes)

    def hello_retry_request(
        self, group: NamedGroup | None = NamedGroup.secp256r1, cookie: bytes | None = None, **changes: Any
    ) -> HelloRetryRequest:
        extensions = [SupportedVersions.hello_retry_request(ProtocolVersion.TLS13)]
        if group is not None:
            extensions.append(KeyShare.hello_retry_request(group))
        if cookie is not None:
            extensions.append(Cookie.hello_retry_request(cookie))
        honest = HelloRetryRequest(
            legacy_session_id_echo=self.client_hello.legacy_session_id,
            cipher_suite=self.suite,
            extensions=extensions,
        )
        return replace(honest, **changes)

    def certificate_request(self) -> CertificateRequest:
        schemes = [SignatureScheme.ed25519]
        return CertificateRequest(extensions=[SignatureAlgorithms.certificate_request(schemes)])

    def certificate(self, *extensions: Extension) -> Certificate:
        """The chain; `extensions` stand with its first certificate."""
        first, *others = (CertificateEntry(cert_data=each) for each in self.identity.chain)
        return Certificate(certificate_list=[replace(first, extensions=list(extensions)), *others])

    def certificate_verify(self) -> CertificateVerify:
        content = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + self.transcript_hash()
        return CertificateVerify(algorithm=SignatureScheme.ed25519, signature=self.identity.key.sign(content))

    def finished(self) -> Finished:
        return Finished(verify_data=self.verify_data(self.server_secret))

    # Keys

    def start_protection(self) -> None:
        """After ServerHello, which must be the transcript's last."""
        shared_secret = self.key_pair.agree(self.client_shares[self.key_pair.group])
        self.stage = self.handshake_secret(shared_secret)
        self.client_secret = self.stage.client_handshake_traffic_secret(self.transcript_hash())
        self.server_secret = self.stage.server_handshake_traffic_secret(self.transcript_hash())
        self.sending = Direction(self.suite, self.server_secret)
        self.receiving = Direction(self.suite, self.client_secret)

    def hear_finished(self) -> None:
        """Takes the client's last flight, checks it and goes to the application keys."""
        digest = self.transcript_hash()
        self.skip_change_cipher_spec()
        self.client_flight = self.next_messages()
        self.transcript += self.client_flight[:-1]
        assert self.client_flight[-1] == message(20, self.verify_data(self.client_secret))
        main = self.stage.main()
        self.sending = Direction(self.suite, main.server_application_traffic_secret_0(digest))
        self.receiving = Direction(self.suite, main.client_application_traffic_secret_0(digest))


class ScriptedClient(Peer):
    """Plays a client to one of our servers. `reach` plays honestly up to a state."""

    def __init__(
        self,
        server: Connection,
        suite: CipherSuite = CipherSuite.TLS_AES_128_GCM_SHA256,
        group: NamedGroup = NamedGroup.x25519,
    ) -> None:
        super().__init__(server, suite)
        self.key_pair = KeyPair(group)
        self.flight: list[bytes] = []
        self.retry: HelloRetryRequest | None = None

    def reach(self, state: type[State]) -> ScriptedClient:
        """Says what an honest client says until the server is in that state."""
        while type(self.connection.state) is not state:
            match self.connection.state:
                case ServerStart() if state is WaitSecondClientHello:
                    shares = KeyShare.client_hello([])
                    self.say(self.client_hello(extensions=with_extension(self.extensions(), shares)))
                case ServerStart():
                    self.say(self.client_hello())
                case WaitSecondClientHello():
                    self.say(self.second_client_hello())
                case WaitClientFinished():
                    self.say(self.finished())
                case other:
                    raise AssertionError(f"no way from {other} to {state}")
        return self

    def say(self, what: ClientHello | Finished) -> list[Event]:
        """Sends a message in a record of its own, takes it into the transcript, and changes keys where it is time."""
        record = self.record(HANDSHAKE, raw(what))
        self.transcript.append(raw(what))
        if isinstance(what, ClientHello):
            self.hello = what
        events = self.deliver(record)
        if isinstance(what, ClientHello):
            self._hear_answer()
        else:
            self.sending = Direction(self.suite, self.application_secret)
        return events

    def _hear_answer(self) -> None:
        (answer,) = self.next_messages()
        parsed = Handshake.parse(answer).message
        if isinstance(parsed, HelloRetryRequest):
            self.retry = parsed
            self.retry_transcript()
            self.transcript.append(answer)
            self.skip_change_cipher_spec()
            return
        assert isinstance(parsed, ServerHello)
        self.server_hello = parsed
        self.transcript.append(answer)
        self._start_protection(parsed)
        self.skip_change_cipher_spec()
        self._hear_flight()

    def _start_protection(self, answer: ServerHello) -> None:
        entry = KeyShare.server_hello.find(answer.extensions)
        assert entry is not None
        self.stage = self.handshake_secret(self.key_pair.agree(entry.key_exchange))
        self.client_secret = self.stage.client_handshake_traffic_secret(self.transcript_hash())
        self.server_secret = self.stage.server_handshake_traffic_secret(self.transcript_hash())
        self.sending = Direction(self.suite, self.client_secret)
        self.receiving = Direction(self.suite, self.server_secret)

    def _hear_flight(self) -> None:
        self.flight = []
        while not self.flight or self.flight[-1][0] != 20:
            self.flight += self.next_messages()
        self.transcript += self.flight[:-1]
        assert self.flight[-1] == message(20, self.verify_data(self.server_secret))
        self.transcript.append(self.flight[-1])
        main = self.stage.main()
        self.application_secret = main.client_application_traffic_secret_0(self.transcript_hash())
        self.receiving = Direction(self.suite, main.server_application_traffic_secret_0(self.transcript_hash()))

    # Honest messages

    def extensions(self) -> list[Extension]:
        return [
            ServerNameIndication.client_hello([ServerName(name=b"localhost")]),
            SupportedVersions.client_hello([ProtocolVersion.TLS13]),
            SupportedGroups.client_hello([NamedGroup.x25519, NamedGroup.secp256r1]),
            SignatureAlgorithms.client_hello([SignatureScheme.ed25519]),
            KeyShare.client_hello([self.key_pair.entry]),
            PskKeyExchangeModes.client_hello([PskKeyExchangeMode.psk_dhe_ke]),
        ]

    def client_hello(self, **changes: Any) -> ClientHello:
        honest = ClientHello(
            random=bytes(range(32)),
            legacy_session_id=bytes(range(32, 64)),
            cipher_suites=[self.suite],
            extensions=self.extensions(),
        )
        return replace(honest, **changes)

    def second_client_hello(self, **changes: Any) -> ClientHello:
        """The first again with the key share that was asked for."""
        assert self.retry is not None
        group = KeyShare.hello_retry_request.find(self.retry.extensions)
        if group is not None and group != self.key_pair.group:
            self.key_pair = KeyPair(group)
        shares = KeyShare.client_hello([self.key_pair.entry])
        return replace(replace(self.hello, extensions=with_extension(self.hello.extensions, shares)), **changes)

    def finished(self) -> Finished:
        return Finished(verify_data=self.verify_data(self.client_secret))
