"""Limits on the length of records: what may not be said of them, and records over them. RFC 8449, RFC 6066 §4"""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import APPLICATION_DATA, HANDSHAKE, disguised, raw
from endpoints import Endpoints
from scripted import Peer, ScriptedServer
from violations import Violation, check, encrypted_with, rows

from schemas.code_points import MaxFragmentLength
from schemas.extension_block import Extension
from schemas.extensions import MaxFragmentLengthNegotiation, RecordSizeLimit
from schemas.handshake import EncryptedExtensions, Handshake
from tls13 import errors
from tls13.errors import Reason
from tls13.events import DataReceived
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    WaitCertificateOrRequest,
    WaitClientFinished,
    WaitEncryptedExtensions,
)

LENGTHS = {1: 512, 2: 1024, 3: 2048, 4: 4096}
"""What max_fragment_length says, and how many bytes that is. RFC 6066 §4"""


def hello_with(*extensions: Extension) -> Violation:
    return lambda client: client.client_hello(extensions=[*client.extensions(), *extensions])


# What may not be said


@pytest.mark.parametrize("limit", [0, 1, 62, 63])
def test_a_limit_under_64_is_illegal(endpoints: Endpoints, limit: int) -> None:
    """RFC 8449 §4."""
    check(endpoints.scripted_client(), hello_with(RecordSizeLimit.client_hello(limit)), errors.ForbiddenValue)
    server = endpoints.scripted_server(record_size_limit=1000).reach(WaitEncryptedExtensions)
    check(server, encrypted_with(RecordSizeLimit.encrypted_extensions(limit)), errors.ForbiddenValue)


@pytest.mark.parametrize("limit", [64, 2**14 + 1, 2**14 + 2, 65535])
def test_a_limit_of_64_or_more_is_good(endpoints: Endpoints, limit: int) -> None:
    """Also one over what records can hold: a later version may have longer ones."""
    client = endpoints.scripted_client()
    client.say(client.client_hello(extensions=[*client.extensions(), RecordSizeLimit.client_hello(limit)]))
    assert client.reach(ServerConnected).connection.negotiated is not None
    server = endpoints.scripted_server(record_size_limit=1000).reach(WaitEncryptedExtensions)
    server.say(EncryptedExtensions(extensions=[RecordSizeLimit.encrypted_extensions(limit)]))
    assert server.reach(ClientConnected).connection.negotiated is not None


@pytest.mark.parametrize("number", [0, 5, 6, 128, 255])
def test_a_fragment_length_that_is_none_is_illegal(endpoints: Endpoints, number: int) -> None:
    """RFC 6066 §4."""
    length = MaxFragmentLength(number)
    check(
        endpoints.scripted_client(),
        hello_with(MaxFragmentLengthNegotiation.client_hello(length)),
        errors.ForbiddenValue,
    )
    server = endpoints.scripted_server(max_fragment_length=MaxFragmentLength.bytes_512)
    answer = MaxFragmentLengthNegotiation.encrypted_extensions(length)
    check(server.reach(WaitEncryptedExtensions), encrypted_with(answer), errors.UnofferedParameter)


def test_a_fragment_length_must_be_the_one_that_was_asked_for(endpoints: Endpoints) -> None:
    for asked in LENGTHS:
        for answered in LENGTHS:
            server = endpoints.scripted_server(max_fragment_length=MaxFragmentLength(asked))
            server.reach(WaitEncryptedExtensions)
            answer = MaxFragmentLengthNegotiation.encrypted_extensions(MaxFragmentLength(answered))
            if asked != answered:
                check(server, encrypted_with(answer), errors.UnofferedParameter)
            else:
                server.say(EncryptedExtensions(extensions=[answer]))
                assert server.reach(ClientConnected).connection.negotiated is not None


LIMIT = RecordSizeLimit.encrypted_extensions(500)
LENGTH = MaxFragmentLengthNegotiation.encrypted_extensions(MaxFragmentLength.bytes_512)


@rows(
    ("both", encrypted_with(LIMIT, LENGTH), errors.ForbiddenValue),
    ("both the other way about", encrypted_with(LENGTH, LIMIT), errors.ForbiddenValue),
    ("limit of one byte", lambda server: disguised(EncryptedExtensions(), 28, b"\1"), errors.MalformedMessage),
    ("length of two bytes", lambda server: disguised(EncryptedExtensions(), 1, b"\0\1"), errors.MalformedMessage),
)
def test_an_answer_that_breaks_a_rule(endpoints: Endpoints, violation: Violation, reason: type[Reason]) -> None:
    """RFC 8449 §5: a server answers one of the two."""
    both: dict[str, Any] = {"record_size_limit": 500, "max_fragment_length": MaxFragmentLength.bytes_512}
    check(endpoints.scripted_server(**both).reach(WaitEncryptedExtensions), violation, reason)


def test_neither_is_answered_where_it_was_not_asked_for(endpoints: Endpoints) -> None:
    limited = endpoints.scripted_server(record_size_limit=500).reach(WaitEncryptedExtensions)
    check(limited, encrypted_with(LENGTH), errors.UnsolicitedExtension)
    length = MaxFragmentLength.bytes_512
    cut = endpoints.scripted_server(max_fragment_length=length).reach(WaitEncryptedExtensions)
    check(cut, encrypted_with(LIMIT), errors.UnsolicitedExtension)


