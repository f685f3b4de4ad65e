"""Early data: taken, refused, skipped, given back, and never taken twice. RFC 9846 §2.3, §4.3.10, §4.6, §8"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from by_hand import APPLICATION_DATA, cut
from early import P256, begun, data, outcome, willing
from endpoints import Endpoints, exchange
from key_schedule_by_hand import derive_secret, early_secret, exported
from modes import Clock, Journal, Sides, resumable, sessions

from schemas.code_points import AlertDescription, CipherSuite, ContentType
from schemas.extensions import ApplicationLayerProtocolNegotiation, EarlyDataIndication
from schemas.handshake import ClientHello, EncryptedExtensions, EndOfEarlyData, HandshakeMessage
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy
from tls13.errors import (
    AlertReceived,
    BadRecordMac,
    ConnectionClosed,
    Reason,
    TooManyMessages,
    TooMuchEarlyData,
    UnofferedParameter,
)
from tls13.events import (
    DataReceived,
    EarlyData,
    EarlyDataReceived,
    EarlyDataRejected,
    HandshakeCompleted,
)
from tls13.limits import Limits
from tls13.padding import PadToMultiple
from tls13.psk import Psk
from tls13.sessions import SealedTickets, Session


@pytest.fixture
def sides(endpoints: Endpoints, watch: Clock) -> Sides:
    return willing(endpoints, watch)


# Taken


def test_the_server_hears_early_data_with_the_first_bytes_and_answers_at_once(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"a question")
    assert server.receive_data(client.data_to_send()) == [EarlyDataReceived(b"a question")]
    server.send(b"an answer")
    told = client.receive_data(server.data_to_send())
    assert [type(each) for each in told] == [HandshakeCompleted, DataReceived]
    assert data(told, DataReceived) == b"an answer"
    exchange(client, server)
    assert outcome(client) == outcome(server) == EarlyData.accepted


def test_early_data_goes_on_until_the_server_s_finished(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"1")
    server.receive_data(client.data_to_send())
    hello, *flight = cut(server.data_to_send())
    client.receive_data(hello)
    client.send_early(b"2")
    assert server.receive_data(client.data_to_send()) == [EarlyDataReceived(b"2")]
    for record in flight:
        client.receive_data(record)
    with pytest.raises(ConnectionClosed):
        client.send_early(b"3")
    assert client.early_data_room == 0
    client.send(b"later")
    told = server.receive_data(client.data_to_send())
    assert [type(each) for each in told] == [HandshakeCompleted, DataReceived]


def test_end_of_early_data_goes_only_to_a_server_that_took_some(sides: Sides) -> None:
    session = resumable(*sides)
    for policy, times in ((sides[1].early_data, 1), (None, 0)):
        journal = Journal()
        client, server = begun((replace(sides[0], observer=journal), sides[1]), session, early_data=policy)
        exchange(client, server)
        assert sum(isinstance(each, EndOfEarlyData) for each in journal.messages) == times


def test_early_data_of_no_bytes_is_announced_and_ended_all_the_same(sides: Sides) -> None:
    client = Connection.client(sides[0], "localhost", resumable(*sides))
    server = Connection.server(sides[1])
    told, heard = exchange(client, server)
    assert outcome(client) == outcome(server) == EarlyData.accepted
    assert not any(isinstance(each, (EarlyDataReceived, EarlyDataRejected)) for each in [*told, *heard])


def test_early_data_may_be_empty_and_padded(sides: Sides) -> None:
    session = resumable(*sides)
    padded = replace(sides[0], padding=PadToMultiple(512)), sides[1]
    client, server = begun(padded, session, b"")
    client.send_early(b"x" * 1000)
    _, heard = exchange(client, server)
    assert data(heard, EarlyDataReceived) == b"x" * 1000


def test_record_limits_do_not_hold_for_early_data(sides: Sides) -> None:
    limited = replace(sides[0], record_size_limit=200), replace(sides[1], record_size_limit=100)
    client, server = begun(limited, resumable(*limited), b"x" * 3000)
    _, heard = exchange(client, server)
    assert data(heard, EarlyDataReceived) == b"x" * 3000
    client.send(b"y" * 3000)
    assert {len(each) for each in cut(client.data_to_send())} <= {5 + 100 + 16, 5 + 3000 % 99 + 1 + 16}


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
def test_early_secrets_are_what_the_rfc_derives(sides: Sides, suite: CipherSuite) -> None:
    ours, theirs = Journal(), Journal()
    sides = replace(sides[0], cipher_suites=(suite,)), sides[1]
    session = resumable(*sides)
    client, server = begun((replace(sides[0], observer=ours), replace(sides[1], observer=theirs)), session)
    hash_name = session.psk.hash_name
    hello = ours.sent[0]
    secret = early_secret(hash_name, session.psk.key)
    exporter = derive_secret(hash_name, secret, b"e exp master", hello)
    server.receive_data(client.data_to_send())
    for journal in (ours, theirs):
        assert journal.secrets["CLIENT_EARLY_TRAFFIC_SECRET"] == derive_secret(hash_name, secret, b"c e traffic", hello)
        assert journal.secrets["EARLY_EXPORTER_SECRET"] == exporter
    expected = exported(hash_name, exporter, b"label", b"context", 50)
    for each in (client, server):
        assert each.export_early_keying_material(b"label", 50, b"context") == expected
    exchange(client, server)
    for each in (client, server):
        assert each.export_early_keying_material(b"label", 50, b"context") == expected
        assert each.export_keying_material(b"label", 50, b"context") != expected


def test_without_early_data_there_is_no_early_exporter(sides: Sides) -> None:
    client, server = Connection.client(sides[0], "localhost"), Connection.server(sides[1])
    for _ in range(2):
        for each in (client, server):
            with pytest.raises(ConnectionClosed, match="no early data"):
                each.export_early_keying_material(b"label", 32)
        exchange(client, server)


# What a client may send


def test_a_client_sends_as_much_as_the_ticket_allows(sides: Sides) -> None:
    sides = sides[0], replace(sides[1], early_data=EarlyDataPolicy(max_size=100))
    client = Connection.client(sides[0], "localhost", resumable(*sides))
    assert client.early_data_room == 100
    client.send_early(b"x" * 60)
    assert client.early_data_room == 40
    with pytest.raises(ConnectionClosed, match="40"):
        client.send_early(b"x" * 41)
    client.send_early(b"x" * 40)
    assert client.early_data_room == 0
    _, heard = exchange(client, Connection.server(sides[1]))
    assert data(heard, EarlyDataReceived) == b"x" * 100


def test_no_early_data_is_sent_unless_it_was_asked_for_and_allowed(sides: Sides) -> None:
    session = resumable(*sides)
    unasked = replace(sides[0], early_data=False)
    none_allowed = Session(replace(session.state, max_early_data_size=0))
    for client in (
        Connection.client(unasked, "localhost", session),
        Connection.client(sides[0], "localhost", none_allowed),
        Connection.client(sides[0], "localhost"),
        Connection.server(sides[1]),
    ):
        assert client.early_data_room == 0
        with pytest.raises(ConnectionClosed):
            client.send_early(b"x")


def test_early_data_ends_before_its_key_is_used_up(sides: Sides) -> None:
    client = Connection.client(sides[0], "localhost", resumable(*sides))
    client.data_to_send()
    key = client._wire.writing
    assert key is not None
    key.sequence_number = key.suite.record_limit - 1
    with pytest.raises(ConnectionClosed, match="used up"):
        client.send_early(b"x" * 2**14)
    assert client.early_data_room == 2**14
    key.sequence_number = key.suite.record_limit
    with pytest.raises(ConnectionClosed, match="used up"):
        client.send_early(b"x")
    assert client.data_to_send() == b""


def test_nothing_early_is_sent_after_close(sides: Sides) -> None:
    client = Connection.client(sides[0], "localhost", resumable(*sides))
    client.close()
    with pytest.raises(ConnectionClosed):
        client.send_early(b"x")


# Refused, and given back


def test_what_was_refused_comes_back_once_and_whole_and_is_not_sent_again(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"one", early_data=None)
    client.send_early(b"two")
    told, heard = exchange(client, server)
    assert [each for each in told if isinstance(each, EarlyDataRejected)] == [EarlyDataRejected(b"onetwo")]
    assert not any(isinstance(each, (DataReceived, EarlyDataReceived)) for each in heard)
    assert outcome(client) == outcome(server) == EarlyData.rejected


def test_early_data_that_meets_a_retry_is_skipped_and_the_second_hello_has_none(sides: Sides) -> None:
    session = resumable(*sides)
    journal = Journal()
    client, server = begun((replace(sides[0], observer=journal), sides[1]), session, b"x" * 5000, groups=P256)
    first, rest = client.data_to_send(), b"x"
    hello, *records = cut(first)
    server.receive_data(hello)
    retry = server.data_to_send()
    for record in records:
        assert server.receive_data(record) == []
    client.send_early(b"more")
    server.receive_data(client.data_to_send())
    told = client.receive_data(retry)
    assert told == [EarlyDataRejected(b"x" * 5000 + b"more")]
    with pytest.raises(ConnectionClosed):
        client.send_early(rest)
    exchange(client, server)
    hellos = [each for each in journal.messages if isinstance(each, ClientHello)]
    assert [EarlyDataIndication.client_hello.find(each.extensions) is not None for each in hellos] == [True, False]
    assert client.negotiated is not None
    assert (client.negotiated.retried, client.negotiated.resumed) == (True, True)
    assert outcome(client) is EarlyData.rejected


def test_after_a_retry_no_record_is_skipped_any_more(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"x", groups=P256)
    first = client.data_to_send()
    server.receive_data(first)
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    early = [each for each in cut(first) if each[0] == APPLICATION_DATA]
    with pytest.raises(BadRecordMac):
        server.receive_data(early[0])


def test_the_first_record_that_opens_ends_the_skipping(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"x", early_data=None)
    first = client.data_to_send()
    early = [each for each in cut(first) if each[0] == APPLICATION_DATA]
    server.receive_data(first + early[0] * 3)
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    assert server.negotiated is not None
    with pytest.raises(BadRecordMac):
        server.receive_data(early[0])


def test_a_server_skips_only_so_much(sides: Sides) -> None:
    record = 5 + 100 + 1 + 16
    for room, fits in ((3 * record, True), (3 * record - 1, False)):
        policy = EarlyDataPolicy(max_size=300)
        session = resumable(sides[0], replace(sides[1], early_data=policy))
        client, server = begun(sides, session, b"x" * 100, early_data=None, limits=Limits(early_data=room))
        client.send_early(b"x" * 100)
        client.send_early(b"x" * 100)
        if fits:
            exchange(client, server)
            assert outcome(client) is EarlyData.rejected
        else:
            with pytest.raises(TooManyMessages):
                exchange(client, server)


def test_a_server_skips_whatever_its_tickets_promise(sides: Sides) -> None:
    sides = sides[0], replace(sides[1], early_data=EarlyDataPolicy(max_size=2**17), limits=Limits(early_data=2**12))
    session = resumable(*sides)
    for expected in (EarlyData.accepted, EarlyData.rejected):
        client = Connection.client(sides[0], "localhost", session)
        client.send_early(bytes(2**17))
        exchange(
            client, Connection.server(replace(sides[1], groups=P256) if expected is EarlyData.rejected else sides[1])
        )
        assert outcome(client) is expected


def test_more_early_data_than_the_ticket_allows_ends_the_connection(sides: Sides) -> None:
    policy = EarlyDataPolicy(max_size=100)
    session = resumable(sides[0], replace(sides[1], early_data=policy))
    greedy = Session(replace(session.state, max_early_data_size=101))
    client, server = begun(sides, greedy, b"x" * 101, early_data=policy)
    with pytest.raises(TooMuchEarlyData):
        exchange(client, server)
    with pytest.raises(AlertReceived) as raised:
        client.receive_data(server.data_to_send())
    assert raised.value.alert is AlertDescription.unexpected_message


def test_a_record_of_accepted_early_data_that_does_not_open_ends_the_connection(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"x")
    wire = client.data_to_send()
    with pytest.raises(BadRecordMac):
        server.receive_data(wire[:-1] + bytes([wire[-1] ^ 1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"application_protocols": ("http/1.1",)},
        {"cipher_suites": (CipherSuite.TLS_CHACHA20_POLY1305_SHA256,)},
        {"ticket_store": SealedTickets()},
        {"groups": P256},
        {"early_data": None},
    ],
    ids=["protocol", "suite", "ticket key", "group", "no policy"],
)
def test_early_data_is_taken_only_on_the_terms_of_the_ticket(sides: Sides, changes: dict[str, Any]) -> None:
    protocols = ("h2", "http/1.1")
    sides = replace(sides[0], application_protocols=protocols), replace(sides[1], application_protocols=protocols)
    session = resumable(*sides)
    assert session.application_protocol == "h2"
    client, server = begun(sides, session, **changes)
    told, heard = exchange(client, server)
    assert data(told, EarlyDataRejected) == b"early"
    assert not any(isinstance(each, EarlyDataReceived) for each in heard)


def test_early_data_under_a_key_that_the_server_passes_over_comes_back(sides: Sides) -> None:
    """The session is unknown, the external key behind it isn't."""
    keys = (Psk(identity=b"a", key=bytes(range(32))),)
    sides = replace(sides[0], psks=keys), replace(sides[1], psks=keys)
    session = resumable(sides[0], replace(sides[1], psks=()))
    client, server = begun(sides, session, ticket_store=SealedTickets())
    told, _ = exchange(client, server)
    assert data(told, EarlyDataRejected) == b"early"
    assert client.negotiated is not None
    assert client.negotiated.psk_identity == b"a"


