"""What a peer may say while a signature is awaited: it is held back up to a limit, and refused afterwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from by_hand import ALERT, HANDSHAKE, alert, message, plaintext
from endpoints import DistantSigner, Endpoints
from scripted import Peer, ScriptedClient, ScriptedServer
from violations import EVERY_TYPE, WELL_FORMED

from schemas.code_points import AlertDescription, AlertLevel, HandshakeType, SignatureScheme
from schemas.handshake import MESSAGE_TYPES
from tls13 import errors
from tls13.errors import AlertReceived, InternalError, TLSError, TruncationError, UnexpectedMessage
from tls13.events import SignaturePending
from tls13.handshake.states import (
    AwaitingSignature,
    ClientConnected,
    WaitCertificate,
    WaitClientFinished,
    WaitServerFinished,
)
from tls13.handshake.table import HANDLERS
from tls13.limits import Limits

Waiting = tuple[Peer, DistantSigner]
Start = Callable[..., Waiting]
"""Gives the peer of a connection that waits, and whom it waits for."""


def server(endpoints: Endpoints, limits: Limits | None = None) -> Waiting:
    """In the middle of its flight."""
    credential, signer = endpoints.distant()
    client = endpoints.scripted_client(credentials=(credential,), limits=limits or Limits(), tickets=0)
    client.say(client.client_hello())
    return client, signer


def client(endpoints: Endpoints, limits: Limits | None = None) -> Waiting:
    """At the end of the handshake."""
    credential, signer = endpoints.distant()
    peer = endpoints.scripted_server(credentials=(credential,), limits=limits or Limits())
    peer.reach(WaitCertificate).reach(WaitServerFinished)
    peer.say(peer.finished())
    return peer, signer


def client_asked_late(endpoints: Endpoints, limits: Limits | None = None) -> Waiting:
    credential, signer = endpoints.distant()
    peer = endpoints.scripted_server(
        credentials=(credential,), limits=limits or Limits(), post_handshake_auth=True
    ).reach(ClientConnected)
    peer.say(peer.certificate_request(b"late"))
    return peer, signer


each_way = pytest.mark.parametrize("start", [server, client, client_asked_late])

AFTERWARDS = {server: WaitClientFinished, client: ClientConnected, client_asked_late: ClientConnected}


def go_on(peer: Peer, signer: DistantSigner) -> None:
    """The signature is there; the peer hears what follows it."""
    signer.is_ready = True
    try:
        peer.connection.continue_handshake()
    finally:
        peer.listen()


def hear_the_rest(peer: Peer) -> None:
    """What the connection says once it has its signature."""
    if isinstance(peer, ScriptedClient):
        peer.hear_flight()
    elif isinstance(peer, ScriptedServer) and not peer.client_flight:
        peer.hear_client_flight()
    elif isinstance(peer, ScriptedServer):
        peer.hear_late_answer()


@each_way
def test_the_caller_is_told_and_asks_again(endpoints: Endpoints, start: Start) -> None:
    peer, signer = start(endpoints)
    assert type(peer.connection.state) is AwaitingSignature
    assert peer.events[-1] == SignaturePending(SignatureScheme.ed25519)
    for _ in range(3):
        assert peer.connection.continue_handshake() == []
        assert peer.connection.data_to_send() == b""
        assert type(peer.connection.state) is AwaitingSignature
    go_on(peer, signer)
    hear_the_rest(peer)
    assert type(peer.connection.state) is AFTERWARDS[start]
    assert peer.connection.continue_handshake() == []


@each_way
def test_every_message_is_held_back_and_judged_afterwards(endpoints: Endpoints, start: Start) -> None:
    """By the state that follows, as if it had come then."""
    allowed = {MESSAGE_TYPES[each] for each in HANDLERS[AFTERWARDS[start]]}
    for msg_type in EVERY_TYPE:
        if msg_type in allowed:
            continue
        peer, signer = start(endpoints)
        body = WELL_FORMED.get(msg_type, message(msg_type, b""))
        assert peer.deliver(peer.record(HANDSHAKE, body)) == []
        assert peer.inbox == []
        with pytest.raises(UnexpectedMessage) as raised:
            go_on(peer, signer)
        assert str(HandshakeType(msg_type)) in str(raised.value)


@each_way
def test_what_is_held_back_has_a_limit(endpoints: Endpoints, start: Start) -> None:
    """Whatever it is, and in whatever parts it comes."""
    room = 2**14
    for chunk in (room + 1, 1000, 16):
        peer, _ = start(endpoints, Limits(handshake_message=room))
        for at in range(0, room, chunk):
            if at + chunk > room:
                break
            assert peer.deliver(bytes(chunk)) == []
        over = refusal(peer, partial(peer.deliver, bytes(chunk)))
        assert type(over) is errors.TooManyMessages


def refusal(peer: Peer, act: Callable[[], object]) -> TLSError:
    """As `Peer.refusal_of`, but behind the part of the flight that was not sent yet."""
    with pytest.raises(errors.Reason) as raised:
        act()
    *before, last = peer.hear()
    assert last == (ALERT, bytes([AlertLevel.fatal, raised.value.alert]))
    assert all(content_type == HANDSHAKE for content_type, _ in before)
    peer.check_latched(raised.value)
    return raised.value


@each_way
def test_a_peer_that_gives_up_meanwhile_is_heard_afterwards(endpoints: Endpoints, start: Start) -> None:
    peer, signer = start(endpoints)
    peer.deliver(peer.record(ALERT, alert(AlertDescription.internal_error, AlertLevel.fatal)))
    with pytest.raises(AlertReceived):
        go_on(peer, signer)
    assert peer.connection.is_closed


def test_a_client_without_keys_that_gives_up_meanwhile_is_heard_too(endpoints: Endpoints) -> None:
    peer, signer = server(endpoints)
    peer.deliver(plaintext(ALERT, alert(AlertDescription.illegal_parameter, AlertLevel.fatal)))
    with pytest.raises(AlertReceived):
        go_on(peer, signer)


@each_way
def test_a_transport_that_ends_meanwhile_has_cut_the_connection_off(endpoints: Endpoints, start: Start) -> None:
    peer, _ = start(endpoints)
    with pytest.raises(TruncationError):
        peer.connection.receive_eof()
    assert peer.connection.is_closed


@each_way
def test_a_signer_that_fails_ends_the_connection(endpoints: Endpoints, start: Start) -> None:
    peer, signer = start(endpoints)
    signer.is_broken = True
    assert type(refusal(peer, lambda: go_on(peer, signer))) is InternalError
