"""New keys during a connection: asked for, unasked, crossing, and by themselves. RFC 9846 §4.7.3, §5.5"""

from __future__ import annotations

from dataclasses import replace

import pytest
from by_hand import AEADS, APPLICATION_DATA, HANDSHAKE, Direction, cut, key_update
from endpoints import Endpoints, exchange
from scripted import Peer

from schemas.code_points import CipherSuite, KeyUpdateRequest
from schemas.handshake import Handshake, KeyUpdate
from tls13.crypto.aead import SUITES
from tls13.events import DataReceived, Event, KeysUpdated
from tls13.handshake.states import ClientConnected, ServerConnected, State
from tls13.wire import Wire


def update_of(peer: Peer) -> int:
    """The request in the KeyUpdate that stands next in the inbox; from there on the peer reads under the next key."""
    content_type, content = peer.next_record()
    assert content_type == HANDSHAKE
    parsed = Handshake.parse(content).message
    assert isinstance(parsed, KeyUpdate)
    assert peer.receiving is not None
    peer.receiving = peer.receiving.updated()
    return int(parsed.request_update)


def ask_for_update(peer: Peer, request: int = 1) -> list[Event]:
    events = peer.deliver(peer.record(HANDSHAKE, key_update(request)))
    assert peer.sending is not None
    peer.sending = peer.sending.updated()
    return events


CONNECTED = pytest.mark.parametrize("state", [ClientConnected, ServerConnected], ids=lambda each: each.__name__)


@CONNECTED
def test_a_requested_key_update_is_answered_before_anything_else(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    assert ask_for_update(peer) == [KeysUpdated(True)]
    peer.connection.send(b"new")
    peer.listen()
    assert update_of(peer) == KeyUpdateRequest.update_not_requested
    assert peer.hear() == [(APPLICATION_DATA, b"new")]
    assert peer.deliver(peer.record(APPLICATION_DATA, b"mine")) == [DataReceived(b"mine")]


@CONNECTED
def test_an_unrequested_key_update_is_not_answered(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    assert ask_for_update(peer, 0) == [KeysUpdated(False)]
    assert peer.inbox == []
    assert peer.deliver(peer.record(APPLICATION_DATA, b"mine")) == [DataReceived(b"mine")]


@CONNECTED
def test_several_requests_at_once_are_answered_once(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    wire = b""
    for _ in range(3):
        wire += peer.record(HANDSHAKE, key_update(1))
        assert peer.sending is not None
        peer.sending = peer.sending.updated()
    assert peer.deliver(wire) == [KeysUpdated(True)] * 3
    assert update_of(peer) == KeyUpdateRequest.update_not_requested
    assert peer.inbox == []


@CONNECTED
def test_only_one_request_waits_for_its_answer(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()

    def requests(times: int) -> list[int]:
        for _ in range(times):
            peer.connection.update_keys(request_peer=True)
        peer.listen()
        return [update_of(peer) for _ in range(times)]

    assert requests(3) == [1, 0, 0]
    ask_for_update(peer, 0)
    assert requests(2) == [1, 0]


@CONNECTED
def test_an_update_without_request_leaves_room_for_one(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    for request_peer in (False, True, False):
        peer.connection.update_keys(request_peer=request_peer)
    peer.listen()
    assert [update_of(peer) for _ in range(3)] == [0, 1, 0]


def test_crossing_requests_are_both_answered(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    client.update_keys(request_peer=True)
    server.update_keys(request_peer=True)
    events = exchange(client, server)
    assert events == ([KeysUpdated(True), KeysUpdated(False)], [KeysUpdated(True), KeysUpdated(False)])
    client.send(b"to the server")
    server.send(b"to the client")
    assert exchange(client, server) == ([DataReceived(b"to the client")], [DataReceived(b"to the server")])


def test_answers_to_our_own_requests_are_no_flood(endpoints: Endpoints) -> None:
    """A peer that only listens must answer each request, and has nothing else to say."""
    for asking_first in (True, False):
        client, server = endpoints.connected()
        asking, listening = (client, server) if asking_first else (server, client)
        for _ in range(100):
            asking.send(b"more")
            asking.update_keys(request_peer=True)
            told = exchange(client, server)
            assert told[0 if asking_first else 1] == [KeysUpdated(False)]
        assert listening.negotiated is not None


def test_a_request_after_close_is_not_answered(endpoints: Endpoints) -> None:
    peer = endpoints.peer(ClientConnected)
    peer.connection.close()
    peer.listen()
    peer.hear()
    assert ask_for_update(peer) == [KeysUpdated(True)]
    assert peer.inbox == []
    assert peer.deliver(peer.record(APPLICATION_DATA, b"on")) == [DataReceived(b"on")]


def test_keys_change_by_themselves_before_the_suites_limit(endpoints: Endpoints) -> None:
    """§5.5, with a limit of five records: the fifth that a key protects is the KeyUpdate."""
    wire = Wire(endpoints.client_config)
    suite = replace(SUITES[CipherSuite.TLS_AES_128_GCM_SHA256], record_limit=5)
    wire.write_under(suite, bytes(32))
    reader = ScriptedReader(bytes(32))
    for _ in range(4):
        wire.send_application_data(bytes(3 * 2**14))
    heard = [reader.open(each) for each in cut(b"".join(wire.outgoing))]
    updates = [at for at, (content_type, _) in enumerate(heard) if content_type == HANDSHAKE]
    assert updates == [4, 9]
    assert {heard[at][1] for at in updates} == {key_update(0)}
    assert b"".join(content for content_type, content in heard if content_type == 23) == bytes(3 * 2**14) * 4


class ScriptedReader:
    """Opens records by hand and follows KeyUpdates."""

    def __init__(self, secret: bytes) -> None:
        self.direction = Direction(CipherSuite.TLS_AES_128_GCM_SHA256, secret)

    def open(self, record: bytes) -> tuple[int, bytes]:
        opened = self.direction.open(record)
        if opened[0] == HANDSHAKE:
            self.direction = self.direction.updated()
        return opened


@pytest.mark.parametrize("suite", AEADS)
def test_every_suite_says_how_many_records_a_key_is_for(suite: CipherSuite) -> None:
    """2^24.5 for AES-GCM; for ChaCha20-Poly1305 the sequence number ends first."""
    limit = SUITES[suite].record_limit
    assert limit == 2**64 - 1 if "CHACHA" in str(suite) else 2**24 < limit <= 2**24.5
