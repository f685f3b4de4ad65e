"""What both roles refuse of records, change_cipher_spec, KeyUpdates and tickets, in every state. RFC 9846 §5, §4.7"""

from __future__ import annotations

import pytest
import violations
from by_hand import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, alert, key_update, message, plaintext, raw
from endpoints import Endpoints
from scripted import Peer
from state_groups import AFTER_THE_FIRST_HELLO, ALL, CONNECTED, IN_THE_CLEAR, LATE, NOTHING_HEARD, PROTECTED, each_of

from schemas.code_points import AlertDescription
from tls13 import errors
from tls13.errors import TLSError
from tls13.events import DataReceived, KeysUpdated, TicketReceived
from tls13.handshake.states import (
    ClientConnected,
    ServerStart,
    State,
    WaitEndOfEarlyData,
    WaitSecondClientHello,
    WaitServerHello,
)
from tls13.handshake.table import ALLOWED_TYPES
from tls13.limits import Limits

TICKET = raw(violations.TICKET)


def refused(peer: Peer, wire: bytes, reason: type[TLSError]) -> None:
    error = peer.refused(wire)
    assert type(error) is reason, repr(error)


def sealed(peer: Peer, inner: bytes) -> bytes:
    """The record around an inner plaintext, lawful or not."""
    assert peer.sending is not None
    return peer.sending.seal_inner(inner)


# Record types, §5


@each_of(*ALL)
@pytest.mark.parametrize("content_type", [0, 19, 24, 25, 26, 27, 99, 255])
def test_a_record_type_that_is_none_is_unexpected(endpoints: Endpoints, state: type[State], content_type: int) -> None:
    first_record = state in (ServerStart, WaitServerHello)
    reason = errors.NotTLS if first_record else errors.UnexpectedMessage
    refused(endpoints.peer(state), plaintext(content_type, b"\x01"), reason)


@each_of(*PROTECTED)
@pytest.mark.parametrize("content_type", [0x14, 0x18, 0x19, 0x1A, 0x63, 0xFF])
def test_a_protected_record_of_another_type_is_unexpected(
    endpoints: Endpoints, state: type[State], content_type: int
) -> None:
    peer = endpoints.peer(state)
    refused(peer, sealed(peer, b"\x01" + bytes([content_type])), errors.UnexpectedMessage)


@each_of(*PROTECTED)
def test_a_message_in_the_clear_is_unexpected_once_there_are_keys(endpoints: Endpoints, state: type[State]) -> None:
    refused(endpoints.peer(state), plaintext(HANDSHAKE, b"\x14\0\0\0"), errors.UnexpectedMessage)


# A client without keys has no other way to say that it gives up: test_handshake_server.
@each_of(*[each for each in PROTECTED if each not in NOTHING_HEARD])
def test_an_alert_in_the_clear_is_unexpected_once_there_are_keys(endpoints: Endpoints, state: type[State]) -> None:
    refused(endpoints.peer(state), plaintext(ALERT, b"\x02\x28"), errors.UnexpectedMessage)


@each_of(*IN_THE_CLEAR)
def test_application_data_in_the_clear_is_unexpected(endpoints: Endpoints, state: type[State]) -> None:
    refused(endpoints.peer(state), plaintext(APPLICATION_DATA, b"secret"), errors.UnexpectedMessage)