def test_our_server_answers_one_of_the_two(endpoints: Endpoints) -> None:
    client = endpoints.scripted_client(record_size_limit=700)
    asked = [
        MaxFragmentLengthNegotiation.client_hello(MaxFragmentLength.bytes_512),
        RecordSizeLimit.client_hello(600),
    ]
    client.say(client.client_hello(extensions=[*client.extensions(), *asked]))
    answer = Handshake.parse(client.flight[0]).message
    assert isinstance(answer, EncryptedExtensions)
    assert RecordSizeLimit.encrypted_extensions.find(answer.extensions) == 700
    assert MaxFragmentLengthNegotiation.encrypted_extensions.find(answer.extensions) is None


# Records that are longer


def overflows(peer: Peer, content_type: int, length: int, padding: int = 0) -> None:
    error = peer.refused(peer.record(content_type, b"\x14" * length, padding))
    assert type(error) is errors.RecordOverflow, repr(error)


def limited_client(endpoints: Endpoints, limit: int) -> ScriptedServer:
    """The limit that the client has set holds once the server has answered."""
    server = endpoints.scripted_server(record_size_limit=limit).reach(WaitEncryptedExtensions)
    server.say(EncryptedExtensions(extensions=[RecordSizeLimit.encrypted_extensions(2**14)]))
    return server


@pytest.mark.parametrize("limit", [64, 500, 2**14])
def test_a_record_over_the_clients_limit_overflows(endpoints: Endpoints, limit: int) -> None:
    """Content, type and padding count. RFC 8449 §4"""
    for length, padding in ((limit, 0), (limit - 1, 1), (1, limit - 1)):
        overflows(limited_client(endpoints, limit), HANDSHAKE, length, padding)
        in_small = limited_client(endpoints, limit)
        assert type(in_small.connection.state) is WaitCertificateOrRequest
        finish_in_small(in_small, limit)
        overflows(in_small, APPLICATION_DATA, length, padding)


def finish_in_small(server: ScriptedServer, limit: int) -> None:
    """The rest of the server's flight, in records that are not too long."""
    for build in (server.certificate, server.certificate_verify, server.finished):
        each = raw(build())
        server.transcript.append(each)
        for at in range(0, len(each), limit - 1):
            server.deliver(server.record(HANDSHAKE, each[at : at + limit - 1]))
    server.hear_finished()
    assert type(server.connection.state) is ClientConnected


def test_a_record_at_the_clients_limit_is_good(endpoints: Endpoints) -> None:
    server = limited_client(endpoints, 100)
    finish_in_small(server, 100)
    assert server.deliver(server.record(APPLICATION_DATA, b"x" * 99)) == [DataReceived(b"x" * 99)]
    assert server.deliver(server.record(APPLICATION_DATA, b"x", 98)) == [DataReceived(b"x")]


@pytest.mark.parametrize("limit", [64, 500, 2**14])
def test_a_record_over_the_servers_limit_overflows(endpoints: Endpoints, limit: int) -> None:
    for length, padding in ((limit, 0), (limit - 1, 1), (1, limit - 1)):
        for state in (WaitClientFinished, ServerConnected):
            client = endpoints.scripted_client(record_size_limit=limit)
            asked = RecordSizeLimit.client_hello(2**14)
            client.say(client.client_hello(extensions=[*client.extensions(), asked]))
            client.reach(state)
            overflows(client, HANDSHAKE if state is WaitClientFinished else APPLICATION_DATA, length, padding)


def test_a_limit_that_nobody_has_asked_for_does_not_hold(endpoints: Endpoints) -> None:
    """A client that does not know the extension is not told of it, and can't go by it."""
    client = endpoints.scripted_client(record_size_limit=64).reach(ServerConnected)
    assert client.deliver(client.record(APPLICATION_DATA, b"x" * 2**14)) == [DataReceived(b"x" * 2**14)]
    server = endpoints.scripted_server(record_size_limit=64).reach(ClientConnected)
    assert server.deliver(server.record(APPLICATION_DATA, b"x" * 2**14)) == [DataReceived(b"x" * 2**14)]


@pytest.mark.parametrize("number", LENGTHS)
def test_a_record_over_the_fragment_length_overflows(endpoints: Endpoints, number: int) -> None:
    """RFC 6066 §4: the length of what a record carries, in both directions."""
    length, asked = LENGTHS[number], MaxFragmentLength(number)

    def facing_client() -> ScriptedServer:
        server = endpoints.scripted_server(max_fragment_length=asked).reach(WaitEncryptedExtensions)
        server.say(EncryptedExtensions(extensions=[MaxFragmentLengthNegotiation.encrypted_extensions(asked)]))
        finish_in_small(server, length)
        return server

    def facing_server() -> Peer:
        client = endpoints.scripted_client()
        listed = [*client.extensions(), MaxFragmentLengthNegotiation.client_hello(asked)]
        client.say(client.client_hello(extensions=listed))
        return client.reach(ServerConnected)

    for peer in (facing_client, facing_server):
        overflows(peer(), APPLICATION_DATA, length + 1)
        honest = peer()
        assert honest.deliver(honest.record(APPLICATION_DATA, b"x" * length)) == [DataReceived(b"x" * length)]
