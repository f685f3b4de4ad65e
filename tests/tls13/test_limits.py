"""Every limit on what a peer controls: as much as it says is put up with, one more is not. `tls13.limits.Limits`"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace

import pytest
from by_hand import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, alert, key_update, message, plaintext, raw
from endpoints import TICKET_KEY, Endpoints, KnownTickets
from scripted import Peer, ScriptedClient, ScriptedServer
from shared_keys import SharedKey, offering
from state_groups import CONNECTED

from schemas.certificate import Certificate
from schemas.code_points import AlertDescription, AlertLevel
from schemas.extensions import ClientTicketRequest, PostHandshakeAuth, PreSharedKey, TicketRequest
from schemas.handshake import EncryptedExtensions, Handshake, NewSessionTicket
from tls13 import errors
from tls13.errors import ConfigurationError, Reason
from tls13.events import DataReceived, TicketReceived
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    State,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
)
from tls13.limits import Limits


def at(endpoints: Endpoints, state: type[State], limits: Limits) -> Peer:
    return endpoints.peer(state, limits=limits)


def refused(peer: Peer, wire: bytes, reason: type[Reason]) -> None:
    error = peer.refused(wire)
    assert type(error) is reason, repr(error)


def test_every_limit_has_a_test() -> None:
    tested = {name.removeprefix("test_limit_on_") for name in globals() if name.startswith("test_limit_on_")}
    assert tested == {each.name for each in dataclasses.fields(Limits)}


def test_every_limit_has_a_sane_default() -> None:
    """None is so low that honest peers meet it, or so high that it is none."""
    bytes_held = {"handshake_message", "early_data", "ticket"}
    for each in dataclasses.fields(Limits):
        highest = 2**20 if each.name in bytes_held else 2**10
        assert 4 <= getattr(Limits(), each.name) <= highest, each.name


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Limits)])
def test_a_negative_limit_is_a_mistake(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        replace(Limits(), **{name: -1})
    assert getattr(replace(Limits(), **{name: 0}), name) == 0


def test_limit_on_handshake_message(endpoints: Endpoints) -> None:
    """Its header says how long it is, so that nothing too long is ever held."""
    for state, number in ((WaitEncryptedExtensions, 8), (WaitCertificateOrRequest, 11), (WaitClientFinished, 20)):
        peer = at(endpoints, state, Limits(handshake_message=1000))
        refused(peer, peer.record(HANDSHAKE, bytes([number]) + (1001).to_bytes(3, "big")), errors.MessageTooLong)
        peer = at(endpoints, state, Limits(handshake_message=1000))
        assert peer.deliver(peer.record(HANDSHAKE, bytes([number]) + (1000).to_bytes(3, "big"))) == []
        refused(peer, peer.record(HANDSHAKE, bytes(1000)), errors.MalformedMessage)


def test_limit_on_early_data(endpoints: Endpoints) -> None:
    """Of refused records: header, tag and all."""
    for length, is_enough in ((500, True), (501, False)):
        changes = endpoints.taking_early_data() | {"early_data": None}
        client = endpoints.scripted_client(**changes, limits=Limits(early_data=500))
        client.say(client.early_hello())
        assert client.early is not None
        record = client.early.seal(APPLICATION_DATA, bytes(length - 22))
        assert len(record) == length
        if is_enough:
            client.deliver(record)
            assert client.reach(ServerConnected).connection.negotiated is not None
        else:
            refused(client, record, errors.TooManyMessages)


def test_limit_on_certificates(endpoints: Endpoints) -> None:
    def chain(honest: Certificate, length: int) -> Certificate:
        return replace(honest, certificate_list=honest.certificate_list * length)

    for length, is_enough in ((3, True), (4, False)):
        server = endpoints.scripted_server(limits=Limits(certificates=3)).reach(WaitCertificateOrRequest)
        client = endpoints.scripted_client(**endpoints.asking(), limits=Limits(certificates=3))
        client.reach(WaitClientCertificate)
        for peer, then in ((server, WaitCertificateVerify), (client, WaitClientCertificateVerify)):
            shown = raw(chain(peer.certificate(), length))
            if is_enough:
                peer.deliver(peer.record(HANDSHAKE, shown))
                assert type(peer.connection.state) is then
            else:
                refused(peer, peer.record(HANDSHAKE, shown), errors.TooManyCertificates)


def test_limit_on_psk_identities(endpoints: Endpoints) -> None:
    """Those behind it are not looked at: the handshake goes on without them."""
    strangers = [SharedKey(identity=b"%d" % number, secret=bytes(32)) for number in range(5)]
    for before, is_seen in ((2, True), (3, False)):
        client = endpoints.scripted_client(ticket_store=KnownTickets(), limits=Limits(psk_identities=3))
        client.say(offering(client.client_hello(), *strangers[:before], TICKET_KEY, *strangers[before:]))
        assert (client.psk is TICKET_KEY) == is_seen
        assert PreSharedKey.server_hello.find(client.server_hello.extensions) == (before if is_seen else None)
        assert client.reach(ServerConnected).connection.negotiated is not None


def test_every_identity_that_is_looked_at_is_asked_for_once(endpoints: Endpoints) -> None:
    asked: list[bytes] = []
    client = endpoints.scripted_client(psk_for=asked.append, limits=Limits(psk_identities=3))
    client.say(offering(client.client_hello(), *[SharedKey(b"%d" % each, bytes(32)) for each in range(500)]))
    assert asked == [b"0", b"1", b"2"]


def ticket(length: int) -> NewSessionTicket:
    return NewSessionTicket(ticket_lifetime=9, ticket_age_add=2, ticket_nonce=b"3", ticket=bytes(length))


def test_limit_on_ticket(endpoints: Endpoints) -> None:
    """A longer one is told of, and not kept."""
    for length, is_kept in ((100, True), (101, False), (65_000, False)):
        kept: list[object] = []
        server = endpoints.scripted_server(limits=Limits(ticket=100), on_session=kept.append).reach(ClientConnected)
        (told,) = server.deliver(server.records(raw(ticket(length))))
        assert isinstance(told, TicketReceived)
        assert (told.session is not None) == is_kept == (len(kept) == 1)
    for length, is_offered in ((100, True), (101, False)):
        client = endpoints.client(session=endpoints.session(ticket=bytes(length)), limits=Limits(ticket=100))
        server = ScriptedServer(client, endpoints.identity)
        assert (PreSharedKey.client_hello.find(server.client_hello.extensions) is not None) == is_offered


def test_a_ticket_that_is_over_at_once_is_not_kept(endpoints: Endpoints) -> None:
    """RFC 9846 §4.7.1: a lifetime of zero says so."""
    server = endpoints.scripted_server().reach(ClientConnected)
    for lifetime, is_kept in ((0, False), (1, True)):
        (told,) = server.tell(replace(ticket(5), ticket_lifetime=lifetime))
        assert isinstance(told, TicketReceived)
        assert (told.session is not None) == is_kept


def tickets_sent(client: ScriptedClient) -> int:
    client.reach(ServerConnected)
    return sum(content[0] == 4 for content_type, content in client.hear() if content_type == HANDSHAKE)


def test_limit_on_tickets(endpoints: Endpoints) -> None:
    """RFC 9149 §3: a client may ask for 255."""
    for wanted, sent in ((0, 0), (2, 2), (3, 3), (4, 3), (255, 3)):
        client = endpoints.scripted_client(limits=Limits(tickets=3), ticket_store=KnownTickets())
        request = TicketRequest.client_hello(ClientTicketRequest(new_session_count=wanted, resumption_count=0))
        client.say(client.client_hello(extensions=[*client.extensions(), request]))
        answer = Handshake.parse(client.flight[0]).message
        assert isinstance(answer, EncryptedExtensions)
        assert TicketRequest.encrypted_extensions.find(answer.extensions) == sent
        assert tickets_sent(client) == sent


def test_limit_on_certificate_requests(endpoints: Endpoints) -> None:
    """How many a client answers, and how many a server has open."""
    server = endpoints.scripted_server(post_handshake_auth=True, limits=Limits(certificate_requests=3))
    server.reach(ClientConnected)
    for number in range(3):
        server.say(server.certificate_request(b"%d" % number))
    refused(server, server.record(HANDSHAKE, raw(server.certificate_request(b"3"))), errors.TooManyMessages)

    client = endpoints.scripted_client(**endpoints.asking(), limits=Limits(certificate_requests=3))
    client.say(client.client_hello(extensions=[*client.extensions(), PostHandshakeAuth.client_hello(b"")]))
    client.reach(ServerConnected)
    for _ in range(3):
        client.be_asked()
    with pytest.raises(ConfigurationError, match="3 requests"):
        client.connection.request_certificate()
    for build in (client.certificate, client.certificate_verify, client.finished):
        client.say(build())
    client.be_asked()
    with pytest.raises(ConfigurationError, match="3 requests"):
        client.connection.request_certificate()


Flood = Callable[[Peer], bytes]
"""One more of the same."""


def flooded(peer: Peer, flood: Flood, limit: int) -> None:
    """So many are put up with, and the next is not."""
    for _ in range(limit):
        peer.deliver(flood(peer))
    refused(peer, flood(peer), errors.TooManyMessages)


def update(peer: Peer, request: int = 0) -> bytes:
    assert peer.sending is not None
    record = peer.record(HANDSHAKE, key_update(request))
    peer.sending = peer.sending.updated()
    return record


def canceled(peer: Peer) -> bytes:
    return peer.record(ALERT, alert(AlertDescription.user_canceled, AlertLevel.warning))


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_limit_on_change_cipher_specs(endpoints: Endpoints, limit: int) -> None:
    for state in (WaitEncryptedExtensions, WaitClientFinished):
        peer = at(endpoints, state, Limits(change_cipher_specs=limit))
        flooded(peer, lambda _: plaintext(CHANGE_CIPHER_SPEC, b"\x01"), limit)


@pytest.mark.parametrize("limit", [0, 1, 5])
@pytest.mark.parametrize("padding", [0, 1000])
def test_limit_on_empty_records(endpoints: Endpoints, limit: int, padding: int) -> None:
    for state in CONNECTED:
        peer = at(endpoints, state, Limits(empty_records=limit))
        for _ in range(3):
            for _ in range(limit):
                assert peer.deliver(peer.record(APPLICATION_DATA, b"", padding)) == []
            assert peer.deliver(peer.record(APPLICATION_DATA, b"x")) == [DataReceived(b"x")]
        flooded(peer, lambda peer: peer.record(APPLICATION_DATA, b"", padding), limit)


@pytest.mark.parametrize("limit", [0, 1, 5])
@pytest.mark.parametrize("request_update", [0, 1], ids=["unrequested", "requesting"])
def test_limit_on_key_updates(endpoints: Endpoints, limit: int, request_update: int) -> None:
    for state in CONNECTED:
        peer = at(endpoints, state, Limits(key_updates=limit))
        for _ in range(limit):
            peer.deliver(update(peer, request_update))
            follow(peer)
        refused(peer, update(peer), errors.TooManyMessages)


def follow(peer: Peer) -> None:
    """Hears the KeyUpdates that answer, each under the key before it."""
    while peer.inbox:
        content_type, content = peer.next_record()
        assert peer.receiving is not None
        if content_type == HANDSHAKE and content == message(24, b"\0"):
            peer.receiving = peer.receiving.updated()


def test_an_empty_record_between_key_updates_is_nothing_useful(endpoints: Endpoints) -> None:
    """Nor are user_canceled and tickets that nobody keeps: only data makes up for a KeyUpdate."""
    for state in CONNECTED:
        peer = at(endpoints, state, Limits(key_updates=3))
        for _ in range(3):
            peer.deliver(update(peer))
            peer.deliver(peer.record(APPLICATION_DATA, b""))
        refused(peer, update(peer), errors.TooManyMessages)


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_limit_on_warning_alerts(endpoints: Endpoints, limit: int) -> None:
    for state in (*CONNECTED, WaitEncryptedExtensions):
        flooded(at(endpoints, state, Limits(warning_alerts=limit)), canceled, limit)
    between = at(endpoints, ServerConnected, Limits(warning_alerts=2))
    for _ in range(2):
        between.deliver(canceled(between))
        between.deliver(between.record(APPLICATION_DATA, b"x"))
    refused(between, canceled(between), errors.TooManyMessages)
