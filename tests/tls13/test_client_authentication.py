"""Who the client is, asked in the handshake: what is asked, what is answered, and with which certificate.

RFC 9846 §4.4.2, §4.5.1, §4.5.2
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from endpoints import Endpoints, exchange
from key_schedule_by_hand import digest, expand_label, mac
from modes import Clock, Journal, Sides, configs

from certs import Pki, mint
from certs.keys import KeyType
from schemas.certificate import Certificate
from schemas.code_points import AlertDescription, CipherSuite, SignatureScheme
from schemas.extensions import CertificateAuthorities, OIDFilter, OIDFilters, SignatureAlgorithms
from schemas.handshake import CertificateRequest, CertificateVerify, Finished, Handshake
from tls13.config import ClientAuthentication
from tls13.connection import Connection
from tls13.errors import AlertReceived, CertificateRequired, UnknownCA
from tls13.events import DataReceived, HandshakeCompleted
from tls13.x509.credentials import Credential
from tls13.x509.trust import NoVerification, TrustStore

EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
CLIENT_AUTH = bytes.fromhex("300a 0608 2b06010505070302")
KEY_TYPES = ("rsa", "ecdsa-p256", "ecdsa-p384", "ed25519", "ed448")


def of(pki: Pki, key_type: KeyType | str, name: str = "alice") -> Credential:
    files = pki.client(key_type, name)
    return Credential.load(files.certificate, files.key)


@pytest.fixture
def sides(endpoints: Endpoints, pki: Pki) -> Sides:
    """A client with a certificate for each type of key, and a server that asks."""
    client, server = configs(endpoints, Clock())
    asked = ClientAuthentication(policy=TrustStore.load(pki.ca))
    credentials = tuple(of(pki, each) for each in KEY_TYPES)
    return replace(client, credentials=credentials), replace(server, client_authentication=asked)


def met(sides: Sides, observer: Any = None) -> tuple[Connection, Connection]:
    client, server = Connection.client(sides[0], "localhost"), Connection.server(replace(sides[1], observer=observer))
    exchange(client, server)
    return client, server


def shown(sides: Sides) -> tuple[tuple[bytes, ...], SignatureScheme | None]:
    """The chain that the server has seen, and how the client signed for it."""
    journal = Journal()
    _, server = met(sides, journal)
    assert server.negotiated is not None
    verify = [each for each in journal.messages if isinstance(each, CertificateVerify)]
    return server.negotiated.peer_certificates, verify[1].algorithm if len(verify) == 2 else None


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384])
def test_the_client_signs_and_finishes_as_the_rfc_says(sides: Sides, pki: Pki, suite: CipherSuite) -> None:
    alice = of(pki, "ed25519")
    journal = Journal()
    met((replace(sides[0], credentials=(alice,)), replace(sides[1], cipher_suites=(suite,), tickets=0)), journal)
    hello, certificate, verify, finished = journal.received
    hash_name = "sha256" if suite is CipherSuite.TLS_AES_128_GCM_SHA256 else "sha384"
    messages = hello + b"".join(journal.sent) + certificate
    said = Handshake.parse(verify).message
    assert isinstance(said, CertificateVerify)
    key = x509.load_der_x509_certificate(alice.certificate_list[0]).public_key()
    assert isinstance(key, Ed25519PublicKey)
    key.verify(said.signature, b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + digest(hash_name, messages))
    secret = journal.secrets["CLIENT_HANDSHAKE_TRAFFIC_SECRET"]
    finished_key = expand_label(hash_name, secret, b"finished", b"", len(secret))
    assert finished[4:] == mac(hash_name, finished_key, digest(hash_name, messages + verify))


def test_the_request_names_schemes_authorities_and_filters(sides: Sides, pki: Pki) -> None:
    wanted = (OIDFilter(certificate_extension_oid=EXTENDED_KEY_USAGE, certificate_extension_values=CLIENT_AUTH),)
    asked = ClientAuthentication(policy=TrustStore.load(pki.ca), oid_filters=wanted)
    journal = Journal()
    met((sides[0], replace(sides[1], client_authentication=asked)), journal)
    (request,) = (each for each in journal.messages if isinstance(each, CertificateRequest))
    assert request.certificate_request_context == b""
    authority = x509.load_pem_x509_certificate(pki.ca.read_bytes()).subject.public_bytes()
    assert CertificateAuthorities.certificate_request.find(request.extensions) == [authority]
    assert OIDFilters.certificate_request.find(request.extensions) == list(wanted)
    schemes = SignatureAlgorithms.certificate_request.find(request.extensions)
    assert schemes == list(sides[1].signature_schemes)


@pytest.mark.parametrize(
    ("scheme", "key_type"),
    [
        (SignatureScheme.rsa_pss_rsae_sha512, "rsa"),
        (SignatureScheme.ecdsa_secp256r1_sha256, "ecdsa-p256"),
        (SignatureScheme.ecdsa_secp384r1_sha384, "ecdsa-p384"),
        (SignatureScheme.ed25519, "ed25519"),
        (SignatureScheme.ed448, "ed448"),
    ],
)
def test_of_several_certificates_the_one_is_shown_that_the_server_can_verify(
    sides: Sides, pki: Pki, scheme: SignatureScheme, key_type: str
) -> None:
    chain, signed = shown((sides[0], replace(sides[1], signature_schemes=(scheme,))))
    assert (chain, signed) == (of(pki, key_type).certificate_list, scheme)


def test_of_several_that_fit_the_first_is_shown(sides: Sides, pki: Pki) -> None:
    for names in (("ed448", "rsa"), ("rsa", "ed448")):
        credentials = tuple(of(pki, each) for each in names)
        assert shown((replace(sides[0], credentials=credentials), sides[1]))[0] == credentials[0].certificate_list


def test_a_certificate_of_another_authority_is_left_alone(
    sides: Sides, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = mint(tmp_path_factory.mktemp("elsewhere"), names=["localhost"], now=pki.now)
    stranger, alice = of(elsewhere, "ed25519", "stranger"), of(pki, "ecdsa-p256")
    # The two authorities have the same name: the server's choice is known by it alone.
    assert shown((replace(sides[0], credentials=(alice, stranger)), sides[1]))[0] == alice.certificate_list
    client = Connection.client(replace(sides[0], credentials=(stranger,)), "localhost")
    server = Connection.server(sides[1])
    with pytest.raises((UnknownCA, CertificateRequired)):
        exchange(client, server)


def test_a_client_without_a_certificate_is_served_unless_one_is_required(sides: Sides) -> None:
    anonymous = replace(sides[0], credentials=())
    asked = ClientAuthentication(policy=NoVerification(), required=False)
    journal = Journal()
    client, server = met((anonymous, replace(sides[1], client_authentication=asked)), journal)
    assert server.negotiated is not None
    assert server.negotiated.peer_certificates == ()
    answers = [type(each) for each in journal.messages[-3:]]
    assert Certificate in answers
    assert Finished in answers
    client.send(b"hello")
    assert exchange(client, server)[1] == [DataReceived(b"hello")]


def test_a_client_hears_only_after_its_handshake_that_it_had_to_have_one(sides: Sides) -> None:
    client = Connection.client(replace(sides[0], credentials=()), "localhost")
    server = Connection.server(sides[1])
    server.receive_data(client.data_to_send())
    told = client.receive_data(server.data_to_send())
    assert [type(each) for each in told] == [HandshakeCompleted]
    with pytest.raises(CertificateRequired):
        server.receive_data(client.data_to_send())
    with pytest.raises(AlertReceived) as raised:
        client.receive_data(server.data_to_send())
    assert raised.value.alert is AlertDescription.certificate_required


def test_what_the_client_sends_behind_its_certificate_is_read_once_it_is_verified(sides: Sides, pki: Pki) -> None:
    client, server = Connection.client(sides[0], "localhost"), Connection.server(sides[1])
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    client.send(b"at once")
    told = server.receive_data(client.data_to_send())
    assert [type(each) for each in told] == [HandshakeCompleted, DataReceived]
    assert server.negotiated is not None
    assert server.negotiated.peer_certificates == of(pki, "rsa").certificate_list


def test_a_server_that_does_not_ask_hears_nothing_of_the_client_s_certificates(sides: Sides) -> None:
    journal = Journal()
    _, server = met((sides[0], replace(sides[1], client_authentication=None)), journal)
    assert server.negotiated is not None
    assert server.negotiated.peer_certificates == ()
    assert not any(isinstance(each, CertificateRequest) for each in journal.messages)


def test_the_client_knows_the_server_s_certificate_and_the_server_the_client_s(sides: Sides, pki: Pki) -> None:
    client, server = met(sides)
    assert client.negotiated is not None
    assert server.negotiated is not None
    assert client.negotiated.peer_certificates == sides[1].credentials[0].certificate_list
    assert server.negotiated.peer_certificates == of(pki, "rsa").certificate_list