def test_early_data_is_not_taken_under_another_ticket_than_the_first(sides: Sides) -> None:
    """Though that ticket is known, fresh, and has the very key that the early data is under."""
    session = resumable(*sides)
    unknown = Session(replace(session.state, ticket=b"unknown"))
    client, server = begun((replace(sides[0], psks=(session.psk,)), sides[1]), unknown)
    told, heard = exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.psk_identity == session.state.ticket
    assert data(told, EarlyDataRejected) == b"early"
    assert not any(isinstance(each, EarlyDataReceived) for each in heard)


# A server that breaks the rules


def answered(sides: Sides, message_type: type[Any], edit: Any, **changes: Any) -> Reason:
    """Why the client gives up where the server's message is edited so."""

    def editor(message: HandshakeMessage) -> HandshakeMessage:
        return edit(message) if isinstance(message, message_type) else message

    client, server = begun(sides, resumable(*sides), edit_message=editor, **changes)
    with pytest.raises(Reason) as raised:
        exchange(client, server)
    return raised.value


def test_a_client_that_gave_its_early_data_up_does_not_take_it_as_accepted(sides: Sides) -> None:
    def accept(message: EncryptedExtensions) -> EncryptedExtensions:
        extra = EarlyDataIndication.encrypted_extensions(b"")
        return replace(message, extensions=[*(message.extensions or []), extra])

    reason = answered(sides, EncryptedExtensions, accept, ticket_store=SealedTickets())
    assert isinstance(reason, UnofferedParameter)


