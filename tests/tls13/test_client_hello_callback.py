"""A server that looks at the ClientHello before it decides how to answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from endpoints import Endpoints, exchange
from modes import Journal, SlowSigner, slow

from certs import Pki
from schemas.code_points import CipherSuite, NamedGroup
from schemas.extensions import ApplicationLayerProtocolNegotiation, ServerNameIndication
from schemas.handshake import ClientHello
from tls13.config import ClientAuthentication, ServerConfig
from tls13.errors import CertificateRequired
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification


def names(hello: ClientHello) -> list[bytes]:
    return [each.name for each in ServerNameIndication.client_hello.find(hello.extensions) or []]


def test_it_sees_the_hello_and_may_leave_everything_as_it_is(endpoints: Endpoints) -> None:
    seen: list[ClientHello] = []
    client, server = endpoints.client(), endpoints.server(on_client_hello=seen.append)
    exchange(client, server)
    assert [names(each) for each in seen] == [[b"localhost"]]
    assert client.negotiated is not None


def test_each_name_may_have_a_config_of_its_own(endpoints: Endpoints, pki: Pki) -> None:
    def credential(key_type: str) -> Credential:
        files = pki.server(key_type)
        return Credential.load(files.certificate, files.key)

    own = {b"localhost": credential("ed448"), b"www.example.com": credential("ecdsa-p256")}

    def pick(hello: ClientHello) -> ServerConfig | None:
        (name,) = names(hello)
        return replace(endpoints.server_config, credentials=(own[name],)) if name in own else None

    for name, expected in own.items():
        client = endpoints.client(name.decode())
        exchange(client, endpoints.server(on_client_hello=pick))
        assert client.negotiated is not None
        assert client.negotiated.peer_certificates == expected.certificate_list
    client = endpoints.client("mail.example.com")
    exchange(client, endpoints.server(on_client_hello=pick))
    assert client.negotiated is not None
    assert client.negotiated.peer_certificates == endpoints.server_config.credentials[0].certificate_list


@pytest.mark.parametrize(
    ("changes", "attribute", "expected"),
    [
        ({"cipher_suites": (CipherSuite.TLS_AES_256_GCM_SHA384,)}, "cipher_suite", CipherSuite.TLS_AES_256_GCM_SHA384),
        ({"groups": (NamedGroup.secp256r1,)}, "group", NamedGroup.secp256r1),
        ({"application_protocols": ("http/1.1",)}, "application_protocol", "http/1.1"),
    ],
    ids=["suite", "group", "protocol"],
)
def test_all_of_the_picked_config_counts(
    endpoints: Endpoints, changes: dict[str, Any], attribute: str, expected: object
) -> None:
    picked = replace(endpoints.server_config, **changes)
    client = endpoints.client(application_protocols=("h2", "http/1.1"))
    server = endpoints.server(on_client_hello=lambda hello: picked, application_protocols=("h2",))
    exchange(client, server)
    for each in (client, server):
        assert getattr(each.negotiated, attribute) == expected


def test_the_picked_config_s_observer_editor_and_randomness_are_used_from_then_on(endpoints: Endpoints) -> None:
    journal = Journal()
    drawn: list[int] = []

    def random(length: int) -> bytes:
        drawn.append(length)
        return bytes(range(length))

    picked = replace(endpoints.server_config, observer=journal, random=random)
    client = endpoints.client()
    exchange(client, endpoints.server(on_client_hello=lambda hello: picked))
    assert journal.sent[0][6:38] == bytes(range(32))
    assert 32 in drawn
    assert client.negotiated is not None


def test_some_clients_may_be_asked_who_they_are(endpoints: Endpoints) -> None:
    asking = replace(endpoints.server_config, client_authentication=ClientAuthentication(policy=NoVerification()))

    def pick(hello: ClientHello) -> ServerConfig | None:
        protocols = ApplicationLayerProtocolNegotiation.client_hello.find(hello.extensions) or []
        return asking if b"admin" in protocols else None

    client, server = endpoints.client(), endpoints.server(on_client_hello=pick)
    exchange(client, server)
    assert server.negotiated is not None
    client, server = endpoints.client(application_protocols=("admin",)), endpoints.server(on_client_hello=pick)
    with pytest.raises(CertificateRequired):
        exchange(client, server)


def test_it_is_asked_once_where_the_server_remembers_the_first_hello(endpoints: Endpoints) -> None:
    seen: list[ClientHello] = []
    client = endpoints.client()
    exchange(client, endpoints.server(on_client_hello=seen.append, groups=(NamedGroup.secp256r1,)))
    assert client.negotiated is not None
    assert client.negotiated.retried
    assert len(seen) == 1


def test_the_picked_config_s_signer_may_be_slow(endpoints: Endpoints) -> None:
    credential = slow(endpoints.server_config.credentials[0], 1)
    picked = replace(endpoints.server_config, credentials=(credential,))
    client, server = endpoints.client(), endpoints.server(on_client_hello=lambda hello: picked)
    server.receive_data(client.data_to_send())
    assert server.awaits_signature
    server.continue_handshake()
    exchange(client, server)
    assert client.negotiated is not None
    assert isinstance(credential.signer, SlowSigner)
    assert credential.signer.asked == 2
