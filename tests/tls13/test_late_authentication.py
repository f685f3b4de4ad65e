"""Authentication after the handshake, between our own two roles: answers, and everything that goes on beside them.

RFC 9846 §4.7.2
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from by_hand import cut
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from endpoints import Endpoints, exchange
from key_schedule_by_hand import digest, expand_label, mac
from modes import Clock, Journal, Sides, byte_by_byte, configs, resumable, sessions, slow

from certs import Pki
from schemas.certificate import Certificate
from schemas.code_points import CipherSuite, SignatureScheme
from schemas.handshake import CertificateRequest, CertificateVerify, ClientHello, Handshake
from tls13.config import ClientAuthentication
from tls13.connection import Connection
from tls13.errors import CertificateRequired, ConfigurationError, ConnectionClosed
from tls13.events import ClientAuthenticated, DataReceived, Event, KeysUpdated
from tls13.handshake.states import ServerConnected, WaitLateCertificateVerify
from tls13.limits import Limits
from tls13.psk import Psk
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification, TrustStore

LATER = ClientAuthentication(policy=NoVerification(), in_handshake=False)


@pytest.fixture
def sides(endpoints: Endpoints, pki: Pki, alice: Credential) -> Sides:
    """A client that may be asked, and a server that asks when it likes to."""
    client, server = configs(endpoints, Clock())
    policy = replace(LATER, policy=TrustStore.load(pki.ca))
    return (
        replace(client, credentials=(alice,), post_handshake_auth=True),
        replace(server, client_authentication=policy),
    )


def connected(sides: Sides, session: Any = None, **changes: Any) -> tuple[Connection, Connection]:
    client = Connection.client(replace(sides[0], **changes), "localhost", session)
    server = Connection.server(sides[1])
    exchange(client, server)
    return client, server


def chain_known_to(server: Connection) -> tuple[bytes, ...]:
    assert server.negotiated is not None
    return server.negotiated.peer_certificates


def test_nobody_is_asked_in_the_handshake_and_the_answer_comes_with_its_context(
    sides: Sides, alice: Credential
) -> None:
    client, server = connected(sides)
    assert chain_known_to(server) == ()
    context = server.request_certificate()
    _, heard = exchange(client, server)
    assert heard == [ClientAuthenticated(context, alice.certificate_list)]
    assert chain_known_to(server) == alice.certificate_list
    assert len(context) == 32


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
@pytest.mark.parametrize("updates", [0, 2])
def test_the_answer_is_signed_and_finished_as_the_rfc_says(
    sides: Sides, alice: Credential, suite: CipherSuite, updates: int
) -> None:
    journal = Journal()
    client, server = connected(sides, cipher_suites=(suite,), observer=journal)
    # The transcript is in the order of the wire; no ticket, KeyUpdate or earlier answer belongs to it.
    handshake = b"".join([journal.sent[0], *journal.received[:5], journal.sent[1]])
    for _ in range(updates):
        client.update_keys()
        server.send_ticket()
    server.request_certificate()
    exchange(client, server)
    server.request_certificate()
    exchange(client, server)
    hash_name = "sha256" if suite is CipherSuite.TLS_AES_128_GCM_SHA256 else "sha384"
    secret = journal.secrets["CLIENT_TRAFFIC_SECRET_0"]
    for _ in range(updates):
        secret = expand_label(hash_name, secret, b"traffic upd", b"", len(secret))
    finished_key = expand_label(hash_name, secret, b"finished", b"", len(secret))
    requests = [each for each in journal.received if each[0] == 13]
    answers = [journal.sent[-6:-3], journal.sent[-3:]]
    for request, (certificate, verify, finished) in zip(requests, answers, strict=True):
        to_sign = digest(hash_name, handshake + request + certificate)
        check_signature(alice, verify, to_sign)
        covered = digest(hash_name, handshake + request + certificate + verify)
        assert finished[4:] == mac(hash_name, finished_key, covered)


def check_signature(credential: Credential, verify: bytes, transcript_hash: bytes) -> None:
    message = Handshake.parse(verify).message
    assert isinstance(message, CertificateVerify)
    assert message.algorithm is SignatureScheme.ed25519
    key = x509.load_der_x509_certificate(credential.certificate_list[0]).public_key()
    assert isinstance(key, Ed25519PublicKey)
    key.verify(message.signature, b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + transcript_hash)


def test_a_client_without_a_certificate_says_so(sides: Sides) -> None:
    optional = replace(sides[1], client_authentication=replace(LATER, required=False))
    client, server = connected((sides[0], optional), credentials=())
    context = server.request_certificate()
    assert exchange(client, server)[1] == [ClientAuthenticated(context, ())]
    assert chain_known_to(server) == ()


def test_a_client_without_a_certificate_is_refused_where_one_is_required(sides: Sides) -> None:
    client, server = connected(sides, credentials=())
    server.request_certificate()
    client.receive_data(server.data_to_send())
    with pytest.raises(CertificateRequired):
        server.receive_data(client.data_to_send())


def test_several_requests_are_all_answered(sides: Sides, alice: Credential) -> None:
    client, server = connected(sides)
    contexts = [server.request_certificate() for _ in range(3)]
    server.send(b"behind them")
    _, heard = exchange(client, server)
    assert heard == [ClientAuthenticated(each, alice.certificate_list) for each in contexts]
    assert len(set(contexts)) == 3


def test_no_more_requests_wait_than_the_limit(sides: Sides) -> None:
    client, server = connected((sides[0], replace(sides[1], limits=Limits(certificate_requests=2))))
    for _ in range(2):
        server.request_certificate()
    with pytest.raises(ConfigurationError, match="2 requests"):
        server.request_certificate()
    exchange(client, server)
    server.request_certificate()


def test_who_can_t_be_asked_is_not(sides: Sides) -> None:
    keys = (Psk(identity=b"a", key=bytes(32)),)
    for others, changes in (
        (sides, {"post_handshake_auth": False}),
        ((sides[0], replace(sides[1], client_authentication=None)), {}),
        ((sides[0], replace(sides[1], psks=keys)), {"psks": keys}),
    ):
        client, server = connected(others, **changes)
        with pytest.raises(ConfigurationError):
            server.request_certificate()
        exchange(client, server)
        server.send(b"still here")
        assert exchange(client, server)[0] == [DataReceived(b"still here")]
        with pytest.raises(ConnectionClosed):
            client.request_certificate()


def test_a_client_is_asked_again_after_a_resumption(sides: Sides, alice: Credential) -> None:
    session = resumable(*sides)
    client, server = connected(sides, session)
    assert client.negotiated is not None
    assert client.negotiated.resumed
    assert chain_known_to(server) == ()
    server.request_certificate()
    exchange(client, server)
    assert chain_known_to(server) == alice.certificate_list


def test_tickets_from_then_on_know_the_client(sides: Sides, alice: Credential) -> None:
    client, server = connected(sides)
    server.request_certificate()
    exchange(client, server)
    server.send_ticket()
    (session,) = sessions(exchange(client, server)[0])
    again, theirs = connected(sides, session)
    assert again.negotiated is not None
    assert again.negotiated.resumed
    assert chain_known_to(theirs) == alice.certificate_list


def test_the_server_goes_on_with_its_own_in_the_middle_of_an_answer(sides: Sides, alice: Credential) -> None:
    limited = sides[0], replace(sides[1], record_size_limit=64)
    client, server = connected(limited, record_size_limit=64)
    first = server.request_certificate()
    client.receive_data(server.data_to_send())
    states, contexts = set(), [first]
    for record in cut(client.data_to_send()):
        server.receive_data(record)
        states.add(type(server.state))
        if len(contexts) < 5:
            contexts.append(server.request_certificate())
        server.send(b"data")
        server.send_ticket()
    assert {WaitLateCertificateVerify, ServerConnected} <= states
    told, heard = exchange(client, server)
    assert [each.context for each in heard if isinstance(each, ClientAuthenticated)] == contexts[1:]
    assert len(sessions(told)) > 5
    assert chain_known_to(server) == alice.certificate_list


def test_the_answer_may_come_byte_by_byte(sides: Sides, alice: Credential) -> None:
    client, server = connected(sides)
    server.request_certificate()
    byte_by_byte(client, server)
    assert chain_known_to(server) == alice.certificate_list


class AnyTalk:
    """A client and a server that do by chance whatever they may, and what was said and heard of it."""

    def __init__(self, client: Connection, server: Connection, chance: random.Random) -> None:
        self.client = client
        self.server = server
        self.chance = chance
        self.contexts: list[bytes] = []
        self.tickets = 0
        self.sent = {"client": b"", "server": b""}
        self.received = {"client": b"", "server": b""}
        self.told: list[Event] = []

    def step(self, number: int) -> None:
        data = b"%d " % number * self.chance.randrange(1, 9)
        match self.chance.randrange(7):
            case 0 if len(self.contexts) < 20:
                self.contexts.append(self.server.request_certificate())
            case 1:
                self.server.send_ticket()
                self.tickets += 1
            case 2 if not self.client.awaits_signature:
                self.client.update_keys(request_peer=self.chance.random() < 0.5)
            case 3:
                self.server.update_keys(request_peer=self.chance.random() < 0.5)
            case 4:
                self.client.send(data)
                self.sent["client"] += data
            case 5:
                self.server.send(data)
                self.sent["server"] += data
            case _:
                self.ask_signer()
        if self.chance.random() < 0.3:
            self.carry("client")
        if self.chance.random() < 0.3:
            self.carry("server")

    def end(self) -> None:
        """Goes on until neither has more to say."""
        while self.client.has_data_to_send or self.server.has_data_to_send or self.client.awaits_signature:
            self.carry("server")
            self.ask_signer()
            self.carry("client")

    def ask_signer(self) -> None:
        self.hear("server", self.client.continue_handshake())

    def carry(self, source: str) -> None:
        """What waits there to the other, in pieces."""
        pair = self.client, self.server
        speaker, listener = pair if source == "client" else reversed(pair)
        wire = speaker.data_to_send()
        while wire:
            size = self.chance.randrange(1, 400)
            self.hear(source, listener.receive_data(wire[:size]))
            wire = wire[size:]

    def hear(self, source: str, events: list[Event]) -> None:
        self.received[source] += b"".join(each.data for each in events if isinstance(each, DataReceived))
        self.told.extend(events)


@pytest.mark.parametrize("seed", range(8))
def test_late_requests_key_updates_tickets_and_data_go_together_in_any_order(
    sides: Sides, alice: Credential, seed: int
) -> None:
    limits = Limits(certificate_requests=100, key_updates=100)
    client = Connection.client(replace(sides[0], limits=limits, credentials=(slow(alice, 7),)), "localhost")
    server = Connection.server(replace(sides[1], limits=limits))
    exchange(client, server)
    talk = AnyTalk(client, server, random.Random(seed))
    for number in range(150):
        talk.step(number)
    talk.end()
    answered = [each for each in talk.told if isinstance(each, ClientAuthenticated)]
    assert [each.context for each in answered] == talk.contexts
    assert {each.certificates for each in answered} <= {alice.certificate_list}
    assert talk.received == talk.sent
    assert len(sessions(talk.told)) == talk.tickets
    assert any(isinstance(each, KeysUpdated) for each in talk.told)


def test_a_request_says_what_the_server_wants(sides: Sides) -> None:
    journal = Journal()
    client, server = connected(sides, observer=journal)
    server.request_certificate()
    exchange(client, server)
    assert not any(isinstance(each, CertificateRequest) for each in journal.messages[:8])
    request = next(each for each in journal.messages if isinstance(each, CertificateRequest))
    names = {str(each.extension_type) for each in request.extensions or []}
    assert names == {"signature_algorithms", "signature_algorithms_cert", "certificate_authorities"}
    answer = next(each for each in journal.messages[8:] if isinstance(each, Certificate))
    assert answer.certificate_request_context == request.certificate_request_context
    hello = journal.messages[0]
    assert isinstance(hello, ClientHello)
    assert "post_handshake_auth" in {str(each.extension_type) for each in hello.extensions or []}


def test_nothing_is_answered_after_close(sides: Sides) -> None:
    client, server = connected(sides)
    client.close()
    client.data_to_send()
    server.request_certificate()
    server.send(b"still heard")
    assert client.receive_data(server.data_to_send()) == [DataReceived(b"still heard")]
    assert client.data_to_send() == b""


def test_requests_are_good_for_as_long_as_the_connection(sides: Sides, alice: Credential) -> None:
    client, server = connected(sides)
    watch = sides[1].clock
    assert isinstance(watch, Clock)
    server.request_certificate()
    watch.now += timedelta(days=30)
    exchange(client, server)
    assert chain_known_to(server) == alice.certificate_list
