"""Every mode of the handshake, both roles over memory, in every chunking and with both hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from endpoints import Endpoints, exchange
from modes import Carrier, Clock, Journal, Told, byte_by_byte, configs, repeating, resumable, slow

from certs import Pki
from schemas.code_points import CipherSuite, MaxFragmentLength, NamedGroup, PskKeyExchangeMode
from schemas.handshake import HandshakeMessage
from tls13.config import ClientAuthentication, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.credentials import Credential
from tls13.early_data import EarlyDataPolicy
from tls13.events import DataReceived, EarlyData, EarlyDataReceived, EarlyDataRejected
from tls13.padding import PadToMultiple, RandomPadding
from tls13.psk import Psk, import_psk
from tls13.sealing import SealingKeys
from tls13.sessions import MemoryTickets, SealedTickets
from tls13.trust import NoVerification

BY_HASH = {"sha256": CipherSuite.TLS_CHACHA20_POLY1305_SHA256, "sha384": CipherSuite.TLS_AES_256_GCM_SHA384}
EARLY = b"early data" * 300
KEY = bytes(range(48))
PSK_KE, PSK_DHE_KE = (PskKeyExchangeMode.psk_ke,), (PskKeyExchangeMode.psk_dhe_ke,)
P256 = (NamedGroup.secp256r1,)

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Mode:
    """What the two sides are told, anew for every run, and what they must have agreed on then."""

    client: Callable[[], Settings] = dict
    server: Callable[[], Settings] = dict
    resumes: bool = False
    early: bytes = b""
    proves: bool = False
    expected: Settings = field(default_factory=dict)


def both(**settings: Any) -> Callable[[], Settings]:
    return lambda: settings


EXTERNAL = tuple(Psk(identity=b"we two: " + name.encode(), key=KEY, hash_name=name) for name in BY_HASH)
IMPORTED = import_psk(b"we two", KEY, context=b"here")

MODES: Mapping[str, Mode] = {
    "certificate": Mode(expected={"group": NamedGroup.x25519, "resumed": False}),
    "retry": Mode(server=both(groups=P256), expected={"group": NamedGroup.secp256r1, "retried": True}),
    "stateless retry": Mode(
        server=lambda: {"groups": P256, "retry_cookies": SealingKeys()},
        expected={"group": NamedGroup.secp256r1, "retried": True},
    ),
    "psk_ke": Mode(
        both(psks=EXTERNAL, psk_key_exchange_modes=PSK_KE, trust=None),
        both(psks=EXTERNAL, psk_key_exchange_modes=PSK_KE),
        expected={"group": None, "signature_scheme": None, "peer_certificates": ()},
    ),
    "psk_dhe_ke": Mode(
        both(psks=EXTERNAL, trust=None),
        both(psks=EXTERNAL, credentials=()),
        expected={"group": NamedGroup.x25519, "signature_scheme": None, "peer_certificates": ()},
    ),
    "imported psk": Mode(both(psks=IMPORTED), both(psks=IMPORTED), expected={"signature_scheme": None}),
    "psk and retry": Mode(
        both(psks=EXTERNAL),
        both(psks=EXTERNAL, groups=P256),
        expected={"group": NamedGroup.secp256r1, "retried": True, "signature_scheme": None},
    ),
    "resumption": Mode(resumes=True, expected={"resumed": True, "signature_scheme": None}),
    "resumption by psk_ke": Mode(
        both(psk_key_exchange_modes=PSK_KE),
        both(psk_key_exchange_modes=PSK_KE),
        resumes=True,
        expected={"resumed": True, "group": None},
    ),
    "resumption from memory": Mode(
        server=lambda: {"ticket_store": MemoryTickets()}, resumes=True, expected={"resumed": True}
    ),
    "resumption and stateless retry": Mode(
        server=lambda: {"groups": P256, "retry_cookies": SealingKeys()},
        resumes=True,
        expected={"resumed": True, "retried": True},
    ),
    "early data": Mode(
        both(early_data=True),
        lambda: {"early_data": EarlyDataPolicy()},
        resumes=True,
        early=EARLY,
        expected={"resumed": True, "early_data": EarlyData.accepted},
    ),
    "early data under psk_ke": Mode(
        both(early_data=True, psk_key_exchange_modes=PSK_KE),
        lambda: {"early_data": EarlyDataPolicy(), "psk_key_exchange_modes": PSK_KE},
        resumes=True,
        early=EARLY,
        expected={"resumed": True, "early_data": EarlyData.accepted, "group": None},
    ),
    "client authentication": Mode(
        server=both(client_authentication=ClientAuthentication(policy=NoVerification())), proves=True
    ),
    "client without a certificate": Mode(
        server=both(client_authentication=ClientAuthentication(policy=NoVerification(), required=False))
    ),
    "record_size_limit": Mode(both(record_size_limit=64), both(record_size_limit=100)),
    "max_fragment_length": Mode(both(max_fragment_length=MaxFragmentLength.bytes_512)),
    "padding": Mode(both(padding=PadToMultiple(256)), both(padding=RandomPadding(99))),
    "no compatibility mode": Mode(both(middlebox_compatibility=False)),
    "tickets on request": Mode(both(ticket_request=(4, 2))),
}

MODE = pytest.mark.parametrize("mode", MODES.values(), ids=[name.replace(" ", "-") for name in MODES])
HASH = pytest.mark.parametrize("hash_name", BY_HASH)


def prepared(mode: Mode, endpoints: Endpoints, hash_name: str, pki: Pki) -> tuple[ClientConfig, ServerConfig, Any]:
    """Both configs, and the session that the connection goes on with, if any."""
    client, server = configs(endpoints, Clock())
    suites = (BY_HASH[hash_name],)
    files = pki.client("ed25519")
    credentials = (Credential.load(files.certificate, files.key),) if mode.proves else ()
    client = replace(client, cipher_suites=suites, credentials=credentials, **mode.client())
    server = replace(server, cipher_suites=suites, **mode.server())
    # Only the connection under test may need a second ClientHello.
    before = replace(server, groups=endpoints.server_config.groups)
    return client, server, resumable(client, before) if mode.resumes else None


def carried(client: Connection, server: Connection, carrier: Carrier, early: bytes = b"") -> Told:
    """The handshake, and data both ways."""
    if early:
        client.send_early(early)
    first = carrier(client, server)
    client.send(b"from the client" * 20)
    server.send(b"from the server" * 20)
    then = carrier(client, server)
    return first[0] + then[0], first[1] + then[1]


def said(events: list[Any], kind: type[Any]) -> bytes:
    return b"".join(each.data for each in events if isinstance(each, kind))


def check_agreement(client: Connection, server: Connection, expected: Settings) -> None:
    """Both sides know the same, and all that is expected."""
    ours, theirs = client.negotiated, server.negotiated
    assert ours is not None
    assert theirs is not None
    for each in (ours, theirs):
        for name, value in expected.items():
            assert getattr(each, name) == value, name
    for name in ("cipher_suite", "group", "server_name", "application_protocol", "retried", "resumed", "psk_identity"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert client.export_keying_material(b"label", 40, b"c") == server.export_keying_material(b"label", 40, b"c")
    assert client.channel_binding() == server.channel_binding()


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
        check_agreement(client, server, {"resumed": refusal != "another ticket key"})
        assert client.negotiated is not None
        assert client.negotiated.early_data is EarlyData.rejected
