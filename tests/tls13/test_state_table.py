"""Every handshake message in every state of both roles: RFC 9846 appendix A as the table has it, and nothing else."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from types import UnionType

import pytest
from by_hand import key_update, message, raw
from endpoints import CLIENT_STATES, SERVER_STATES, Endpoints
from scripted import Peer, ScriptedClient, ScriptedServer
from violations import EVERY_TYPE, TICKET, WELL_FORMED

from schemas.certificate import Certificate
from schemas.code_points import HandshakeType
from schemas.handshake import (
    MESSAGE_TYPES,
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    EncryptedExtensions,
    EndOfEarlyData,
    Finished,
    HandshakeMessage,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
    ServerHello,
)
from tls13.errors import Reason, UnexpectedMessage
from tls13.handshake.states import (
    AwaitingSignature,
    ClientConnected,
    ClientState,
    Failed,
    ServerConnected,
    ServerStart,
    ServerState,
    State,
    WaitCertificate,
    WaitCertificateOrRequest,
    WaitCertificateVerify,
    WaitClientCertificate,
    WaitClientCertificateVerify,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitEndOfEarlyData,
    WaitLateCertificateVerify,
    WaitLateFinished,
    WaitSecondClientHello,
    WaitServerFinished,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.handshake.table import CLIENT, HANDLERS, SERVER

ALL_STATES = (*CLIENT_STATES, *SERVER_STATES)


def types_in(state: type[State]) -> set[HandshakeType]:
    return {MESSAGE_TYPES[each] for each in HANDLERS[state]}


def test_the_table_has_every_state_once() -> None:
    assert set(CLIENT) == set(typing.get_args(ClientState)) == set(CLIENT_STATES)
    assert set(SERVER) == set(typing.get_args(ServerState)) == set(SERVER_STATES)
    assert not set(CLIENT) & set(SERVER)
    assert set(HANDLERS) == {*CLIENT, *SERVER, AwaitingSignature}
    assert set(typing.get_args(State)) - set(HANDLERS) == {Failed}


@pytest.mark.parametrize("state", ALL_STATES, ids=lambda each: each.__name__)
def test_every_message_that_the_table_lacks_is_unexpected(endpoints: Endpoints, state: type[State]) -> None:
    for msg_type in EVERY_TYPE:
        if msg_type in types_in(state):
            continue
        peer = endpoints.peer(state)
        assert type(peer.connection.state) is state
        error = peer.refused_message(WELL_FORMED.get(msg_type, message(msg_type, b"")))
        assert isinstance(error, UnexpectedMessage), f"{msg_type!r} in {state.__name__}: {error!r}"
        assert str(msg_type) in str(error)


@pytest.mark.parametrize("state", ALL_STATES, ids=lambda each: each.__name__)
def test_an_unexpected_type_is_refused_before_its_body_arrives(endpoints: Endpoints, state: type[State]) -> None:
    unexpected = next(each for each in (99, 67) if each not in types_in(state))
    error = endpoints.peer(state).refused_message(bytes([unexpected, 0, 3, 232]))
    assert isinstance(error, UnexpectedMessage)


def test_hello_retry_request_is_allowed_only_as_the_first_answer(endpoints: Endpoints) -> None:
    for state in CLIENT_STATES[1:]:
        server = endpoints.scripted_server().reach(state)
        error = server.refused_message(server.hello_retry_request())
        assert isinstance(error, UnexpectedMessage), state


def test_a_client_takes_no_client_hello_and_a_server_no_server_hello(endpoints: Endpoints) -> None:
    for state in CLIENT_STATES:
        server = endpoints.scripted_server().reach(state)
        assert isinstance(server.refused_message(server.client_hello), UnexpectedMessage)
    for state in SERVER_STATES:
        answers = endpoints.scripted_server()
        assert isinstance(endpoints.peer(state).refused_message(answers.server_hello()), UnexpectedMessage)


def test_the_messages_of_authentication_are_unexpected_where_nobody_asked(endpoints: Endpoints) -> None:
    """Each in its right form: a server that has not asked takes no certificate, whatever it took before."""
    for state in (WaitClientFinished, ServerConnected):
        for build in (ScriptedClient.certificate, ScriptedClient.certificate_verify):
            client = endpoints.scripted_client().reach(state)
            client.request = CertificateRequest(extensions=[])
            assert isinstance(client.refused_message(build(client)), UnexpectedMessage)
    late_finished = endpoints.scripted_client().reach(ServerConnected)
    assert isinstance(late_finished.refused_message(late_finished.finished()), UnexpectedMessage)


# Where each message leads

Step = Callable[[Endpoints], Peer]
"""Brings a peer to a state, says one honest message, and gives the peer."""


def says(state: type[State], towards: type[State] | None = None) -> Step:
    """What an honest peer says in that state, on the way to another."""

    def step(endpoints: Endpoints) -> Peer:
        peer = endpoints.peer(state)
        peer.say(peer.next_message(towards if towards is not None else ServerConnected))
        return peer

    return step


def tells(state: type[State], what: bytes) -> Step:
    """After the handshake."""

    def step(endpoints: Endpoints) -> Peer:
        peer = endpoints.peer(state)
        peer.tell(what)
        return peer

    return step


def takes_psk(endpoints: Endpoints) -> Peer:
    server = endpoints.resuming_server().reach(WaitEncryptedExtensions)
    server.say(EncryptedExtensions())
    return server


def slow_client(endpoints: Endpoints) -> ScriptedServer:
    """Its client has a certificate, and waits for whoever signs."""
    credential, _ = endpoints.distant()
    return endpoints.scripted_server(credentials=(credential,), post_handshake_auth=True)


def asks_slow_client(endpoints: Endpoints) -> Peer:
    server = slow_client(endpoints).reach(WaitCertificate).reach(WaitServerFinished)
    server.say(server.finished())
    return server


def asks_slow_client_late(endpoints: Endpoints) -> Peer:
    server = slow_client(endpoints).reach(ClientConnected)
    server.say(server.certificate_request(b"late"))
    return server


def asks_late(endpoints: Endpoints) -> Peer:
    server = endpoints.scripted_server(post_handshake_auth=True).reach(ClientConnected)
    server.say(server.certificate_request(b"late"))
    return server


def greets(towards: type[State], *, again: bool = False, slow: bool = False) -> Step:
    """A first ClientHello, or a second, to a server that asks for what the next state is about."""

    def step(endpoints: Endpoints) -> Peer:
        changes = endpoints.needed_for(towards)
        if slow:
            changes |= {"credentials": (endpoints.distant()[0],)}
        client = endpoints.scripted_client(**changes)
        if again:
            client.reach(WaitSecondClientHello)
        client.say(client.next_message(towards))
        return client

    return step


def has_no_certificate(state: type[State]) -> Step:
    """An empty Certificate, to a server that is content with that."""

    def step(endpoints: Endpoints) -> Peer:
        client = endpoints.scripted_client(**endpoints.asking(required=False))
        towards = WaitLateFinished if state is ServerConnected else state
        client.say(client.first_hello(towards))
        client.identity = None
        client.reach(state)
        client.say(client.next_message(towards))
        return client

    return step


def answers_late(endpoints: Endpoints) -> Peer:
    return endpoints.peer(WaitLateCertificateVerify)


STEPS: Mapping[tuple[type[State], type[HandshakeMessage]], tuple[Step, ...]] = {
    (WaitServerHello, ServerHello): (says(WaitServerHello),),
    (WaitServerHello, HelloRetryRequest): (says(WaitServerHello, WaitServerHelloAfterRetry),),
    (WaitServerHelloAfterRetry, ServerHello): (says(WaitServerHelloAfterRetry),),
    (WaitEncryptedExtensions, EncryptedExtensions): (says(WaitEncryptedExtensions), takes_psk),
    (WaitCertificateOrRequest, CertificateRequest): (says(WaitCertificateOrRequest, WaitCertificate),),
    (WaitCertificateOrRequest, Certificate): (says(WaitCertificateOrRequest),),
    (WaitCertificate, Certificate): (says(WaitCertificate),),
    (WaitCertificateVerify, CertificateVerify): (says(WaitCertificateVerify),),
    (WaitServerFinished, Finished): (says(WaitServerFinished), asks_slow_client),
    (ClientConnected, NewSessionTicket): (tells(ClientConnected, raw(TICKET)),),
    (ClientConnected, KeyUpdate): (tells(ClientConnected, key_update(0)),),
    (ClientConnected, CertificateRequest): (asks_late, asks_slow_client_late),
    (ServerStart, ClientHello): (
        greets(WaitEndOfEarlyData),
        greets(WaitClientCertificate),
        greets(WaitClientFinished),
        greets(WaitSecondClientHello),
        greets(WaitClientFinished, slow=True),
    ),
    (WaitSecondClientHello, ClientHello): (
        greets(WaitClientCertificate, again=True),
        greets(WaitClientFinished, again=True),
        greets(WaitClientFinished, again=True, slow=True),
    ),
    (WaitEndOfEarlyData, EndOfEarlyData): (says(WaitEndOfEarlyData),),
    (WaitClientCertificate, Certificate): (says(WaitClientCertificate), has_no_certificate(WaitClientCertificate)),
    (WaitClientCertificateVerify, CertificateVerify): (says(WaitClientCertificateVerify),),
    (WaitClientFinished, Finished): (says(WaitClientFinished),),
    (ServerConnected, KeyUpdate): (tells(ServerConnected, key_update(0)),),
    (ServerConnected, Certificate): (answers_late, has_no_certificate(ServerConnected)),
    (WaitLateCertificateVerify, CertificateVerify): (says(WaitLateCertificateVerify),),
    (WaitLateFinished, Finished): (says(WaitLateFinished),),
}

NEVER: Mapping[tuple[type[State], type[HandshakeMessage]], set[type[State]]] = {
    (WaitSecondClientHello, ClientHello): {WaitEndOfEarlyData}
}
"""Both hellos are answered by one function, but there is no early data after a HelloRetryRequest. §4.3.10"""


def annotated(handler: Callable[..., object], state: type[State]) -> set[type[State]]:
    """The states that a handler's return type names; a type variable stands for the state it was called in."""
    hint = typing.get_type_hints(handler)["return"]
    if isinstance(hint, typing.TypeVar):
        assert state in hint.__constraints__
        return {state}
    return set(typing.get_args(hint)) if isinstance(hint, UnionType) else {hint}


