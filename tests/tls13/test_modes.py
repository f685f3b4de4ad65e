"""Every mode of the handshake, both roles over memory, in every chunking and with both hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from endpoints import Endpoints, exchange
from mode_table import EARLY, HASH, MODE, P256, Mode, Settings, carried, check_agreement, prepared, said
from modes import Carrier, Clock, Journal, Told, byte_by_byte, configs, repeating, resumable, slow

from certs import Pki
from schemas.handshake import HandshakeMessage
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy
from tls13.events import DataReceived, EarlyData, EarlyDataReceived, EarlyDataRejected
from tls13.sealing import SealingKeys
from tls13.sessions import SealedTickets


@MODE
@HASH
@pytest.mark.parametrize("carrier", [exchange, byte_by_byte], ids=["whole", "bytes"])
def test_both_sides_agree_in_every_mode(
    endpoints: Endpoints, pki: Pki, mode: Mode, hash_name: str, carrier: Carrier
) -> None:
    client_config, server_config, session = prepared(mode, endpoints, hash_name, pki)
    client, server = Connection.client(client_config, "localhost", session), Connection.server(server_config)
    told = carried(client, server, carrier, mode.early)
    check_agreement(client, server, mode.expected)
    assert said(told[0], DataReceived) == b"from the server" * 20
    assert said(told[1], DataReceived) == b"from the client" * 20
    assert said(told[1], EarlyDataReceived) == mode.early
    assert server.negotiated is not None
    shown = client_config.credentials[0].certificate_list if mode.proves else ()
    assert server.negotiated.peer_certificates == shown


@MODE
@HASH
def test_a_connection_replays_with_fixed_randomness_and_clock(
    endpoints: Endpoints, pki: Pki, mode: Mode, hash_name: str
) -> None:
    def run() -> list[bytes]:
        # Stores that remember, and keys that are drawn, begin anew each time.
        client_config, server_config, session = prepared(mode, endpoints, hash_name, pki)
        client_config = replace(client_config, random=repeating(b"client"))
        server_config = replace(server_config, random=repeating(b"server"))
        if mode.resumes:
            session = resumable(client_config, replace(server_config, groups=endpoints.server_config.groups))
        client, server = Connection.client(client_config, "localhost", session), Connection.server(server_config)
        wire: list[bytes] = []

        def carrier(client: Connection, server: Connection) -> Told:
            told: Told = ([], [])
            while (to_server := client.data_to_send()) or server.has_data_to_send:
                told[1].extend(server.receive_data(to_server))
                to_client = server.data_to_send()
                told[0].extend(client.receive_data(to_client))
                wire.extend((to_server, to_client))
            return told

        carried(client, server, carrier, mode.early)
        return wire

    assert run() == run()


@MODE
def test_observers_see_the_same_messages_at_both_ends(endpoints: Endpoints, pki: Pki, mode: Mode) -> None:
    client_config, server_config, session = prepared(mode, endpoints, "sha256", pki)
    ours, theirs = Journal(), Journal()
    client = Connection.client(replace(client_config, observer=ours), "localhost", session)
    server = Connection.server(replace(server_config, observer=theirs))
    carried(client, server, exchange, mode.early)
    assert ours.sent == theirs.received
    assert theirs.sent == ours.received
    assert len(ours.sent) >= 2


@MODE
def test_an_editor_that_changes_nothing_sees_every_message(endpoints: Endpoints, pki: Pki, mode: Mode) -> None:
    client_config, server_config, session = prepared(mode, endpoints, "sha256", pki)
    edited: list[type[HandshakeMessage]] = []
    journal = Journal()

    def edit(message: HandshakeMessage) -> HandshakeMessage:
        edited.append(type(message))
        return message

    client = Connection.client(replace(client_config, edit_message=edit, observer=journal), "localhost", session)
    server = Connection.server(replace(server_config, edit_message=edit))
    carried(client, server, exchange, mode.early)
    check_agreement(client, server, mode.expected)
    assert len(edited) == len(journal.messages)
    assert set(edited) == set(map(type, journal.messages))


@MODE
def test_a_signer_that_is_not_ready_holds_every_mode_up_only_for_a_while(
    endpoints: Endpoints, pki: Pki, mode: Mode
) -> None:
    client_config, server_config, session = prepared(mode, endpoints, "sha256", pki)
    client_config = replace(client_config, credentials=tuple(slow(each, 2) for each in client_config.credentials))
    server_config = replace(server_config, credentials=tuple(slow(each, 2) for each in server_config.credentials))
    client, server = Connection.client(client_config, "localhost", session), Connection.server(server_config)
    if mode.early:
        client.send_early(mode.early)
    exchange(client, server)
    for _ in range(8):
        server.continue_handshake()
        client.continue_handshake()
        exchange(client, server)
    check_agreement(client, server, mode.expected)


def test_refused_early_data_comes_back_in_every_way(endpoints: Endpoints) -> None:
    client_config, server_config = configs(endpoints, Clock())
    client_config = replace(client_config, early_data=True)
    server_config = replace(server_config, early_data=EarlyDataPolicy())
    refusals: Mapping[str, Settings] = {
        "no early data": {"early_data": None},
        "a retry": {"groups": P256},
        "a stateless retry": {"groups": P256, "retry_cookies": SealingKeys()},
        "another ticket key": {"ticket_store": SealedTickets()},
        "another protocol": {"application_protocols": ("h2",)},
    }
    for refusal, settings in refusals.items():
        asking = replace(client_config, application_protocols=("http/1.1", "h2"))
        session = resumable(asking, replace(server_config, application_protocols=("http/1.1",)))
        answering = replace(server_config, **{"application_protocols": ("http/1.1",), **settings})
        client, server = Connection.client(asking, "localhost", session), Connection.server(answering)
        told = carried(client, server, byte_by_byte, EARLY)
        assert said(told[0], EarlyDataRejected) == EARLY, refusal
        assert said(told[1], EarlyDataReceived) == b"", refusal
        assert said(told[1], DataReceived) == b"from the client" * 20
        check_agreement(client, server, {"resumed": refusal != "another ticket key", "early_data": EarlyData.rejected})
