"""Whatever a peer sends, in any state: a TLSError or none, an alert or none, and never anything else.

What is sent is random, or honest and then damaged; in the clear or sealed under the right key, so that it gets as far
as a peer of bad will would get it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from by_hand import APPLICATION_DATA, HANDSHAKE, cut, disguised, key_update, message, plaintext, raw
from endpoints import Endpoints
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Peer, ScriptedClient, ScriptedServer
from state_groups import ALL, each_of
from violations import TICKET

from schemas.code_points import ExtensionType
from schemas.handshake import HandshakeMessage
from tls13.connection import Connection
from tls13.errors import AlertReceived, Reason, TLSError
from tls13.handshake.states import (
    ClientConnected,
    ServerConnected,
    ServerStart,
    State,
    WaitCertificateOrRequest,
    WaitEncryptedExtensions,
    WaitServerHello,
)

each_state = each_of(*ALL)


def survives(connection: Connection, wire: bytes) -> TLSError | None:
    """Whatever becomes of these bytes is in order."""
    connection.data_to_send()
    failure = None
    try:
        connection.receive_data(wire)
    except TLSError as error:
        failure = error
    records = cut(connection.data_to_send())
    if failure is None:
        assert connection.receive_data(b"") == []
        return None
    assert isinstance(failure, Reason | AlertReceived)
    assert bool(records) == isinstance(failure, Reason)
    assert str(failure)
    with pytest.raises(TLSError) as again:
        connection.receive_data(b"")
    assert again.value is failure
    assert connection.data_to_send() == b""
    return failure


def honest_message(peer: Peer) -> bytes:
    """What an honest peer might say next."""
    if isinstance(peer, ScriptedServer):
        if type(peer.connection.state) is ClientConnected:
            return raw(TICKET)
        return raw(peer.next_message(ClientConnected))
    assert isinstance(peer, ScriptedClient)
    if type(peer.connection.state) is ServerConnected:
        return key_update(1)
    return raw(peer.next_message(ServerConnected))


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A few bytes changed, put in, left out or doubled."""
    places = draw(
        st.lists(
            st.tuples(st.floats(0, 1), st.sampled_from("cido"), st.binary(min_size=1, max_size=3)),
            min_size=1,
            max_size=4,
        )
    )

    def apply(data: bytes) -> bytes:
        for where, how, new in places:
            at = int(where * len(data))
            if how == "c":
                data = data[:at] + new + data[at + len(new) :]
            elif how == "i":
                data = data[:at] + new + data[at:]
            elif how == "d":
                data = data[:at] + data[at + len(new) :]
            else:
                data = data[: at + 8] + data[at:]
        return data

    return apply


@each_state
@settings(max_examples=20)
@given(wire=st.binary(max_size=200))
def test_random_bytes(endpoints: Endpoints, state: type[State], wire: bytes) -> None:
    survives(endpoints.peer(state).connection, wire)


@each_state
@settings(max_examples=30)
@given(
    content_type=st.sampled_from([20, 21, 22, 23]),
    content=st.binary(max_size=60),
    padding=st.integers(0, 3),
    sealed=st.booleans(),
)
def test_random_records(
    endpoints: Endpoints, state: type[State], content_type: int, content: bytes, padding: int, sealed: bool
) -> None:
    peer = endpoints.peer(state)
    wire = peer.record(content_type, content, padding) if sealed else plaintext(content_type, content)
    survives(peer.connection, wire)


@each_state
@settings(max_examples=30)
@given(msg_type=st.integers(0, 255), body=st.binary(max_size=80))
def test_random_messages(endpoints: Endpoints, state: type[State], msg_type: int, body: bytes) -> None:
    peer = endpoints.peer(state)
    survives(peer.connection, peer.record(HANDSHAKE, message(msg_type, body)))