@pytest.mark.parametrize(
    ("state", "what"),
    [(state, what) for state, row in HANDLERS.items() for what in row],
    ids=lambda each: each.__name__,
)
def test_the_next_states_are_those_that_the_handler_is_annotated_with(
    endpoints: Endpoints, state: type[State], what: type[HandshakeMessage]
) -> None:
    reached = {type(step(endpoints).connection.state) for step in STEPS[state, what]}
    assert reached == annotated(HANDLERS[state][what], state) - NEVER.get((state, what), set())


def test_every_state_but_the_first_ones_is_reached_from_another() -> None:
    reached = {
        after
        for state, row in HANDLERS.items()
        for handler in row.values()
        for after in annotated(handler, state)
        if after is not state
    }
    assert set(HANDLERS) - reached == {WaitServerHello, ServerStart}


def test_the_table_is_that_of_appendix_a() -> None:
    assert {state.__name__: {what.__name__ for what in row} for state, row in HANDLERS.items()} == {
        "WaitServerHello": {"ServerHello", "HelloRetryRequest"},
        "WaitServerHelloAfterRetry": {"ServerHello"},
        "WaitEncryptedExtensions": {"EncryptedExtensions"},
        "WaitCertificateOrRequest": {"Certificate", "CertificateRequest"},
        "WaitCertificate": {"Certificate"},
        "WaitCertificateVerify": {"CertificateVerify"},
        "WaitServerFinished": {"Finished"},
        "ClientConnected": {"NewSessionTicket", "KeyUpdate", "CertificateRequest"},
        "ServerStart": {"ClientHello"},
        "WaitSecondClientHello": {"ClientHello"},
        "WaitEndOfEarlyData": {"EndOfEarlyData"},
        "WaitClientCertificate": {"Certificate"},
        "WaitClientCertificateVerify": {"CertificateVerify"},
        "WaitClientFinished": {"Finished"},
        "ServerConnected": {"KeyUpdate", "Certificate"},
        "WaitLateCertificateVerify": {"CertificateVerify"},
        "WaitLateFinished": {"Finished"},
        "AwaitingSignature": set(),
    }


def test_the_alert_of_every_refusal_says_unexpected_message_under_the_key_of_the_moment(endpoints: Endpoints) -> None:
    clear, protected = endpoints.peer(WaitServerHello), endpoints.peer(WaitEncryptedExtensions)
    clear.refusal_of(lambda: clear.tell(message(99, b"")))
    with pytest.raises(Reason):
        protected.connection.receive_data(protected.record(22, message(99, b"")))
    (record,) = [each for each in _cut(protected) if each[0] != 20]
    assert record[0] == 23
    assert protected.receiving is not None
    assert protected.receiving.open(record) == (21, b"\x02\x0a")


def _cut(peer: object) -> list[bytes]:
    assert isinstance(peer, ScriptedServer)
    peer.inbox.clear()
    peer.listen()
    return peer.inbox