@each_of(*[each for each in PROTECTED if each not in (*CONNECTED, WaitEndOfEarlyData)])
def test_application_data_before_finished_is_unexpected(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    refused(peer, peer.record(APPLICATION_DATA, b"early bird"), errors.UnexpectedMessage)


@each_of(*PROTECTED)
@pytest.mark.parametrize("content", [b"", b"\0" * 40], ids=["nothing", "padding"])
def test_an_inner_plaintext_without_a_type_is_unexpected(
    endpoints: Endpoints, state: type[State], content: bytes
) -> None:
    peer = endpoints.peer(state)
    refused(peer, sealed(peer, content), errors.UnexpectedMessage)


@each_of(*PROTECTED)
@pytest.mark.parametrize("content_type", [HANDSHAKE, ALERT])
@pytest.mark.parametrize("padding", [0, 100])
def test_an_empty_protected_handshake_or_alert_record_is_unexpected(
    endpoints: Endpoints, state: type[State], content_type: int, padding: int
) -> None:
    peer = endpoints.peer(state)
    refused(peer, peer.record(content_type, b"", padding), errors.UnexpectedMessage)


@each_of(*IN_THE_CLEAR)
@pytest.mark.parametrize("content_type", [HANDSHAKE, ALERT])
def test_an_empty_handshake_or_alert_record_in_the_clear_is_unexpected(
    endpoints: Endpoints, state: type[State], content_type: int
) -> None:
    refused(endpoints.peer(state), plaintext(content_type, b""), errors.UnexpectedMessage)


# Lengths, §5.1, §5.2


@each_of(*IN_THE_CLEAR)
def test_a_record_over_two_to_the_fourteen_overflows_by_its_header_alone(
    endpoints: Endpoints, state: type[State]
) -> None:
    refused(endpoints.peer(state), plaintext(HANDSHAKE, bytes(2**14 + 1))[:5], errors.RecordOverflow)


@each_of(*PROTECTED)
def test_a_protected_record_over_its_limit_overflows_by_its_header_alone(
    endpoints: Endpoints, state: type[State]
) -> None:
    refused(endpoints.peer(state), b"\x17\x03\x03" + (2**14 + 257).to_bytes(2, "big"), errors.RecordOverflow)


@each_of(*PROTECTED)
def test_a_record_that_opens_to_too_much_overflows(endpoints: Endpoints, state: type[State]) -> None:
    for content, padding in ((2**14 + 1, 0), (2**14, 1), (1, 2**14)):
        peer = endpoints.peer(state)
        refused(peer, peer.record(HANDSHAKE, b"\x14" * content, padding), errors.RecordOverflow)


@each_of(*CONNECTED)
def test_a_record_may_be_as_long_as_the_limit(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    full = bytes(range(256)) * 64
    assert peer.deliver(peer.record(APPLICATION_DATA, full)) == [DataReceived(full)]
    assert peer.deliver(peer.record(APPLICATION_DATA, b"x", 2**14 - 1)) == [DataReceived(b"x")]


# Protection, §5.2


@each_of(*PROTECTED)
def test_every_way_of_not_opening_is_bad_record_mac(endpoints: Endpoints, state: type[State]) -> None:
    def altered(peer: Peer, at: int) -> bytes:
        record = bytearray(peer.record(HANDSHAKE, b"\x14\0\0\0"))
        record[at] ^= 1
        return bytes(record)

    words = set()
    for at in (2, 5, -17, -16, -1):
        peer = endpoints.peer(state)
        error = peer.refused(altered(peer, at))
        assert type(error) is errors.BadRecordMac
        words.add(str(error))
    for length in (0, 1, 15, 16, 17):
        error = endpoints.peer(state).refused(plaintext(APPLICATION_DATA, bytes(length)))
        assert type(error) is errors.BadRecordMac
        words.add(str(error))
    assert len(words) == 1


@each_of(*CONNECTED)
def test_a_record_that_comes_twice_does_not_open(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    record = peer.record(APPLICATION_DATA, b"pay once")
    assert peer.deliver(record) == [DataReceived(b"pay once")]
    refused(peer, record, errors.BadRecordMac)


@each_of(*CONNECTED)
def test_a_record_that_is_missing_is_noticed(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.record(APPLICATION_DATA, b"lost")
    refused(peer, peer.record(APPLICATION_DATA, b"next"), errors.BadRecordMac)


# change_cipher_spec, §5


@each_of(*AFTER_THE_FIRST_HELLO)
def test_change_cipher_spec_is_dropped_during_the_handshake(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    assert peer.deliver(plaintext(CHANGE_CIPHER_SPEC, b"\x01") * 2) == []
    assert type(peer.connection.state) is state
    assert [content_type for content_type, _ in peer.hear()] in ([], [CHANGE_CIPHER_SPEC])


@each_of(*AFTER_THE_FIRST_HELLO)
@pytest.mark.parametrize("content", [b"", b"\x02", b"\0", b"\x01\x01", bytes(16384)])
def test_change_cipher_spec_of_anything_but_one_is_unexpected(
    endpoints: Endpoints, state: type[State], content: bytes
) -> None:
    refused(endpoints.peer(state), plaintext(CHANGE_CIPHER_SPEC, content), errors.UnexpectedMessage)


@each_of(ServerStart, *CONNECTED, *LATE)
def test_change_cipher_spec_outside_the_handshake_is_unexpected(endpoints: Endpoints, state: type[State]) -> None:
    refused(endpoints.peer(state), plaintext(CHANGE_CIPHER_SPEC, b"\x01"), errors.UnexpectedMessage)


@each_of(*PROTECTED)
def test_a_protected_change_cipher_spec_is_unexpected(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    refused(peer, peer.record(CHANGE_CIPHER_SPEC, b"\x01"), errors.UnexpectedMessage)


# Handshake messages over records, §5.1


@each_of(*PROTECTED)
def test_no_other_record_may_stand_between_the_parts_of_a_message(endpoints: Endpoints, state: type[State]) -> None:
    part = bytes([min(ALLOWED_TYPES[state]), 0])
    for content_type, content in ((APPLICATION_DATA, b"x"), (ALERT, alert(AlertDescription.close_notify))):
        peer = endpoints.peer(state)
        assert peer.deliver(peer.record(HANDSHAKE, part)) == []
        refused(peer, peer.record(content_type, content), errors.UnexpectedMessage)


@each_of(WaitServerHello, WaitSecondClientHello)
def test_no_application_data_may_stand_between_the_parts_of_a_hello(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    peer.deliver(plaintext(HANDSHAKE, b"\x02" if state is WaitServerHello else b"\x01"))
    refused(peer, plaintext(ALERT, b"\x01\x5a"), errors.UnexpectedMessage)


@each_of(*ALL)
def test_a_message_over_the_limit_is_refused_by_its_header(endpoints: Endpoints, state: type[State]) -> None:
    for number in sorted(ALLOWED_TYPES[state]):
        peer = endpoints.peer(state)
        header = bytes([number]) + (2**18 + 1).to_bytes(3, "big")
        refused(peer, peer.record(HANDSHAKE, header), errors.MessageTooLong)


@each_of(*ALL)
def test_a_message_out_of_place_is_unexpected_however_long(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    out_of_place = next(each for each in (5, 11) if each not in ALLOWED_TYPES[state])
    refused(peer, peer.record(HANDSHAKE, bytes([out_of_place]) + b"\xff\xff\xff"), errors.UnexpectedMessage)


def test_the_limit_on_messages_is_the_configs(endpoints: Endpoints) -> None:
    length = len(raw(endpoints.scripted_client().client_hello())) - 4
    for limit, is_enough in ((length, True), (length - 1, False)):
        client = endpoints.scripted_client(limits=Limits(handshake_message=limit))
        hello = client.client_hello()
        if is_enough:
            client.say(hello)
        else:
            refused(client, plaintext(HANDSHAKE, raw(hello)), errors.MessageTooLong)


# KeyUpdate, §4.7.3


@each_of(*CONNECTED)
@pytest.mark.parametrize("value", [2, 3, 255])
def test_a_key_update_of_another_value_is_illegal(endpoints: Endpoints, state: type[State], value: int) -> None:
    peer = endpoints.peer(state)
    refused(peer, peer.record(HANDSHAKE, key_update(value)), errors.ForbiddenValue)


@each_of(*CONNECTED)
@pytest.mark.parametrize("body", [b"", b"\0\0"])
def test_a_key_update_of_another_length_does_not_parse(endpoints: Endpoints, state: type[State], body: bytes) -> None:
    peer = endpoints.peer(state)
    refused(peer, peer.record(HANDSHAKE, message(24, body)), errors.MalformedMessage)


@each_of(*CONNECTED)
def test_nothing_may_follow_a_key_update_in_its_record(endpoints: Endpoints, state: type[State]) -> None:
    for more in (key_update(0), b"\x18", TICKET):
        peer = endpoints.peer(state)
        refused(peer, peer.record(HANDSHAKE, key_update(0) + more), errors.KeyChangeInsideMessage)


@each_of(*CONNECTED)
def test_after_a_key_update_the_old_key_opens_nothing(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    assert peer.deliver(peer.record(HANDSHAKE, key_update(0))) == [KeysUpdated(False)]
    refused(peer, peer.record(APPLICATION_DATA, b"old"), errors.BadRecordMac)


@each_of(*CONNECTED)
def test_the_next_key_opens_nothing_before_its_key_update(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state)
    assert peer.sending is not None
    refused(peer, peer.sending.updated().seal(APPLICATION_DATA, b"new"), errors.BadRecordMac)


@each_of(*CONNECTED)
def test_key_updates_for_ever_are_refused(endpoints: Endpoints, state: type[State]) -> None:
    peer = endpoints.peer(state, limits=Limits(key_updates=5))
    for _ in range(3):
        update(peer, times=5)
        assert peer.deliver(peer.record(APPLICATION_DATA, b"x")) == [DataReceived(b"x")]
    update(peer, times=5)
    refused(peer, peer.record(HANDSHAKE, key_update(0)), errors.TooManyMessages)


@each_of(*CONNECTED)
def test_key_updates_between_what_we_send_are_no_flood(endpoints: Endpoints, state: type[State]) -> None:
    """A peer that only listens may change its keys as often as it likes while it is sent data."""
    peer = endpoints.peer(state, limits=Limits(key_updates=5))
    for _ in range(20):
        update(peer, times=1)
        peer.connection.send(b"more")
    assert type(peer.connection.state) is state


def update(peer: Peer, times: int) -> None:
    for _ in range(times):
        peer.deliver(peer.record(HANDSHAKE, key_update(0)))
        assert peer.sending is not None
        peer.sending = peer.sending.updated()


# NewSessionTicket, §4.7.1


@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        (message(4, bytes(4) + bytes(4) + b"\0" + b"\0\0" + b"\0\0"), errors.MalformedMessage),
        (TICKET[:3] + bytes([TICKET[3] + 1]) + TICKET[4:] + b"\0", errors.MalformedMessage),
        (message(4, TICKET[4:-2] + bytes.fromhex("0004 0033 0000")), errors.MisplacedExtension),
        (message(4, TICKET[4:-2] + bytes.fromhex("0008 fade0000 fade0000")), errors.DuplicateExtension),
        (message(4, TICKET[4:-2] + bytes.fromhex("0007 002a 0003 000000")), errors.MalformedMessage),
    ],
    ids=["no-ticket", "trailing-data", "misplaced-extension", "duplicate-extension", "short-early_data"],
)
def test_a_ticket_that_breaks_a_rule(endpoints: Endpoints, ticket: bytes, reason: type[TLSError]) -> None:
    peer = endpoints.peer(ClientConnected)
    refused(peer, peer.record(HANDSHAKE, ticket), reason)


def test_a_ticket_with_an_unknown_extension_is_taken(endpoints: Endpoints) -> None:
    peer = endpoints.peer(ClientConnected)
    ticket = message(4, TICKET[4:-2] + bytes.fromhex("0004 fade0000"))
    (event,) = peer.deliver(peer.record(HANDSHAKE, ticket))
    assert isinstance(event, TicketReceived)