@each_state
@settings(max_examples=60)
@given(apply=damage(), fix_length=st.booleans())
def test_damaged_messages(
    endpoints: Endpoints, state: type[State], apply: Callable[[bytes], bytes], fix_length: bool
) -> None:
    peer = endpoints.peer(state)
    honest = honest_message(peer)
    damaged = message(honest[0], apply(honest[4:])) if fix_length else apply(honest)
    survives(peer.connection, peer.record(HANDSHAKE, damaged[: 2**14]))


@each_state
@settings(max_examples=20)
@given(apply=damage())
def test_damaged_records(endpoints: Endpoints, state: type[State], apply: Callable[[bytes], bytes]) -> None:
    peer = endpoints.peer(state)
    wire = peer.record(HANDSHAKE, honest_message(peer)) + peer.record(APPLICATION_DATA, b"data")
    survives(peer.connection, apply(wire))


EXTENSIBLE = (ServerStart, WaitServerHello, WaitEncryptedExtensions, WaitCertificateOrRequest, ClientConnected)


@pytest.mark.parametrize("state", EXTENSIBLE, ids=lambda each: each.__name__)
@settings(max_examples=100)
@given(extension_type=st.sampled_from(list(ExtensionType)), data=st.binary(max_size=24))
def test_random_extensions_of_every_type(
    endpoints: Endpoints, state: type[State], extension_type: ExtensionType, data: bytes
) -> None:
    peer = endpoints.peer(state)
    host: HandshakeMessage
    if isinstance(peer, ScriptedClient):
        host = peer.client_hello()
    elif state is ClientConnected:
        host = TICKET
    else:
        host = peer.next_message(ClientConnected)
    survives(peer.connection, peer.record(HANDSHAKE, disguised(host, extension_type, data)))


@settings(max_examples=30)
@given(request_type=st.sampled_from(list(ExtensionType)), data=st.binary(max_size=24), retry=st.booleans())
def test_random_extensions_of_a_request_or_a_retry(
    endpoints: Endpoints, request_type: ExtensionType, data: bytes, retry: bool
) -> None:
    server = endpoints.scripted_server().reach(WaitServerHello if retry else WaitCertificateOrRequest)
    host = server.hello_retry_request() if retry else server.certificate_request()
    survives(server.connection, server.record(HANDSHAKE, disguised(host, request_type, data)))


@settings(max_examples=30)
@given(certificates=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=3), apply=damage())
def test_certificates_that_are_damaged_inside(
    endpoints: Endpoints, certificates: list[bytes], apply: Callable[[bytes], bytes]
) -> None:
    server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
    damaged = apply(endpoints.identity.chain[0])
    for chain in ([damaged], certificates, [damaged, *certificates]):
        entries = b"".join(len(each).to_bytes(3, "big") + each + b"\0\0" for each in chain if each)
        server = endpoints.scripted_server().reach(WaitCertificateOrRequest)
        body = b"\0" + len(entries).to_bytes(3, "big") + entries
        error = survives(server.connection, server.record(HANDSHAKE, message(11, body)))
        assert error is not None or damaged == endpoints.identity.chain[0]


@settings(max_examples=100)
@given(wires=st.lists(st.binary(min_size=1, max_size=40), min_size=2, max_size=6))
def test_a_stream_of_random_bytes_ends_at_its_first_error(endpoints: Endpoints, wires: list[bytes]) -> None:
    for connection in (endpoints.client(), endpoints.server()):
        failures = set()
        for wire in wires:
            try:
                connection.receive_data(wire)
            except TLSError as error:
                failures.add(id(error))
        assert len(failures) <= 1
        assert connection.is_closed == bool(failures)


def test_the_honest_messages_are_honest(endpoints: Endpoints) -> None:
    for state in ALL:
        peer = endpoints.peer(state)
        assert survives(peer.connection, peer.record(HANDSHAKE, honest_message(peer))) is None
        assert type(peer.connection.state) is not state or state in (ClientConnected, ServerConnected)
