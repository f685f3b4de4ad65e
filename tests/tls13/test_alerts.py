"""Alerts that come, and errors that carry what was told before them. RFC 9846 §6"""

from __future__ import annotations

import pytest
import violations
from by_hand import ALERT, APPLICATION_DATA, HANDSHAKE, alert, message, raw
from endpoints import Endpoints
from scripted import ScriptedClient, ScriptedServer
from state_groups import ALL, CONNECTED, HANDSHAKING, each_of

from schemas.code_points import AlertDescription, AlertLevel
from schemas.handshake import EncryptedExtensions
from tls13 import errors
from tls13.errors import AlertReceived
from tls13.events import DataReceived, PeerClosed, TicketReceived
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientFinished,
    WaitServerHello,
)

TICKET = raw(violations.TICKET)


# Alerts


@each_of(*ALL)
@pytest.mark.parametrize("content", [b"\x02", b"\x02\x28\x00", alert(AlertDescription.user_canceled) * 2])
def test_an_alert_of_another_length_does_not_parse(endpoints: Endpoints, state: type[State], content: bytes) -> None:
    peer = endpoints.peer(state)
    assert type(peer.refused(peer.record(ALERT, content))) is errors.MalformedMessage


@each_of(*ALL)
@pytest.mark.parametrize("level", [AlertLevel.warning, AlertLevel.fatal, AlertLevel(0), AlertLevel(99)], ids=int)
def test_an_error_alert_is_fatal_whatever_its_level(
    endpoints: Endpoints, state: type[State], level: AlertLevel
) -> None:
    for description in (AlertDescription.handshake_failure, AlertDescription(200), AlertDescription.no_renegotiation):
        peer = endpoints.peer(state)
        peer.hear()
        with pytest.raises(AlertReceived) as raised:
            peer.deliver(peer.record(ALERT, alert(description, level)))
        assert raised.value.alert is description
        assert str(int(description)) in str(raised.value)
        assert peer.inbox == []
        peer.check_latched(raised.value)


@each_of(*CONNECTED)
@pytest.mark.parametrize("level", [AlertLevel.warning, AlertLevel.fatal], ids=int)
def test_user_canceled_is_no_error_and_close_notify_ends_the_data(
    endpoints: Endpoints, state: type[State], level: AlertLevel
) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    assert peer.deliver(peer.record(ALERT, alert(AlertDescription.user_canceled, level))) == []
    assert peer.deliver(peer.record(ALERT, alert(AlertDescription.close_notify, level))) == [PeerClosed()]
    assert peer.hear() == []
    assert peer.connection.receive_eof() == []


@each_of(*HANDSHAKING)
def test_a_peer_that_closes_during_the_handshake_has_failed_it(endpoints: Endpoints, state: type[State]) -> None:
    """Whoever waits for the handshake to complete must hear that it never will."""
    peer = endpoints.peer(state)
    peer.hear()
    canceled = alert(AlertDescription.user_canceled, AlertLevel.warning)
    assert peer.deliver(peer.record(ALERT, canceled)) == []

    def close() -> None:
        peer.deliver(peer.record(ALERT, alert(AlertDescription.close_notify, AlertLevel.warning)))
        peer.connection.receive_eof()

    with pytest.raises((AlertReceived, errors.TruncationError), match="handshake"):
        close()
    assert peer.connection.is_closed
    peer.skip_change_cipher_spec()
    assert peer.hear() == [(ALERT, alert(AlertDescription.close_notify, AlertLevel.warning))]


@each_of(*CONNECTED)
def test_whatever_follows_close_notify_is_ignored(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    closing = peer.record(ALERT, alert(AlertDescription.close_notify, AlertLevel.warning))
    more = peer.record(APPLICATION_DATA, b"too late") + peer.record(ALERT, b"\x02\x28")
    assert peer.deliver(closing + more + b"GET / HTTP/1.1") == [PeerClosed()]
    assert peer.deliver(b"\xff" * 10) == []
    assert peer.hear() == []
    peer.connection.close()
    peer.listen()
    assert peer.next_record()[0] == ALERT


# Errors come with what was told before them


@pytest.mark.parametrize(
    ("state", "context"),
    [
        (WaitServerHello, "during the handshake, after ClientHello"),
        (WaitCertificateVerify, "during the handshake"),
        (ServerStart, "during the handshake"),
        (WaitClientFinished, "during the handshake, after the server's flight"),
    ],
)
def test_an_alert_in_the_handshake_says_so(endpoints: Endpoints, state: type[State], context: str) -> None:
    peer = endpoints.peer(state)
    with pytest.raises(AlertReceived, match=context) as raised:
        peer.deliver(peer.record(ALERT, alert(AlertDescription.handshake_failure)))
    is_first = state is WaitServerHello
    assert ("after ClientHello" in str(raised.value)) == is_first, "a server never sends one"


def test_an_alert_after_the_handshake_does_not_speak_of_it(endpoints: Endpoints) -> None:
    peer = endpoints.peer(ClientConnected)
    with pytest.raises(AlertReceived) as raised:
        peer.deliver(peer.record(ALERT, alert(AlertDescription.internal_error)))
    assert str(raised.value) == "the peer sent alert internal_error (80)"


def test_an_error_carries_the_events_before_it(endpoints: Endpoints) -> None:
    peer = endpoints.peer(ClientConnected)
    wire = peer.record(APPLICATION_DATA, b"good") + peer.record(HANDSHAKE, TICKET) + peer.record(99, b"bad")
    error = peer.refused(wire)
    data, ticket = error.events
    assert data == DataReceived(b"good")
    assert isinstance(ticket, TicketReceived)


def test_an_alert_of_the_peers_carries_the_events_before_it(endpoints: Endpoints) -> None:
    peer = endpoints.peer(ServerConnected)
    with pytest.raises(AlertReceived) as raised:
        peer.deliver(peer.record(APPLICATION_DATA, b"good") + peer.record(ALERT, b"\x02\x50"))
    assert raised.value.events == (DataReceived(b"good"),)


def test_a_truncated_connection_says_what_was_awaited(endpoints: Endpoints) -> None:
    server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
    with pytest.raises(errors.TruncationError, match="CertificateRequest or Certificate") as raised:
        server.connection.receive_eof()
    assert server.connection.is_closed
    server.listen()
    server.skip_change_cipher_spec()
    assert server.hear() == [(ALERT, alert(AlertDescription.close_notify, AlertLevel.warning))]
    with pytest.raises(errors.TruncationError) as again:
        server.deliver(server.record(HANDSHAKE, raw(EncryptedExtensions())))
    assert again.value is raised.value


def test_a_refusal_names_the_message_concerned(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client()
    error = client.refused_message(client.client_hello(legacy_compression_methods=b"\x01\x00"))
    assert error.message == "client_hello"
    server: ScriptedServer = endpoints.scripted_server()
    error = server.refused_message(server.server_hello(legacy_compression_method=1))
    assert error.message == "server_hello"


def test_a_malformed_message_tells_path_and_offset(endpoints: Endpoints) -> None:
    client: ScriptedClient = endpoints.scripted_client()
    error = client.refused_message(message(1, raw(client.client_hello())[4:] + b"\0"))
    assert isinstance(error, errors.MalformedMessage)
    assert error.error.offset == len(raw(client.client_hello()))
    assert "client_hello" in error.error.path
