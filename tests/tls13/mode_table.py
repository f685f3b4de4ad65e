"""Every mode of the handshake: how both sides are configured for it, and what they must agree on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from endpoints import Endpoints
from modes import Carrier, Clock, Told, configs, resumable

from certs import Pki
from schemas.code_points import CipherSuite, MaxFragmentLength, NamedGroup, PskKeyExchangeMode
from tls13.config import ClientAuthentication, ClientConfig, ServerConfig
from tls13.connection import Connection
from tls13.early_data import EarlyDataPolicy
from tls13.events import EarlyData
from tls13.padding import PadToMultiple, RandomPadding
from tls13.psk import Psk, import_psk
from tls13.sealing import SealingKeys
from tls13.sessions import MemoryTickets
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification

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
