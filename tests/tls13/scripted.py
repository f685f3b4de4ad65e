"""Peers played by hand: they know the bytes and keys of the protocol, and may break every rule of it.

`ScriptedServer` talks to one of our clients, `ScriptedClient` to one of our servers. What they build is honest unless
a test changes it; they send whatever they are given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from by_hand import Direction, KeyPair, message, raw, with_extension
from scripted_peer import MINTED, Identity, Peer, clock
from shared_keys import SharedKey, offering

from schemas.certificate import Certificate
from schemas.code_points import CipherSuite, NamedGroup, ProtocolVersion, PskKeyExchangeMode, SignatureScheme
from schemas.extension_block import Extension
from schemas.extensions import (
    Cookie,
    EarlyDataIndication,
    KeyShare,
    PostHandshakeAuth,
    PreSharedKey,
    PskKeyExchangeModes,
    ServerName,
    ServerNameIndication,
    SignatureAlgorithms,
    SignatureAlgorithmsCert,
    SupportedGroups,
    SupportedVersions,
)
from schemas.handshake import (
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    Handshake,
    HandshakeMessage,
    HelloRetryRequest,
    ServerHello,
)
from tls13.connection import Connection
from tls13.events import Event
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)

__all__ = ["MINTED", "Identity", "Peer", "ScriptedClient", "ScriptedServer", "clock"]

SCHEMES = [SignatureScheme.ed25519]
LATE = (WaitLateCertificateVerify, WaitLateFinished)
END_OF_EARLY_DATA = message(5, b"")


class ScriptedServer(Peer):
    """Plays a server to one of our clients. `reach` plays honestly up to a state.

    `key` is the client's first: the server takes that one, and early data under it if the client offers any.
    """

    def __init__(
        self,
        client: Connection,
        identity: Identity,
        suite: CipherSuite = CipherSuite.TLS_AES_128_GCM_SHA256,
        key: SharedKey | None = None,
    ) -> None:
        super().__init__(client, suite)
        self.identity = identity
        self.key = key
        self.selected_identity = 0
        self.early: Direction | None = None
        self.client_flight: list[bytes] = []
        self._hear_hello()
        if key is not None and EarlyDataIndication.client_hello.find(self.client_hello.extensions) is not None:
            secret = key.stage.client_early_traffic_secret(self.transcript_hash())
            self.early = self.receiving = Direction(suite, secret)

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
                return self.encrypted_extensions()
            case WaitCertificateOrRequest() if target is WaitCertificate:
                return self.certificate_request()
            case WaitCertificateOrRequest() | WaitCertificate():
                return self.certificate()
            case WaitCertificateVerify():
                return self.certificate_verify()
            case WaitServerFinished():
                return self.finished()
        raise AssertionError(f"no way from {type(self.connection.state)} to {target}")

    def say(self, what: HandshakeMessage | bytes) -> list[Event]:
        """Sends a message by itself, takes it into the transcript, and changes keys where it is time."""
        if type(self.connection.state) is ClientConnected:
            return self._ask_late(what)
        if isinstance(what, HelloRetryRequest):
            self.retry_transcript()
            self.early = None
        record = self.records(raw(what))
        self.transcript.append(raw(what))
        events = self.deliver(record)
        if isinstance(what, HelloRetryRequest):
            self.skip_change_cipher_spec()
            self._hear_hello()
        elif isinstance(what, ServerHello):
            self.start_protection()
        elif isinstance(what, EncryptedExtensions):
            self._settle_early_data(what)
        elif isinstance(what, Finished):
            self.hear_finished()
        return events

    def _hear_hello(self) -> None:
        self.receiving = None
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
        extensions = [
            KeyShare.server_hello(self.key_pair.entry),
            SupportedVersions.server_hello(ProtocolVersion.TLS13),
        ]
        if self.key is not None:
            extensions.append(PreSharedKey.server_hello(self.selected_identity))
        honest = ServerHello(
            random=bytes(range(32)),
            legacy_session_id_echo=self.client_hello.legacy_session_id,
            cipher_suite=self.suite,
            extensions=extensions,
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

    def encrypted_extensions(self) -> EncryptedExtensions:
        accepted = [] if self.early is None else [EarlyDataIndication.encrypted_extensions(b"")]
        return EncryptedExtensions(extensions=accepted)

    def certificate_request(self, context: bytes = b"") -> CertificateRequest:
        """With a context, for after the handshake."""
        extensions = [
            SignatureAlgorithms.certificate_request(SCHEMES),
            SignatureAlgorithmsCert.certificate_request([SignatureScheme.ecdsa_secp256r1_sha256]),
        ]
        return CertificateRequest(certificate_request_context=context, extensions=extensions)

    def certificate(self, *extensions: Extension) -> Certificate:
        """The chain; `extensions` stand with its first certificate."""
        return self.identity.certificate(*extensions)

    def certificate_verify(self) -> CertificateVerify:
        return self.identity.certificate_verify(b"server", self.transcript_hash())

    def finished(self) -> Finished:
        return Finished(verify_data=self.verify_data(self.server_secret))

    # Keys

    def start_protection(self) -> None:
        """After ServerHello, which must be the transcript's last."""
        answer = Handshake.parse(self.transcript[-1]).message
        assert isinstance(answer, ServerHello)
        shared_secret = None
        if KeyShare.server_hello.find(answer.extensions) is not None:
            shared_secret = self.key_pair.agree(self.client_shares[self.key_pair.group])
        self.psk = None if PreSharedKey.server_hello.find(answer.extensions) is None else self.key
        self.stage = self.handshake_secret(shared_secret)
        self.client_secret = self.stage.client_handshake_traffic_secret(self.transcript_hash())
        self.server_secret = self.stage.server_handshake_traffic_secret(self.transcript_hash())
        self.sending = Direction(self.suite, self.server_secret)
        if self.early is None or self.psk is None or self.selected_identity != 0:
            self.early = None
            self.receiving = Direction(self.suite, self.client_secret)

    def _settle_early_data(self, answer: EncryptedExtensions) -> None:
        """Until here the client writes under the early key, and after it where its early data is taken."""
        if self.early is not None and EarlyDataIndication.encrypted_extensions.find(answer.extensions) is None:
            self.early = None
            self.receiving = Direction(self.suite, self.client_secret)

    def hear_finished(self) -> None:
        """Goes to the application keys, and checks the client's last flight, which waits where a signature does."""
        main, digest = self.stage.main(), self.transcript_hash()
        self.sending = Direction(self.suite, main.server_application_traffic_secret_0(digest))
        self.client_application_secret = main.client_application_traffic_secret_0(digest)
        self.skip_change_cipher_spec()
        if self.early is not None:
            assert self.next_messages() == [END_OF_EARLY_DATA]
            self.transcript.append(END_OF_EARLY_DATA)
            self.early, self.receiving = None, Direction(self.suite, self.client_secret)
        if self.inbox:
            self.hear_client_flight()

    def hear_client_flight(self) -> None:
        self.client_flight = self.waiting_messages()
        self.transcript += self.client_flight[:-1]
        assert self.client_flight[-1] == message(20, self.verify_data(self.client_secret))
        self.transcript.append(self.client_flight[-1])
        self.receiving = Direction(self.suite, self.client_application_secret)

    # After the handshake

    def _ask_late(self, request: HandshakeMessage | bytes) -> list[Event]:
        """A request after the handshake, and the client's answer, checked. RFC 9846 §4.7.2"""
        events = self.tell(request)
        self.late_request = raw(request)
        if self.inbox:
            self.hear_late_answer()
        return events

    def hear_late_answer(self) -> None:
        """Not while the client waits to sign."""
        self.late_answer = self.waiting_messages()
        *before, last = self.late_answer
        established = self.transcript
        self.transcript = [*established, self.late_request, *before]
        assert self.receiving is not None
        assert last == message(20, self.verify_data(self.receiving.secret))
        self.transcript = established


