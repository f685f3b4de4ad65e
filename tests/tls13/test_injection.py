"""What the config lets in: randomness and clock that are fixed, an observer, an editor of messages."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from by_hand import Direction, cut
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from endpoints import Endpoints, exchange
from modes import Journal
from scripted import MINTED

from certs import Pki
from schemas.code_points import AlertDescription, CipherSuite, ContentType
from schemas.handshake import ClientHello, Finished, HandshakeMessage
from tls13.config import ClientConfig
from tls13.connection import Connection
from tls13.crypto.signatures import LocalSigner
from tls13.errors import ConfigurationError, ConnectionClosed, UnsupportedHandshake
from tls13.events import AlertObserved, DataReceived, MessageObserved, Observation, RecordObserved, SecretDerived
from tls13.handshake.states import ClientConnected
from tls13.sessions import SealedTickets
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification


class Counter:
    """A source of bytes that are the same in each run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0

    def __call__(self, length: int) -> bytes:
        self.calls += 1
        return hashlib.shake_256(f"{self.name} {self.calls}".encode()).digest(length)


@pytest.mark.parametrize("key_type", ["ed25519", "ecdsa-p256", "rsa"])
def test_with_randomness_and_clock_fixed_a_connection_replays(endpoints: Endpoints, pki: Pki, key_type: str) -> None:
    files = pki.server(key_type)
    chain = Credential.load(files.certificate, files.key).certificate_list
    der = load_pem_private_key(files.key.read_bytes(), None).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )

    def run() -> bytes:
        signer = LocalSigner.from_der(der, Counter("signer"))
        client = endpoints.client(random=Counter("client"), key_shares=0)
        own = {"credentials": (Credential(chain, signer),), "ticket_store": SealedTickets()}
        server = endpoints.server(random=Counter("server"), **own)
        wire = b""
        for step in range(4):
            if step == 3:
                client.send(b"same")
                server.close()
            sent = client.data_to_send()
            server.receive_data(sent)
            answer = server.data_to_send()
            client.receive_data(answer)
            wire += sent + answer
        return wire

    first = run()
    assert len(first) > 1000
    assert run() == first


# Watching and crafting


def test_the_observer_sees_everything_that_goes_by(endpoints: Endpoints) -> None:
    seen: dict[str, list[Observation]] = {"client": [], "server": []}
    client = endpoints.client(observer=seen["client"].append)
    server = endpoints.server(observer=seen["server"].append)
    exchange(client, server)
    client.send(b"hello")
    exchange(client, server)
    client.close()
    exchange(client, server)
    for one, other in (("client", "server"), ("server", "client")):
        sent = [each for each in seen[one] if not isinstance(each, SecretDerived) and each.sent]
        received = [each for each in seen[other] if not isinstance(each, SecretDerived) and not each.sent]
        assert [replace(each, sent=False) for each in sent] == received
        assert any(isinstance(each, MessageObserved) for each in sent)
    secrets = [[each for each in log if isinstance(each, SecretDerived)] for log in seen.values()]
    assert secrets[0] == secrets[1]
    assert [each.label for each in secrets[0]] == [
        "early_secret",
        "handshake_secret",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "main_secret",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
        "resumption_secret",
    ]
    hello = next(each.message for each in seen["client"] if isinstance(each, MessageObserved))
    assert isinstance(hello, ClientHello)
    assert {each.client_random for each in secrets[0]} == {hello.random}
    assert RecordObserved(True, ContentType.application_data, b"hello") in seen["client"]
    (closing,) = [each for each in seen["server"] if isinstance(each, AlertObserved)]
    assert closing.alert.description is AlertDescription.close_notify


def test_the_observed_secrets_open_the_records(endpoints: Endpoints) -> None:
    journal = Journal()
    client, server = endpoints.client(observer=journal), endpoints.server(tickets=0)
    exchange(client, server)
    suite = CipherSuite.TLS_AES_128_GCM_SHA256
    client.send(b"to the server")
    (record,) = cut(client.data_to_send())
    assert Direction(suite, journal.secrets["CLIENT_TRAFFIC_SECRET_0"]).open(record) == (23, b"to the server")
    server.send(b"to the client")
    (record,) = cut(server.data_to_send())
    assert Direction(suite, journal.secrets["SERVER_TRAFFIC_SECRET_0"]).open(record) == (23, b"to the client")


def expand(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label, written out. RFC 9846 §7.1"""
    info = length.to_bytes(2, "big") + bytes([6 + len(label)]) + b"tls13 " + label + bytes([len(context)]) + context
    return HKDFExpand(SHA256(), length, info).derive(secret)


@pytest.mark.parametrize(("context", "length"), [(b"", 32), (b"a context", 32), (b"", 100), (bytes(1000), 1)])
def test_both_sides_export_the_same_keying_material(endpoints: Endpoints, context: bytes, length: int) -> None:
    """RFC 9846 §7.5, from the exporter secret that the observer sees."""
    journal = Journal()
    client, server = endpoints.client(observer=journal), endpoints.server()
    for each in (client, server):
        with pytest.raises(ConnectionClosed, match="before the handshake is complete"):
            each.export_keying_material(b"EXPORTER-test", length)
    exchange(client, server)
    secret = expand(journal.secrets["EXPORTER_SECRET"], b"EXPORTER-test", hashlib.sha256(b"").digest(), 32)
    expected = expand(secret, b"exporter", hashlib.sha256(context).digest(), length)
    for each in (client, server):
        assert each.export_keying_material(b"EXPORTER-test", length, context) == expected
        assert each.export_keying_material(b"EXPORTER-other", length, context) != expected


@pytest.mark.parametrize(("label", "length"), [(b"", 32), (b"x" * 250, 32), (b"label", 255 * 32 + 1), (b"label", -1)])
def test_what_can_not_be_exported_is_a_mistake_of_the_callers(endpoints: Endpoints, label: bytes, length: int) -> None:
    client, server = endpoints.connected()
    with pytest.raises(ConfigurationError):
        client.export_keying_material(label, length)
    client.send(b"the connection is none the worse")
    assert exchange(client, server)[1] == [DataReceived(b"the connection is none the worse")]


def test_an_edited_message_is_what_is_sent_and_hashed(endpoints: Endpoints) -> None:
    def edit(what: HandshakeMessage) -> HandshakeMessage:
        return replace(what, random=bytes(32)) if isinstance(what, ClientHello) else what

    server = endpoints.scripted_server(edit_message=edit)
    assert server.client_hello.random == bytes(32)
    assert server.reach(ClientConnected).connection.negotiated is not None


def test_a_hello_can_not_become_another_message(endpoints: Endpoints) -> None:
    with pytest.raises(UnsupportedHandshake):
        endpoints.client(edit_message=lambda _: Finished(verify_data=bytes(32)))


def test_no_connection_is_made_of_the_clock_or_randomness_of_the_machine(endpoints: Endpoints) -> None:
    """An expired certificate is a matter of the config's clock."""
    late = replace(endpoints.client_config, clock=lambda: MINTED.replace(year=MINTED.year + 30))
    client, server = Connection.client(late, "localhost"), endpoints.server()
    server.receive_data(client.data_to_send())
    with pytest.raises(Exception, match="expired"):
        client.receive_data(server.data_to_send())


def test_a_client_that_trusts_anybody_must_say_so(endpoints: Endpoints) -> None:
    client, server = Connection.client(ClientConfig(trust=NoVerification()), "whoever"), endpoints.server()
    exchange(client, server)
    assert client.negotiated is not None
