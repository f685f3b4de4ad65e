"""NewSessionTicket on the wire: how many, when, and what the caller is told of them. RFC 9846 §4.7.1, RFC 9149"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from by_hand import without_extension
from endpoints import exchange
from modes import Journal, Sides, resumable, sessions

from schemas.code_points import ExtensionType
from schemas.extensions import EarlyDataIndication, TicketRequest
from schemas.handshake import ClientHello, EncryptedExtensions, HandshakeMessage, NewSessionTicket
from schemas.stored import TicketState
from tls13.connection import Connection
from tls13.errors import ConfigurationError, ConnectionClosed
from tls13.events import Event, TicketReceived
from tls13.limits import Limits
from tls13.sessions import Session


def test_as_many_tickets_as_configured_follow_the_handshake(sides: Sides) -> None:
    client, server = sides
    for count in (0, 1, 5):
        told, _ = exchange(Connection.client(client, "localhost"), Connection.server(replace(server, tickets=count)))
        assert len(sessions(told)) == count


def expected_count(journal: Journal) -> int | None:
    (message,) = [each for each in journal.messages if isinstance(each, EncryptedExtensions)]
    return TicketRequest.encrypted_extensions.find(message.extensions)


def test_a_client_gets_as_many_tickets_as_it_asks_for(sides: Sides) -> None:
    client, server = replace(sides[0], ticket_request=(3, 2)), sides[1]
    session = resumable(client, server)
    for asked, resumes in ((3, False), (2, True)):
        journal = Journal()
        told, _ = exchange(
            Connection.client(replace(client, observer=journal), "localhost", session if resumes else None),
            Connection.server(server),
        )
        assert len(sessions(told)) == asked
        assert expected_count(journal) == asked


def test_a_server_gives_no_more_than_its_limit_and_none_if_it_gives_none(sides: Sides) -> None:
    client, server = replace(sides[0], ticket_request=(200, 200)), sides[1]
    for changes, expected in (({"limits": Limits(tickets=4)}, 4), ({"tickets": 0}, 0)):
        journal = Journal()
        told, _ = exchange(
            Connection.client(replace(client, observer=journal), "localhost"),
            Connection.server(replace(server, **changes)),
        )
        assert len(sessions(told)) == expected
        assert expected_count(journal) in (expected, None)


def test_a_client_that_asks_for_no_tickets_gets_none(sides: Sides) -> None:
    told, _ = exchange(
        Connection.client(replace(sides[0], ticket_request=(0, 0)), "localhost"), Connection.server(sides[1])
    )
    assert sessions(told) == []


def test_tickets_reach_the_caller_by_event_and_by_callback_whenever_they_come(sides: Sides) -> None:
    kept: list[Session] = []
    client = Connection.client(replace(sides[0], on_session=kept.append), "localhost")
    server = Connection.server(replace(sides[1], tickets=2))
    events: list[Event] = []
    events += exchange(client, server)[0]
    for number in range(3):
        server.send(b"before")
        server.send_ticket()
        server.update_keys()
        client.update_keys(request_peer=True)
        server.send(b"behind")
        events += exchange(client, server)[0]
        assert len(kept) == 3 + number
    assert sessions(events) == kept
    for each in kept:
        again = Connection.client(sides[0], "localhost", each)
        exchange(again, Connection.server(sides[1]))
        assert again.negotiated is not None
        assert again.negotiated.resumed


def test_what_the_application_puts_into_a_ticket_is_found_again(sides: Sides) -> None:
    client, server = sides
    ours, theirs = Connection.client(client, "localhost"), Connection.server(replace(server, tickets=0))
    exchange(ours, theirs)
    theirs.send_ticket(application_data=b"cart: 3 apples")
    (session,) = sessions(exchange(ours, theirs)[0])
    found = server.ticket_store.find(session.state.ticket, server.clock())
    assert isinstance(found, TicketState)
    assert found.application_data == b"cart: 3 apples"
    with pytest.raises(ConfigurationError):
        theirs.send_ticket(application_data=bytes(65536))
    assert theirs.negotiated is not None


def ticket(**changes: Any) -> NewSessionTicket:
    honest = NewSessionTicket(
        ticket_lifetime=100, ticket_age_add=5, ticket_nonce=b"n", ticket=b"by hand", extensions=[]
    )
    return replace(honest, **changes)


def given_ticket(sides: Sides, of: NewSessionTicket, **changes: Any) -> TicketReceived:
    ours = Connection.client(replace(sides[0], **changes), "localhost")
    theirs = Connection.server(replace(sides[1], tickets=0))
    exchange(ours, theirs)
    theirs.send_ticket(of)
    (event,) = exchange(ours, theirs)[0]
    assert isinstance(event, TicketReceived)
    return event


def test_any_ticket_may_be_sent_and_is_told_as_it_came(sides: Sides) -> None:
    event = given_ticket(sides, ticket())
    assert event.ticket == ticket()
    assert event.session is not None
    assert event.session.state.ticket == b"by hand"


def test_a_ticket_of_no_lifetime_or_over_the_limit_opens_no_session(sides: Sides) -> None:
    assert given_ticket(sides, ticket(ticket_lifetime=0)).session is None
    assert given_ticket(sides, ticket(ticket=bytes(101)), limits=Limits(ticket=100)).session is None
    assert given_ticket(sides, ticket(ticket=bytes(100)), limits=Limits(ticket=100)).session is not None


def test_no_session_lives_longer_than_seven_days(sides: Sides) -> None:
    session = given_ticket(sides, ticket(ticket_lifetime=2**32 - 1)).session
    assert session is not None
    assert session.expires == sides[0].clock() + timedelta(days=7)


def test_a_ticket_says_how_much_early_data_it_is_good_for(sides: Sides) -> None:
    extensions = [EarlyDataIndication.new_session_ticket(77)]
    session = given_ticket(sides, ticket(extensions=extensions)).session
    assert session is not None
    assert session.state.max_early_data_size == 77


def test_a_client_that_names_no_key_exchange_mode_gets_no_ticket(sides: Sides) -> None:
    def edit(message: HandshakeMessage) -> HandshakeMessage:
        if not isinstance(message, ClientHello):
            return message
        without = without_extension(message.extensions, ExtensionType.psk_key_exchange_modes)
        return replace(message, extensions=without)

    ours = Connection.client(replace(sides[0], edit_message=edit), "localhost")
    theirs = Connection.server(replace(sides[1], tickets=3))
    told, _ = exchange(ours, theirs)
    assert sessions(told) == []
    with pytest.raises(ConfigurationError):
        theirs.send_ticket()


def test_only_a_connected_server_sends_tickets(sides: Sides) -> None:
    ours, theirs = Connection.client(sides[0], "localhost"), Connection.server(sides[1])
    for each in (ours, theirs):
        with pytest.raises(ConnectionClosed):
            each.send_ticket()
    exchange(ours, theirs)
    with pytest.raises(ConnectionClosed, match="only a server"):
        ours.send_ticket()
    theirs.close()
    with pytest.raises(ConnectionClosed):
        theirs.send_ticket()
