"""Handshake messages cut into records in every legal way, and several in one record. RFC 9846 §5.1"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from by_hand import HANDSHAKE, cut, key_update, message, raw
from endpoints import Endpoints, exchange
from modes import Clock, Journal, configs, resumable, sessions

from certs import Pki
from schemas.code_points import NamedGroup
from schemas.handshake import NewSessionTicket
from tls13.config import ClientAuthentication
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy
from tls13.events import ClientAuthenticated, DataReceived, EarlyDataReceived, Event, KeysUpdated, TicketReceived
from tls13.handshake.states import ClientConnected
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification


def cut_by(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """From here on every flight goes out in records of any length, of one byte too."""
    chance = random.Random(seed)
    longest = chance.choice([1, 2, 5, 60, 700])

    def fragments(content: bytes, size: int = 2**14) -> Iterator[bytes]:
        at = 0
        while at < len(content):
            length = chance.randint(1, min(longest, size))
            yield content[at : at + length]
            at += length

    monkeypatch.setattr("tls13.wire.fragments", fragments)


def data(events: list[Event]) -> bytes:
    return b"".join(each.data for each in events if isinstance(each, (DataReceived, EarlyDataReceived)))


@pytest.mark.parametrize("seed", range(10))
def test_every_mode_survives_every_way_to_cut_its_messages(
    endpoints: Endpoints, pki: Pki, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    files = pki.client("ed25519")
    client_config, server_config = configs(endpoints, Clock())
    client_config = replace(
        client_config,
        credentials=(Credential.load(files.certificate, files.key),),
        early_data=True,
        post_handshake_auth=True,
    )
    asked = ClientAuthentication(policy=NoVerification())
    server_config = replace(server_config, early_data=EarlyDataPolicy(), client_authentication=asked)
    session = resumable(client_config, server_config)
    cut_by(monkeypatch, seed)
    for groups, offered in (
        (server_config.groups, None),
        ((NamedGroup.secp256r1,), None),
        (server_config.groups, session),
        ((NamedGroup.secp256r1,), session),
    ):
        client = Connection.client(client_config, "localhost", offered)
        server = Connection.server(replace(server_config, groups=groups))
        if offered is not None:
            client.send_early(b"early")
        told, heard = exchange(client, server)
        assert len(sessions(told)) == 1
        context = server.request_certificate()
        client.update_keys(request_peer=True)
        client.send(b"data" * 50)
        heard += exchange(client, server)[1]
        assert context in [each.context for each in heard if isinstance(each, ClientAuthenticated)]
        early = b"early" if offered is not None and groups == server_config.groups else b""
        assert data(heard) == early + b"data" * 50
        assert client.channel_binding() == server.channel_binding()


def test_the_hello_may_come_in_records_of_one_byte(endpoints: Endpoints) -> None:
    journal = Journal()
    endpoints.client(observer=journal)
    (hello,) = journal.sent
    server = endpoints.server()
    wire = b"".join(b"\x16\x03\x01\0\1" + bytes([each]) for each in hello)
    assert server.receive_data(wire) == []
    assert cut(server.data_to_send())[0][5] == 2


def ticket(number: int) -> bytes:
    return raw(
        NewSessionTicket(
            ticket_lifetime=60,
            ticket_age_add=number,
            ticket_nonce=bytes([number]),
            ticket=b"t%d" % number,
            extensions=[],
        )
    )


def test_several_messages_may_stand_in_one_record_and_one_across_it(endpoints: Endpoints) -> None:
    """Three tickets and a KeyUpdate, which ends its record."""
    messages = ticket(1) + ticket(2) + ticket(3) + key_update(0)
    for size in range(1, len(messages) + 1):
        peer = endpoints.scripted_server().reach(ClientConnected)
        assert peer.sending is not None
        wire = b"".join(peer.record(HANDSHAKE, messages[at : at + size]) for at in range(0, len(messages), size))
        told = peer.deliver(wire)
        peer.sending = peer.sending.updated()
        assert [each.ticket.ticket for each in told if isinstance(each, TicketReceived)] == [b"t1", b"t2", b"t3"]
        assert told[-1] == KeysUpdated(False)
        assert peer.deliver(peer.record(23, b"under the new key")) == [DataReceived(b"under the new key")]


def test_a_message_of_any_length_may_be_cut_at_its_header(endpoints: Endpoints) -> None:
    peer = endpoints.scripted_server().reach(ClientConnected)
    long = message(4, bytes(8) + b"\1n" + (2**14).to_bytes(2, "big") + bytes(2**14) + b"\0\0")
    for at in (1, 2, 3, 4, 5):
        rest = [long[at : at + 2**14], long[at + 2**14 :]]
        for piece in (long[:at], *filter(None, rest[:-1])):
            assert peer.deliver(peer.record(HANDSHAKE, piece)) == []
        (event,) = peer.deliver(peer.record(HANDSHAKE, rest[-1]))
        assert isinstance(event, TicketReceived)
        assert len(event.ticket.ticket) == 2**14


def test_padding_does_not_matter_to_what_is_cut(endpoints: Endpoints) -> None:
    peer = endpoints.scripted_server().reach(ClientConnected)
    whole = ticket(1)
    for piece in (whole[:7], whole[7:9]):
        assert peer.deliver(peer.record(HANDSHAKE, piece, padding=100)) == []
    assert len(peer.deliver(peer.record(HANDSHAKE, whole[9:], padding=1))) == 1
