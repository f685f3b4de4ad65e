"""Keying material and channel bindings of every kind of connection, from the secrets in the key log.

RFC 9846 §7.5, RFC 9266
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from endpoints import Endpoints, exchange
from key_schedule_by_hand import exported
from modes import Clock, Journal, configs, resumable

from schemas.code_points import CipherSuite, NamedGroup, PskKeyExchangeMode
from tls13.connection import Connection
from tls13.errors import ConnectionClosed
from tls13.events import SecretDerived
from tls13.psk import Psk

KEYS = tuple(Psk(identity=name.encode(), key=bytes(48), hash_name=name) for name in ("sha256", "sha384"))
KINDS: Mapping[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "certificate": ({}, {}, False),
    "retry": ({}, {"groups": (NamedGroup.secp256r1,)}, False),
    "psk_ke": (
        {"psks": KEYS, "psk_key_exchange_modes": (PskKeyExchangeMode.psk_ke,)},
        {"psks": KEYS, "psk_key_exchange_modes": (PskKeyExchangeMode.psk_ke,)},
        False,
    ),
    "resumption": ({}, {}, True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suite", [CipherSuite.TLS_CHACHA20_POLY1305_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
def test_both_sides_bind_and_export_what_the_rfcs_derive(endpoints: Endpoints, suite: CipherSuite, kind: str) -> None:
    ours, theirs, resumes = KINDS[kind]
    client_config, server_config = configs(endpoints, Clock())
    client_config = replace(client_config, cipher_suites=(suite,), **ours)
    server_config = replace(server_config, **theirs)
    session = resumable(client_config, server_config) if resumes else None
    journal = Journal()
    client = Connection.client(replace(client_config, observer=journal), "localhost", session)
    server = Connection.server(server_config)
    exchange(client, server)
    (secret,) = (
        each.secret
        for each in journal.observations
        if isinstance(each, SecretDerived) and each.label == "EXPORTER_SECRET"
    )
    hash_name = "sha256" if len(secret) == 32 else "sha384"
    for each in (client, server):
        assert each.channel_binding() == exported(hash_name, secret, b"EXPORTER-Channel-Binding", b"", 32)
        assert each.export_keying_material(b"other", 70, b"where") == exported(
            hash_name, secret, b"other", b"where", 70
        )


def test_a_binding_names_one_connection(endpoints: Endpoints) -> None:
    bindings = {endpoints.connected()[0].channel_binding() for _ in range(4)}
    assert len(bindings) == 4


def test_a_binding_stays_the_same_through_key_updates_and_tickets(endpoints: Endpoints) -> None:
    client, server = endpoints.connected()
    before = client.channel_binding()
    client.update_keys(request_peer=True)
    server.send_ticket()
    exchange(client, server)
    server.close()
    exchange(client, server)
    assert client.channel_binding() == server.channel_binding() == before


def test_there_is_no_binding_before_the_handshake_is_complete(endpoints: Endpoints) -> None:
    client, server = endpoints.client(), endpoints.server()
    for each in (client, server):
        with pytest.raises(ConnectionClosed):
            each.channel_binding()
    server.receive_data(client.data_to_send())
    with pytest.raises(ConnectionClosed):
        server.channel_binding()