def test_early_data_can_t_be_accepted_with_another_protocol(sides: Sides) -> None:
    sides = replace(sides[0], application_protocols=("h2", "http/1.1")), sides[1]

    def another(message: EncryptedExtensions) -> EncryptedExtensions:
        protocol = ApplicationLayerProtocolNegotiation.encrypted_extensions([b"h2"])
        return replace(message, extensions=[*(message.extensions or []), protocol])

    assert isinstance(answered(sides, EncryptedExtensions, another), UnofferedParameter)


def test_a_server_that_refused_early_data_hears_why_the_client_gives_up(sides: Sides) -> None:
    def nonsense(message: EncryptedExtensions) -> EncryptedExtensions:
        return replace(message, extensions=[ApplicationLayerProtocolNegotiation.encrypted_extensions([b"zz"])])

    sides = replace(sides[0], application_protocols=("h2",)), sides[1]
    client, server = begun(
        sides,
        resumable(*sides),
        early_data=None,
        edit_message=lambda each: nonsense(each) if isinstance(each, EncryptedExtensions) else each,
    )
    server.receive_data(client.data_to_send())
    with pytest.raises(UnofferedParameter):
        client.receive_data(server.data_to_send())
    with pytest.raises(AlertReceived) as raised:
        server.receive_data(client.data_to_send())
    assert raised.value.alert is AlertDescription.illegal_parameter


# The rest of the handshake


def test_the_server_s_answer_to_early_data_may_be_of_any_length(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), b"GET /")
    server.receive_data(client.data_to_send())
    server.send(bytes(100_000))
    told, _ = exchange(client, server)
    assert data(told, DataReceived) == bytes(100_000)


def test_a_server_without_early_data_sends_nothing_before_the_handshake_is_complete(sides: Sides) -> None:
    client, server = begun(sides, resumable(*sides), early_data=None)
    server.receive_data(client.data_to_send())
    with pytest.raises(ConnectionClosed):
        server.send(b"x")


def test_tickets_that_come_with_an_accepted_handshake_are_good_for_early_data_again(sides: Sides) -> None:
    session = resumable(*sides)
    for _ in range(3):
        client, server = begun(sides, session)
        told, _ = exchange(client, server)
        assert outcome(client) is EarlyData.accepted
        (session,) = sessions(told)


def test_compatibility_mode_puts_its_record_before_early_data(sides: Sides) -> None:
    client, _ = begun(sides, resumable(*sides))
    kinds = [each[0] for each in cut(client.data_to_send())]
    assert kinds == [ContentType.handshake, ContentType.change_cipher_spec, ContentType.application_data]
