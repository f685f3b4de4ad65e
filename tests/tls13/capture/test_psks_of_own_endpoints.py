"""Connections of our own endpoints under external and imported PSKs, read with what both sides were given. RFC 9258"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from capture.made_captures import CLIENT, SERVER, Wire
from endpoints import Endpoints
from scripted import ScriptedServer
from shared_keys import SharedKey

from schemas.code_points import (
    CipherSuite,
    ContentType,
    HandshakeType,
    ProtocolVersion,
    PskKeyExchangeMode,
    TlsKdfIdentifier,
)
from schemas.extensions import PreSharedKey, SupportedVersions
from tls13.capture import Connection as Captured
from tls13.capture import Direction, Epoch, Message, NoteKind, read_capture
from tls13.capture.judging.judgement import EarlyData
from tls13.config import ClientConfig
from tls13.connection import Connection
from tls13.handshake.states import ClientConnected, WaitServerHelloAfterRetry
from tls13.psk import EarlyDataTerms, Psk, import_psk

NAME, KEY = b"sensor", bytes(range(32))
GIVEN = {b"of somebody else": bytes(32), NAME: KEY}
SUITES = {"sha256": CipherSuite.TLS_AES_128_GCM_SHA256, "sha384": CipherSuite.TLS_AES_256_GCM_SHA384}
KDFS = {"sha256": TlsKdfIdentifier.HKDF_SHA256, "sha384": TlsKdfIdentifier.HKDF_SHA384}
ALONE = (PskKeyExchangeMode.psk_ke,)


def external(hash_name: str) -> Psk:
    return Psk(identity=NAME, key=KEY, hash_name=hash_name)


def imported(hash_name: str, own_hash: str = "sha256") -> Psk:
    (psk,) = import_psk(NAME, KEY, context=b"a device", hash_name=own_hash, targets=[KDFS[hash_name]])
    return psk


KINDS = [
    pytest.param(psk, id=f"{kind} for {psk.hash_name}")
    for kind, psks in (
        ("external", [external("sha256"), external("sha384")]),
        ("imported", [imported("sha256"), imported("sha384")]),
        ("imported of SHA-384", [imported("sha256", "sha384"), imported("sha384", "sha384")]),
    )
    for psk in psks
]


@dataclass
class Tapped:
    """A client whose bytes, both ways, go by on a wire."""

    inside: Connection
    wire: Wire

    def data_to_send(self) -> bytes:
        data = self.inside.data_to_send()
        if data:
            self.wire.send(CLIENT, data)
        return data

    def receive_data(self, data: bytes) -> Any:
        self.wire.send(SERVER, data)
        return self.inside.receive_data(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)


def tapped(endpoints: Endpoints, *psks: Psk, early: bytes = b"", **changes: Any) -> Tapped:
    config: ClientConfig = replace(endpoints.client_config, psks=psks, early_data=bool(early), **changes)
    client = Connection.client(config, "localhost")
    if early:
        client.send_early(early)
    return Tapped(client, Wire().open())


def carried(client: Tapped, server: Connection) -> None:
    """To and fro until neither has more to say."""
    while True:
        to_server = client.data_to_send()
        server.receive_data(to_server)
        to_client = server.data_to_send()
        if not to_server and not to_client:
            return
        if to_client:
            client.receive_data(to_client)


def talk(client: Tapped, server: Connection) -> Wire:
    """A handshake, and a word of each side's."""
    carried(client, server)
    client.inside.send(b"ping")
    server.send(b"pong")
    carried(client, server)
    return client.wire


def read(wire: Wire, psks: Mapping[bytes, bytes] = GIVEN) -> tuple[Captured, list[Message]]:
    (connection,) = read_capture(io.BytesIO(wire.pcap()), psks=psks)
    return connection, [item for item in connection.messages if isinstance(item, Message)]


def said(messages: list[Message]) -> list[tuple[Direction, Epoch, bytes]]:
    return [
        (each.direction, each.epoch, each.raw)
        for each in messages
        if each.content_type is ContentType.application_data and not each.opaque
    ]


BOTH_WORDS = [(Direction.client, Epoch.application, b"ping"), (Direction.server, Epoch.application, b"pong")]


@pytest.mark.parametrize("psk", KINDS)
def test_without_a_key_exchange_the_key_opens_all_of_it(psk: Psk, endpoints: Endpoints) -> None:
    server = Connection.server(replace(endpoints.server_config, psks=(psk,), psk_key_exchange_modes=ALONE))
    connection, messages = read(talk(tapped(endpoints, psk, psk_key_exchange_modes=ALONE), server))
    assert not any(each.opaque for each in messages)
    assert said(messages) == BOTH_WORDS
    assert connection.judgement.negotiated.cipher_suite is SUITES[psk.hash_name]
    assert connection.judgement.negotiated.key_exchange == "PSK"
    assert connection.judgement.anomalies == ()


def test_of_several_identities_the_one_that_the_server_takes_counts(endpoints: Endpoints) -> None:
    offered = [Psk(identity=b"first", key=b"1" * 32), imported("sha384"), imported("sha256")]
    server = Connection.server(replace(endpoints.server_config, psks=(offered[2],), psk_key_exchange_modes=ALONE))
    _, messages = read(talk(tapped(endpoints, *offered, psk_key_exchange_modes=ALONE), server))
    assert said(messages) == BOTH_WORDS


