"""Two connections of ours over memory: delivery, data, closing, tickets, retries. RFC 9846 §5, §6.1, §E.4"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from by_hand import AEADS, HANDSHAKE, cut, plaintext, raw
from endpoints import Endpoints, exchange
from hypothesis import given
from hypothesis import strategies as st

from schemas.code_points import CipherSuite, NamedGroup
from schemas.handshake import EncryptedExtensions, NewSessionTicket
from tls13.connection import Connection
from tls13.errors import ConnectionClosed, TruncationError
from tls13.events import DataReceived, Event, HandshakeCompleted, KeysUpdated, PeerClosed, TicketReceived
from tls13.handshake.states import ClientConnected, ServerConnected, State, WaitClientFinished, WaitServerFinished


def data_in(events: list[Event]) -> bytes:
    return b"".join(each.data for each in events if isinstance(each, DataReceived))


def payload(length: int) -> bytes:
    """`length` bytes that do not repeat, the same every time."""
    return hashlib.shake_128(b"payload").digest(length)


# Delivery


def test_a_whole_connection_byte_by_byte(endpoints: Endpoints) -> None:
    client, server = endpoints.client(key_shares=0), endpoints.server()
    told: dict[Connection, list[Event]] = {client: [], server: []}

    def settle() -> None:
        while client.has_data_to_send or server.has_data_to_send:
            for sender, receiver in ((client, server), (server, client)):
                for byte in sender.data_to_send():
                    told[receiver] += receiver.receive_data(bytes([byte]))

    settle()
    client.send(b"ping")
    settle()
    server.send(b"pong")
    server.update_keys(request_peer=True)
    settle()
    client.close()
    server.close()
    settle()
    assert [type(each) for each in told[client]] == [
        HandshakeCompleted,
        TicketReceived,
        DataReceived,
        KeysUpdated,
        PeerClosed,
    ]
    assert [type(each) for each in told[server]] == [HandshakeCompleted, DataReceived, KeysUpdated, PeerClosed]
    assert client.is_closed
    assert server.is_closed


@given(data=st.data())
def test_the_chunks_do_not_matter(endpoints: Endpoints, data: st.DataObject) -> None:
    client, server = endpoints.client(), endpoints.server()

    def carry(sender: Connection, receiver: Connection) -> list[Event]:
        wire = sender.data_to_send()
        cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=6).map(sorted))
        events: list[Event] = []
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            events += receiver.receive_data(wire[start:end])
        return events

    carry(client, server)
    (completed,) = carry(server, client)
    assert isinstance(completed, HandshakeCompleted)
    client.send(payload(40_000))
    client.update_keys()
    client.send(b"end")
    client.close()
    events = carry(client, server)
    assert data_in(events) == payload(40_000) + b"end"
    assert events[-1] == PeerClosed()


def in_parts(raw_flight: bytes, sizes: list[int]) -> list[bytes]:
    parts = []
    for size in sizes:
        parts.append(raw_flight[:size])
        raw_flight = raw_flight[size:]
    return [each for each in [*parts, raw_flight] if each]


@given(sizes=st.lists(st.integers(1, 400), max_size=30))
def test_a_servers_flight_may_be_cut_and_joined_in_any_way(endpoints: Endpoints, sizes: list[int]) -> None:
    server = endpoints.scripted_server().reach(WaitServerFinished)
    flight = server.transcript[2:]
    again = endpoints.scripted_server()
    again.say(again.server_hello())
    joined = b""
    for build in (EncryptedExtensions, again.certificate, again.certificate_verify, again.finished):
        each = raw(build())
        again.transcript.append(each)
        joined += each
    assert len(joined) == sum(map(len, flight)) + 36
    for part in in_parts(joined, sizes):
        again.deliver(again.record(HANDSHAKE, part))
    assert type(again.connection.state) is ClientConnected


@given(sizes=st.lists(st.integers(1, 100), max_size=20))
def test_a_hello_may_be_cut_in_any_way(endpoints: Endpoints, sizes: list[int]) -> None:
    client = endpoints.scripted_client()
    hello = client.client_hello()
    for part in in_parts(raw(hello), sizes):
        client.deliver(plaintext(HANDSHAKE, part))
    assert type(client.connection.state) is WaitClientFinished


def test_a_message_longer_than_a_record_takes_several(endpoints: Endpoints) -> None:
    names = [f"protocol-{number:03}-{'x' * 200}" for number in range(100)]
    client = endpoints.client(application_protocols=tuple(names))
    records = cut(client.data_to_send())
    assert [len(each) for each in records][:-1] == [5 + 2**14]
    assert {each[:3] for each in records} == {b"\x16\x03\x01"}
    ours = endpoints.server(application_protocols=(names[99],))
    for each in records:
        ours.receive_data(each)
    (completed,) = client.receive_data(ours.data_to_send())
    assert isinstance(completed, HandshakeCompleted)
    assert completed.negotiated.application_protocol == names[99]


# Application data


@pytest.mark.parametrize("suite", AEADS)
@pytest.mark.parametrize("length", [0, 1, 16383, 16384, 16385, 100_000])
def test_data_of_any_length_both_ways(endpoints: Endpoints, suite: CipherSuite, length: int) -> None:
    client, server = endpoints.connected(cipher_suites=(suite,))
    client.send(payload(length))
    assert data_in(exchange(client, server)[1]) == payload(length)
    server.send(payload(length))
    assert data_in(exchange(client, server)[0]) == payload(length)


def test_ten_million_bytes_both_ways(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    much = payload(10_000_000)
    for sender, receiver in ((client, server), (server, client)):
        sender.send(much)
        wire = sender.data_to_send()
        received = [receiver.receive_data(wire[at : at + 65536]) for at in range(0, len(wire), 65536)]
        assert data_in([event for events in received for event in events]) == much


def test_data_goes_out_in_full_records_with_no_padding(endpoints: Endpoints) -> None:
    client, _ = endpoints.connected()
    client.send(payload(2 * 2**14 + 1))
    assert [len(each) - 5 for each in cut(client.data_to_send())] == [2**14 + 17, 2**14 + 17, 18]


def test_nothing_to_send_makes_no_record(endpoints: Endpoints) -> None:
    client, _ = endpoints.connected()
    client.send(b"")
    assert not client.has_data_to_send
    assert client.data_to_send() == b""


def test_data_to_send_gives_each_byte_once(endpoints: Endpoints) -> None:
    client = endpoints.client()
    assert client.has_data_to_send
    assert client.data_to_send() != b""
    assert not client.has_data_to_send
    assert client.data_to_send() == b""


@pytest.mark.parametrize("act", [lambda each: each.send(b"x"), Connection.update_keys], ids=["send", "update_keys"])
def test_nothing_can_be_sent_before_the_handshake_is_complete(
    endpoints: Endpoints, act: Callable[[Connection], None]
) -> None:
    client, server = endpoints.client(), endpoints.server()
    server.receive_data(client.data_to_send())
    for each in (client, server):
        with pytest.raises(ConnectionClosed, match="before the handshake is complete"):
            act(each)
    exchange(client, server)
    act(client)
    exchange(client, server)


# Closing


def test_half_close_both_ways(endpoints: Endpoints) -> None:
    for client_first in (True, False):
        client, server = endpoints.connected()
        first, second = (client, server) if client_first else (server, client)
        first.send(b"my last words")
        first.close()
        assert second.receive_data(first.data_to_send()) == [DataReceived(b"my last words"), PeerClosed()]
        assert not first.is_closed
        assert not second.is_closed
        second.send(b"but I go on")
        second.update_keys(request_peer=True)
        second.send(b" and on")
        heard = first.receive_data(second.data_to_send())
        assert data_in(heard) == b"but I go on and on"
        assert first.data_to_send() == b""
        second.close()
        assert first.receive_data(second.data_to_send()) == [PeerClosed()]
        assert first.is_closed
        assert second.is_closed
        assert first.receive_eof() == second.receive_eof() == []


def test_what_was_negotiated_outlives_a_failure(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    agreed = client.negotiated
    with pytest.raises(TruncationError):
        client.receive_eof()
    assert client.negotiated is agreed is not None
    with pytest.raises(TruncationError):
        client.export_keying_material(b"EXPORTER-test", 32)
    assert server.negotiated is not None


def test_after_close_nothing_more_can_be_sent(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    for each in (client, server):
        each.close()
        each.data_to_send()
        each.close()
        assert each.data_to_send() == b""
        with pytest.raises(ConnectionClosed):
            each.send(b"x")
        with pytest.raises(ConnectionClosed):
            each.update_keys()
    with pytest.raises(ConnectionClosed):
        server.send_ticket(NewSessionTicket(ticket_lifetime=0, ticket_age_add=0, ticket_nonce=b"", ticket=b"x"))


@pytest.mark.parametrize("state", [WaitServerFinished, ClientConnected, WaitClientFinished, ServerConnected])
def test_close_notify_is_a_warning_under_the_key_of_the_moment(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.hear()
    peer.connection.close()
    peer.listen()
    expected = (
        [(21, b"\x01\x00")] if state in (ClientConnected, ServerConnected) else [(21, b"\x01\x5a"), (21, b"\x01\x00")]
    )
    assert peer.hear() == expected


def test_closing_a_fresh_connection_cancels_in_the_clear(endpoints: Endpoints) -> None:
    for connection in (endpoints.client(), endpoints.server()):
        connection.data_to_send()
        connection.close()
        assert connection.data_to_send() == plaintext(21, b"\x01\x5a") + plaintext(21, b"\x01\x00")


def test_after_closing_in_the_handshake_nothing_more_is_said(endpoints: Endpoints) -> None:
    client, server = endpoints.client(), endpoints.server()
    server.receive_data(client.data_to_send())
    client.close()
    client.data_to_send()
    assert client.receive_data(server.data_to_send()) == []
    assert client.data_to_send() == b""
    assert client.negotiated is None

    client, server = endpoints.client(), endpoints.server()
    server.receive_data(client.data_to_send())
    flight = server.data_to_send()
    server.close()
    server.data_to_send()
    client.receive_data(flight)
    assert server.receive_data(client.data_to_send()) == []
    assert server.data_to_send() == b""
    assert server.negotiated is None


def test_a_refusal_after_close_sends_no_alert(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    client.close()
    client.data_to_send()
    with pytest.raises(Exception, match="does not open"):
        client.receive_data(plaintext(23, bytes(40)))
    assert client.data_to_send() == b""
    assert server.negotiated is not None


def test_the_end_without_close_notify_is_truncation(endpoints: Endpoints) -> None:
    for closed_first in (False, True):
        client, server = endpoints.connected()
        if closed_first:
            client.close()
        server.send(b"half of wh")
        client.receive_data(server.data_to_send())
        with pytest.raises(TruncationError, match="close_notify"):
            client.receive_eof()
        assert client.is_closed


def test_an_end_inside_the_close_notify_is_truncation(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    server.close()
    client.receive_data(server.data_to_send()[:-1])
    with pytest.raises(TruncationError):
        client.receive_eof()


@pytest.mark.parametrize("awaited", ["ServerHello or HelloRetryRequest", "ClientHello"])
def test_an_end_before_the_first_byte_says_what_was_awaited(endpoints: Endpoints, awaited: str) -> None:
    connection = endpoints.server() if awaited == "ClientHello" else endpoints.client()
    with pytest.raises(TruncationError, match=awaited):
        connection.receive_eof()


# Tickets


def test_tickets_of_the_callers_own(endpoints: Endpoints) -> None:
    client, server = endpoints.connected(tickets=0)
    ticket = NewSessionTicket(ticket_lifetime=60, ticket_age_add=1, ticket_nonce=b"n", ticket=payload(60_000))
    server.send_ticket(ticket)
    assert exchange(client, server) == ([TicketReceived(ticket, None)], [])


def test_only_a_server_sends_tickets(endpoints: Endpoints) -> None:
    ticket = NewSessionTicket(ticket_lifetime=60, ticket_age_add=1, ticket_nonce=b"n", ticket=b"t")
    client, _ = endpoints.connected()
    with pytest.raises(ConnectionClosed, match="only a server"):
        client.send_ticket(ticket)
    with pytest.raises(ConnectionClosed, match="before the handshake is complete"):
        endpoints.server().send_ticket(ticket)


# Middlebox compatibility, HelloRetryRequest


@pytest.mark.parametrize("compatible", [True, False])
@pytest.mark.parametrize("retry", [True, False])
def test_change_cipher_spec_once_a_side_or_not_at_all(endpoints: Endpoints, compatible: bool, retry: bool) -> None:
    client = endpoints.client(middlebox_compatibility=compatible, key_shares=0 if retry else 1)
    server = endpoints.server()
    sent: dict[Connection, list[int]] = {client: [], server: []}
    while client.has_data_to_send or server.has_data_to_send:
        for sender, receiver in ((client, server), (server, client)):
            wire = sender.data_to_send()
            sent[sender] += [each[0] for each in cut(wire)]
            receiver.receive_data(wire)
    expected = 1 if compatible else 0
    assert sent[client].count(20) == sent[server].count(20) == expected
    if compatible:
        assert sent[client].index(20) == 1
        assert sent[server].index(20) == 1


@pytest.mark.parametrize("group", [NamedGroup.x25519, NamedGroup.secp256r1])
def test_a_retry_for_each_group(endpoints: Endpoints, group: NamedGroup) -> None:
    others = tuple(each for each in (NamedGroup.x25519, NamedGroup.secp256r1) if each is not group)
    client, server = endpoints.client(groups=(*others, group)), endpoints.server(groups=(group,))
    exchange(client, server)
    for each in (client, server):
        assert each.negotiated is not None
        assert (each.negotiated.group, each.negotiated.retried) == (group, True)