class ScriptedClient(Peer):
    """Plays a client to one of our servers. `reach` plays honestly up to a state.

    `identity` is for a server that asks who the client is; `key` for early data.
    """

    def __init__(
        self,
        server: Connection,
        suite: CipherSuite = CipherSuite.TLS_AES_128_GCM_SHA256,
        group: NamedGroup = NamedGroup.x25519,
        identity: Identity | None = None,
        key: SharedKey | None = None,
    ) -> None:
        super().__init__(server, suite)
        self.key_pair = KeyPair(group)
        self.identity = identity
        self.key = key
        self.flight: list[bytes] = []
        self.established: list[bytes] = []
        self.retry: HelloRetryRequest | None = None
        self.early: Direction | None = None

    def reach(self, state: type[State]) -> ScriptedClient:
        """Says what an honest client says until the server is in that state."""
        while type(self.connection.state) is not state:
            self.say(self.next_message(state))
        return self

    def next_message(self, target: type[State]) -> HandshakeMessage:
        """What an honest client says next, on the way to `target`."""
        match self.connection.state:
            case ServerStart():
                return self.first_hello(target)
            case WaitSecondClientHello():
                return self.second_client_hello()
            case WaitEndOfEarlyData():
                return EndOfEarlyData()
            case WaitClientCertificate():
                return self.certificate()
            case WaitClientCertificateVerify() | WaitLateCertificateVerify():
                return self.certificate_verify()
            case WaitClientFinished() | WaitLateFinished():
                return self.finished()
            case ServerConnected() if target in LATE:
                self.be_asked()
                return self.certificate()
        raise AssertionError(f"no way from {type(self.connection.state)} to {target}")

    def first_hello(self, target: type[State]) -> ClientHello:
        """The one that leads to `target`."""
        if target is WaitSecondClientHello:
            return self.client_hello(extensions=with_extension(self.extensions(), KeyShare.client_hello([])))
        if target is WaitEndOfEarlyData:
            return self.early_hello()
        if target in LATE:
            return self.client_hello(extensions=[*self.extensions(), PostHandshakeAuth.client_hello(b"")])
        return self.client_hello()

    def say(self, what: HandshakeMessage | bytes) -> list[Event]:
        """Sends a message by itself, takes it into the transcript, and changes keys where it is time."""
        record = self.records(raw(what))
        self.transcript.append(raw(what))
        is_late = type(self.connection.state) is WaitLateFinished
        events = self.deliver(record)
        if isinstance(what, ClientHello):
            self.hello = what
            self.hear_answer()
        elif isinstance(what, EndOfEarlyData):
            self.sending = Direction(self.suite, self.client_secret)
        elif isinstance(what, Finished) and is_late:
            self.transcript = list(self.established)
        elif isinstance(what, Finished):
            self.sending = Direction(self.suite, self.application_secret)
            self.established = list(self.transcript)
        return events

    def hear_answer(self) -> None:
        """HelloRetryRequest, or ServerHello and what follows it."""
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
        self._start_protection(parsed, answer)
        self.skip_change_cipher_spec()
        self.hear_flight()

    def _start_protection(self, answer: ServerHello, its_bytes: bytes) -> None:
        hash_of_hello = self.transcript_hash()
        self.transcript.append(its_bytes)
        index = PreSharedKey.server_hello.find(answer.extensions)
        self.psk = None if index is None else self.key
        entry = KeyShare.server_hello.find(answer.extensions)
        self.stage = self.handshake_secret(None if entry is None else self.key_pair.agree(entry.key_exchange))
        self.client_secret = self.stage.client_handshake_traffic_secret(self.transcript_hash())
        self.server_secret = self.stage.server_handshake_traffic_secret(self.transcript_hash())
        self.sending = Direction(self.suite, self.client_secret)
        self.receiving = Direction(self.suite, self.server_secret)
        if self.key is not None and EarlyDataIndication.client_hello.find(self.hello.extensions) is not None:
            self.early = Direction(self.suite, self.key.stage.client_early_traffic_secret(hash_of_hello))

    def hear_flight(self) -> None:
        """The server's messages up to its Finished, or up to where it waits for a signature."""
        while self.inbox and (not self.flight or self.flight[-1][0] != 20):
            self.flight += self.next_messages()
        for each in map(Handshake.parse, self.flight):
            self._heed(each.message)
        if not self.flight or self.flight[-1][0] != 20:
            return
        self.transcript += self.flight[:-1]
        assert self.flight[-1] == message(20, self.verify_data(self.server_secret))
        self.transcript.append(self.flight[-1])
        main = self.stage.main()
        self.application_secret = main.client_application_traffic_secret_0(self.transcript_hash())
        self.receiving = Direction(self.suite, main.server_application_traffic_secret_0(self.transcript_hash()))

    def _heed(self, said: HandshakeMessage) -> None:
        if isinstance(said, CertificateRequest):
            self.request = said
        elif isinstance(said, EncryptedExtensions):
            accepted = EarlyDataIndication.encrypted_extensions.find(said.extensions) is not None
            if accepted and self.early is not None:
                self.sending = self.early

    def be_asked(self) -> bytes:
        """The server asks who the client is, after the handshake; gives the request's context. RFC 9846 §4.7.2"""
        self.hear()
        self.connection.request_certificate()
        self.listen()
        (request,) = self.next_messages()
        parsed = Handshake.parse(request).message
        assert isinstance(parsed, CertificateRequest)
        self.request = parsed
        self.transcript = [*self.established, request]
        return parsed.certificate_request_context

    # Honest messages

    def extensions(self) -> list[Extension]:
        return [
            ServerNameIndication.client_hello([ServerName(name=b"localhost")]),
            SupportedVersions.client_hello([ProtocolVersion.TLS13]),
            SupportedGroups.client_hello([NamedGroup.x25519, NamedGroup.secp256r1]),
            SignatureAlgorithms.client_hello(SCHEMES),
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

    def resuming_hello(self, *more: Extension) -> ClientHello:
        """One that offers the key."""
        assert self.key is not None
        return offering(self.client_hello(extensions=[*self.extensions(), *more]), self.key)

    def early_hello(self) -> ClientHello:
        """One that offers the key, and early data under it."""
        return self.resuming_hello(EarlyDataIndication.client_hello(b""))

    def second_client_hello(self, **changes: Any) -> ClientHello:
        """The first again with the key share that was asked for."""
        assert self.retry is not None
        group = KeyShare.hello_retry_request.find(self.retry.extensions)
        if group is not None and group != self.key_pair.group:
            self.key_pair = KeyPair(group)
        shares = KeyShare.client_hello([self.key_pair.entry])
        return replace(replace(self.hello, extensions=with_extension(self.hello.extensions, shares)), **changes)

    def certificate(self, *extensions: Extension) -> Certificate:
        """The chain, or none where the client has no identity; `extensions` stand with its first certificate."""
        context = self.request.certificate_request_context
        if self.identity is None:
            return Certificate(certificate_request_context=context, certificate_list=[])
        return self.identity.certificate(*extensions, context=context)

    def certificate_verify(self) -> CertificateVerify:
        assert self.identity is not None
        return self.identity.certificate_verify(b"client", self.transcript_hash())

    def finished(self) -> Finished:
        """Under the key that the client writes with: in the handshake and after it alike."""
        assert self.sending is not None
        return Finished(verify_data=self.verify_data(self.sending.secret))