@pytest.mark.parametrize("psk", KINDS)
def test_with_a_key_exchange_early_data_opens_and_the_rest_takes_a_key_log(psk: Psk, endpoints: Endpoints) -> None:
    terms = EarlyDataTerms(cipher_suite=SUITES[psk.hash_name], application_protocol=None, max_size=100)
    server = Connection.server(replace(endpoints.server_config, psks=(psk,)))
    connection, messages = read(talk(tapped(endpoints, replace(psk, early_data=terms), early=b"early"), server))
    assert said(messages) == [(Direction.client, Epoch.early_data, b"early")]
    (note,) = {str(each.note) for each in messages if each.opaque and each.direction is Direction.server}
    assert "the pre-shared key does not tell it, as psk_dhe_ke adds a key exchange" in note
    assert connection.judgement.early_data is EarlyData.unknown


# -- what our server does not do


def scripted(client: Tapped, psk: Psk, endpoints: Endpoints) -> ScriptedServer:
    """A server played by hand that takes the client's PSK without a key exchange, and early data under it."""
    key = SharedKey(psk.identity, psk.key, psk.hash_name, psk.binder_label)
    server = ScriptedServer(client, endpoints.identity, SUITES[psk.hash_name], key)
    if server.early is not None:
        server.skip_change_cipher_spec()
        assert server.next_record() == (ContentType.application_data, b"early")
    return server


def finish(server: ScriptedServer, client: Tapped) -> Wire:
    """The rest of the handshake, and a word of each side's."""
    extensions = [SupportedVersions.server_hello(ProtocolVersion.TLS13), PreSharedKey.server_hello(0)]
    server.say(server.server_hello(next(iter(server.client_shares), None), extensions=extensions))
    server.reach(ClientConnected)
    client.inside.send(b"ping")
    client.data_to_send()
    assert server.sending is not None
    client.receive_data(server.sending.seal(ContentType.application_data, b"pong", 0))
    return client.wire


@pytest.mark.parametrize("psk", KINDS)
def test_accepted_early_data_and_what_follows_it_open(psk: Psk, endpoints: Endpoints) -> None:
    terms = EarlyDataTerms(cipher_suite=SUITES[psk.hash_name], application_protocol=None, max_size=100)
    modes = {"psk_key_exchange_modes": (PskKeyExchangeMode.psk_dhe_ke, PskKeyExchangeMode.psk_ke)}
    client = tapped(endpoints, replace(psk, early_data=terms), early=b"early", **modes)
    connection, messages = read(finish(scripted(client, psk, endpoints), client))
    assert not any(each.opaque for each in messages)
    assert said(messages) == [(Direction.client, Epoch.early_data, b"early"), *BOTH_WORDS]
    assert connection.judgement.early_data is EarlyData.accepted


@pytest.mark.parametrize("psk", KINDS)
@pytest.mark.parametrize("early", [b"", b"early"], ids=["without early data", "with early data"])
def test_a_hello_retry_request_is_part_of_the_transcript(psk: Psk, early: bytes, endpoints: Endpoints) -> None:
    terms = EarlyDataTerms(cipher_suite=SUITES[psk.hash_name], application_protocol=None, max_size=100)
    modes = {"psk_key_exchange_modes": (PskKeyExchangeMode.psk_dhe_ke, PskKeyExchangeMode.psk_ke)}
    client = tapped(endpoints, replace(psk, early_data=terms if early else None), early=early, **modes)
    server = scripted(client, psk, endpoints)
    server.reach(WaitServerHelloAfterRetry)
    connection, messages = read(finish(server, client))
    assert [each.handshake_type for each in messages if each.direction is Direction.server][:2] == [
        HandshakeType.server_hello,
        HandshakeType.server_hello,
    ]
    assert connection.judgement.retry is not None
    assert not any(each.opaque for each in messages)
    expected = [(Direction.client, Epoch.early_data, early)] if early else []
    assert said(messages) == [*expected, *BOTH_WORDS]


# -- what does not open


def test_a_key_that_was_imported_for_another_protocol_is_no_key_for_this_one(endpoints: Endpoints) -> None:
    """RFC 9258 §5.1: target_protocol is part of the identity, here DTLS 1.3's."""
    psk = imported("sha256")
    dtls = psk.identity.replace(b"\3\4", b"\xfe\xfc")
    assert dtls != psk.identity
    odd = replace(psk, identity=dtls)
    server = Connection.server(replace(endpoints.server_config, psks=(odd,), psk_key_exchange_modes=ALONE))
    _, messages = read(talk(tapped(endpoints, odd, psk_key_exchange_modes=ALONE), server))
    assert said(messages) == []
    assert {each.note.kind for each in messages if each.note is not None} == {NoteKind.missing_secret}


def test_a_wrong_key_behind_an_imported_identity_is_named(endpoints: Endpoints) -> None:
    psk = imported("sha256")
    server = Connection.server(replace(endpoints.server_config, psks=(psk,), psk_key_exchange_modes=ALONE))
    wire = talk(tapped(endpoints, psk, psk_key_exchange_modes=ALONE), server)
    _, messages = read(wire, {NAME: bytes(32)})
    notes = {str(each.note) for each in messages if each.opaque}
    assert notes
    assert all("does not fit its binder" in note for note in notes)
