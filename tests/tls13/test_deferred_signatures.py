"""Private keys that live elsewhere: a signer that isn't ready holds the handshake up, and nothing gets lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from by_hand import cut
from endpoints import exchange
from modes import Sides, SlowSigner, slow

from schemas.code_points import SignatureScheme
from tls13.config import ClientAuthentication
from tls13.connection import Connection
from tls13.errors import AlertReceived, ConnectionClosed, TooManyMessages, TruncationError, UnexpectedMessage
from tls13.events import ClientAuthenticated, DataReceived, KeysUpdated, PeerClosed, SignaturePending
from tls13.limits import Limits
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification

PENDING = [SignaturePending(SignatureScheme.ed25519)]


def slow_server(sides: Sides, delay: int = 1) -> tuple[Connection, Connection, SlowSigner]:
    """A client, and a server that has its hello, and whose key is not ready."""
    credential = slow(sides[1].credentials[0], delay)
    client = Connection.client(sides[0], "localhost")
    server = Connection.server(replace(sides[1], credentials=(credential,)))
    assert server.receive_data(client.data_to_send()) == PENDING
    assert isinstance(credential.signer, SlowSigner)
    return client, server, credential.signer


def late(sides: Sides, alice: Credential, delay: int = 1) -> tuple[Connection, Connection, bytes]:
    """A connected client that was asked who it is, and whose key is not ready; and its server."""
    asked = ClientAuthentication(policy=NoVerification(), in_handshake=False)
    client = Connection.client(
        replace(sides[0], credentials=(slow(alice, delay),), post_handshake_auth=True), "localhost"
    )
    server = Connection.server(replace(sides[1], client_authentication=asked))
    exchange(client, server)
    context = server.request_certificate()
    assert client.receive_data(server.data_to_send()) == PENDING
    assert client.awaits_signature
    return client, server, context


# The server's, in the handshake


def test_the_server_goes_on_when_its_signer_is_ready(sides: Sides) -> None:
    client, server, signer = slow_server(sides, delay=3)
    for _ in range(2):
        assert server.continue_handshake() == []
        assert server.awaits_signature
    assert server.continue_handshake() == []
    assert not server.awaits_signature
    assert signer.asked == 4
    exchange(client, server)
    assert client.negotiated is not None
    assert client.negotiated.signature_scheme is SignatureScheme.ed25519


def test_the_hello_may_leave_before_the_signature_is_there(sides: Sides) -> None:
    client, server, _ = slow_server(sides)
    client.receive_data(server.data_to_send())
    assert client.negotiated is None
    server.continue_handshake()
    exchange(client, server)
    assert client.negotiated is not None


def test_to_continue_what_goes_on_anyway_does_nothing(sides: Sides) -> None:
    client, server = Connection.client(sides[0], "localhost"), Connection.server(sides[1])
    for each in (client, server):
        assert each.continue_handshake() == []
    exchange(client, server)
    for each in (client, server):
        assert each.continue_handshake() == []
        assert not each.has_data_to_send


def test_a_signer_may_look_at_what_it_signs(sides: Sides) -> None:
    signed: list[tuple[SignatureScheme, bytes]] = []

    class Remembering(SlowSigner):
        def sign(self, scheme: SignatureScheme, content: bytes) -> bytes | None:
            signed.append((scheme, content))
            return super().sign(scheme, content)

    (credential,) = sides[1].credentials
    credential = replace(credential, signer=Remembering(credential.signer, 1))
    client = Connection.client(sides[0], "localhost")
    server = Connection.server(replace(sides[1], credentials=(credential,)))
    server.receive_data(client.data_to_send())
    server.continue_handshake()
    exchange(client, server)
    assert len(set(signed)) == 1
    scheme, content = signed[0]
    assert scheme is SignatureScheme.ed25519
    assert content.startswith(b" " * 64 + b"TLS 1.3, server CertificateVerify\0")
    assert len(content) == 64 + 34 + 32


def test_a_client_that_gives_up_while_the_server_waits_is_heard_then(sides: Sides) -> None:
    client, server, _ = slow_server(sides)
    client.receive_data(server.data_to_send())
    client.close()
    assert server.receive_data(client.data_to_send()) == []
    with pytest.raises(AlertReceived):
        server.continue_handshake()


def test_no_more_is_held_than_the_limit_while_a_signature_is_awaited(sides: Sides) -> None:
    limits = Limits(handshake_message=5000)
    credential = slow(sides[1].credentials[0], 1)
    client = Connection.client(sides[0], "localhost")
    server = Connection.server(replace(sides[1], credentials=(credential,), limits=limits))
    server.receive_data(client.data_to_send())
    server.receive_data(bytes(5000))
    with pytest.raises(TooManyMessages):
        server.receive_data(b"\0")


def test_a_peer_that_ends_while_a_signature_is_awaited_is_told_of(sides: Sides) -> None:
    _, server, _ = slow_server(sides)
    with pytest.raises(TruncationError):
        server.receive_eof()


def test_nothing_is_sent_or_exported_before_the_handshake_is_complete(sides: Sides) -> None:
    _, server, _ = slow_server(sides)
    for act in (
        lambda: server.send(b"x"),
        lambda: server.update_keys(),
        lambda: server.send_ticket(),
        lambda: server.request_certificate(),
        lambda: server.export_keying_material(b"label", 32),
    ):
        with pytest.raises(ConnectionClosed):
            act()


# The client's, in the handshake


def test_the_client_goes_on_when_its_signer_is_ready(sides: Sides, alice: Credential) -> None:
    asked = ClientAuthentication(policy=NoVerification())
    client = Connection.client(replace(sides[0], credentials=(slow(alice, 2),)), "localhost")
    server = Connection.server(replace(sides[1], client_authentication=asked))
    server.receive_data(client.data_to_send())
    assert client.receive_data(server.data_to_send()) == PENDING
    assert client.negotiated is None
    assert client.continue_handshake() == []
    client.continue_handshake()
    assert client.negotiated is not None
    exchange(client, server)
    assert server.negotiated is not None
    assert server.negotiated.peer_certificates == alice.certificate_list


# The client's, after it


def test_a_late_answer_waits_for_its_signature(sides: Sides, alice: Credential) -> None:
    client, server, context = late(sides, alice, delay=3)
    while client.awaits_signature:
        client.continue_handshake()
    assert exchange(client, server)[1] == [ClientAuthenticated(context, alice.certificate_list)]


def test_what_is_sent_meanwhile_follows_the_answer_in_order(sides: Sides, alice: Credential) -> None:
    client, server, context = late(sides, alice)
    client.send(b"one")
    server.receive_data(client.data_to_send())
    client.send(b"two")
    client.continue_handshake()
    client.send(b"three")
    _, heard = exchange(client, server)
    assert heard[0] == ClientAuthenticated(context, alice.certificate_list)
    assert heard[1:] == [DataReceived(b"one"), DataReceived(b"two"), DataReceived(b"three")]


def test_what_comes_meanwhile_is_read_afterwards(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    server.send(b"data")
    server.update_keys(request_peer=True)
    server.send(b"more")
    second = server.request_certificate()
    assert client.receive_data(server.data_to_send()) == []
    told = client.continue_handshake()
    assert told == [DataReceived(b"data"), KeysUpdated(True), DataReceived(b"more")]
    _, heard = exchange(client, server)
    answered = [each for each in heard if isinstance(each, ClientAuthenticated)]
    assert [each.context for each in answered][1] == second
    assert KeysUpdated(False) in heard


def test_a_key_update_that_is_owed_does_not_come_between(sides: Sides, alice: Credential) -> None:
    asked = ClientAuthentication(policy=NoVerification(), in_handshake=False)
    client = Connection.client(replace(sides[0], credentials=(slow(alice, 1),), post_handshake_auth=True), "localhost")
    server = Connection.server(replace(sides[1], client_authentication=asked))
    exchange(client, server)
    server.update_keys(request_peer=True)
    context = server.request_certificate()
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    client.continue_handshake()
    assert exchange(client, server)[1][0] == ClientAuthenticated(context, alice.certificate_list)


def test_keys_are_not_updated_in_the_middle_of_an_answer(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    with pytest.raises(ConnectionClosed):
        client.update_keys()
    client.continue_handshake()
    client.update_keys()
    exchange(client, server)


def test_keying_material_is_exported_all_the_while(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    assert client.channel_binding() == server.channel_binding()
    assert client.negotiated is not None


def test_a_server_that_closes_meanwhile_has_closed_properly(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    server.close()
    client.receive_data(server.data_to_send())
    client.receive_eof()
    assert client.continue_handshake() == [PeerClosed()]


def test_a_request_data_and_the_end_may_come_all_at_once(sides: Sides, alice: Credential) -> None:
    asked = ClientAuthentication(policy=NoVerification(), in_handshake=False)
    client = Connection.client(replace(sides[0], credentials=(slow(alice, 1),), post_handshake_auth=True), "localhost")
    server = Connection.server(replace(sides[1], client_authentication=asked))
    exchange(client, server)
    server.request_certificate()
    server.send(b"data")
    server.close()
    assert client.receive_data(server.data_to_send()) == PENDING
    client.receive_eof()
    assert client.continue_handshake() == [DataReceived(b"data"), PeerClosed()]


def test_a_client_that_closes_meanwhile_sends_nothing_behind_close_notify(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    client.send(b"data")
    client.close()
    closed = client.data_to_send()
    client.continue_handshake()
    rest = client.data_to_send()
    heard = server.receive_data(closed + rest)
    assert PeerClosed() in heard
    assert DataReceived(b"data") in heard
    assert heard[-1] == PeerClosed()


def test_an_answer_leaves_in_one_piece(sides: Sides, alice: Credential) -> None:
    """Its three messages in records that nothing else stands between."""
    client, server, _ = late(sides, alice)
    client.send(b"behind")
    waiting = client.data_to_send()
    client.continue_handshake()
    records = cut(waiting + client.data_to_send())
    for record in records[:-1]:
        assert not any(isinstance(each, DataReceived) for each in server.receive_data(record))
    assert server.receive_data(records[-1]) == [DataReceived(b"behind")]


def test_a_failure_meanwhile_is_told_when_the_answer_is_sent(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    server.send(b"good")
    good = server.data_to_send()
    client.receive_data(good + b"\x14\x03\x03\0\1\1")
    with pytest.raises(UnexpectedMessage) as raised:
        client.continue_handshake()
    assert raised.value.events == (DataReceived(b"good"),)


def test_what_came_before_the_wait_was_given_up_is_still_read(sides: Sides, alice: Credential) -> None:
    client, server, _ = late(sides, alice)
    server.send(b"data")
    server.close()
    client.receive_data(server.data_to_send())
    client.close()
    told = client.continue_handshake()
    told += client.receive_eof()
    assert told == [DataReceived(b"data"), PeerClosed()]
    assert client.is_closed
