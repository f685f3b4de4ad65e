"""Every handshake message in every state of both roles: RFC 9846 appendix A as the table has it, and nothing else."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from types import UnionType

import pytest
from by_hand import key_update, message, raw
from endpoints import CLIENT_STATES, SERVER_STATES, Endpoints
from scripted import ScriptedServer

from schemas.code_points import HandshakeType, SignatureScheme
from schemas.extensions import SignatureAlgorithms
from schemas.handshake import (
    MESSAGE_TYPES,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    Finished,
    HandshakeMessage,
    HelloRetryRequest,
    KeyUpdate,
    NewSessionTicket,
)
from tls13.errors import Reason, UnexpectedMessage
from tls13.handshake.states import (
    ClientConnected,
    ClientState,
    Failed,
    ServerState,
    State,
    WaitCertificate,
    WaitClientFinished,
    WaitEncryptedExtensions,
    WaitSecondClientHello,
    WaitServerHello,
    WaitServerHelloAfterRetry,
)
from tls13.handshake.table import CLIENT, HANDLERS, SERVER

ALL_STATES = (*CLIENT_STATES, *SERVER_STATES)
TYPES = [HandshakeType(number) for number in range(256)]
"""Every number, with a name or without."""

TICKET = NewSessionTicket(ticket_lifetime=1, ticket_age_add=2, ticket_nonce=b"3", ticket=b"4")

WELL_FORMED: Mapping[HandshakeType, bytes] = {
    MESSAGE_TYPES[type(each)]: raw(each)
    for each in (
        TICKET,
        EncryptedExtensions(),
        CertificateRequest(
            extensions=[SignatureAlgorithms.certificate_request([SignatureScheme.ed25519])],
        ),
        CertificateVerify(algorithm=SignatureScheme.ed25519, signature=bytes(64)),
        Finished(verify_data=bytes(32)),
    )
} | {HandshakeType.key_update: key_update(0), HandshakeType.end_of_early_data: message(5, b"")}
"""Where a message has a form that does not hang on the connection: refused for its type, not for its bytes."""


def types_in(state: type[State]) -> set[HandshakeType]:
    return {MESSAGE_TYPES[each] for each in HANDLERS[state]}


def test_the_table_has_every_state_once() -> None:
    assert set(CLIENT) == set(typing.get_args(ClientState)) == set(CLIENT_STATES)
    assert set(SERVER) == set(typing.get_args(ServerState)) == set(SERVER_STATES)
    assert not set(CLIENT) & set(SERVER)
    assert set(HANDLERS) == {*CLIENT, *SERVER}
    assert set(typing.get_args(State)) - set(HANDLERS) == {Failed}


@pytest.mark.parametrize("state", ALL_STATES, ids=lambda each: each.__name__)
def test_every_message_that_the_table_lacks_is_unexpected(endpoints: Endpoints, state: type[State]) -> None:
    for msg_type in TYPES:
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


def annotated(handler: Callable[..., object], state: type[State]) -> set[type[State]]:
    """The states that a handler's return type names; a type variable stands for the state it was called in."""
    hint = typing.get_type_hints(handler)["return"]
    if isinstance(hint, typing.TypeVar):
        assert state in hint.__constraints__
        return {state}
    return set(typing.get_args(hint)) if isinstance(hint, UnionType) else {hint}


def client_step(state: type[State], what: type[HandshakeMessage]) -> Callable[[Endpoints], type[State]]:
    """The state that an honest message of that kind leads a client to."""

    def step(endpoints: Endpoints) -> type[State]:
        server = endpoints.scripted_server().reach(state)
        if what is NewSessionTicket:
            server.tell(TICKET)
        elif what is KeyUpdate:
            server.tell(key_update(0))
        else:
            goal = {
                HelloRetryRequest: WaitServerHelloAfterRetry,
                CertificateRequest: WaitCertificate,
            }.get(what, ClientConnected)
            said = server.next_message(goal)
            assert isinstance(said, what)
            server.say(said)
        return type(server.connection.state)

    return step


def server_step(state: type[State], what: type[HandshakeMessage], *, share: bool) -> Callable[[Endpoints], type[State]]:
    def step(endpoints: Endpoints) -> type[State]:
        client = endpoints.scripted_client().reach(state)
        if what is KeyUpdate:
            client.tell(key_update(0))
        elif what is Finished:
            client.say(client.finished())
        elif state is WaitSecondClientHello:
            client.say(client.second_client_hello())
        else:
            client.reach(WaitClientFinished if share else WaitSecondClientHello)
        return type(client.connection.state)

    return step


def steps(state: type[State], what: type[HandshakeMessage]) -> list[Callable[[Endpoints], type[State]]]:
    if state in CLIENT:
        return [client_step(state, what)]
    return [server_step(state, what, share=True), server_step(state, what, share=False)]


@pytest.mark.parametrize(
    ("state", "what"),
    [(state, what) for state, row in HANDLERS.items() for what in row],
    ids=lambda each: each.__name__,
)
def test_the_next_states_are_those_that_the_handler_is_annotated_with(
    endpoints: Endpoints, state: type[State], what: type[HandshakeMessage]
) -> None:
    reached = {step(endpoints) for step in steps(state, what)}
    assert reached == annotated(HANDLERS[state][what], state)


def test_every_state_but_the_first_ones_is_reached_from_another() -> None:
    reached = {
        after
        for state, row in HANDLERS.items()
        for handler in row.values()
        for after in annotated(handler, state)
        if after is not state
    }
    assert set(ALL_STATES) - reached == {WaitServerHello, SERVER_STATES[0]}


def test_the_table_is_that_of_appendix_a() -> None:
    assert {state.__name__: {what.__name__ for what in row} for state, row in HANDLERS.items()} == {
        "WaitServerHello": {"ServerHello", "HelloRetryRequest"},
        "WaitServerHelloAfterRetry": {"ServerHello"},
        "WaitEncryptedExtensions": {"EncryptedExtensions"},
        "WaitCertificateOrRequest": {"Certificate", "CertificateRequest"},
        "WaitCertificate": {"Certificate"},
        "WaitCertificateVerify": {"CertificateVerify"},
        "WaitServerFinished": {"Finished"},
        "ClientConnected": {"NewSessionTicket", "KeyUpdate"},
        "ServerStart": {"ClientHello"},
        "WaitSecondClientHello": {"ClientHello"},
        "WaitClientFinished": {"Finished"},
        "ServerConnected": {"KeyUpdate"},
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
